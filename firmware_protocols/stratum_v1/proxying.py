"""Between a pool and miners: room in the pool's extranonce2 for telling the miners apart."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_protocols.errors import LocalProtocolError


@dataclass(frozen=True, slots=True)
class ExtranonceSplit:
    """A miner's share of the pool's extranonce2: all of it that begins with `prefix`.

    The coinbase is the same on both sides, so a header found downstream holds upstream. Raises
    LocalProtocolError where the prefix leaves the miner nothing.
    """

    extranonce1: bytes
    extranonce2_size: int
    prefix: bytes

    def __post_init__(self) -> None:
        if len(self.prefix) >= self.extranonce2_size:
            raise LocalProtocolError(
                f"a prefix of {len(self.prefix)} bytes leaves nothing of {self.extranonce2_size}"
            )

    @property
    def miner_extranonce1(self) -> bytes:
        """What the miner is told."""
        return self.extranonce1 + self.prefix

    @property
    def miner_extranonce2_size(self) -> int:
        return self.extranonce2_size - len(self.prefix)

    def upstream(self, miner_extranonce2: bytes) -> bytes:
        """What the pool is told. Raises LocalProtocolError for another size than the miner has."""
        if len(miner_extranonce2) != self.miner_extranonce2_size:
            raise LocalProtocolError(
                f"extranonce2 has {len(miner_extranonce2)} bytes, not {self.miner_extranonce2_size}"
            )
        return self.prefix + miner_extranonce2
