"""Arrival times against the deterministic scan order of the chip.

A nonce is due at load + time_scale * expected, modulo the scan period. What is left after one offset, and
after the scale of the clock, is all that physics could show on a direct link; and it means something only
above the jitter floor and the step of the stamps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from asicrc.analysis.job_regression import Slope, fit_slope, mean_over_blocks
from asicrc.analysis.residual_size import prompt_ms, size_against_floor, size_statement
from asicrc.analysis.residual_trends import residual_trends, trend_statement
from asicrc.analysis.stamp_quantum import quantisation_rms_s, stamp_quantum_s
from asicrc.analysis.time_blocks import time_blocks
from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate, Finding
from asicrc.evidence.block_bootstrap import Floats
from asicrc.evidence.estimate import finite_or_none

MIN_EVENTS = 10
_CLOCK_LIMIT = 500e-6  # a crystal that is further off is broken, or the frequency is not the one stated
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True, eq=False)
class ScanOrderResult:
    """Residuals of `n` events against the scan order; ms of the host's clock.

    Plain: one offset for the whole capture was fitted. Scaled: the clock's scale too, at the prompt stamps,
    within stretches of time (`time_blocks`). `offset_ms` belongs to the plain fit, `offset_scaled_ms` to the
    other: with a clock error only the second is the latency of the line. `job_offset_spread_ms` is the
    standard deviation of the jobs' own mean residuals, None for a single job. `prompt_ms` is the spread of
    the prompt stamps within jobs, as the sigma of a normal law.
    """

    n: int
    jobs: int
    residual_ms: Floats
    residual_scaled_ms: Floats
    predicted_s: Floats
    """Time after load at which each event was due, later periods unfolded; host clock, without the offset."""
    periods: int
    """Events that came in a later period than the first."""
    residual_rms_ms: float
    residual_rms_scaled_ms: float
    residual_mad_ms: float
    residual_max_ms: float
    prompt_ms: float
    offset_ms: Estimate
    offset_scaled_ms: Estimate
    clock_ppm: Estimate
    job_offset_spread_ms: float | None
    quantisation_ms: float | None
    quantisation_rms_ms: Estimate | None
    within_quantisation: bool | None
    """The scaled rms lies in the interval of rounding alone; `statement` says whether it is above."""
    floor_ms: float | None
    """Rms that jitter floor and rounding explain together; of the rounding alone where no jitter is known."""
    floor_ratio: Estimate | None
    trends: dict[str, Finding]
    trends_left_out: dict[str, str]
    statement: str
    follows: bool = True
    """Whether the arrivals follow the stated order, to within the error that a crystal can have."""

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "jobs": self.jobs,
            "periods": self.periods,
            "residual_rms_ms": finite_or_none(self.residual_rms_ms),
            "residual_rms_scaled_ms": finite_or_none(self.residual_rms_scaled_ms),
            "residual_mad_ms": finite_or_none(self.residual_mad_ms),
            "residual_max_ms": finite_or_none(self.residual_max_ms),
            "prompt_ms": finite_or_none(self.prompt_ms),
            "offset_ms": self.offset_ms.as_json(),
            "offset_scaled_ms": self.offset_scaled_ms.as_json(),
            "clock_ppm": self.clock_ppm.as_json(),
            "job_offset_spread_ms": self.job_offset_spread_ms,
            "quantisation_ms": self.quantisation_ms,
            "quantisation_rms_ms": self.quantisation_rms_ms.as_json() if self.quantisation_rms_ms else None,
            "within_quantisation": self.within_quantisation,
            "floor_ms": self.floor_ms,
            "floor_ratio": self.floor_ratio.as_json() if self.floor_ratio else None,
            "trends": {name: finding.as_json() for name, finding in self.trends.items()},
            "trends_left_out": self.trends_left_out,
            "statement": self.statement,
        }


def scan_order_residuals(
    t_ns: ArrayLike,
    expected_s: ArrayLike,
    period_s: float,
    *,
    batch: ArrayLike,
    core: ArrayLike,
    version: ArrayLike,
    position_s: ArrayLike | None = None,
    time_scale: float = 1.0,
    quantum_s: float | None = None,
    jitter_floor_s: float | None = None,
    no_floor: str = "the jitter floor of these stamps is not known",
    job: ArrayLike | None = None,
    seed: int = 0,
) -> ScanOrderResult:
    """Fit the arrival times to the scan order and look for what is left.

    Parameters
    ----------
    t_ns : (events,) arrival after the load of the event's own job, as the host knows it, ns
    expected_s : (events,) time after load at which the scan reaches the nonce, s of the chip's clock
    period_s : time after which the scan repeats itself, s of the chip's clock
    batch, core, version, position_s : (events,) place in the scan; position is p / f, s
    time_scale : host seconds per chip second, for emulators that run slowly
    quantum_s : step of the stamps, s; None: looked for in the stamps
    jitter_floor_s : upper end of the measured rms jitter of the stamps, s; None: not known, for the reason
        `no_floor`
    job : (events,) job of each event, numbered as they were loaded; None: all are of one job

    Raises NoAnswer for fewer than 10 events, for missing times, and when the period is so short that the
    clock's scale and the number of periods cannot be told apart; ValueError for arrays of other lengths.
    """
    host_s, expected, jobs = _checked(t_ns, expected_s, job, period_s, time_scale)
    period = period_s * time_scale
    predicted, late = _unfolded(host_s, expected * time_scale, period)
    delay_ms = (host_s - predicted) * 1e3
    n = len(delay_ms)

    blocks = time_blocks(predicted, jobs)
    offset = mean_over_blocks(delay_ms, blocks)
    residual = delay_ms - offset.estimate
    clock = fit_slope(delay_ms, predicted, None, blocks)
    if clock is None:
        raise NoAnswer(
            f"the clock's scale cannot be fitted to {n} events: they are due at too few different times",
            "capture for longer",
        )
    offset_scaled = _at_load(mean_over_blocks(delay_ms - clock.value * predicted, blocks), predicted, clock)
    scaled = delay_ms - clock.value * predicted - offset_scaled.estimate
    rms_scaled = _rms(scaled)

    rng = np.random.default_rng(seed)
    stamps = np.round(host_s * 1e9).astype(np.int64)
    step_s = stamp_quantum_s(stamps) if quantum_s is None else quantum_s
    rounding = _rounding(step_s, stamps, jobs, n, rng)
    floor_ms = _floor_ms(rounding, jitter_floor_s)
    in_time = np.lexsort((predicted, blocks.job))
    ratio = size_against_floor(scaled[in_time], floor_ms, blocks, rng)
    prompt = prompt_ms(scaled, blocks, clock.scale)
    regressors = {"batch": batch, "core": core, "version": version}
    if position_s is not None:
        regressors["position"] = position_s
    columns = {name: _column(name, values, n) for name, values in regressors.items()}
    clock_ppm = clock.estimate().scaled(1e3)
    limit_ppm = _CLOCK_LIMIT * 1e6
    follows = not (clock_ppm.low > limit_ppm or clock_ppm.high < -limit_ppm)
    if not follows:
        trends: dict[str, Finding] = {}
        left_out = dict.fromkeys(columns, "the times do not follow the scan order that was stated")
        statement = (
            f"a clock {clock_ppm.estimate:.4g} ppm off is no crystal: the frequency is another one than "
            "stated, or times were not kept; nothing follows from these residuals"
        )
    else:
        measured = jitter_floor_s is not None
        trends, left_out = residual_trends(
            delay_ms, predicted, columns, blocks.job, floor_ms, floor_is_measured=measured
        )
        size = size_statement(rms_scaled, prompt, rounding, floor_ms, ratio, None if measured else no_floor)
        statement = f"{size}; {trend_statement(trends)}"
    within = None if rounding is None else rounding.low <= rms_scaled <= rounding.high
    return ScanOrderResult(
        n=n,
        jobs=1 if jobs is None else len(np.unique(jobs)),
        residual_ms=residual,
        residual_scaled_ms=scaled,
        predicted_s=predicted,
        periods=late,
        residual_rms_ms=_rms(residual),
        residual_rms_scaled_ms=rms_scaled,
        residual_mad_ms=_MAD_TO_SIGMA * float(np.median(np.abs(residual - np.median(residual)))),
        residual_max_ms=float(np.abs(residual).max()),
        prompt_ms=prompt,
        offset_ms=offset,
        offset_scaled_ms=offset_scaled,
        clock_ppm=clock_ppm,
        job_offset_spread_ms=_job_spread(scaled, jobs),
        quantisation_ms=None if step_s is None else step_s * 1e3,
        quantisation_rms_ms=rounding,
        within_quantisation=within,
        floor_ms=floor_ms,
        floor_ratio=ratio,
        trends=trends,
        trends_left_out=left_out,
        statement=statement,
        follows=follows,
    )


def _checked(
    t_ns: ArrayLike, expected_s: ArrayLike, job: ArrayLike | None, period_s: float, time_scale: float
) -> tuple[Floats, Floats, NDArray[np.int64] | None]:
    t, expected = np.asarray(t_ns), np.asarray(expected_s, float)
    if t.shape != expected.shape or t.ndim != 1:
        raise ValueError(f"arrival and expected times have shapes {t.shape} and {expected.shape}")
    if not (period_s > 0 and time_scale > 0):
        raise ValueError(f"period and time scale are above 0, not {period_s} and {time_scale}")
    jobs = None if job is None else np.asarray(job).astype(np.int64)
    if jobs is not None and jobs.shape != t.shape:
        raise ValueError(f"{len(t)} arrivals but {len(jobs)} jobs")
    if len(t) < MIN_EVENTS:
        raise NoAnswer(
            f"{len(t)} events; residuals against the scan order need {MIN_EVENTS}",
            "capture for longer, or lower the difficulty",
        )
    seconds = t / 1e9
    # a missing stamp is the most negative integer; a century is beyond any job
    missing = int(np.count_nonzero(~(np.isfinite(seconds) & np.isfinite(expected) & (np.abs(seconds) < 3e9))))
    if missing:
        raise NoAnswer(
            f"arrival, dispatch or expected time is missing for {missing} of {len(t)} events",
            "leave out events without a job and those that the scan order does not reach",
        )
    return seconds, expected, jobs


def _unfolded(host_s: Floats, due_s: Floats, period: float) -> tuple[Floats, int]:
    """Due times in the period that each event belongs to, and how many lie beyond the first."""
    if float(np.abs(host_s).max()) * _CLOCK_LIMIT > period / 4:
        raise NoAnswer(
            f"the scan repeats every {period:g} s and events lie up to {float(host_s.max()):g} s after load: "
            f"{_CLOCK_LIMIT * 1e6:g} ppm of clock error could be another period",
            "renew the jobs more often, or leave out events of later periods",
        )
    phase = np.mod(host_s - due_s, period)
    start = _densest_half(phase, period)
    # outliers must not pull the fold, so the middle of the densest half decides it
    turns = np.round((host_s - due_s - start) / period)
    return due_s + turns * period, int(np.count_nonzero(turns > 0))


def _at_load(mean: Estimate, predicted: Floats, clock: Slope) -> Estimate:
    """The mean delay carried back to the load: the clock's uncertainty enters over that time."""
    carried = float(stats.t.ppf(0.975, clock.df)) * clock.se * abs(float(predicted.mean()))
    half = float(np.hypot((mean.high - mean.low) / 2, carried))
    return replace(
        mean,
        low=mean.estimate - half,
        high=mean.estimate + half,
        method=f"{mean.method}, with the clock's uncertainty",
    )


