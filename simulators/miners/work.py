"""What the chips are given to do: headers, and the candidates that are tested of them, in order.

Of 2**32 nonces of a version only every so many are tested, as `hash_rate_scale` says: evenly over the whole
range, one version after the other. That is not the order in which silicon goes through them, and no time of a
share should be read as if it were; what arrives is a Poisson process, as from a real miner's many cores.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from simulators.miners.jobs import PoolJob, sha256d
from simulators.miners.scaling import Proof

NONCES = 1 << 32
_SPREAD = 0x9E3779B1  # golden ratio: where the steps of each header begin


class Found(NamedTuple):
    """A candidate that meets the chips' target. `nonce` is the header's integer, `value` its hash's."""

    place: int
    extranonce2: bytes
    version: int
    nonce: int
    value: int


class Scan(Protocol):
    """Places (of `count`) and nonces of a header's candidates that hash to at most `target`."""

    def __call__(
        self, header_start: bytes, first: int, count: int, step: int, target: int
    ) -> Iterator[tuple[int, int]]: ...


class Work:
    """One job from one extranonce2 on. Its candidates are `extranonces` times `versions` times `per_version`,
    the nonces of a version first, then its versions, then the next extranonce2; and then it is done."""

    def __init__(
        self,
        job: PoolJob,
        first_extranonce2: int,
        extranonces: int,
        versions: Sequence[int],
        per_version: int,
        ticket_target: int,
        proof: Proof,
    ) -> None:
        self.job = job
        self.first_extranonce2 = first_extranonce2
        self.per_extranonce2 = len(versions) * per_version
        self.size = extranonces * self.per_extranonce2
        self.ticket_target = ticket_target
        self._versions = versions
        self._per_version = per_version
        self._step = max(1, NONCES // per_version)
        self._hash = HASHES[proof]
        self._start: tuple[int, bytes, bytes] = (-1, b"", b"")  # of the newest header

    def scan(self, first: int, count: int, scan: Scan) -> Iterator[Found]:
        """Of the candidates from `first` on. Raises RuntimeError where hashlib contradicts the scan."""
        end = min(first + count, self.size)
        while first < end:
            number, place = divmod(first, self._per_version)
            here = min(end - first, self._per_version - place)
            version = self._versions[number % len(self._versions)]
            extranonce2, start = self._header_start(number, version)
            begin = (number * _SPREAD) % self._step + place * self._step
            for offset, nonce in scan(start, begin, here, self._step, self.ticket_target):
                value = int.from_bytes(self._hash(start + struct.pack("<I", nonce)), "little")
                if value > self.ticket_target:
                    raise RuntimeError(f"nonce {nonce:#010x} was proposed, and hashlib rejects it")
                yield Found(first + offset, extranonce2, version, nonce, value)
            first += here

    def _header_start(self, number: int, version: int) -> tuple[bytes, bytes]:
        if self._start[0] != number:
            size = self.job.extranonce2_size
            counter = self.first_extranonce2 + number // len(self._versions)
            extranonce2 = (counter % (1 << 8 * size)).to_bytes(size, "little")
            self._start = number, extranonce2, self.job.header_start(extranonce2, version)
        return self._start[1:]


def lbry_hash(header: bytes) -> bytes:
    """lbryio/lbrycrd:src/hash.cpp, with OpenSSL's RIPEMD-160 where there is one."""
    spread = hashlib.sha512(sha256d(header)).digest()
    return sha256d(_ripemd160(spread[:32]) + _ripemd160(spread[32:]))


def sha256d_scan() -> Scan:
    """With the compiled kernel, which this imports and loads: a second, once a process."""
    from simulators.sha256d import scan_header_runs

    def scan(
        header_start: bytes, first: int, count: int, step: int, target: int
    ) -> Iterator[tuple[int, int]]:
        _, words = scan_header_runs(header_start + bytes(4), [first], count, target, step)
        for word in words.tolist():
            nonce = int.from_bytes(word.to_bytes(4, "big"), "little")  # chips count the word that is hashed
            yield (word - first) // step, nonce

    list(scan(bytes(76), 0, 1, 1, 0))
    return scan


def lbry_scan() -> Scan:
    """One hash after the other in Python: some 100,000 a second."""

    def scan(
        header_start: bytes, first: int, count: int, step: int, target: int
    ) -> Iterator[tuple[int, int]]:
        begun = hashlib.sha256(header_start[:64])
        tail, limit = header_start[64:], target >> 224
        for place in range(count):
            nonce = first + place * step
            inner = begun.copy()
            inner.update(tail + struct.pack("<I", nonce))
            spread = hashlib.sha512(hashlib.sha256(inner.digest()).digest()).digest()
            digest = sha256d(_ripemd160(spread[:32]) + _ripemd160(spread[32:]))
            if int.from_bytes(digest[28:], "little") <= limit and int.from_bytes(digest, "little") <= target:
                yield place, nonce

    return scan


def _openssl_ripemd160(data: bytes) -> bytes:
    return hashlib.new("ripemd160", data).digest()


def _find_ripemd160() -> Callable[[bytes], bytes]:
    try:
        _openssl_ripemd160(b"")
    except ValueError:
        from firmware_protocols.lbry import ripemd160

        return ripemd160
    return _openssl_ripemd160


_ripemd160 = _find_ripemd160()
HASHES: dict[Proof, Callable[[bytes], bytes]] = {"sha256d": sha256d, "lbry": lbry_hash}
SCANS: dict[Proof, Callable[[], Scan]] = {"sha256d": sha256d_scan, "lbry": lbry_scan}
