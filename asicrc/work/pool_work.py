"""Jobs as a pool sends them: the halves of a valid coinbase, a branch, and everything else of a header.

Each is unique, and hard enough never to be a block: nobody could be paid by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_protocols.bitcoin import build_coinbase, target_from_compact
from firmware_protocols.device import Job
from firmware_protocols.device.drive import NO_DRIVE

EXTRANONCE1_SIZE = 4
EXTRANONCE2_SIZE = 4
BRANCHES = 3
_VERSION = 0x20000000
"""BIP 9 top bits. The bits that miners may roll (BIP 320) are clear: their formulas agree only then."""
_SCRIPT_PUBKEY = b"\x6a"  # OP_RETURN alone: pays nobody
_ROOM = NO_DRIVE
"""Where a drive goes: behind the height, which miners read out of the coinbase and show."""
_PLACE = bytes(EXTRANONCE1_SIZE + EXTRANONCE2_SIZE)


@dataclass(frozen=True, slots=True)
class _Chain:
    height: int
    nbits: int
    subsidy: int


_CHAINS = {
    "sha256d": _Chain(840_000, 0x17034219, 312_500_000),  # the main net of April 2024, difficulty 8.6e13
    "lbry": _Chain(1_000_000, 0x1A01B7B6, 12_500_000_000),
}


class PoolWork:
    """Endless: the same seed gives the same jobs but for their ntime. Numbered from 1; extranonce1, targets
    and wire id are the server's to fill in. Raises ValueError for an algorithm that no chain here has."""

    def __init__(self, seed: int, algorithm: str = "sha256d") -> None:
        if algorithm not in _CHAINS:
            raise ValueError(f"there is no work for {algorithm!r}: {', '.join(_CHAINS)}")
        rng = np.random.default_rng(np.random.SeedSequence(seed))
        self.algorithm = algorithm
        self._chain = _CHAINS[algorithm]
        self._prev_hash = rng.bytes(24) + bytes(8)  # header order: the leading zeros stand at the end
        self._branch = tuple(rng.bytes(32) for _ in range(BRANCHES))
        self._claimtrie = rng.bytes(32) if algorithm == "lbry" else None
        self._tag = rng.bytes(8)
        self._count = 0

    def next_job(self, ntime: int, *, clean: bool) -> Job:
        """The extranonces stand behind the height (BIP 34), what makes the job unique behind them."""
        self._count += 1
        unique = b"asicrc" + self._tag + self._count.to_bytes(8, "little")
        coinbase = build_coinbase(
            self._chain.height, _ROOM + _PLACE + unique, self._chain.subsidy, _SCRIPT_PUBKEY
        )
        at = coinbase.index(_PLACE + unique)
        return Job(
            number=self._count,
            wire_id="",
            version=_VERSION,
            prev_hash=self._prev_hash,
            ntime=ntime & 0xFFFFFFFF,
            nbits=self._chain.nbits,
            target=target_from_compact(self._chain.nbits),
            coinbase1=coinbase[:at],
            coinbase2=coinbase[at + len(_PLACE) :],
            branch=self._branch,
            algorithm=self.algorithm,
            claimtrie=self._claimtrie,
            clean=clean,
        )
