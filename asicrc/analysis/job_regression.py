"""Slopes and means of residuals whose errors may be shared by the events of one job.

The load of a job is stamped once, so its error is common to all events of the job. Treating these as
independent would make every interval too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from asicrc.analysis.block_bootstrap import Floats
from asicrc.evidence import Estimate

_DETERMINED = 1e-9  # share of a regressor's variance below which the nuisance terms already tell it


@dataclass(frozen=True, slots=True)
class Slope:
    value: float
    se: float
    df: int
    n: int
    span: float
    """Range of the regressor that the nuisance terms leave."""
    method: str

    @property
    def p_value(self) -> float:
        if self.se == 0:
            return 1.0 if self.value == 0 else 0.0
        return float(2 * stats.t.sf(abs(self.value) / self.se, self.df))

    def estimate(self) -> Estimate:
        half = float(stats.t.ppf(0.975, self.df)) * self.se
        return Estimate(self.value, self.value - half, self.value + half, self.n, method=self.method)


def fit_slope(y: Floats, z: Floats, nuisance: Floats | None, job: NDArray[np.int64] | None) -> Slope | None:
    """Least-squares slope of y on z, with an intercept and the columns of `nuisance` taken out.

    One job: ordinary least squares. Two or more events a job: an intercept for each job, which takes out
    what its events share. More jobs than that: one intercept and a sandwich that is summed over jobs (CR1,
    Cameron and Miller 2015). None where z is determined by the rest, or where fewer than 3 degrees of
    freedom are left.
    """
    n = len(y)
    groups, member = _groups(n, job)
    within = 1 < groups <= n / 2
    columns = np.column_stack([y, z] if nuisance is None else [y, z, nuisance]).astype(float)
    spread = float(np.var(z))
    columns = _centred(columns, member if within else np.zeros(n, np.int64))
    rest = columns[:, 2:]
    if rest.shape[1]:
        scale = np.sqrt((rest**2).sum(axis=0))
        rest = rest[:, scale > 0] / scale[scale > 0]
        columns[:, :2] -= rest @ np.linalg.lstsq(rest, columns[:, :2], rcond=None)[0]
    y_left, z_left = columns[:, 0], columns[:, 1]
    weight = float(z_left @ z_left)
    parameters = rest.shape[1] + 1 + (groups if within else 1)
    clustered = groups > 1 and not within
    df = groups - 1 if clustered else n - parameters
    if df < 3 or weight <= _DETERMINED * spread * n:
        return None
    value = float(z_left @ y_left) / weight
    error = y_left - value * z_left
    if clustered:
        scores = np.bincount(member, z_left * error, groups)
        small = groups / (groups - 1) * (n - 1) / (n - parameters)
        variance = small * float(scores @ scores) / weight**2
        method = f"least squares, sandwich over {groups} jobs"
    else:
        variance = float(error @ error) / df / weight
        method = f"least squares, an intercept for each of {groups} jobs" if within else "least squares"
    return Slope(value, float(np.sqrt(variance)), df, n, float(np.ptp(z_left)), method)


def mean_over_jobs(y: Floats, job: NDArray[np.int64] | None) -> Estimate:
    """Mean of all events. With more than one job its interval is a jackknife that leaves out whole jobs.

    Bell and McCaffrey 2002 (CR3): with few jobs of unequal size a plain sandwich is too narrow.
    """
    n = len(y)
    groups, member = _groups(n, job)
    mean = float(y.mean())
    unit = member if groups > 1 else np.arange(n)
    sums, sizes = np.bincount(unit, y - mean), np.bincount(unit)
    units = len(sums)
    moved = sums / (n - sizes)
    se = float(np.sqrt((units - 1) / units * (moved @ moved)))
    half = float(stats.t.ppf(0.975, units - 1)) * se
    method = "mean, t interval" if groups == 1 else f"mean, jackknife over {groups} jobs"
    return Estimate(mean, mean - half, mean + half, n, method=method)


def _groups(n: int, job: NDArray[np.int64] | None) -> tuple[int, NDArray[np.int64]]:
    if job is None:
        return 1, np.zeros(n, np.int64)
    jobs, member = np.unique(job, return_inverse=True)
    return len(jobs), member.astype(np.int64)


def _centred(columns: Floats, member: NDArray[np.int64]) -> Floats:
    counts = np.bincount(member)
    means = np.stack([np.bincount(member, column) / counts for column in columns.T], axis=1)
    centred: Floats = columns - means[member]
    return centred
