"""Intervals from leaving out one block of time after the other (Kuensch 1989).

Blocks keep the dependence between neighbouring steps, and whatever was estimated from the same steps is
estimated anew without each.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from asicrc.evidence.estimate import Estimate

Floats = NDArray[np.float64]

BLOCKS = 20


def time_blocks(n: int, count: int = BLOCKS, start: int = 0) -> list[slice]:
    """`start` to `start + n` in `count` parts of about the same length."""
    edges = start + np.linspace(0, n, count + 1).astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]


def jackknife_estimate(value: float, left_out: Floats, n: int) -> Estimate:
    """`value` of `n` steps with its 95 % interval, from the (blocks,) values with one block left out."""
    blocks = len(left_out)
    se = float(np.sqrt((blocks - 1) / blocks * np.sum((left_out - left_out.mean()) ** 2)))
    half = float(stats.t.ppf(0.975, blocks - 1)) * se
    return Estimate(value, value - half, value + half, n, method=f"jackknife over {blocks} blocks of time")
