"""Nonces of a twin from one beginning of a point to the next: found, delivered, stamped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.device import NonceBatch, empty_events
from simulators.models import Effects, Variation
from simulators.twins.boards import Board
from simulators.twins.confounds import Confounds, Delivery
from simulators.twins.modulation import Modulation
from simulators.twins.nonce_process import NonceProcess
from simulators.twins.randomness import CandidateColumns, Column, Floats, Streams
from simulators.twins.shares import Shares
from simulators.twins.work import HeldJob

FAR_NS = 1 << 62
_FAR_S = 1e9


class NonceFlow:
    """Everything random in it is a function of `streams`. Times are ns of the twin's clock."""

    def __init__(
        self,
        board: Board,
        variation: Variation,
        effects: Effects,
        confounds: Confounds,
        streams: Streams,
        origin_ns: int,
    ) -> None:
        columns = CandidateColumns(streams)
        self._origin_ns = origin_ns
        self._shares = Shares(board, columns)
        self._modulation = Modulation(effects, confounds, streams, columns)
        self._delivery = Delivery(confounds, streams, columns)
        late_s = effects.fingerprint(variation)
        self._late_s = late_s - late_s.min() if effects.has_fingerprint else None
        """Of each core; nothing arrives before it is found."""
        self._process = NonceProcess(streams, _leak(effects, streams) if effects.has_leak else None)
        self._parts: list[tuple[NDArray[np.int64], NonceBatch]] = []
        """When events arrive, and they themselves, in the order of arrival."""

    def next_candidate_ns(self, now_ns: int, rate_hz: float) -> int:
        """By when the next nonce may be found, if the rate stays as it is."""
        at_s = (now_ns - self._origin_ns) / 1e9
        next_s = self._process.next_s(at_s, rate_hz * self._modulation.most)
        return FAR_NS if next_s - at_s > _FAR_S else self._origin_ns + int(next_s * 1e9) + 1

    @property
    def next_arrival_ns(self) -> int:
        """Of what has been found."""
        return int(self._parts[0][0][0]) if self._parts else FAR_NS

    def pass_time(self, start_ns: int, end_ns: int, rate_hz: float, held: HeldJob | None) -> None:
        """Let the chips work on a job at a constant rate. Without one nothing is found, and none is lost."""
        if held is None:
            return
        first = self._process.count
        start_s, end_s = (start_ns - self._origin_ns) / 1e9, (end_ns - self._origin_ns) / 1e9
        found_s = self._process.advance(start_s, rate_hz * self._modulation.most, end_s)
        if not len(found_s):
            return
        numbers = np.arange(first, self._process.count)
        kept = self._modulation.kept(found_s, numbers, first)
        if kept is not None:
            found_s, numbers = found_s[kept], numbers[kept]
        late_s = None
        if self._late_s is not None:
            late_s = self._late_s[self._shares.places(numbers, first)]
        arrived_s, arrives = self._delivery.deliver(found_s, numbers, first, late_s)
        if not arrives.all():
            arrived_s, numbers = arrived_s[arrives], numbers[arrives]
        if len(numbers):
            events = self._shares.of(held, numbers, first)
            events["t_ns"] = self._delivery.stamp_ns(arrived_s) + self._origin_ns
            self._parts.append((np.rint(arrived_s * 1e9).astype(np.int64) + self._origin_ns, events))

    def take(self, now_ns: int, *, one_by_one: bool) -> NonceBatch:
        """What has arrived; `one_by_one` only what came first, with all that came at the same moment."""
        if self.next_arrival_ns > now_ns:
            return _NO_EVENTS
        limit_ns = self.next_arrival_ns if one_by_one else now_ns
        arrived: list[NonceBatch] = []
        while self._parts and self.next_arrival_ns <= limit_ns:
            due_ns, events = self._parts.pop(0)
            count = int(np.searchsorted(due_ns, limit_ns, side="right"))
            arrived.append(events[:count])
            if count < len(events):
                self._parts.insert(0, (due_ns[count:], events[count:]))
        return arrived[0] if len(arrived) == 1 else np.concatenate(arrived)


def _leak(effects: Effects, streams: Streams) -> Callable[[int, Floats], Floats]:
    """Scales the wait before each candidate by the hash that it will have."""
    luck = Column(streams, "luck")  # the numbers that the shares' difficulties are made from, once more

    def scaled(first: int, waits: Floats) -> Floats:
        factors: Floats = effects.interval_factor(1.0 - luck.take(first, len(waits)))
        return waits * factors

    return scaled


_NO_EVENTS = empty_events()
