"""Faults of the silicon: what becomes of a result that a core has found.

Whether a result is missing or invalid is decided by a keyed hash of it (BLAKE2b, RFC 7693), so that the same
work loses the same nonces whenever it is run with the same fault seed. A flood, which is mined beforehand,
has none of these faults.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from firmware_protocols.bitcoin import target_from_zero_bits
from simulators.bm13xx.proofs import Proof, ProofSource
from simulators.bm13xx.scale import Scale
from simulators.bm13xx.silicon import SILICON

DEAD_CORE, MISSING, INVALID, CORE_SHIFT = "dead_core", "missing", "invalid", "core_shift"
_CORE_BITS = 7
_ALTERED_BITS = 16


class Outcome(NamedTuple):
    """A result as it leaves the chip, or as it does not."""

    proof: Proof
    fault: str = ""
    """What has happened to it."""
    lost: bool = False
    found: Proof | None = None
    """What the core had found, where that is something else."""


class ProofFaults:
    """The switches of one run of the emulator."""

    def __init__(self, scale: Scale) -> None:
        self._faults = scale.faults
        self._easy_target = target_from_zero_bits(scale.zero_bits)
        self._shift_ns = 0
        if self._faults.core_shift:
            self._shift_ns = round(self._faults.core_shift[1] * scale.time_scale * 1e9)
        seed = scale.seed if scale.fault_seed is None else scale.fault_seed
        self._key = seed.to_bytes(8, "big")
        self._position_shift = _CORE_BITS if SILICON[scale.chip].core_in_low_bits else 0

    def applied(self, proofs: Iterable[Proof], source: ProofSource) -> Iterator[Outcome]:
        """What the faults make of each result, in the order given."""
        for proof in proofs:
            yield self._outcome(proof, source)

    def _outcome(self, proof: Proof, source: ProofSource) -> Outcome:
        faults = self._faults
        identity = source.blocks.identity(proof.variant, proof.nonce)
        if proof.core == faults.dead_core:
            return Outcome(proof, DEAD_CORE, lost=True)
        if self._drawn(MISSING, identity) < faults.missing:
            return Outcome(proof, MISSING, lost=True)
        shifted = faults.core_shift is not None and proof.core == faults.core_shift[0]
        left = replace(proof, due_ns=proof.due_ns + self._shift_ns) if shifted else proof
        if self._drawn(INVALID, identity) < faults.invalid:
            return Outcome(self._invalid(left, identity, source), INVALID, found=proof)
        return Outcome(left, CORE_SHIFT if shifted else "")

    def _invalid(self, proof: Proof, identity: bytes, source: ProofSource) -> Proof:
        """The result with another nonce of the same core that does not meet even the chip's own threshold."""
        word = int.from_bytes(proof.nonce.to_bytes(4, "little"), "big")
        attempt = 0
        while True:
            flipped = int(self._drawn(f"{INVALID} {attempt}", identity) * (1 << _ALTERED_BITS))
            other = word ^ flipped << self._position_shift
            nonce = int.from_bytes(other.to_bytes(4, "big"), "little")
            if source.blocks.hash_value(proof.variant, nonce) > self._easy_target:
                return source.altered(proof, nonce)
            attempt += 1

    def _drawn(self, name: str, identity: bytes) -> float:
        """A number from 0 to below 1 that this result always gets."""
        digest = hashlib.blake2b(identity + name.encode(), digest_size=6, key=self._key).digest()
        return int.from_bytes(digest, "big") / (1 << 48)