def _densest_half(phase: Floats, period: float) -> float:
    """Middle of the shortest arc that holds half of the points, within half a period of zero."""
    ordered = np.sort(phase)
    half = len(ordered) // 2
    ahead = np.concatenate([ordered, ordered + period])[half : half + len(ordered)]
    first = int(np.argmin(ahead - ordered))
    middle = float(ordered[first] + (ahead[first] - ordered[first]) / 2)
    return (middle + period / 2) % period - period / 2


def _rounding(
    step_s: float | None,
    stamps_ns: NDArray[np.int64],
    jobs: NDArray[np.int64] | None,
    n: int,
    rng: np.random.Generator,
) -> Estimate | None:
    """Rms in ms that the step of the stamps leaves."""
    if not step_s:
        return None
    step_ns = round(step_s * 1e9)
    # were the load stamped finely, the differences of several jobs would not all be whole steps apart
    load_rounded = step_ns > 0 and not np.any((stamps_ns - stamps_ns[0]) % step_ns)
    rms = quantisation_rms_s(step_s, n, rng, fitted=2, job=jobs, load_rounded=load_rounded)
    return rms.scaled(1e3)


def _floor_ms(rounding: Estimate | None, jitter_floor_s: float | None) -> float | None:
    if rounding is None and jitter_floor_s is None:
        return None
    return float(np.hypot(rounding.estimate if rounding else 0.0, (jitter_floor_s or 0.0) * 1e3))


def _job_spread(scaled: Floats, jobs: NDArray[np.int64] | None) -> float | None:
    if jobs is None:
        return None
    _, member = np.unique(jobs, return_inverse=True)
    means = np.bincount(member, scaled) / np.bincount(member)
    return float(means.std(ddof=1)) if len(means) > 1 else None


def _column(name: str, values: ArrayLike, n: int) -> Floats:
    column = np.asarray(values, float)
    if column.shape != (n,):
        raise ValueError(f"{name} has shape {column.shape}, not {(n,)}")
    return column


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))
