"""The CVs with every repeated proof as an arrival of its own, as published figures have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asicrc.analysis.intervals import interval_statistics, latency_statistics
from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate
from firmware_protocols.device import NO_TIME, NonceBatch


@dataclass(frozen=True, slots=True)
class WithDuplicates:
    """`latency_cv` is None where no event states when its job was sent."""

    events: int
    cv: Estimate
    latency_cv: Estimate | None

    def as_json(self) -> dict[str, Any]:
        latency = None if self.latency_cv is None else self.latency_cv.as_json()
        return {"events": self.events, "cv": self.cv.as_json(), "latency_cv": latency}


def with_duplicates(events: NonceBatch, *, imported: bool, seed: int) -> WithDuplicates | None:
    """None where they cannot be answered: the reason stands beside the distinct ones."""
    known = events[events["t_ns"] != NO_TIME]
    sent = known[known["t_sent_ns"] != NO_TIME]
    latency_s = (sent["t_ns"] - sent["t_sent_ns"]) / 1e9
    try:
        intervals = interval_statistics(known["t_ns"], known["segment"], seed, sort=imported)
        latency = latency_statistics(latency_s, seed) if len(latency_s) else None
    except NoAnswer:
        return None
    return WithDuplicates(len(events), intervals.cv, None if latency is None else latency.cv)
