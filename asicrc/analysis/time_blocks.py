"""Stretches of a capture that may be taken for independent of each other.

What the host does to stamps comes in spells: for some tenths of a second up to some seconds most stamps are
late, and then none. So neighbours in time are not independent, and errors count by the stretch: the interval
of whatever is fitted is a jackknife that leaves out whole stretches (Kuensch 1989), and where these are not
long enough, each has an intercept of its own, so that a spell pulls the slope of no other stretch than those
that it begins and ends in. A t distribution is cautious for few stretches of unlike spread (Ibragimov and
Mueller 2010). A latency that drifts slowly all through one long job cannot be told from the clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.robust_fit import Groups, numbered
from asicrc.evidence.block_bootstrap import Floats

FEWEST, MOST = 8, 24
"""Stretches: fewer would make t intervals wide, and more short against a spell. Few events make fewer."""
SPELL_S = 5.0
"""The longest spell that is reckoned with: what a busy machine, a backup or an update does to a process."""
LONG_S = 1.5
"""Stretches from here on share the intercept of their job: with spells of 0.2 to 5 s, at 100 stamps a second
and about one intercept, the intervals of slopes then hold 95 %; with shorter stretches they fall to 85 %."""


@dataclass(frozen=True, slots=True, eq=False)
class TimeBlocks:
    """For each event the number of its `intercept`, of the `job` and of the `stretch` that it belongs to."""

    intercept: Groups
    job: Groups
    stretch: Groups

    @property
    def jobs(self) -> int:
        return int(self.job.max()) + 1

    @property
    def stretches(self) -> int:
        return int(self.stretch.max()) + 1

    @property
    def loads_stand_out(self) -> bool:
        """Whether the errors of the loads are in the residuals, as all jobs share one intercept.

        Then prompt stamps are none to hold on to: soon after a late load the host is late as well, later no
        more, and how the two add up changes with the time after the load.
        """
        return self.jobs > 1 and int(self.intercept.max()) == 0

    @property
    def described(self) -> str:
        return f"{self.stretches} stretches of time, {int(self.intercept.max()) + 1} intercepts"

    def degrees_of_freedom(self, weight: Floats) -> float:
        """One less than as many stretches as would, of equal `weight`, tell as much (Kish 1965)."""
        by_stretch = np.bincount(self.stretch, weight)
        squares = float(by_stretch @ by_stretch)
        return float(by_stretch.sum()) ** 2 / squares - 1 if squares > 0 else 0.0


def time_blocks(after_load_s: Floats, job: NDArray[np.int64] | None, *, fewest: int = FEWEST) -> TimeBlocks:
    """Blocks of events that are due `after_load_s` after the load of their `job`; None: all of one job.

    Jobs are numbered in the order of their loads. A job is a stretch, or, where there are less than `fewest`,
    cut into stretches of equally many events, two at least; where there are many, neighbours are one stretch.
    With more jobs than half of the events all share one intercept.
    """
    n = len(after_load_s)
    jobs = np.zeros(n, np.int64) if job is None else numbered(job)
    piece = _pieces(after_load_s, jobs, fewest)
    if int(jobs.max()) + 1 > n / 2:
        intercept = np.zeros(n, np.int64)
    else:
        intercept = piece if _middle_length_s(after_load_s, piece) < LONG_S else jobs
    pieces = int(piece.max()) + 1
    stretch = piece if pieces <= MOST else piece * MOST // pieces
    return TimeBlocks(intercept=intercept, job=jobs, stretch=stretch)


def _pieces(after_load_s: Floats, jobs: Groups, fewest: int) -> Groups:
    """Jobs, the larger of them cut so that there are `fewest` pieces in all."""
    n, size = len(jobs), np.bincount(jobs)
    held = max(2.0, n / fewest)
    cuts = np.clip(np.round(size / held).astype(np.int64), 1, np.maximum(1, size // 2))
    order = np.lexsort((after_load_s, jobs))
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    rank -= (np.cumsum(size) - size)[jobs]
    return numbered((np.cumsum(cuts) - cuts)[jobs] + rank * cuts[jobs] // size[jobs])


def _middle_length_s(after_load_s: Floats, piece: Groups) -> float:
    low = np.full(int(piece.max()) + 1, np.inf)
    high = -low
    np.minimum.at(low, piece, after_load_s)
    np.maximum.at(high, piece, after_load_s)
    return float(np.median(high - low))
