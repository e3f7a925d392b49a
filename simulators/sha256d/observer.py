"""What the registers of SHA-256d hold after each of its 2 x 64 rounds, for batches of nonces.

A round writes a and e; b, c, d and f, g, h are a and e of one, two and three rounds before. So eight
registers are two sequences, and what a round changes in all of them is a sum over four changes of each.
Round numbers run from 1 to 64 in the first hash (of header bytes 64 to 79, from the midstate) and from 65 to
128 in the second: "after round k".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import ArrayLike, NDArray

from simulators.sha256d.block import Words, header_block
from simulators.sha256d.compilation import cached_kernel, sources_fingerprint
from simulators.sha256d.lowering import vector_lanes
from simulators.sha256d.rows import LANES
from simulators.sha256d.scanner import NONCE_SPAN
from simulators.sha256d.trace import (
    ROUNDS,
    register_program,
    toggle_program,
    weight_program,
)
from simulators.sha256d.vector_lowering import vector_code

ALL_ROUNDS = 2 * ROUNDS
_REGISTERS = 8
_ROWS_OF_A_HASH = 2 * (ROUNDS + 4)

_PROGRAMS = (toggle_program, weight_program, register_program)
_TOGGLES, _WEIGHTS, _ROWS = range(3)


def round_toggles(
    header80: bytes, nonces: ArrayLike, out: NDArray[np.uint16] | None = None
) -> NDArray[np.uint16]:
    """(128, n): how many of the 256 register bits each round changed, for n nonces of a header.

    `nonces` are read as headers store them (little-endian). `out` is filled and returned where it is given;
    batches of a few thousand that go into the same one stay in the cache. Raises ValueError for a header that
    has not 80 bytes, nonces that are not whole numbers of 32 bits, or an `out` of another shape or type.
    """
    return _observed(_TOGGLES, header80, nonces, out, np.dtype(np.uint16))


def round_weights(
    header80: bytes, nonces: ArrayLike, out: NDArray[np.uint16] | None = None
) -> NDArray[np.uint16]:
    """(128, n): how many of the 256 register bits are set after each round. As `round_toggles` otherwise."""
    return _observed(_WEIGHTS, header80, nonces, out, np.dtype(np.uint16))


def round_states(header80: bytes, nonces: ArrayLike, rounds: Sequence[int]) -> NDArray[np.uint32]:
    """(rounds, 8, n): the registers a to h after each of `rounds`, 1 to 128. Other arguments as of
    `round_toggles`; raises ValueError for a round that there is not, too."""
    if not all(1 <= number <= ALL_ROUNDS for number in rounds):
        raise ValueError(
            f"rounds run from 1 to {ALL_ROUNDS} (65 is the first of the second hash), not {rounds}"
        )
    rows = _observed(_ROWS, header80, nonces, None, np.dtype(np.uint32))
    states = np.empty((len(rounds), _REGISTERS, rows.shape[1]), dtype=np.uint32)
    for place, number in enumerate(rounds):
        which_hash, in_hash = divmod(number - 1, ROUNDS)
        newest_a = which_hash * _ROWS_OF_A_HASH + 2 * (in_hash + 4)
        for back in range(4):
            states[place, back] = rows[newest_a - 2 * back]
            states[place, 4 + back] = rows[newest_a - 2 * back + 1]
    return states


def _observed(
    program: int, header80: bytes, nonces: ArrayLike, out: NDArray[Any] | None, kind: np.dtype[Any]
) -> NDArray[Any]:
    block = header_block(header80, chip_order=False)
    given = np.atleast_1d(np.asarray(nonces if np.size(nonces) else np.empty(0, np.uint32)))
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise ValueError("nonces are a row of whole numbers")
    if given.size and not 0 <= given.min() <= given.max() < NONCE_SPAN:
        raise ValueError("nonces run from 0 to 2**32 - 1")
    shape = (len(_PROGRAMS[program]().outputs), given.size)
    if out is None:
        out = np.empty(shape, dtype=kind)
    elif out.shape != shape or out.dtype != kind or not out.flags.c_contiguous:
        raise ValueError(f"out is {out.dtype} {out.shape}; here it has to be a {kind} array of shape {shape}")
    header = np.concatenate([block.midstate, block.tail])
    _kernel(program)(header, given.astype(np.uint32).byteswap(), out)
    return out


@cache
def _kernel(program: int) -> Callable[[Words, Words, NDArray[Any]], None]:
    return _made_of(program, sources_fingerprint(f"observer, {vector_lanes()} lanes"))


def _made_of(program: int, fingerprint: int) -> Callable[[Words, Words, NDArray[Any]], None]:
    @cached_kernel
    def observe(header: Words, words: Words, out: NDArray[Any]) -> None:
        """Tile by tile, as a tile stays in the cache while its rows are written all over it."""
        nonces = np.empty(LANES, dtype=np.uint32)
        nonces[0] = fingerprint  # overwritten below: it has to be closed over
        tile = np.empty((out.shape[0], LANES), dtype=out.dtype)
        for begin in range(0, words.size, LANES):
            lanes = min(LANES, words.size - begin)
            for lane in range(LANES):
                nonces[lane] = words[begin + lane] if lane < lanes else 0
            _run(program, header, nonces, tile)
            for row in range(out.shape[0]):
                there, here = out[row, begin : begin + lanes], tile[row]
                for lane in range(lanes):
                    there[lane] = here[lane]

    return observe


@intrinsic(prefer_literal=True)
def _program_rows(typing_context: Any, program: Any, header: Any, nonces: Any, out: Any) -> Any:
    """The program of a number that is known while compiling."""
    code = vector_code(_PROGRAMS[program.literal_value](), vector_lanes())
    return types.void(program, header, nonces, out), code


_run: Any = _program_rows
