"""Proofs of work of a chain in the order of time: candidates are really hashed, none is made up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.bitcoin import target_from_zero_bits
from firmware_protocols.bm13xx import FullJob, NonceResponse, encode
from firmware_protocols.bm13xx.models import ChipModel
from simulators.bm13xx.chain import Work
from simulators.bm13xx.chip import SHORT_RESPONSE
from simulators.bm13xx.results import Engine, blocks_of, response_to
from simulators.bm13xx.scale import Scale
from simulators.bm13xx.silicon import SILICON
from simulators.bm13xx.sweep import COUNTER_SIZE, Cursor, Order

_CORE_SHIFT = 25
_CORE_BITS = 7


@dataclass(frozen=True, slots=True)
class Proof:
    """One result: when the chip reaches it, and its frame.

    `version` is as hashed; a chip that was given midstates does not know it, and has the midstate's number.
    """

    due_ns: int
    nonce: int
    version: int
    frame: bytes
    core: int
    variant: int
    response: NonceResponse


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
        self.blocks = blocks_of(work.job)
        self._work = work
        self._scale = scale
        self._model = model
        self._silicon = SILICON[model.name.lower()]
        self._groups = _groups(work.sweeps, scale.cores)
        self._solutions: Counter[int] = Counter()

    @property
    def asked_hashes_per_s(self) -> float:
        """Candidates that come due in a second of real time, while there are any."""
        together = 1 if self._silicon.midstates_in_turn else self._together
        return sum(group.cores_hz for group in self._groups) * together / self._scale.time_scale

    @property
    def scans_per_slice(self) -> int:
        return len(self._groups) * self._together

    @property
    def exhausted(self) -> bool:
        """Whether every candidate was hashed, and none will come again."""
        return all(group.cursor.ended for group in self._groups)

    def advance(self, until_ns: int, engine: Engine, abandoned: Callable[[], bool]) -> list[Proof] | None:
        """Proofs due from the horizon to `until_ns`, by due time; None when `abandoned` came true."""
        found: list[tuple[int, _Found]] = []
        for group in self._groups:
            for batch, first, stop in group.cursor.ranges(until_ns):
                for variant in self._variants(group, batch):
                    for run in group.runs(first, stop):
                        if abandoned():
                            return None
                        found += self._scan(group, batch, variant, run, engine)
        self.horizon_ns = until_ns
        found.sort(key=lambda one: one[0])
        return [self._proof(due_ns, hit) for due_ns, hit in found]

    def pass_over(self, until_ns: int) -> None:
        """From the horizon to `until_ns` nothing is hashed: of chips that stand still in their order."""
        for group in self._groups:
            for _ in group.cursor.ranges(until_ns):
                pass
        self.horizon_ns = until_ns

    def altered(self, proof: Proof, nonce: int) -> Proof:
        """The same result with another nonce, whatever that one hashes to."""
        response = replace(proof.response, nonce=nonce)
        frame = encode(response, self._model, short=len(proof.frame) == SHORT_RESPONSE)
        return replace(proof, nonce=nonce, response=response, frame=frame)

    @property
    def _together(self) -> int:
        """Versions or midstates of one scan of the cores."""
        if isinstance(self._work.job, FullJob):
            return self._scale.subcores
        return len(self._work.job.midstates)

    def _variants(self, group: _Group, batch: int) -> Sequence[int]:
        if isinstance(self._work.job, FullJob):
            return group.order.settings.versions(batch, self._scale.subcores)
        return (batch,) if self._silicon.midstates_in_turn else range(len(self._work.job.midstates))

    def _scan(
        self, group: _Group, batch: int, variant: int, run: _Run, engine: Engine
    ) -> Iterator[tuple[int, _Found]]:
        threshold = self._scale.zero_bits + group.order.settings.ticket_bits
        starts, step = self._words(run.counters, group.cores)
        self.hashes += starts.size * run.count
        numbers, words = self.blocks.search(
            engine, variant, starts, run.count, target_from_zero_bits(threshold), step
        )
        for number, word in zip(numbers.tolist(), words.tolist(), strict=True):
            chip, core = divmod(number, group.cores)
            position = run.position + (word - int(starts[number])) // step
            yield (
                group.order.due_ns(batch, position),
                _Found(group.chips[chip], core, variant, word, threshold),
            )

    def _words(self, counters: NDArray[np.int64], cores: int) -> tuple[NDArray[np.int64], int]:
        """Big-endian nonce words at which the cores of chips with these counters stand, and their step."""
        core = np.arange(cores)
        if self._silicon.core_in_low_bits:
            return (counters[:, None] << _CORE_BITS | core).ravel(), 1 << _CORE_BITS
        return (core << _CORE_SHIFT | counters[:, None]).ravel(), 1

    def _proof(self, due_ns: int, hit: _Found) -> Proof:
        nonce = int.from_bytes(hit.word.to_bytes(4, "big"), "little")
        response = response_to(
            self._silicon,
            self._work.job,
            variant=hit.variant,
            nonce=nonce,
            hash_value=self.blocks.hash_value(hit.variant, nonce),
            threshold=hit.threshold,
            solution=self._solutions[hit.chip],
        )
        self._solutions[hit.chip] += 1
        short = self._work.response_sizes[hit.chip] == SHORT_RESPONSE
        frame = encode(response, self._model, short=short)
        version = self.blocks.version(hit.variant)
        return Proof(due_ns, nonce, version, frame, hit.core, hit.variant, response)


class _Found(NamedTuple):
    chip: int
    """Number among the work's sweeps."""
    core: int
    variant: int
    word: int
    threshold: int


@dataclass(frozen=True, slots=True)
class _Run:
    """Positions from `position` on over which no chip's counter wraps."""

    position: int
    count: int
    counters: NDArray[np.int64]
    """Of each chip of the group, at the first of them."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Chips that do the same at the same time, each from its own start of the counter."""

    order: Order
    cursor: Cursor
    chips: tuple[int, ...]
    starts: NDArray[np.int64]
    cores: int

    @property
    def cores_hz(self) -> float:
        """Clocks a second of all cores together."""
        return len(self.chips) * self.cores * self.order.settings.frequency_hz

    def runs(self, first: int, stop: int) -> Iterator[_Run]:
        """The positions from `first` to `stop`, cut where the counter of a chip wraps."""
        wraps = (COUNTER_SIZE - self.starts) % COUNTER_SIZE
        cuts = [first, *np.unique(wraps[(wraps > first) & (wraps < stop)]).tolist(), stop]
        for position, end in pairwise(cuts):
            yield _Run(position, end - position, (self.starts + position) % COUNTER_SIZE)


def _groups(orders: Sequence[Order], cores: int) -> list[_Group]:
    alike: dict[Order, list[int]] = {}
    for index, order in enumerate(orders):
        alike.setdefault(order.counting_from(0), []).append(index)
    return [
        _Group(
            order=order,
            cursor=order.cursor(),
            chips=tuple(chips),
            starts=np.array([orders[chip].start_counter for chip in chips], np.int64),
            cores=min(cores, order.settings.cores),
        )
        for order, chips in alike.items()
    ]
