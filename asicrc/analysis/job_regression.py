"""Slopes and means of delays whose errors are shared: by the events of one job, and by neighbours in time.

The load of a job is stamped once, so its error is common to all events of the job, and a busy host makes
whole stretches late. Treating these as independent would make every interval too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from asicrc.analysis.robust_fit import Groups
from asicrc.analysis.robust_slopes import RobustSlopes, robust_slopes, slopes_left_out
from asicrc.analysis.time_blocks import MOST, TimeBlocks
from asicrc.evidence import Estimate
from asicrc.evidence.block_bootstrap import Floats

_DETERMINED = 1e-9  # share of a regressor's variance below which the nuisance terms already tell it


@dataclass(frozen=True, slots=True)
class Slope:
    value: float
    se: float
    df: float
    n: int
    span: float
    """Range of the regressor that the nuisance terms leave."""
    scale: float
    """Spread of the prompt stamps about the fit, as the sigma of a normal law."""
    method: str

    @property
    def p_value(self) -> float:
        if self.se == 0:
            return 1.0 if self.value == 0 else 0.0
        return float(2 * stats.t.sf(abs(self.value) / self.se, self.df))

    def estimate(self) -> Estimate:
        half = float(stats.t.ppf(0.975, self.df)) * self.se
        return Estimate(self.value, self.value - half, self.value + half, self.n, method=self.method)


def fit_slope(y: Floats, z: Floats, nuisance: Floats | None, blocks: TimeBlocks) -> Slope | None:
    """Slope of y on z at the prompt stamps (`robust_slopes`), the columns of `nuisance` taken out.

    Of all stamps where the loads stand out, and where the prompt ones lie in too few stretches. The standard
    error is that of a jackknife over the stretches of `blocks`, with the degrees of freedom of as many of
    them as share what there is to learn. None where z is determined by the rest, and where a single stretch
    tells it all.
    """
    x = z[:, None] if nuisance is None else np.column_stack([z, nuisance])
    centred = _centred(x.astype(float), blocks.intercept)
    varies = np.any(centred != 0, axis=0)
    z_left = _without(centred[:, 0], centred[:, 1:][:, varies[1:]])
    if float(z_left @ z_left) <= _DETERMINED * float(np.var(z)) * len(z):
        return None
    x = x[:, varies]
    fitted = None if blocks.loads_stand_out else _fitted(y, x, z_left, blocks, prompt=True)
    fitted = fitted or _fitted(y, x, z_left, blocks, prompt=False)
    if fitted is None:
        return None
    whole, without, df = fitted
    spread = without - without.mean()
    k, which = len(without), "the prompt" if whole.prompt else "all"
    return Slope(
        value=float(whole.slopes[0]),
        se=float(np.sqrt((k - 1) / k * (spread @ spread))),
        df=df,
        n=len(y),
        span=float(np.ptp(z_left)),
        scale=whole.scale,
        method=f"regression on {which} stamps, jackknife over {blocks.described}",
    )


def _fitted(
    y: Floats, x: Floats, z_left: Floats, blocks: TimeBlocks, *, prompt: bool
) -> tuple[RobustSlopes, Floats, float] | None:
    """The fit, the first slope without each stretch, and the degrees of freedom; None where it is none."""
    try:
        whole = robust_slopes(y, x, blocks.intercept, prompt=prompt)
        df = blocks.degrees_of_freedom(whole.weights * z_left**2)
        if df < 1:
            return None
        return whole, slopes_left_out(y, x, blocks.intercept, whole, blocks.stretch)[:, 0], df
    except ValueError:
        return None


def mean_over_blocks(y: Floats, blocks: TimeBlocks) -> Estimate:
    """Mean of all events. Its interval is a jackknife that leaves out jobs, or stretches of a single job.

    Bell and McCaffrey 2002 (CR3): with few jobs of unequal size a plain sandwich is too narrow.
    """
    n, jobs = len(y), blocks.jobs
    if jobs == 1:
        unit, units_are = blocks.stretch, "stretches of time"
    elif jobs <= MOST:
        unit, units_are = blocks.job, "jobs"
    else:
        unit, units_are = blocks.job * MOST // jobs, "groups of jobs"
    mean = float(y.mean())
    sums, sizes = np.bincount(unit, y - mean), np.bincount(unit)
    units = len(sums)
    moved = sums / (n - sizes)
    se = float(np.sqrt((units - 1) / units * (moved @ moved)))
    half = float(stats.t.ppf(0.975, units - 1)) * se
    return Estimate(mean, mean - half, mean + half, n, method=f"mean, jackknife over {units} {units_are}")


def _centred(columns: Floats, group: Groups) -> Floats:
    counts = np.bincount(group)
    means = np.stack([np.bincount(group, column) / counts for column in columns.T], axis=1)
    centred: Floats = columns - means[group]
    return centred


def _without(column: Floats, rest: Floats) -> Floats:
    """What is left of a column once the others, none of them 0, are taken out."""
    if not rest.shape[1]:
        return column
    unit = rest / np.sqrt((rest**2).sum(axis=0))
    left: Floats = column - unit @ np.linalg.lstsq(unit, column, rcond=None)[0]
    return left
