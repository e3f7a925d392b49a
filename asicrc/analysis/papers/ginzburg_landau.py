"""The Ginzburg-Landau transition at a voltage V_crit (H, equation 3), held against smooth laws.

F = a (V - V_crit) psi^2 + b psi^4 has its minimum at psi = 0 above V_crit and at
psi^2 = a (V_crit - V) / 2 b below it (the gradient term does not bend a uniform state). So a law with a kink:
psi = sqrt(c (V_crit - V)) below, nothing above. Order appears below V_crit as the sign is printed. psi, "the
degree of global core synchronization", was never said how to measure: it has to be defined before a sweep is
taken, as a number that is 0 without order, such as the depth of the heartbeat or |CV - 1|.

Every law here has a background, for no measured number is 0. The transition is supported if its BIC is lower
than that of every smooth law by 10 or more ("very strong", Kass and Raftery 1995).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from asicrc.errors import NoAnswer
from asicrc.evidence import EvidenceVerdict
from asicrc.evidence.block_bootstrap import Floats

STRONG = 10.0
MIN_POINTS = 8
TRANSITION = "Ginzburg-Landau"


@dataclass(frozen=True, slots=True)
class Law:
    name: str
    parameters: dict[str, float]
    bic: float
    fitted: Floats

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "parameters": self.parameters, "bic": self.bic}


@dataclass(frozen=True, slots=True)
class TransitionComparison:
    """`bic_gain` is the lowest BIC of the smooth laws less that of the transition: above 10 supports it,
    below -10 refutes it. `chi_squared` and `freedom` say whether the best law fits at all."""

    n: int
    laws: tuple[Law, ...]
    best: Law
    bic_gain: float
    v_crit_mv: float
    chi_squared: float
    freedom: int
    verdict: EvidenceVerdict

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "laws": [law.as_json() for law in self.laws],
            "best": self.best.name,
            "bic_gain": self.bic_gain,
            "v_crit_mv": self.v_crit_mv,
            "chi_squared": self.chi_squared,
            "freedom": self.freedom,
            "verdict": self.verdict.value,
        }


def compare_transition(voltage_mv: ArrayLike, order: ArrayLike, se: ArrayLike) -> TransitionComparison:
    """Fit the transition and smooth laws to an order parameter measured over a sweep of the voltage.

    `order` (n,) with its standard errors `se`. Weighted least squares; BIC of normal errors of known size.
    Points without a value or an error are left out. Raises NoAnswer for fewer than 8 others at 5 voltages.
    """
    v, y, s = (np.asarray(values, float) for values in (voltage_mv, order, se))
    known = np.isfinite(v) & np.isfinite(y) & (s > 0) & np.isfinite(s)
    v, y, s = v[known], y[known], s[known]
    if len(v) < MIN_POINTS or len(np.unique(v)) < 5:
        raise NoAnswer(
            f"{len(v)} points at {len(np.unique(v))} voltages with a value and its error",
            f"a sweep of {MIN_POINTS} points at 5 voltages or more",
        )
    laws = tuple(make(v, y, s) for make in _LAWS)
    by_name = {law.name: law for law in laws}
    smooth = min((law for law in laws if law.name != TRANSITION), key=lambda law: law.bic)
    best = min(laws, key=lambda law: law.bic)
    gain = smooth.bic - by_name[TRANSITION].bic
    verdict = EvidenceVerdict.NOT_RESOLVED
    if gain >= STRONG:
        verdict = EvidenceVerdict.SUPPORTED
    elif gain <= -STRONG:
        verdict = EvidenceVerdict.REFUTED
    return TransitionComparison(
        len(v),
        laws,
        best,
        gain,
        by_name[TRANSITION].parameters["v_crit_mv"],
        float(np.sum(((y - best.fitted) / s) ** 2)),
        len(v) - len(best.parameters),
        verdict,
    )


def _polynomial(degree: int) -> Callable[[Floats, Floats, Floats], Law]:
    names = ("constant", "linear", "quadratic", "cubic")

    def make(v: Floats, y: Floats, s: Floats) -> Law:
        x = (v - v.mean()) / 100
        columns = np.vander(x, degree + 1, increasing=True)
        weights = np.linalg.lstsq(columns / s[:, None], y / s, rcond=None)[0]
        parameters = {f"per_100_mv_{power}": float(w) for power, w in enumerate(weights)}
        return _law(names[degree], parameters, columns @ weights, y, s)

    return make


def _logistic(v: Floats, y: Floats, s: Floats) -> Law:
    """A smooth step: what a threshold with a spread of chips looks like."""
    span = float(np.ptp(v))

    def at(p: Floats) -> Floats:
        step: Floats = p[0] + p[1] / (
            1 + np.exp(np.clip((v - p[2]) / np.exp(np.clip(p[3], -20, 20)), -60, 60))
        )
        return step

    starts = [
        np.array([float(y.min()), sign * float(np.ptp(y)) + 1e-9, middle, math.log(0.1 * span)])
        for sign in (1, -1)
        for middle in np.quantile(v, [0.25, 0.5, 0.75])
    ]
    best = _least(lambda p: (at(p) - y) / s, starts)
    names = ("background", "step", "middle_mv", "log_width_mv")
    return _law("logistic", dict(zip(names, map(float, best), strict=True)), at(best), y, s)


def _transition(v: Floats, y: Floats, s: Floats) -> Law:
    """Background + sqrt(c (V_crit - V)) below V_crit; linear in both but V_crit, which is searched."""
    edges = np.unique(v)
    best: tuple[float, float, Floats, Floats] | None = None
    # V_crit up to one step of the sweep beyond its ends, or there is no transition in it
    for critical in np.linspace(edges[0], edges[-1] + (edges[-1] - edges[-2]), 400)[1:]:
        columns = np.stack([np.ones_like(v), np.sqrt(np.maximum(critical - v, 0.0))], axis=1)
        weights = np.linalg.lstsq(columns / s[:, None], y / s, rcond=None)[0].astype(np.float64)
        weights[1] = max(weights[1], 0.0)
        if weights[1] == 0.0:
            weights[0] = float(np.sum(y / s**2) / np.sum(1 / s**2))
        fitted: Floats = columns @ weights
        cost = float(np.sum(((y - fitted) / s) ** 2))
        if best is None or cost < best[0]:
            best = (cost, float(critical), weights, fitted)
    if best is None:
        raise ValueError("no voltage was searched")
    _, critical, weights, fitted = best
    parameters = {"background": float(weights[0]), "root_c": float(weights[1]), "v_crit_mv": critical}
    return _law(TRANSITION, parameters, fitted, y, s)


def _least(residual: Callable[[Floats], Floats], starts: list[Floats]) -> Floats:
    found = [optimize.least_squares(residual, start, max_nfev=200) for start in starts]
    best: Floats = min(found, key=lambda one: float(one.cost)).x
    return best


def _law(name: str, parameters: dict[str, float], fitted: Floats, y: Floats, s: Floats) -> Law:
    chi_squared = float(np.sum(((y - fitted) / s) ** 2))
    return Law(name, parameters, chi_squared + len(parameters) * math.log(len(y)), fitted)


_LAWS = (_transition, _polynomial(0), _polynomial(1), _polynomial(2), _logistic)
