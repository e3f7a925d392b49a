"""When a BM1387 reaches a nonce. A conjecture: nobody has published timed results of this chip.

Of the 25 bits that are not the core's, the upper log2(k) are one chip's of k; it counts through the rest, p,
from 0 upward, one candidate a cycle of the hash clock f, all cores at the same p. With one midstate a job

    t = p / f        after the job was loaded, until p reaches 2**(25 - log2 k)

and then the chip is out of work: it does not begin again (rapsacw, skot/BM1397 issue 1). For this speaks that
S9 firmware reckons with 2**19 / f a midstate on a chain of 63 (xertSuns1/braiins:lib.rs), and that the 33
nonces which rapsacw/BM1387-miner-snippets:README.md prints, of two chips at 120 and 125 MHz that got a new
job every 19 and later 76 ms, lie at p / (f T) between 0.09 and 1.002 with nothing beyond, evenly spread
(Kolmogorov-Smirnov p = 0.87): counting from elsewhere, downward, or at another rate would show there.

With m midstates there are two natural ways, and which it is **has to be measured** before anything is
concluded from it: `interleaved`, each p tried with every midstate before the next, t = (p m + j) / f for
midstate j (so a chip that shares the message schedule between midstates would do it), or `sequential`, one
midstate after the other, t = (j 2**(25 - log2 k) + p) / f. At 650 MHz a midstate lasts 0.8 ms, less than the
queueing on a line of 63 chips.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmware_protocols.bm13xx.midstate_chips import MIDSTATE_COUNTS
from firmware_protocols.bm13xx.models import ChipModel
from firmware_protocols.bm13xx.nonce import COUNTER_SPAN, counter25_of
from firmware_protocols.errors import LocalProtocolError


@dataclass(frozen=True)
class MidstateOrder:
    """The scan of one BM1387 of a chain of `chips`, at one clock.

    `subcores` is the number of midstates a job, None the model's; `chip_address` is the chip's own. Raises
    LocalProtocolError for values that no chip can have.
    """

    model: ChipModel
    frequency_hz: float
    subcores: int | None = None
    chips: int = 1
    chip_address: int = 0
    midstates: Literal["interleaved", "sequential"] = "interleaved"

    repeats: ClassVar[bool] = False
    """After `scan_period_s` nothing more comes until the next job."""

    def __post_init__(self) -> None:
        if self.model.scan_kind != "midstates":
            raise LocalProtocolError(
                f"the {self.model.name} has another scan order, or one that is not known"
            )
        if not (self.frequency_hz > 0 and math.isfinite(self.frequency_hz)):
            raise LocalProtocolError(f"the hash clock has to be above 0 Hz, not {self.frequency_hz}")
        if not 1 <= self.chips <= 64:
            raise LocalProtocolError(f"a chain of {self.model.name} has 1 to 64 chips, not {self.chips}")
        if self._count not in MIDSTATE_COUNTS:
            raise LocalProtocolError(f"a job has 1, 2 or 4 midstates, not {self.subcores}")

    @property
    def versions_per_batch(self) -> int:
        """Midstates that are tried side by side: all of the job's, or one where they follow one another."""
        return self._count if self.midstates == "interleaved" else 1

    @property
    def batches(self) -> int:
        return self._count // self.versions_per_batch

    @property
    def batch_period_s(self) -> float:
        return self.window * self.position_period_s

    @property
    def scan_period_s(self) -> float:
        """How long the work lasts."""
        return self._count * self.window / self.frequency_hz

    @property
    def window(self) -> int:
        """Positions of a chip: its share of the counter values."""
        return COUNTER_SPAN >> (self.chips - 1).bit_length()

    @property
    def position_period_s(self) -> float:
        """From one position to the next."""
        return self.versions_per_batch / self.frequency_hz

    @property
    def confidence(self) -> str:
        """How well the order is known for this model; `model.scan_evidence` says from what."""
        return self.model.scan_confidence

    def expected_s(
        self, nonce_u32: ArrayLike, version_bits: ArrayLike, chip_address: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Seconds from job load until a nonce is reached. The lowest bits of `version_bits` are the midstate.

        The arguments broadcast; `chip_address` None is the chip's own.
        """
        side_by_side = self._midstate(version_bits) % self.versions_per_batch
        seconds = self.batch_of(version_bits) * self.batch_period_s + side_by_side / self.frequency_hz
        positions_s = self.position_of(nonce_u32, chip_address) * self.position_period_s
        return np.asarray(seconds + positions_s, np.float64)

    def batch_of(self, version_bits: ArrayLike) -> NDArray[np.int64]:
        """Batch, from 0, in which midstates are tried: 0 for all that are interleaved."""
        return self._midstate(version_bits) // self.versions_per_batch

    def position_of(self, nonce_u32: ArrayLike, chip_address: ArrayLike | None = None) -> NDArray[np.int64]:
        """Candidates of its core and midstate that a chip tests before a nonce."""
        place = np.asarray(self.chip_address if chip_address is None else chip_address, np.int64)
        return (counter25_of(self.model, nonce_u32) - self._start(place)) % self.window

    def counter_at(self, position: ArrayLike) -> NDArray[np.int64]:
        """The 25-bit counter at a position of this chip, the inverse of `position_of`."""
        return (np.asarray(position, np.int64) + self._start(np.asarray(self.chip_address))) % COUNTER_SPAN

    def versions_of_batch(self, batch: int) -> range:
        """Midstates, as version bits, that a batch tries. Raises LocalProtocolError where there is none."""
        if not 0 <= batch < self.batches:
            raise LocalProtocolError(
                f"the work has {self.batches} batches and is then over, not number {batch}"
            )
        first = batch * self.versions_per_batch
        return range(first, first + self.versions_per_batch)

    @property
    def _count(self) -> int:
        return self.model.subcores if self.subcores is None else self.subcores

    def _midstate(self, version_bits: ArrayLike) -> NDArray[np.int64]:
        return np.asarray(version_bits, np.int64) % self._count

    def _start(self, place: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.left_shift(place, self.model.nonce_start_shift or 0)
