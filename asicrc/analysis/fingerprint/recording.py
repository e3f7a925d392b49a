"""What one recording of a device holds: a capture, or one point of a sweep.

A capture may be somebody else's, so its stamps are checked before anything is computed from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from asicrc.analysis.job_residuals import LATEST_NS
from asicrc.capture.points import PointRecord, PointState
from asicrc.errors import BadFile, NoAnswer
from firmware_protocols.device import (
    NO_TIME,
    DeviceIdentity,
    Duplicate,
    Job,
    NonceBatch,
    Reading,
    Reason,
    Setting,
    Verdict,
)

SETTINGS = ("frequency_mhz", "voltage_mv", "fan_percent", "difficulty", "hash_counting_number")
"""What says under which conditions a recording was taken, as read back."""


class Recorded(Protocol):
    """A capture, in a file or in memory."""

    @property
    def meta(self) -> dict[str, Any]: ...

    @property
    def identity(self) -> DeviceIdentity | None: ...

    def events(self, distinct: bool = False) -> NonceBatch: ...

    def jobs(self) -> list[Job]: ...

    def readings(self) -> list[Reading]: ...

    def settings(self) -> list[Setting]: ...

    def points(self) -> list[PointRecord]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """`events` are all that came, in the order of their stamps within each segment; `jobs` those that were
    sent, `settings` all that were written until the end. `key` is (point, repeat) of a sweep."""

    name: str
    identity: DeviceIdentity
    events: NonceBatch
    jobs: Sequence[Job]
    readings: Sequence[Reading]
    settings: Sequence[Setting]
    key: tuple[int, int] | None = None
    imported: bool = False

    @property
    def proofs(self) -> NonceBatch:
        """Valid events with a stamp, each proof once. Synthetic ones only where there is no other."""
        events = self.events
        kept = (events["verdict"] == Verdict.VALID) & (events["t_ns"] != NO_TIME)
        kept &= (events["duplicate_reason"] == Duplicate.NONE) & ~events["duplicate"]
        real = kept & ~events["synthetic"]
        proofs: NonceBatch = events[real if real.any() else kept]
        return proofs

    @property
    def wrong(self) -> NonceBatch:
        """Answers that do not hash."""
        events = self.events
        found: NonceBatch = events[
            (events["verdict"] == Verdict.LOW) & (events["reason"] == Reason.DOES_NOT_HASH)
        ]
        return found

    def conditions(self) -> dict[str, float]:
        """Settings as last read back."""
        found: dict[str, float] = {}
        for setting in self.settings:
            if setting.kind == "set" and setting.name in SETTINGS and setting.read_back is not None:
                found[setting.name] = float(setting.read_back)
        return found


def recordings_of(capture: Recorded, name: str) -> list[Recording]:
    """Each point that was taken to its end; of a plain capture, or an imported one, that one recording.

    Raises NoAnswer for a capture of no device or without events, BadFile for stamps that cannot be.
    """
    identity = capture.identity
    if identity is None:
        raise NoAnswer(
            f"{name} does not say what device it is of", "take it with `asicrc capture`, or import it anew"
        )
    events, jobs = capture.events(), capture.jobs()
    _check_stamps(name, events, jobs)
    if not len(events):
        raise NoAnswer(f"{name} holds no events", "capture for longer, or lower the difficulty")
    points = [point for point in capture.points() if point.state is PointState.DONE]
    readings, settings = capture.readings(), capture.settings()
    if not _is_sweep(capture.meta):
        return [
            Recording(name, identity, events, jobs, readings, settings, imported="source" in capture.meta)
        ]
    return list(_by_point(points, name, identity, events, jobs, readings, settings))


def _is_sweep(meta: dict[str, Any]) -> bool:
    """Whether its points have work of their own; the one point of a plain capture does not."""
    plan = meta.get("plan")
    return isinstance(plan, dict) and bool(plan.get("points"))


def _by_point(
    points: Sequence[PointRecord],
    name: str,
    identity: DeviceIdentity,
    events: NonceBatch,
    jobs: Sequence[Job],
    readings: Sequence[Reading],
    settings: Sequence[Setting],
) -> Iterator[Recording]:
    for point in points:
        if point.t_end_ns == NO_TIME or point.t_start_ns == NO_TIME:
            continue
        held = events[point.holds(events)]
        if not len(held):
            continue
        answered = set(held["job"].tolist())
        yield Recording(
            name=f"{name}, point {point.key[0]}, repeat {point.key[1]}",
            identity=identity,
            events=held,
            jobs=[job for job in jobs if job.number in answered],
            readings=[r for r in readings if point.t_start_ns <= r.t_ns <= point.t_end_ns],
            settings=[s for s in settings if s.t_ns <= point.t_end_ns],
            key=point.key,
        )


def _check_stamps(name: str, events: NonceBatch, jobs: Sequence[Job]) -> None:
    sent = np.array([job.sent_ns for job in jobs], np.int64)
    for column in (events["t_ns"], events["t_sent_ns"], sent):
        if np.any((column != NO_TIME) & ((column > LATEST_NS) | (column < -LATEST_NS))):
            raise BadFile(
                f"{name}: a stamp is more than 146 years from zero",
                "the file is damaged or was altered: get it again from where it was written",
            )
