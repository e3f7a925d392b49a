"""What a share of a twin looks like: the fields of an event that are not its times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.device import EVENT_DTYPE, NonceBatch, Verdict, empty_events
from simulators.twins.boards import Board
from simulators.twins.randomness import CandidateColumns
from simulators.twins.work import HeldJob

EXTRANONCE2_SIZE = 4
Numbers = NDArray[np.int64]


class Run(NamedTuple):
    """Candidates of one job: those before number `end`, but for those of the run before."""

    held: HeldJob
    end: int


class Shares:
    """Events of candidates, by their numbers: synthetic, no proof of work stands behind them.

    The hash of a share is uniform below the target, so its difficulty is that of the target over a uniform
    number. Nonces are uniform too, over the cores that the board has: a network miner's events name neither
    chip nor core, but its nonces do.
    """

    def __init__(self, board: Board, columns: CandidateColumns) -> None:
        self._board = board
        self._columns = columns
        self._row: tuple[HeldJob, NonceBatch] | None = None

    def of(self, runs: Sequence[Run], numbers: Numbers, first: int) -> NonceBatch:
        """Events without stamps. `numbers` ascend, from `first` or later, and are all in the runs."""
        rows = self._rows(runs, numbers)
        bits = self._columns.take("bits", numbers, first)
        rows["nonce"] = self._nonces(bits, *self._places(bits))
        if self._board.version_mask:
            rolled = (bits >> _VERSION_BITS << _VERSION_SHIFT).astype(np.uint32)
            rows["version"] |= rolled & np.uint32(self._board.version_mask)
        rows["difficulty"] /= 1.0 - self._columns.take("luck", numbers, first)
        return rows

    def places(self, numbers: Numbers, first: int) -> tuple[Numbers, Numbers]:
        """Chip and core that find the candidates."""
        return self._places(self._columns.take("bits", numbers, first))

    def _places(self, bits: NDArray[np.uint64]) -> tuple[Numbers, Numbers]:
        machine = self._board.machine
        # 23 bits for at most 189 x 114 places: none is favoured by more than a quarter of a per cent
        place = (bits >> _PLACE_BITS).astype(np.int64) * (machine.chips * machine.cores) >> 23
        return place // machine.cores, place % machine.cores

    def _nonces(self, bits: NDArray[np.uint64], chip: Numbers, core: Numbers) -> NDArray[np.uint32]:
        """Header integers whose fields name chip and core as the board's chips do.

        With N the big-endian word: BM1366 and later have the core in N >> 25; the BM1387 has the core in
        N & 0x7F and the chip of its board in N >> 26 (firmware_protocols/bm13xx/nonce.py). An LBRY chip's
        fields are not known: here they are those of a BM1366.
        """
        free = (bits & _FREE_BITS).astype(np.int64)
        if self._board.nonce_layout == "core low":
            on_board = chip % (self._board.machine.chips // self._board.machine.boards)
            word = on_board << 26 | (free & 0x7FFFF) << 7 | core
        else:
            word = core << 25 | free
        return word.astype(np.uint32).byteswap()

    def _rows(self, runs: Sequence[Run], numbers: Numbers) -> NonceBatch:
        """Events with all that those of one job share. Whole rows are copied: a field at a time is slow."""
        rows = np.empty(len(numbers), _ROW)
        counted = numbers.astype("<u4").view(np.uint8).reshape(-1, EXTRANONCE2_SIZE)
        extranonce2 = rows.view(EVENT_DTYPE)["extranonce2"][:, :EXTRANONCE2_SIZE]
        start = 0
        for held, end in runs:
            stop = int(numbers.searchsorted(end))
            rows[start:stop] = self._row_of(held)
            if held.job.merkle_root is None:
                extranonce2[start:stop] = counted[start:stop]
            start = stop
        return rows.view(EVENT_DTYPE)

    def _row_of(self, held: HeldJob) -> NonceBatch:
        """One event of the job; its difficulty is that of the target."""
        if self._row is None or self._row[0] is not held:
            row = empty_events(1)
            row["job"], row["version"], row["ntime"] = held.job.number, held.job.version, held.job.ntime
            row["verdict"], row["synthetic"] = Verdict.VALID, True
            row["difficulty"] = held.difficulty
            if held.job.merkle_root is None:
                row["extranonce2_len"] = EXTRANONCE2_SIZE
            self._row = held, row.view(_ROW)
        return self._row[1]


_ROW = np.dtype((np.void, EVENT_DTYPE.itemsize))
_FREE_BITS, _VERSION_BITS, _PLACE_BITS = np.uint64((1 << 25) - 1), np.uint64(25), np.uint64(41)
"""How the 64 bits of a candidate are shared out: 25 free ones of the nonce, 16 of the version, 23 for the
place; the last two are shifts."""
_VERSION_SHIFT = np.uint64(13)
