"""Typed results: an estimate with its interval, a test with its null, a finding with its verdict."""

from asicrc.evidence.estimate import Estimate, TestResult
from asicrc.evidence.finding import Finding, not_testable
from asicrc.evidence.two_verdicts import Instrument, Source, TwoVerdicts, two_verdicts
from asicrc.evidence.verdict import (
    DESIGN_LEVEL,
    PROMISED_LEVEL,
    ClaimMargins,
    EvidenceVerdict,
    judge,
    judge_claim,
)

__all__ = [
    "DESIGN_LEVEL",
    "PROMISED_LEVEL",
    "ClaimMargins",
    "Estimate",
    "EvidenceVerdict",
    "Finding",
    "Instrument",
    "Source",
    "TestResult",
    "TwoVerdicts",
    "judge",
    "judge_claim",
    "not_testable",
    "two_verdicts",
]
