"""Arrival times as the analyses take them: in order, by segment, with what is known of the stamps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asicrc.analysis.intervals import ordered_stamps
from asicrc.analysis.stamp_quantum import stamp_quantum_s
from asicrc.evidence.block_bootstrap import Floats

Stamps = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EventStream:
    """Stamps in ns, ascending within each segment. No interval crosses a segment.

    `quantum_s` is the step of the stamps and `floor_s` the spread (rms, upper end) of what lies between an
    event and its stamp; None where they are not known. `problems` are reasons why the record as a whole
    cannot be asked anything, by a short name each. `backward` counts stamps that were earlier than the one
    before them in the order of the source, and were put in order here.
    """

    t_ns: Stamps
    segment: Stamps
    quantum_s: float | None = None
    floor_s: float | None = None
    backward: int = 0
    problems: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        t_ns: ArrayLike,
        segment: ArrayLike | None = None,
        *,
        sort: bool = False,
        quantum_s: float | None = None,
        floor_s: float | None = None,
        problems: dict[str, str] | None = None,
    ) -> EventStream:
        """`sort` is for imports, whose files promise no order. A step of the stamps that is not stated is
        looked for in them. Raises NoAnswer for missing or unordered stamps, ValueError for arrays that do not
        fit."""
        given = np.asarray(t_ns)
        t, s = ordered_stamps(given, segment, sort)
        earlier = np.diff(given) < 0
        if segment is not None:
            earlier &= np.diff(np.asarray(segment)) == 0
        return cls(
            t,
            s,
            stamp_quantum_s(t) if quantum_s is None else quantum_s,
            floor_s,
            int(np.count_nonzero(earlier)),
            dict(problems or {}),
        )

    @property
    def n(self) -> int:
        """Events."""
        return len(self.t_ns)

    @property
    def intervals_s(self) -> Floats:
        """All intervals within segments, s."""
        steps: Floats = np.diff(self.t_ns)[self.segment[1:] == self.segment[:-1]] / 1e9
        return steps

    def pieces_s(self) -> Iterator[Floats]:
        """Times of the events of each segment, s since its first."""
        edges = np.flatnonzero(np.diff(self.segment)) + 1
        for piece in np.split(self.t_ns, edges):
            if len(piece):
                yield (piece - piece[0]) / 1e9

    @property
    def longest_s(self) -> Floats:
        """Times of the segment with the most events, s since its first."""
        return max(self.pieces_s(), key=len, default=np.empty(0))

    @property
    def duration_s(self) -> float:
        """Length of all segments together, from first to last event."""
        return float(sum(piece[-1] for piece in self.pieces_s()))
