"""How fast two runs of the same work went: the hash clock and the crystal, each against the other run's.

A nonce comes at load + b T + p / f: whole batches of T, which is counted in cycles of the 25 MHz crystal, and
its place p within the batch on the hash clock f. Both runs are fitted to this over the same nonces; what the
fits share (a place in the scan that is reached later than thought) cancels in their ratio.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from asicrc.analysis.robust_fit import Groups
from asicrc.analysis.robust_slopes import RobustSlopes, robust_slopes, slopes_left_out
from asicrc.analysis.time_blocks import TimeBlocks, time_blocks
from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate
from asicrc.evidence.block_bootstrap import Floats

MIN_PAIRS = 40
_TOO_FEW = "the clocks hang on too few pairs: without some of them they cannot be fitted"
_BATCH, _PLACE = 0, -1  # columns of the regression; without batches there is one


@dataclass(frozen=True, slots=True, eq=False)
class RunTimes:
    """One run's times of `n` nonces, host seconds: after load, and what its settings make of batch and place.

    `batch_s` is b T and `place_s` p / f at the nominal clocks, both at the host's scale.
    """

    after_load_s: Floats
    batch_s: Floats
    place_s: Floats
    frequency_hz: float


@dataclass(frozen=True, slots=True, eq=False)
class ClockFit:
    """Both runs fitted. `fitted_a_s` and `fitted_b_s` are the times after load that the fitted clocks give
    each nonce, the offsets of the stretches of `blocks` apart."""

    a: RunTimes
    b: RunTimes
    blocks: TimeBlocks
    with_batches: bool
    fit_a: RobustSlopes
    fit_b: RobustSlopes

    @property
    def fitted_a_s(self) -> Floats:
        return _columns(self.a, self.with_batches) @ self.fit_a.slopes

    @property
    def fitted_b_s(self) -> Floats:
        return _columns(self.b, self.with_batches) @ self.fit_b.slopes


@dataclass(frozen=True, slots=True)
class ClockRatio:
    """B against A. `crystal_ppm` is above 0 where the crystal runs faster in B; it is None, for the reason in
    `crystal_unanswered`, where no job reached a second batch."""

    hash_clock_ratio: Estimate
    stated_ratio: float
    crystal_ppm: Estimate | None
    crystal_unanswered: str | None

    @property
    def off_ppm(self) -> Estimate:
        """By how much the ratio of the hash clocks is off what the settings say."""
        return _ppm(self.hash_clock_ratio.scaled(1 / self.stated_ratio))


def fit_clocks(a: RunTimes, b: RunTimes, job: Groups) -> ClockFit:
    """Robust regression (`robust_slopes`) of both runs; `job` numbers the job of each nonce from 0.

    The intercepts are those of `time_blocks`. Raises NoAnswer for fewer than 40 pairs, for places that do not
    vary, and for times that do not rise with the scan.
    """
    n = len(job)
    if n < MIN_PAIRS:
        raise NoAnswer(f"{n} pairs; the ratio of the clocks needs {MIN_PAIRS}", "capture for longer")
    blocks = time_blocks(a.after_load_s, job)
    group = blocks.intercept
    with_batches = _spans_batches(a, group) and _spans_batches(b, group)
    try:
        prompt = not blocks.loads_stand_out
        fit_a = robust_slopes(a.after_load_s, _columns(a, with_batches), group, prompt=prompt)
        fit_b = robust_slopes(b.after_load_s, _columns(b, with_batches), group, prompt=prompt)
    except ValueError:
        raise NoAnswer(
            f"the {n} pairs lie at too few different places of the scan to fit the clocks",
            "capture for longer, or with fewer jobs",
        ) from None
    if not (np.all(fit_a.slopes > 0) and np.all(fit_b.slopes > 0)):
        raise NoAnswer(
            "the arrivals do not follow the scan order: times fall where they should rise",
            "check that the settings of both captures are those that were set",
        )
    return ClockFit(a, b, blocks, with_batches, fit_a, fit_b)


def clock_ratio(fit: ClockFit) -> ClockRatio:
    """The ratios with their intervals, from a jackknife that leaves out stretches of both runs at once.

    The stretches are those of `time_blocks`. Raises NoAnswer where everything hangs on a few pairs.
    """
    n = len(fit.blocks.job)
    logs = np.log(fit.fit_a.slopes / fit.fit_b.slopes)
    half = _half_widths(fit)
    method = f"robust regression, jackknife over {fit.blocks.described}"

    def ratio(column: int) -> Estimate:
        low, value, high = np.exp(logs[column] + np.array([-1.0, 0.0, 1.0]) * half[column]).tolist()
        return Estimate(value, low, high, n, method=method)

    stated = fit.b.frequency_hz / fit.a.frequency_hz
    return ClockRatio(
        hash_clock_ratio=ratio(_PLACE).scaled(stated),
        stated_ratio=stated,
        crystal_ppm=_ppm(ratio(_BATCH)) if fit.with_batches else None,
        crystal_unanswered=None if fit.with_batches else "no job reached more than one batch in both runs",
    )


def _ppm(ratio: Estimate) -> Estimate:
    low, value, high = ((x - 1) * 1e6 for x in (ratio.low, ratio.estimate, ratio.high))
    return Estimate(value, low, high, ratio.n, method=ratio.method)


def _spans_batches(run: RunTimes, job: Groups) -> bool:
    """Whether some job has pairs of different batches."""
    low = np.full(int(job.max()) + 1, np.inf)
    high = -low
    np.minimum.at(low, job, run.batch_s)
    np.maximum.at(high, job, run.batch_s)
    return bool(np.any(high > low))


def _columns(run: RunTimes, with_batches: bool) -> Floats:
    if with_batches:
        return np.column_stack([run.batch_s, run.place_s])
    return (run.batch_s + run.place_s)[:, None]


def _half_widths(fit: ClockFit) -> Floats:
    """Of the 95 % intervals of the logarithms of the ratios of the slopes."""
    blocks = fit.blocks
    x_a, x_b = _columns(fit.a, fit.with_batches), _columns(fit.b, fit.with_batches)
    try:
        slopes_a = slopes_left_out(fit.a.after_load_s, x_a, blocks.intercept, fit.fit_a, blocks.stretch)
        slopes_b = slopes_left_out(fit.b.after_load_s, x_b, blocks.intercept, fit.fit_b, blocks.stretch)
    except ValueError:
        raise NoAnswer(_TOO_FEW, "capture for longer") from None
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(slopes_a / slopes_b)
    df = blocks.degrees_of_freedom(np.minimum(fit.fit_a.weights, fit.fit_b.weights))
    if not np.all(np.isfinite(logs)) or df < 1:
        raise NoAnswer(_TOO_FEW, "capture for longer")
    spread = logs - logs.mean(axis=0)
    n_blocks = len(logs)
    errors: Floats = np.sqrt((n_blocks - 1) / n_blocks * (spread**2).sum(axis=0))
    return stats.t.ppf(0.975, df) * errors
