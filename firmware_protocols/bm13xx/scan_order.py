"""When a chip reaches a nonce: the deterministic null model of nonce timing.

This is the order of the chips that take whole headers; the BM1387's is in `midstate_order`. For a hash clock
f (Hz), HASH_COUNTING_NUMBER h, s sub-cores and a chip that starts at place a:

    b = version_bits // s                  batch: one version for each sub-core
    p = (counter25 - a) mod 2**25          candidates since the sweep began
    T = 2 (h + overrun) / 25 MHz           time of a batch
    t = b T + p / f                        after the job was loaded

All cores run at the same p. After 65,536 versions everything repeats. Measured on a BM1366, from stamped
results in MoellerDi/ESP-Miner:components/bm1397/test/log/test_bm1366_output_fullscan.md: the free fit gives
560 +- 11 candidates a microsecond at 550 MHz, T to 1.5 ppm, and a residual of 2.5 ms rms, which is the 10 ms
step of its stamps.

What is not known, and must not be taken from here: the order below about 0.3 ms (1e5 to 1e6 candidates; only
the sharp edge of the sweep speaks for it); core skew and latency below 1 ms; whether a chip idles or hashes
again unreported when its sweep is longer than the 2**25 candidates it has; anything about arrival times on
the BM1362, BM1368 and BM1370 (`confidence`). REFERENCE.md of 256foundation/mujina counts 40 ns ticks and two
nonces a clock: the same windows, but times too short by a factor of 2, which the measurement contradicts. The
times exclude the response's way (`frame_time_ns`, queueing on a chain). f has to be that of the PLL as it
really stands (`solve_pll`), and the chip's crystal differs from the host's clock by its ppm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmware_protocols.bm13xx.models import CLKI_HZ, ChipModel
from firmware_protocols.bm13xx.nonce import COUNTER_SPAN, counter25_of
from firmware_protocols.errors import LocalProtocolError

VERSIONS = 1 << 16
"""Rolled versions of a job, with the whole mask granted."""


@dataclass(frozen=True)
class ScanOrder:
    """The scan of one chip at one clock.

    `subcores` None is the model's number; a scaled-down emulator passes fewer (a power of two).
    `chip_address` is the chip's place: its address on the BM1362 and BM1366, bits 15..0 of CHIP_NONCE_OFFSET
    on the BM1368 and BM1370. Raises LocalProtocolError for a model without a known order and for values that
    no chip can have.
    """

    model: ChipModel
    frequency_hz: float
    hcn: int
    subcores: int | None = None
    chip_address: int = 0

    repeats: ClassVar[bool] = True
    """After `scan_period_s` it begins again."""

    def __post_init__(self) -> None:
        if self.model.scan_kind != "sweeps":
            raise LocalProtocolError(
                f"sweeps of a {self.model.name} are not known: {self.model.scan_evidence}"
            )
        if not (self.frequency_hz > 0 and math.isfinite(self.frequency_hz)):
            raise LocalProtocolError(f"the hash clock has to be above 0 Hz, not {self.frequency_hz}")
        if not 1 <= self.hcn <= 0xFFFFFFFF:
            raise LocalProtocolError(
                f"HASH_COUNTING_NUMBER has to be 1 to 0xFFFFFFFF for a chip to hash, not {self.hcn}"
            )
        if self.versions_per_batch < 1 or VERSIONS % self.versions_per_batch:
            raise LocalProtocolError(f"sub-cores are a power of two up to {VERSIONS}, not {self.subcores}")

    @property
    def versions_per_batch(self) -> int:
        return self.model.subcores if self.subcores is None else self.subcores

    @property
    def batches(self) -> int:
        """Batches until the versions repeat."""
        return VERSIONS // self.versions_per_batch

    @property
    def batch_period_s(self) -> float:
        return self._batch_ticks / CLKI_HZ

    @property
    def scan_period_s(self) -> float:
        """Time over all 65,536 versions, after which the chip does exactly the same again."""
        return self.batches * self.batch_period_s

    @property
    def window(self) -> int:
        """Candidates of a sweep: p runs from 0 to one less. At most 2**25."""
        return min(COUNTER_SPAN, math.ceil(self._batch_ticks * self.frequency_hz / CLKI_HZ))

    @property
    def position_period_s(self) -> float:
        """From one position to the next: a cycle of the hash clock."""
        return 1 / self.frequency_hz

    @property
    def confidence(self) -> str:
        """How well the order is known for this model; `model.scan_evidence` says from what."""
        return self.model.scan_confidence

    def expected_s(
        self, nonce_u32: ArrayLike, version_bits: ArrayLike, chip_address: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Seconds from job load until a nonce is reached for the first time.

        The arguments broadcast; `chip_address` None is the chip's own. A nonce beyond `window` gets the time
        at which it would be reached if the sweep were not cut off.
        """
        batch_s = self.batch_of(version_bits) * self.batch_period_s
        return np.asarray(batch_s + self.position_of(nonce_u32, chip_address) / self.frequency_hz, np.float64)

    def batch_of(self, version_bits: ArrayLike) -> NDArray[np.int64]:
        """Batch, from 0, in which versions are hashed."""
        return np.asarray(version_bits, np.int64) // self.versions_per_batch

    def position_of(self, nonce_u32: ArrayLike, chip_address: ArrayLike | None = None) -> NDArray[np.int64]:
        """Candidates of its core that a sweep tests before a nonce."""
        place = np.asarray(self.chip_address if chip_address is None else chip_address, np.int64)
        return (counter25_of(self.model, nonce_u32) - self._start(place)) % COUNTER_SPAN

    def counter_at(self, position: ArrayLike) -> NDArray[np.int64]:
        """The 25-bit counter at a position of this chip's sweep, the inverse of `position_of`."""
        return (np.asarray(position, np.int64) + self._start(np.asarray(self.chip_address))) % COUNTER_SPAN

    def versions_of_batch(self, batch: int) -> range:
        """Version bits that a batch hashes, one for each sub-core. Batches count on past the repetition."""
        first = batch % self.batches * self.versions_per_batch
        return range(first, first + self.versions_per_batch)

    @property
    def _batch_ticks(self) -> float:
        """Duration of a batch in cycles of CLKI: HASH_COUNTING_NUMBER counts 80 ns, two cycles."""
        return 2 * (self.hcn + (self.model.hcn_overrun_ticks or 0.0))

    def _start(self, place: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.left_shift(place, self.model.nonce_start_shift or 0)


def full_coverage_hcn(model: ChipModel, frequency_hz: float, chips: int = 1) -> int:
    """HASH_COUNTING_NUMBER at which each chip's sweep just covers its share of the 2**25 counter values.

    The share is 2**25 over the next power of two of `chips` (bitaxeorg/ESP-Miner), and the overrun is taken
    off. Raises LocalProtocolError when no positive value does that.
    """
    if chips < 1 or not frequency_hz > 0:
        raise LocalProtocolError(f"coverage needs chips and a clock, not {chips} at {frequency_hz} Hz")
    if model.hcn_overrun_ticks is None:
        raise LocalProtocolError(f"sweeps of a {model.name} are not known: {model.scan_evidence}")
    share = COUNTER_SPAN >> (chips - 1).bit_length()
    hcn = math.ceil(share * CLKI_HZ / (2 * frequency_hz) - model.hcn_overrun_ticks)
    if hcn < 1:
        raise LocalProtocolError(f"{chips} chips at {frequency_hz} Hz cover their shares within the overrun")
    return hcn
