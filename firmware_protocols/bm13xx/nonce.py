"""What a nonce says about where it was found.

Let N be the nonce's four header bytes read big-endian. Bits 31..25 are the core (on the BM1387 bits 6..0),
the rest is a counter that starts at the chip's place in nonce space and runs upward, modulo 2**25, during a
sweep. Checked on all cores of a BM1366 chain and a BM1368 chain (captures of MoellerDi/ESP-Miner,
recomputed); field positions also in 256foundation/mujina:mujina-miner/src/asic/bm13xx/REFERENCE.md. On the
BM1387 the chip is in the upper 6 bits of the first byte (xertSuns1/braiins:bm1387.rs), which are the
counter's upper 6. All functions take numbers or arrays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmware_protocols.bm13xx.models import ChipModel
from firmware_protocols.errors import LocalProtocolError

COUNTER_BITS = 25
CORE_BITS = 32 - COUNTER_BITS
COUNTER_SPAN = 1 << COUNTER_BITS


class NonceFields(NamedTuple):
    """Integer arrays of one shape (0-d for scalars); -1 where the nonce or its response does not say."""

    chip: NDArray[np.int64]
    core: NDArray[np.int64]
    subcore: NDArray[np.int64]
    counter25: NDArray[np.int64]


def nonce_fields(
    model: ChipModel,
    nonce_u32: ArrayLike,
    response_header: ArrayLike | None = None,
    *,
    address_interval: int | None = None,
) -> NonceFields:
    """Chip address, core, sub-core and counter of nonces (header integers).

    The chip is the highest address, among the multiples of `address_interval`, at or below the counter: right
    as long as no chip's sweep reaches the next address (`full_coverage_hcn` for this many chips or less), and
    with one chip at address 0 for an interval of 256. None is the factory firmware's interval: 2, or 4 on the
    BM1387. It is -1 for the models whose chips start at CHIP_NONCE_OFFSET. Without `response_header` the
    sub-core is -1. Raises LocalProtocolError for an interval below that of the factory, whose lower bits
    belong to the counter, or above 256.
    """
    least = model.address_interval_min
    interval = least if address_interval is None else address_interval
    if not least <= interval <= 256:
        raise LocalProtocolError(f"chip addresses of a {model.name} are {least} to 256 apart, not {interval}")
    core, counter = _core_and_counter(model, nonce_u32)
    if model.nonce_has_address:
        place = counter >> 17
        chip = place - place % interval
    else:
        chip = np.full_like(counter, -1)
    subcore = np.full_like(counter, -1) if response_header is None else subcore_of(model, response_header)
    return NonceFields(chip, core, np.broadcast_to(subcore, counter.shape), counter)


def subcore_of(model: ChipModel, response_header: ArrayLike) -> NDArray[np.int64]:
    """Sub-core that found a result: the low bits of its header byte (the midstate on midstate chips).

    On a healthy chip they are also the low bits of the version; 26 of 6,204 nonces of one BM1366 chain and
    40 of 8,863 of a BM1368 chain differ there by 4, why is not known.
    """
    headers: NDArray[np.int64] = np.asarray(response_header, np.int64)
    subcores: NDArray[np.int64] = headers & model.subcore_mask
    return subcores


def excess_bits(model: ChipModel, exc_byte: ArrayLike) -> NDArray[np.int64]:
    """Whole leading-zero bits above the ticket mask, from the byte of the response.

    The BM1366 sends the number itself. The BM1368 and BM1370 send twice the number, plus a lowest bit that
    does not tell the half bit above it (QUIRKS.md). Raises LocalProtocolError for the BM1397, whose responses
    have no such byte.
    """
    if model.excess_unit_bits is None:
        raise LocalProtocolError(f"the {model.name} does not report excess bits")
    steps: NDArray[np.int64] = np.asarray(exc_byte, np.int64)
    bits: NDArray[np.int64] = np.floor(steps * model.excess_unit_bits).astype(np.int64)
    return bits


def nonce_from_fields(model: ChipModel, core: ArrayLike, counter25: ArrayLike) -> NDArray[np.uint32]:
    """Nonces (header integers) of cores at counter values, the inverse of `nonce_fields`.

    Raises LocalProtocolError for a core or counter that the model does not have.
    """
    cores, counters = np.asarray(core, np.int64), np.asarray(counter25, np.int64)
    if np.any((cores < 0) | (cores >= model.core_numbers)):
        raise LocalProtocolError(f"the cores of a {model.name} nonce run from 0 to {model.core_numbers - 1}")
    if np.any((counters < 0) | (counters >= COUNTER_SPAN)):
        raise LocalProtocolError(f"the counter has {COUNTER_BITS} bits")
    counter_shift = 0 if model.core_shift else CORE_BITS
    return _byte_reversed(cores << model.core_shift | counters << counter_shift).astype(np.uint32)


def counter25_of(model: ChipModel, nonce_u32: ArrayLike) -> NDArray[np.int64]:
    """The 25-bit counter alone."""
    return _core_and_counter(model, nonce_u32)[1]


def _core_and_counter(model: ChipModel, nonce_u32: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    big_endian = _byte_reversed(nonce_u32)
    core = big_endian >> model.core_shift & (1 << CORE_BITS) - 1
    return core, big_endian & (COUNTER_SPAN - 1) if model.core_shift else big_endian >> CORE_BITS


def _byte_reversed(values: ArrayLike) -> NDArray[np.int64]:
    """32-bit integers with their bytes reversed, as int64 so that later arithmetic cannot overflow."""
    wide: NDArray[np.int64] = np.asarray(values, np.int64)
    if np.any((wide < 0) | (wide > 0xFFFFFFFF)):
        raise LocalProtocolError("a nonce has 32 bits")
    return np.asarray(wide.astype(np.uint32).byteswap(), np.int64)
