"""How far two profiles lie apart, in units of their own errors.

The sum of the squared differences over their variances is chi-squared with as many degrees of freedom as
numbers compared, where both are of the same device and the errors are as stated; one less for each group of
which the common level is taken out. The score is the normal quantile of it (Wilson and Hilferty 1931): about
0 +- 1 for the same device, whatever was compared, and larger for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from asicrc.analysis.fingerprint.groups import GROUPS, VIEWS, WITH_PPM, WITHOUT_PPM, Floats, Group

FALSE_REJECTS = 0.01
"""By design: of a device that is itself, this share lies beyond the threshold."""
THRESHOLD = float(stats.norm.isf(FALSE_REJECTS))


@dataclass(frozen=True, slots=True, eq=False)
class ChiSquared:
    """One sum and its degrees of freedom for each profile that was compared."""

    chi2: Floats
    df: Floats

    def __add__(self, other: ChiSquared) -> ChiSquared:
        return ChiSquared(self.chi2 + other.chi2, self.df + other.df)

    @property
    def score(self) -> Floats:
        """NaN where nothing could be compared."""
        with np.errstate(divide="ignore", invalid="ignore"):
            small = 2 / (9 * self.df)
            score: Floats = (np.cbrt(self.chi2 / self.df) - (1 - small)) / np.sqrt(small)
        return np.where(self.df > 0, score, np.nan)


def chi_squared(
    value: Floats, variance: Floats, values: Floats, variances: Floats, contrast: bool
) -> ChiSquared:
    """One profile (K,) against others (S, K). An infinite variance stands for a number that is not known."""
    with np.errstate(invalid="ignore"):
        weight = 1 / (variance + variances)
        difference = np.where(weight > 0, values - value, 0.0)
    total = weight.sum(axis=1)
    chi2 = (weight * difference**2).sum(axis=1)
    df = (weight > 0).sum(axis=1).astype(float)
    if contrast:
        moment = (weight * difference).sum(axis=1)
        chi2 = chi2 - np.divide(moment**2, total, out=np.zeros(len(total)), where=total > 0)
        df = df - 1
    alone = df <= 0
    return ChiSquared(np.where(alone, 0.0, np.maximum(chi2, 0.0)), np.where(alone, 0.0, df))


def aligned(groups: Sequence[Group | None]) -> tuple[tuple[str, ...], Floats, Floats]:
    """Names of all groups together, and (S, K) values and variances; infinite where one does not have it."""
    names = tuple(dict.fromkeys(name for group in groups if group is not None for name in group.names))
    place = {name: k for k, name in enumerate(names)}
    values = np.zeros((len(groups), len(names)))
    variances = np.full((len(groups), len(names)), np.inf)
    for row, group in enumerate(groups):
        if group is None:
            continue
        if group.absent is not None:
            values[row], variances[row] = group.absent[0], group.absent[1] ** 2
        at = [place[name] for name in group.names]
        values[row, at], variances[row, at] = group.values, group.errors**2
    return names, values, variances


def compare_view(
    one: Mapping[str, Group],
    others: Sequence[Mapping[str, Group]],
    view: str,
    spread: Mapping[str, float] | None = None,
) -> ChiSquared:
    """One profile against others in a view of `VIEWS`.

    Nothing is compared (no degree of freedom) where the view is of cores and those have nothing in common:
    what is left would be another view.
    """
    found = compare(one, others, VIEWS[view], spread)
    if view not in (WITHOUT_PPM, WITH_PPM):
        return found
    of_cores = compare(one, others, VIEWS[WITHOUT_PPM], spread)
    known = of_cores.df > 0
    return ChiSquared(np.where(known, found.chi2, 0.0), np.where(known, found.df, 0.0))


def compare(
    one: Mapping[str, Group],
    others: Sequence[Mapping[str, Group]],
    names: Iterable[str],
    spread: Mapping[str, float] | None = None,
) -> ChiSquared:
    """The groups `names` of one profile against those of others, as far as both have them.

    `spread` widens the errors of a group.
    """
    total = ChiSquared(np.zeros(len(others)), np.zeros(len(others)))
    for name in names:
        if name not in one or not any(name in other for other in others):
            continue
        _, values, variances = aligned([one[name], *(other.get(name) for other in others)])
        variances = variances * (spread or {}).get(name, 1.0) ** 2
        total = total + chi_squared(values[0], variances[0], values[1:], variances[1:], GROUPS[name].contrast)
    return total
