"""Typed results: an estimate with its interval, a test with its null, a finding with its verdict."""

from asicrc.evidence.estimate import Estimate, TestResult
from asicrc.evidence.finding import Finding
from asicrc.evidence.verdict import EvidenceVerdict, judge

__all__ = ["Estimate", "EvidenceVerdict", "Finding", "TestResult", "judge"]
