"""Telling devices apart by their timing: profiles, templates, verification, and how often it goes wrong."""

from asicrc.analysis.fingerprint.error_rates import ErrorRates, Trials, error_rates
from asicrc.analysis.fingerprint.freshness import Freshness, freshness
from asicrc.analysis.fingerprint.groups import GROUPS, VIEWS, Group
from asicrc.analysis.fingerprint.profile import Profile, merged, profile_of
from asicrc.analysis.fingerprint.recording import Recording, recordings_of
from asicrc.analysis.fingerprint.study import REFERENCE, FingerprintStudy, Session, study_population
from asicrc.analysis.fingerprint.template import Template, enrol, read_template, write_template
from asicrc.analysis.fingerprint.verification import (
    Decision,
    Verification,
    judge_recordings,
    studied_rates,
    verify_capture,
)

__all__ = [
    "GROUPS",
    "REFERENCE",
    "VIEWS",
    "Decision",
    "ErrorRates",
    "FingerprintStudy",
    "Freshness",
    "Group",
    "Profile",
    "Recording",
    "Session",
    "Template",
    "Trials",
    "Verification",
    "enrol",
    "error_rates",
    "freshness",
    "judge_recordings",
    "merged",
    "profile_of",
    "read_template",
    "recordings_of",
    "studied_rates",
    "study_population",
    "verify_capture",
    "write_template",
]
