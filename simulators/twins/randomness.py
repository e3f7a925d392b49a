"""What is random of each candidate of a twin, drawn in blocks and given out in order.

Every kind of chance has a stream of its own. So the n-th candidate has the same luck however the time is cut
into reads, and switching one effect or confound on changes nothing in the draws of another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK = 4096
_KINDS: Mapping[str, Callable[[np.random.Generator, int], NDArray[Any]]] = {
    "wait": lambda generator, n: generator.standard_exponential(n),
    "jitter": lambda generator, n: generator.standard_normal(n),
    "bits": lambda generator, n: generator.integers(0, 1 << 64, n, np.uint64),
    "luck": lambda generator, n: generator.random(n),
    "thinning": lambda generator, n: generator.random(n),
    "tail": lambda generator, n: generator.random(n),
    "loss": lambda generator, n: generator.random(n),
    "beacon": lambda generator, n: generator.random(n),
}
"""What is drawn for each candidate: the unit exponential wait before it; a normal delay; 64 bits of its
nonce; uniform numbers for its hash, for the modulation of the rate, for the tail of its delay, for its loss,
and for whether it waits for a beacon."""
_OTHER = ("phases", "physics", "pick_up", "floor", "wrong")
"""Streams that do not go by candidates."""


def point_seed(seed: int, key: Iterable[int]) -> np.random.SeedSequence:
    """Of a twin of this seed at a point: children are independent of those of any other seed or key."""
    return np.random.SeedSequence(seed, spawn_key=tuple(key))


class Streams:
    """Generators by name, each a function of the seed and its name alone."""

    def __init__(self, seed: np.random.SeedSequence) -> None:
        names = (*_KINDS, *_OTHER)
        self._seeds = dict(zip(names, seed.spawn(len(names)), strict=True))

    def generator(self, name: str) -> np.random.Generator:
        """At the beginning of its stream."""
        return np.random.default_rng(self._seeds[name])


class Column:
    """A stream of candidates by their running number; numbers are asked for in ascending order."""

    def __init__(self, streams: Streams, name: str) -> None:
        self._generator = streams.generator(name)
        self._draw = _KINDS[name]
        self._first = 0
        self._held: NDArray[Any] = self._draw(self._generator, BLOCK)

    def take(self, first: int, count: int) -> NDArray[Any]:
        """Draws of the candidates from `first` on; what lies before them is forgotten."""
        start = first - self._first
        missing = start + count - len(self._held)
        if missing > 0:
            more = self._draw(self._generator, -(-missing // BLOCK) * BLOCK)
            self._held = np.concatenate([self._held, more])[start:]
            self._first, start = first, 0
        return self._held[start : start + count]


class CandidateColumns:
    """The columns of a twin; a stream that nobody asks for is not drawn."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._columns: dict[str, Column] = {}

    def take(self, name: str, numbers: NDArray[np.int64], first: int) -> NDArray[Any]:
        """Draws of the candidates `numbers`, which ascend from `first` or later."""
        if not len(numbers):
            return np.empty(0)
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = Column(self._streams, name)
        count = int(numbers[-1]) - first + 1
        drawn = column.take(first, count)
        return drawn if count == len(numbers) else drawn[numbers - first]
