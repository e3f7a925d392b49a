"""The counts that capture, verify and import all report, with the same keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asicrc.capture.verification import Counters

VERDICTS = ("valid", "low", "stale", "unknown_job", "malformed")


def counts_json(path: Path, counters: Counters, wire_counters: dict[str, int] | None) -> dict[str, Any]:
    """`path, events, valid, low, stale, unknown_job, malformed, duplicate, frames, damaged_frames,
    min_difficulty`: `events` is the sum of the verdicts, frames are None for a source without a line.
    Where a statistical model made events, `synthetic` says how many; they are counted nowhere else."""
    wire = wire_counters or {}
    synthetic = {"synthetic": counters.synthetic} if counters.synthetic else {}
    return {
        "path": str(path),
        "events": counters.events,
        **{verdict: getattr(counters, verdict) for verdict in VERDICTS},
        "duplicate": counters.duplicate,
        **synthetic,
        "frames": wire.get("frames"),
        "damaged_frames": wire.get("damaged_frames"),
        "min_difficulty": counters.min_difficulty,
    }
