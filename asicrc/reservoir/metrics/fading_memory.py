"""How long does one input stay in the state? Two drives that differ in one step, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import Estimate, EvidenceVerdict, Finding, TestResult, judge
from asicrc.evidence.finding import POWER_80_SE
from asicrc.evidence.multiplicity import holm
from asicrc.reservoir.metrics.checking import Floats, require_finite, spread_of_features

RESPONSE_MARGIN = 0.05
LEAST_POSITIONS = 5


@dataclass(frozen=True, slots=True)
class FadingMemory:
    """response : (L,) squared response to the changed input at lag 0, 1, ...; low, high the 95 % interval of
        each lag by itself

    The unit is the variance of the state over time. `finding` is about the claim that the response is still
    there from `horizon` on: refuted means that the memory has faded.
    """

    finding: Finding
    response: Floats
    low: Floats
    high: Floats
    horizon: int

    @property
    def fades(self) -> bool | None:
        """None where the replays do not resolve it."""
        verdict = self.finding.verdict
        return {EvidenceVerdict.REFUTED: True, EvidenceVerdict.SUPPORTED: False}.get(verdict)

    @property
    def lags_seen(self) -> int:
        """Lags from 1 on at which the change shows: one-sided Student at 5 % for all of them (Holm 1979)."""
        m = self.finding.effect.n
        half = (self.high - self.low)[1:] / 2
        response = self.response[1:]
        t = np.divide(
            response * float(stats.t.ppf(0.975, m - 1)),
            half,
            out=np.where(response > 0, np.inf, -np.inf),
            where=half > 0,
        )
        return sum(p <= 0.05 for p in holm(stats.t.sf(t, m - 1).tolist()))

    @property
    def half_lag(self) -> int | None:
        """First lag after the largest response with less than half of it; None if there is none."""
        peak = int(self.response.argmax())
        below = self.response[peak:] < self.response[peak] / 2
        return peak + int(below.argmax()) if below.any() else None

    def as_json(self) -> dict[str, Any]:
        return {
            **self.finding.as_json(),
            "fades": self.fades,
            "horizon": self.horizon,
            "half_lag": self.half_lag,
            "response": [float(value) for value in self.response],
        }


def fading_memory(
    base: ArrayLike, changed: ArrayLike, *, horizon: int, margin: float = RESPONSE_MARGIN
) -> FadingMemory:
    """Response of the state to one changed input, and whether it has gone from lag `horizon` on.

    Parameters
    ----------
    base, changed : (m, R, L, k) states from the step of the change on, at m positions in the drive, R >= 2
        replays of each, k features
    horizon : first lag of which the claim speaks
    margin : a squared response below it, in units of the state's variance, is called none; fixed beforehand

    The product of the differences of two replays has no share of the noise in it, so the estimate is unbiased
    and may be below 0. Intervals are Student's over the positions. Raises UsageError for shapes that do not
    fit, NoAnswer for fewer than 5 positions, one replay, or constant states.
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (base, changed))
    if a.shape != b.shape or a.ndim != 4 or not a.size:
        raise UsageError(
            f"base has shape {a.shape}, changed {b.shape}", "both are (m, R, L, k): positions, replays, lags"
        )
    require_finite(a, "base")
    require_finite(b, "changed drive")
    positions, runs, lags, _ = a.shape
    if positions < LEAST_POSITIONS or runs < 2:
        raise NoAnswer(
            f"{positions} positions with {runs} replays",
            f"change the input at {LEAST_POSITIONS} places or more, and replay both drives twice or more",
        )
    if not 0 < horizon < lags or not margin > 0:
        raise UsageError(
            f"horizon {horizon} of {lags} lags, margin {margin:g}",
            "the horizon is inside the lags, the margin above 0",
        )
    squared = _squared_responses(a, b)
    estimate, half = _student(squared)
    late = _late_response(squared[:, horizon:].mean(axis=1))
    effect, test, se = late
    finding = Finding(
        question=f"Does a changed input still show in the state {horizon} steps later and beyond?",
        effect=effect,
        nulls=[test],
        smallest_effect=POWER_80_SE * se,
        verdict=judge(effect, test.p_value, margin=margin),
        note=f"effect: squared response over the state's variance; margin {margin:g}; refuted: it has faded",
        p_corrected=test.p_value,
    )
    return FadingMemory(finding, estimate, estimate - half, estimate + half, horizon)


def _squared_responses(base: Floats, changed: Floats) -> Floats:
    """(m, L) mean over features of the squared response, from products of different replays."""
    scale, keep = spread_of_features(base)
    d = (changed - base)[..., keep] / scale[keep]
    runs = d.shape[1]
    products = np.sum(d, axis=1) ** 2 - np.sum(d**2, axis=1)
    squared: Floats = products.mean(axis=-1) / (runs * (runs - 1))
    return squared


def _student(rows: Floats) -> tuple[Floats, Floats]:
    """Mean over the rows and half of its 95 % interval."""
    m = len(rows)
    half: Floats = stats.t.ppf(0.975, m - 1) * rows.std(axis=0, ddof=1) / np.sqrt(m)
    return rows.mean(axis=0), half


def _late_response(values: Floats) -> tuple[Estimate, TestResult, float]:
    m = len(values)
    mean, half = (float(v) for v in _student(values))
    se = half / float(stats.t.ppf(0.975, m - 1))
    # without any spread the answer is exact: a response, or none
    p_value = float(stats.t.sf(mean / se, m - 1)) if se > 0 else (0.0 if mean > 0 else 1.0)
    effect = Estimate(mean, mean - half, mean + half, m, method="Student over positions")
    return effect, TestResult("Student, one-sided", mean, p_value, m, "no response beyond the horizon"), se
