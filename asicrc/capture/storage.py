"""What a session hands its rows to: the storage process and its file, or this process's memory."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from asicrc.capture.verification import Counters
from firmware_protocols.device import NonceBatch


class Numbering(NamedTuple):
    """What a file holds already: a device counts its events from 0, and its jobs from 1, in each session."""

    first_seq: int = 0
    jobs: int = 0


class Storage(Protocol):
    """Messages of a kind each, stored in the order of `put`.

    `jobs` list of Job; `batch` Batch (its events still to be judged); `settings` list of Setting; `segment`
    (t_start_ns, reason, boot id); `anchor` (realtime_ns, monotonic_ns); `log` (text, level, t_ns); `meta`
    (key, value); `scan_period_ns` int or None; `point` PointRecord; `standing` PlanStanding for the progress
    line; `told` str, shown to the person at once and not kept.
    """

    @property
    def counters(self) -> Counters:
        """Of what is judged so far."""

    def put(self, kind: str, payload: object) -> None:
        """Raises StorageError where it cannot be kept."""

    def pump(self) -> None:
        """Move what waits, without waiting."""

    def hold_back(self) -> None:
        """Wait until not too much waits: for a device whose time goes as fast as it is read."""

    def flush(self) -> None:
        """Return once everything put so far is safe."""

    def take_judged(self) -> list[NonceBatch]:
        """Verdicts that have come since the last call, where they were asked for."""
