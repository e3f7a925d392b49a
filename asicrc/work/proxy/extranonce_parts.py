"""How a pool's extranonce2 is divided: rolled by the proxy | one byte for the miner | two that it counts.

What a miner is told of it never changes, whichever pool it works for: its extranonce1 is its byte, and what
stands before (the pool's extranonce1 and the rolled part) goes into the first half of the coinbase.
"""

from __future__ import annotations

from collections import deque

PREFIX_SIZE = 1
MINER_EXTRANONCE2_SIZE = 2
"""cgminer takes no less (ckolivas/cgminer:util.c). Three bytes in all leave one to roll of the usual four."""
LEAST_EXTRANONCE2_SIZE = PREFIX_SIZE + MINER_EXTRANONCE2_SIZE
"""What a pool has to leave."""
MOST_MINERS = 1 << 8 * PREFIX_SIZE


class Prefixes:
    """Bytes that tell the miners apart; the one that has been free for longest is given out next."""

    def __init__(self) -> None:
        self._free = deque(number.to_bytes(PREFIX_SIZE, "big") for number in range(MOST_MINERS))

    def take(self) -> bytes | None:
        return self._free.popleft() if self._free else None

    def give_back(self, prefix: bytes) -> None:
        self._free.append(prefix)
