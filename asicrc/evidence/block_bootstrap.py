"""Confidence intervals of dependent series: moving blocks, studentised.

Blocks keep the dependence between neighbours (Kuensch 1989); they wrap round the end of the series so that
every value weighs the same (Politis and Romano 1992). The interval is a bootstrap-t on the logarithm of the
statistic, whose standard error comes from the block sums of its linearisation, in the data and again in
every replicate (Davison and Hinkley 1997, sections 5.2 and 8.2): a plain percentile interval of a CV is too
narrow at the lengths that miners give.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from asicrc.errors import NoAnswer
from asicrc.evidence.estimate import Estimate

Floats = NDArray[np.float64]

_ROUNDING = 1e-13
"""Relative standard error that the rounding of 64-bit floats alone leaves in a series that does not vary."""
_CHUNK = 4_000_000  # block sums that are gathered at once: 32 MB a moment


def block_length(n: int) -> int:
    """n^(1/3), rounded up: the rate that minimises the error of a variance (Hall, Horowitz, Jing 1995)."""
    return max(1, int(np.ceil(np.cbrt(n) - 1e-9)))


def block_bootstrap_interval(
    moments: Floats,
    statistic: Callable[[Floats], Floats],
    gradient: Callable[[Floats], Floats],
    rng: np.random.Generator,
    *,
    replicates: int = 999,
    level: float = 0.95,
    length: int | None = None,
) -> Estimate:
    """Estimate a positive function of mean moments, with its interval.

    Parameters
    ----------
    moments : (n, k) array, the series of which the means are taken
    statistic : (..., k) means -> (...) values, above 0
    gradient : (..., k) means -> (..., k) derivatives of `statistic`
    length : of the blocks, values; None: `block_length`

    A series that does not vary gives an interval without width. Raises ValueError for a statistic that is
    not above 0, NoAnswer where all but a few values are equal.
    """
    n = len(moments)
    if length is None:
        length = block_length(n)
    blocks = n // length
    method = f"log bootstrap-t, {replicates} circular moving-block replicates, block length {length}"
    means = moments.mean(axis=0)
    value = float(statistic(means))
    if not value > 0:
        raise ValueError(f"the statistic is {value}; this interval is for positive ones")

    sums = _block_sums(moments - means, length)
    log_gradient = gradient(means) / value
    se = float(np.sqrt(np.mean((sums @ log_gradient) ** 2) / (length * n)))
    if se <= _ROUNDING:
        return Estimate(value, value, value, n, level, method=method)

    t = np.empty(replicates)
    step = max(1, _CHUNK // blocks)
    for first in range(0, replicates, step):
        part = slice(first, min(first + step, replicates))
        chosen = sums[rng.integers(0, n, (part.stop - part.start, blocks))]
        t[part] = _studentised(chosen, means, length, value, statistic, gradient)
    tail = (1 - level) / 2
    finite = t[np.isfinite(t)]
    if not len(finite):
        raise NoAnswer(
            f"no resampling of the {n} values varies: they are equal but for single ones",
            "capture for longer; look at the stamps themselves",
        )
    # Beyond the range of a float the end is open: infinity, which is printed as such and null in JSON.
    with np.errstate(over="ignore"):
        low, high = value * np.exp(-se * np.quantile(finite, [1 - tail, tail]))
    return Estimate(value, float(low), float(high), n, level, method=method)


def _studentised(
    chosen: Floats,
    means: Floats,
    length: int,
    value: float,
    statistic: Callable[[Floats], Floats],
    gradient: Callable[[Floats], Floats],
) -> Floats:
    """t of each replicate, not finite where it has none.

    `chosen` is (replicates, blocks, k), sums of deviations from `means`.
    """
    blocks = chosen.shape[1]
    shift = chosen.mean(axis=1) / length
    replica_means = means + shift
    # A replicate without any spread has no t, and its gradient overflows on the way to finding that out.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        replica_values = np.maximum(statistic(replica_means), np.finfo(float).tiny)
        log_gradient = gradient(replica_means) / replica_values[:, None]
        spread = np.einsum("rbk,rk->rb", chosen - shift[:, None, :] * length, log_gradient)
        # n / blocks turns the variance over this many drawn blocks into that of a whole series
        se = np.sqrt(np.mean(spread**2, axis=1) / (length**2 * blocks))
        t: Floats = np.log(replica_values / value) / se
    return t


def _block_sums(centred: Floats, length: int) -> Floats:
    """Sums over every wrapped block of `length`; row i begins at value i."""
    wrapped = np.concatenate([centred, centred[: length - 1]])
    cumulated = np.concatenate([np.zeros((1, centred.shape[1])), np.cumsum(wrapped, axis=0)])
    sums: Floats = cumulated[length:] - cumulated[:-length]
    return sums
