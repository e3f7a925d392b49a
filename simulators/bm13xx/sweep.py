"""When a chip reaches which candidate: the emulator's own account of the scan order.

A sweep lasts 2 * (HASH_COUNTING_NUMBER + 67) cycles of 25 MHz, all cores stand at the same position p, p
grows by one a hash clock, and each sweep tests `subcores` further versions (256foundation/mujina:
mujina-miner/src/asic/bm13xx/REFERENCE.md, corrected by the stamped captures in the history of
MoellerDi/ESP-Miner). A change of the settings in the middle of a job lets the chip go on from where it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

REFERENCE_CLOCK_HZ = 25e6
OVERRUN_TICKS = 67
COUNTER_SIZE = 1 << 25
"""A core's counter has 25 bits: a longer sweep reports nothing beyond."""


@dataclass(frozen=True, slots=True)
class HashSettings:
    """The registers that decide which candidates are tested when, and which are reported."""

    frequency_hz: float
    hash_counting_number: int
    ticket_bits: int
    """Leading zero bits that the ticket mask asks for beyond the chip's own threshold."""
    version_mask: int | None
    """Bits 28..13 of the version that roll; None while version rolling is off."""

    @property
    def sweep_s(self) -> float:
        """How long a sweep lasts, s of device time."""
        return 2 * (self.hash_counting_number + OVERRUN_TICKS) / REFERENCE_CLOCK_HZ

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


@dataclass(frozen=True, slots=True)
class Sweep:
    """A chip at work on one job: from `start_ns` on, under unchanged settings."""

    settings: HashSettings
    address: int
    """Chip address when the job was loaded; its sweeps start at address << 17."""
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
        return Sweep(settings, self.address, self.time_scale, t_ns, batch, position, elapsed_s)

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


_ROUNDING = 1e-6
"""Candidates: far below one, far above the rounding of a position near 2**25 in double precision (4e-9)."""
