"""Proofs of work of a chain in the order of time: candidates are really hashed, none is made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.bitcoin import hash_value, target_from_zero_bits
from firmware_protocols.bm13xx import NonceResponse, encode, header_of, rolled_version
from firmware_protocols.bm13xx.models import ChipModel
from simulators.bm13xx.chain import Work
from simulators.bm13xx.chip import SHORT_RESPONSE
from simulators.bm13xx.scale import Scale
from simulators.bm13xx.sweep import COUNTER_SIZE, Sweep

_CORE_SHIFT = 25
_ADDRESS_SHIFT = 17
_EXCESS_MAX = 0xFF


class Scan(Protocol):
    """A nonce scanner that counts the big-endian word of header bytes 76..79."""

    def __call__(self, header80: bytes, start: int, count: int, target: int) -> NDArray[np.uint32]: ...


@dataclass(frozen=True, slots=True)
class Proof:
    """One result: when the chip reaches it, and its frame. `version` is as hashed."""

    due_ns: int
    nonce: int
    version: int
    frame: bytes


class ProofSource:
    """The candidates of one piece of work, hashed slice by slice of real time.

    Within a slice all chips, cores and versions come before the next slice begins, so what is due first is
    found first, to within a slice. `hashes` counts the candidates.
    """

    def __init__(self, work: Work, scale: Scale, model: ChipModel) -> None:
        self.hashes = 0
        self.horizon_ns = min(sweep.start_ns for sweep in work.sweeps)
        """Everything due before was hashed."""
        self.start_ns = self.horizon_ns
        self._work = work
        self._scale = scale
        self._model = model
        self._cursors = [_Cursor(sweep) for sweep in work.sweeps]

    @property
    def asked_hashes_per_s(self) -> float:
        """Candidates that come due in a second of real time."""
        clocks = sum(sweep.settings.frequency_hz for sweep in self._work.sweeps)
        return clocks * self._scale.cores * self._scale.subcores / self._scale.time_scale

    @property
    def scans_per_slice(self) -> int:
        return len(self._cursors) * self._scale.cores * self._scale.subcores

    def advance(self, until_ns: int, scan: Scan, abandoned: Callable[[], bool]) -> list[Proof] | None:
        """Proofs due from the horizon to `until_ns`, by due time; None when `abandoned` came true."""
        proofs: list[Proof] = []
        for index, cursor in enumerate(self._cursors):
            for batch, first, stop in cursor.ranges(until_ns):
                for version_bits in cursor.sweep.settings.versions(batch, self._scale.subcores):
                    for core in range(self._scale.cores):
                        if abandoned():
                            return None
                        proofs += self._scan(index, batch, version_bits, core, (first, stop), scan)
        self.horizon_ns = until_ns
        proofs.sort(key=lambda proof: proof.due_ns)
        return proofs

    def _scan(
        self, index: int, batch: int, version_bits: int, core: int, positions: tuple[int, int], scan: Scan
    ) -> Iterator[Proof]:
        sweep = self._work.sweeps[index]
        header = header_of(self._work.job, 0, version_bits)
        threshold = self._scale.zero_bits + sweep.settings.ticket_bits
        target = target_from_zero_bits(threshold)
        for first, counter, count in _runs(sweep.address << _ADDRESS_SHIFT, positions):
            self.hashes += count
            start = core << _CORE_SHIFT | counter
            for word in scan(header, start, count, target).tolist():
                yield self._proof(
                    index, sweep.due_ns(batch, first + word - start), version_bits, word, threshold
                )

    def _proof(self, index: int, due_ns: int, version_bits: int, word: int, threshold: int) -> Proof:
        job, short = self._work.job, self._work.response_sizes[index] == SHORT_RESPONSE
        nonce = int.from_bytes(word.to_bytes(4, "big"), "little")
        zero_bits = 256 - hash_value(header_of(job, nonce, version_bits)).bit_length()
        response = NonceResponse(
            nonce=nonce,
            midstate_or_excess=min(zero_bits - threshold, _EXCESS_MAX),
            header=job.job_header & self._model.job_id_mask | version_bits & self._model.subcore_mask,
            version_bits=version_bits,
        )
        frame = encode(response, self._model, short=short)
        return Proof(due_ns, nonce, rolled_version(job.version, version_bits), frame)


class _Cursor:
    """How far one chip's sweep has been hashed."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self._batch = sweep.start_batch
        self._position = sweep.first_position(self._batch)

    def ranges(self, until_ns: int) -> Iterator[tuple[int, int, int]]:
        """(batch, first position, stop position) of what is due before `until_ns` and was not given yet."""
        while True:
            stop = self.sweep.position_at(self._batch, until_ns)
            if stop > self._position:
                yield self._batch, self._position, stop
                self._position = stop
            if stop < self.sweep.stop_position(self._batch):
                return
            self._batch, self._position = self._batch + 1, 0


def _runs(start: int, positions: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """(position, counter, count) of a range of positions, cut where the counter wraps."""
    position, stop = positions
    while position < stop:
        counter = (start + position) % COUNTER_SIZE
        count = min(stop - position, COUNTER_SIZE - counter)
        yield position, counter, count
        position += count
