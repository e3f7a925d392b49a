"""What is random of each candidate of a twin, drawn in blocks and given out in order.

Every kind of chance has a stream of its own. So the n-th candidate has the same luck however the time is cut
into reads, and switching one effect or confound on changes nothing in the draws of another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK = 4096
STREAMS = ("wait", "luck", "bits", "thinning", "jitter", "tail", "loss", "invalid")
"""Of each candidate: unit exponential wait before it; uniforms for its hash, for the modulation of the rate,
for the tail of its delay, for loss and for an error of the chip; 64 random bits; a normal delay."""


def point_seed(seed: int, key: Iterable[int]) -> np.random.SeedSequence:
    """Of a twin of this seed at a point: children are independent of those of any other seed or key."""
    return np.random.SeedSequence(seed, spawn_key=tuple(key))


class Streams:
    """Named generators that depend on the seed and on their own name alone."""

    def __init__(self, seed: np.random.SeedSequence) -> None:
        self._children = dict(zip((*STREAMS, "phases", "physics"), seed.spawn(len(STREAMS) + 2), strict=True))
        self._generators: dict[str, np.random.Generator] = {}

    def __getitem__(self, name: str) -> np.random.Generator:
        if name not in self._generators:
            self._generators[name] = np.random.default_rng(self._children[name])
        return self._generators[name]

    def block(self, name: str, n: int = BLOCK) -> NDArray[Any]:
        """The next `n` draws of a stream of candidates."""
        generator = self[name]
        match name:
            case "wait":
                return generator.standard_exponential(n)
            case "jitter":
                return generator.standard_normal(n)
            case "bits":
                return generator.integers(0, 1 << 64, n, np.uint64)
        return generator.random(n)


class Column:
    """One stream by the running number of the candidate; numbers are asked for in ascending order."""

    def __init__(self, streams: Streams, name: str) -> None:
        self._streams, self._name = streams, name
        self._first = 0
        self._held = streams.block(name)

    def take(self, first: int, count: int) -> NDArray[Any]:
        """Draws of the candidates from `first` on; what lies before them is forgotten."""
        start = first - self._first
        missing = start + count - len(self._held)
        if missing > 0:
            more = [self._streams.block(self._name) for _ in range(-(-missing // BLOCK))]
            self._held = np.concatenate([self._held, *more])[start:]
            self._first, start = first, 0
        return self._held[start : start + count]


class CandidateColumns:
    """The draws of the candidates by stream and number; a stream that nobody asks for is not drawn."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._columns: dict[str, Column] = {}

    def take(self, name: str, first: int, count: int) -> NDArray[Any]:
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = Column(self._streams, name)
        return column.take(first, count)
