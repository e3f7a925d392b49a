"""When a chip reaches which candidate: the emulator's own account of the scan order.

All cores of a chip stand at the same position p, and p grows by one a hash clock. The chip's counter, 25 bits
of the nonce, is at its start plus p.

Full headers (BM1362, BM1366, BM1368, BM1370): a sweep lasts 2 * (HASH_COUNTING_NUMBER + overrun) cycles of
25 MHz, and each sweep tests `subcores` further versions (256foundation/mujina:
mujina-miner/src/asic/bm13xx/REFERENCE.md, corrected by the stamped captures in the history of
MoellerDi/ESP-Miner). BM1397: nobody has published an order. It is assumed here that the small cores of a core
test one midstate each at the same p, that a sweep covers all 2**25 values of the counter, and that the next
one repeats it (repeats after 83.886 ms at 400 MHz, just that time, were reported for a single chip). BM1387:
`turns`.

A change of the settings in the middle of a job lets the chip go on from where it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from simulators.bm13xx.silicon import REFERENCE_CLOCK_HZ

OVERRUN_TICKS = 67.0
COUNTER_SIZE = 1 << 25
"""A core's counter has 25 bits: a longer sweep reports nothing beyond."""
MOST_CORES = 128


@dataclass(frozen=True, slots=True)
class HashSettings:
    """The registers that decide which candidates are tested when, and which are reported."""

    frequency_hz: float
    hash_counting_number: int | None
    """None where it has no effect: a sweep then ends with the counter."""
    ticket_bits: int
    """Leading zero bits that the ticket mask asks for beyond the chip's own threshold."""
    version_mask: int | None
    """Bits 28..13 of the version that roll; None while version rolling is off."""
    overrun_ticks: float = OVERRUN_TICKS
    cores: int = MOST_CORES
    """How many cores are enabled."""

    @property
    def sweep_s(self) -> float:
        """How long a sweep lasts, s of device time."""
        if self.hash_counting_number is None:
            return COUNTER_SIZE / self.frequency_hz
        return 2 * (self.hash_counting_number + self.overrun_ticks) / REFERENCE_CLOCK_HZ

    def versions(self, batch: int, subcores: int) -> list[int]:
        """Version bits that a batch tests. The last batch of a full round is followed by the first.

        Which versions a partial mask gives is not known; here the batches count through its set bits.
        """
        bits = [bit for bit in range(16) if (self.version_mask or 0) >> bit & 1]
        count = 1 << len(bits)
        first = batch * subcores % max(count, subcores)
        return [
            sum((index >> k & 1) << bit for k, bit in enumerate(bits))
            for index in range(first, min(first + subcores, count))
        ]


class Cursor(Protocol):
    """How far one order of candidates has been taken."""

    def ranges(self, until_ns: int) -> Iterator[tuple[int, int, int]]:
        """(batch, first position, stop position) of what is due before `until_ns` and was not given yet."""

    @property
    def ended(self) -> bool:
        """Whether nothing will ever come any more."""


