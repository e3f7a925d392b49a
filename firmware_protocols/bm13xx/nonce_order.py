"""The order in which a chip reaches nonces, of whichever kind its model has."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmware_protocols.bm13xx.midstate_order import MidstateOrder
from firmware_protocols.bm13xx.models import ChipModel
from firmware_protocols.bm13xx.scan_order import ScanOrder
from firmware_protocols.errors import LocalProtocolError


class NonceOrder(Protocol):
    """What `ScanOrder` and `MidstateOrder` have in common."""

    @property
    def model(self) -> ChipModel: ...

    @property
    def frequency_hz(self) -> float: ...

    @property
    def chip_address(self) -> int: ...

    @property
    def confidence(self) -> str:
        """How well the order is known for this model; `model.scan_evidence` says from what."""

    @property
    def repeats(self) -> bool:
        """Whether the chip begins again after `scan_period_s`, or is out of work."""

    @property
    def scan_period_s(self) -> float:
        """Time over everything that a job has for the chip."""

    @property
    def window(self) -> int:
        """Positions of a batch."""

    @property
    def position_period_s(self) -> float:
        """From one position to the next."""

    @property
    def batches(self) -> int: ...

    @property
    def batch_period_s(self) -> float: ...

    @property
    def versions_per_batch(self) -> int: ...

    def expected_s(
        self, nonce_u32: ArrayLike, version_bits: ArrayLike, chip_address: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Seconds from job load until a nonce is reached for the first time."""

    def batch_of(self, version_bits: ArrayLike) -> NDArray[np.int64]:
        """Batch, from 0, in which versions are hashed."""

    def position_of(self, nonce_u32: ArrayLike, chip_address: ArrayLike | None = None) -> NDArray[np.int64]:
        """Candidates of its core that a batch tests before a nonce."""

    def counter_at(self, position: ArrayLike) -> NDArray[np.int64]:
        """The 25-bit counter at a position of this chip."""

    def versions_of_batch(self, batch: int) -> range:
        """Version bits that a batch hashes."""


def scan_order(
    model: ChipModel,
    frequency_hz: float,
    hcn: int | None,
    *,
    subcores: int | None = None,
    chips: int = 1,
    chip_address: int = 0,
) -> NonceOrder:
    """The order of one chip of a chain of `chips`.

    `hcn` is HASH_COUNTING_NUMBER; None, or the 0 of the factory firmware, on the BM1387. `subcores` None is
    the model's number (of midstates, on the BM1387). Raises LocalProtocolError for a model without a known
    order and for values that no chip can have.
    """
    if model.scan_kind == "midstates":
        if hcn:
            raise LocalProtocolError(f"what HASH_COUNTING_NUMBER {hcn} does on a {model.name} is not known")
        return MidstateOrder(model, frequency_hz, subcores, chips, chip_address)
    return ScanOrder(model, frequency_hz, hcn or 0, subcores, chip_address)
