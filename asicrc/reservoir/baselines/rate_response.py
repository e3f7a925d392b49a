"""How the share rate of a device depends on the drive of the same moment, and on nothing before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DEGREE = 3
LEAST_EVENTS = 100
"""Fewer say nothing of how the rate depends on the drive: it is taken as constant then."""
_ITERATIONS = 50


@dataclass(frozen=True, slots=True)
class RateResponse:
    """log rate (1/s) as a polynomial of the drive `x`, 0 .. 1: Legendre coefficients on -1 .. 1.

    `excess` is the variance of the rate from step to step, relative to its square, beyond that of a Poisson
    process and of what the drive explains; below 0 for counts that vary less, as dead time makes them.
    """

    coefficients: tuple[float, ...]
    excess: float = 0.0

    def rate_hz(self, x: Floats) -> Floats:
        """(n,) events per second. Beyond 0 .. 1 the ends count."""
        log_rate = legendre.legval(2 * np.clip(x, 0.0, 1.0) - 1, self.coefficients)
        rate: Floats = np.exp(log_rate)
        return rate

    def flat(self, x: Floats) -> RateResponse:
        """The same mean rate over `x`, whatever the drive: a device that does not listen."""
        mean = float(self.rate_hz(x).mean())
        return RateResponse((float(np.log(mean)),), self.excess)

    def as_json(self) -> dict[str, Any]:
        rates = self.rate_hz(np.array([0.0, 0.5, 1.0]))
        return {"rate_hz_at_low_middle_high": rates.tolist(), "excess": self.excess}

    @classmethod
    def fit(cls, x: Floats, counts: Floats, exposure_s: Floats) -> RateResponse:
        """Poisson regression of counts (n,) in `exposure_s` (n,) on the drive x (n,), 0 .. 1.

        Iteratively reweighted least squares (Nelder and Wedderburn 1972). Steps without exposure are left
        out. Without any event the rate is that of half an event.
        """
        used = exposure_s > 0
        x, counts, exposure_s = x[used], counts[used], exposure_s[used]
        total = max(float(counts.sum()), 0.5)
        mean_log = float(np.log(total / max(float(exposure_s.sum()), 1e-9)))
        degree = min(DEGREE, len(np.unique(x)) - 1) if total >= LEAST_EVENTS else 0
        beta = np.zeros(degree + 1)
        beta[0] = mean_log
        if degree > 0:
            design = np.asarray(legendre.legvander(2 * np.clip(x, 0, 1) - 1, degree), dtype=np.float64)
            beta = _reweighted(design, counts, exposure_s, beta)
        fitted = cls(tuple(beta.tolist()))
        expected = fitted.rate_hz(x) * exposure_s
        return cls(fitted.coefficients, _excess(counts, expected, degree + 1))


def _reweighted(design: Floats, counts: Floats, exposure_s: Floats, start: Floats) -> Floats:
    beta = start
    for _ in range(_ITERATIONS):
        log_rate = design @ beta
        expected = np.maximum(exposure_s * np.exp(np.clip(log_rate, -700, 700)), 1e-12)
        working = log_rate + (counts - expected) / expected
        weighted = design * expected[:, None]
        normal = weighted.T @ design
        normal[np.diag_indices_from(normal)] += 1e-9 * np.trace(normal)
        new = np.linalg.solve(normal, weighted.T @ working)
        step = new - beta
        # a first step from a flat start may overshoot where a range of the drive has no events
        new = beta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(new - beta).max()) < 1e-10:
            return new
        beta = new
    return beta


def _excess(counts: Floats, expected: Floats, parameters: int) -> float:
    """Moment estimate: var(n) = m + excess m^2. 0 where it is within twice its standard error."""
    n = len(counts)
    if n <= parameters + 1 or not expected.any():
        return 0.0
    surplus = ((counts - expected) ** 2 - expected).sum() * n / (n - parameters)
    scale = float((expected**2).sum())
    error = float(np.sqrt(2 * scale + expected.sum()))
    return float(surplus / scale) if abs(surplus) > 2 * error else 0.0