class Order(Protocol):
    """A chip at work on one job: from `start_ns` on, under unchanged settings."""

    @property
    def settings(self) -> HashSettings: ...

    @property
    def start_ns(self) -> int: ...

    @property
    def start_counter(self) -> int:
        """The chip's counter at position 0."""

    def due_ns(self, batch: int, position: int) -> int:
        """Real time at which the chip reaches a candidate."""

    def cursor(self) -> Cursor: ...

    def changed(self, t_ns: int, settings: HashSettings) -> Order:
        """The same work from `t_ns` on under other settings. Raises ValueError before `start_ns`."""

    def counting_from(self, start_counter: int) -> Order:
        """The same order of a chip whose counter starts elsewhere."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Sweep after sweep over the same positions. A batch is one sweep, from 0 at the start of the job."""

    settings: HashSettings
    start_counter: int
    time_scale: float
    start_ns: int
    start_batch: int = 0
    start_position: float = 0.0
    """Where in `start_batch` the chip stands at `start_ns`, candidates."""
    start_elapsed_s: float = 0.0
    """For how long `start_batch` has run at `start_ns`, s of device time."""

    def due_ns(self, batch: int, position: int) -> int:
        """Real time at which the chip reaches a candidate."""
        return self.start_ns + round(self._device_s(batch, position) * self.time_scale * 1e9)

    def cursor(self) -> Cursor:
        return _SweepCursor(self)

    def stop_position(self, batch: int) -> int:
        """First position that the sweep of this batch does not reach any more."""
        settings = self.settings
        if batch == self.start_batch:
            reach = self.start_position + self._rest_of_start_s * settings.frequency_hz
        else:
            reach = settings.sweep_s * settings.frequency_hz
        return min(math.ceil(reach - _ROUNDING), COUNTER_SIZE)

    def first_position(self, batch: int) -> int:
        """First position of the batch that this sweep tests."""
        return math.ceil(self.start_position - _ROUNDING) if batch == self.start_batch else 0

    def position_at(self, batch: int, t_ns: int) -> int:
        """First position of the batch that is due at `t_ns` or later, within the batch's bounds."""
        since_s = (t_ns - self.start_ns) / (self.time_scale * 1e9)
        origin = self.start_position if batch == self.start_batch else 0.0
        guess = math.ceil(origin + (since_s - self._batch_start_s(batch)) * self.settings.frequency_hz)
        low, high = self.first_position(batch), self.stop_position(batch)
        position = min(max(guess, low), high)
        while position > low and self.due_ns(batch, position - 1) >= t_ns:
            position -= 1
        while position < high and self.due_ns(batch, position) < t_ns:
            position += 1
        return position

    def changed(self, t_ns: int, settings: HashSettings) -> Sweep:
        """The same work from `t_ns` on under other settings. Raises ValueError before `start_ns`."""
        if t_ns < self.start_ns:
            raise ValueError("a sweep cannot change before it starts")
        since_s = (t_ns - self.start_ns) / (self.time_scale * 1e9)
        batch, elapsed_s, position = self.start_batch, self.start_elapsed_s + since_s, self.start_position
        if since_s < self._rest_of_start_s:
            position += since_s * self.settings.frequency_hz
        else:
            later, elapsed_s = divmod(since_s - self._rest_of_start_s, self.settings.sweep_s)
            batch += 1 + int(later)
            position = elapsed_s * self.settings.frequency_hz
        if settings.hash_counting_number is None:
            elapsed_s = position / settings.frequency_hz  # what is left of the sweep is counted, not timed
        return Sweep(settings, self.start_counter, self.time_scale, t_ns, batch, position, elapsed_s)

    def counting_from(self, start_counter: int) -> Sweep:
        return replace(self, start_counter=start_counter)

    @property
    def _rest_of_start_s(self) -> float:
        return max(0.0, self.settings.sweep_s - self.start_elapsed_s)

    def _batch_start_s(self, batch: int) -> float:
        if batch == self.start_batch:
            return 0.0
        return self._rest_of_start_s + (batch - self.start_batch - 1) * self.settings.sweep_s

    def _device_s(self, batch: int, position: int) -> float:
        origin = self.start_position if batch == self.start_batch else 0.0
        return self._batch_start_s(batch) + (position - origin) / self.settings.frequency_hz


class _SweepCursor:
    ended = False

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._batch = sweep.start_batch
        self._position = sweep.first_position(self._batch)

    def ranges(self, until_ns: int) -> Iterator[tuple[int, int, int]]:
        while True:
            stop = self._sweep.position_at(self._batch, until_ns)
            if stop > self._position:
                yield self._batch, self._position, stop
                self._position = stop
            if stop < self._sweep.stop_position(self._batch):
                return
            self._batch, self._position = self._batch + 1, 0


_ROUNDING = 1e-6
"""Candidates: far below one, far above the rounding of a position near 2**25 in double precision (4e-9)."""
