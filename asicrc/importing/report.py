"""What an import found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asicrc.capture.verification import Counters
from firmware_protocols.device import Reason


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Counts after every proof was hashed again.

    `wire_counters` is None for a source without frames. `required_difficulty` says what was asked of a
    proof and where that stands.
    """

    path: str
    format: str
    counters: Counters
    reasons: Mapping[Reason, int]
    wire_counters: Mapping[str, int] | None
    required_difficulty: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """One object with stable keys; `reasons` has the reasons that occurred, by name."""
        counters, wire = self.counters, self.wire_counters
        return {
            "path": self.path,
            "format": self.format,
            "events": counters.events,
            "valid": counters.valid,
            "low": counters.low,
            "stale": counters.stale,
            "unknown_job": counters.unknown_job,
            "malformed": counters.malformed,
            "duplicate": counters.duplicate,
            "frames": None if wire is None else wire["frames"],
            "damaged_frames": None if wire is None else wire["damaged_frames"],
            "min_difficulty": counters.min_difficulty,
            "reasons": {
                reason.name.lower(): count
                for reason, count in sorted(self.reasons.items())
                if reason is not Reason.NONE and count
            },
            "required_difficulty": self.required_difficulty,
        }
