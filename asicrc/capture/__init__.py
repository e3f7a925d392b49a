"""Captures: one SQLite file each, with every nonce, its job, and the verdict on it."""

from asicrc.capture.export import export
from asicrc.capture.reader import Capture, load
from asicrc.capture.recheck import VerifyReport, recall, verify
from asicrc.capture.record_rows import Anchor, LogLine, Segment
from asicrc.capture.verification import Counters, Verifier
from asicrc.capture.writer import CaptureWriter

__all__ = [
    "Anchor",
    "Capture",
    "CaptureWriter",
    "Counters",
    "LogLine",
    "Segment",
    "Verifier",
    "VerifyReport",
    "export",
    "load",
    "recall",
    "verify",
]
