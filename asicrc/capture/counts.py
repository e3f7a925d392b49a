"""The counts that capture, verify and import all report, with the same keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asicrc.capture.verification import Counters

VERDICTS = ("valid", "low", "stale", "unknown_job", "malformed")


def counts_json(path: Path, counters: Counters, wire_counters: dict[str, int] | None) -> dict[str, Any]:
    """`path, events, valid, low, stale, unknown_job, malformed, duplicate, frames, damaged_frames,
    min_difficulty`: `events` is the sum of the verdicts, frames are None for a source without a line."""
    wire = wire_counters or {}
    return {
        "path": str(path),
        "events": counters.events,
        **{verdict: getattr(counters, verdict) for verdict in VERDICTS},
        "duplicate": counters.duplicate,
        "frames": wire.get("frames"),
        "damaged_frames": wire.get("damaged_frames"),
        "min_difficulty": counters.min_difficulty,
    }
