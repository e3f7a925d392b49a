"""How a capture stands: what a look into its file finds, for `watch`, the live page, MQTT and metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asicrc.evidence import Estimate
from firmware_protocols.device import Setting

STALE_S = 15.0
"""A live writer commits at least every 5 s, its clock anchors."""


@dataclass(frozen=True, slots=True)
class PointStanding:
    """The newest point. `number` is that of its row, from 1, and `taken` how many are done of `planned`."""

    number: int
    taken: int
    planned: int
    state: str
    requested: dict[str, float]
    repeat: int
    left_s: float | None
    """Until the whole plan is taken, on the clock of the capture; None where it has ended or is not known."""
    share_left: float | None
    """Of the time of the whole plan."""
    is_virtual: bool = False
    """Whether that clock is a twin's own."""

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "taken": self.taken,
            "planned": self.planned,
            "state": self.state,
            "requested": self.requested,
            "repeat": self.repeat,
            "left_s": self.left_s,
            "share_left": self.share_left,
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """How a capture stands. Rates are events a second; `recent` ones are of the last `window_s`.

    `commit_age_s` is the time since something was last written, None for a sealed file. `readings` has the
    newest value of each channel, `settings` the newest entry of each name.
    """

    path: Path
    device: str
    ended: str | None
    """Why it ended; None: it is being written, or its writer was killed."""
    commit_age_s: float | None
    duration_s: float | None
    counts: dict[str, int]
    window_s: float
    rate_per_s: Estimate | None
    cv: Estimate | None
    invalid_share: Estimate | None
    readings: dict[str, float]
    settings: list[Setting]
    point: PointStanding | None
    log: list[str] = field(default_factory=list)

    @property
    def sealed(self) -> bool:
        return self.ended is not None

    @property
    def stored(self) -> int:
        """Rows, of whatever kind."""
        return self.counts["events"] + self.counts["synthetic"]

    @property
    def is_stale(self) -> bool:
        """Whether nothing was committed for so long that the writer may be gone."""
        return self.commit_age_s is not None and self.commit_age_s > STALE_S

    def as_json(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "device": self.device,
            "sealed": self.sealed,
            "ended": self.ended,
            "commit_age_s": self.commit_age_s,
            "duration_s": self.duration_s,
            "stored": self.stored,
            **self.counts,
            "window_s": self.window_s,
            "rate_per_s": None if self.rate_per_s is None else self.rate_per_s.as_json(),
            "cv": None if self.cv is None else self.cv.as_json(),
            "invalid_share": None if self.invalid_share is None else self.invalid_share.as_json(),
            "temperature_c": self.readings.get("temperature_c"),
            "power_w": self.readings.get("power_w"),
            "readings": self.readings,
            "settings": [
                {"name": s.name, "requested": s.requested, "read_back": s.read_back, "kind": s.kind}
                for s in self.settings
            ],
            "point": None if self.point is None else self.point.as_json(),
            "log": self.log,
        }
