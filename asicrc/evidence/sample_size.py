"""How many are needed to see an effect of a given size, before a night is spent on too few.

Every plan is for a two-sided test at `alpha` that finds the effect with probability `power`. The formulas are
those of the tests that this package makes; each says whose it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scipy import optimize, stats

from asicrc.errors import NoAnswer, UsageError

MOST = 10**12
POWER, ALPHA = 0.9, 0.05


@dataclass(frozen=True, slots=True)
class SizePlan:
    """`n` of what `counted` names see `effect` with probability `power`.

    `power` is what n gives, so it is a little above what was asked for.
    """

    quantity: str
    effect: float
    unit: str
    n: int
    counted: str
    power: float
    alpha: float
    method: str

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "power": self.power,
            "quantity": self.quantity,
            "effect": self.effect,
            "unit": self.unit,
            "counted": self.counted,
            "alpha": self.alpha,
            "method": self.method,
        }


@dataclass(frozen=True, slots=True)
class SizeQuestion:
    """What can be planned: `power_of(effect, n, alpha)` rises with n and with the distance of the effect from
    `nothing`, its value without any."""

    name: str
    unit: str
    counted: str
    method: str
    nothing: float
    power_of: Callable[[float, float, float], float]
    least: int = 2
    most_effect: float = math.inf

    def plan(self, effect: float, power: float = POWER, alpha: float = ALPHA) -> SizePlan:
        """The fewest that do. Raises UsageError for values that cannot be, NoAnswer for more than 10^12."""
        self._check(effect, power, alpha)
        low, high = self.least - 1, self.least
        while self.power_of(effect, high, alpha) < power:
            low, high = high, 2 * high
            if high > MOST:
                raise NoAnswer(
                    f"{self.name}: an effect of {effect:g} {self.unit} would take more than {MOST:g} "
                    f"{self.counted}",
                    "ask for a larger effect",
                )
        while high - low > 1:
            middle = (low + high) // 2
            enough = self.power_of(effect, middle, alpha) >= power
            low, high = (low, middle) if enough else (middle, high)
        return self._plan(effect, high, alpha)

    def power_at(self, effect: float, n: int, alpha: float = ALPHA) -> SizePlan:
        """What n of them would see. Raises UsageError for values that cannot be."""
        self._check(effect, 0.5, alpha)
        if n < self.least:
            raise UsageError(f"{self.name} takes {self.least} {self.counted} at least, not {n}")
        return self._plan(effect, n, alpha)

    def smallest_effect(self, n: int, power: float = POWER, alpha: float = ALPHA) -> float:
        """The effect that n of them find with this probability; NaN where there is none so large."""
        top = self.nothing + (1.0 if math.isinf(self.most_effect) else self.most_effect - self.nothing)
        while math.isinf(self.most_effect) and self.power_of(top, n, alpha) < power and top < MOST:
            top *= 2
        top -= 1e-12 * (top - self.nothing)
        if n < self.least or self.power_of(top, n, alpha) < power:
            return math.nan
        least = self.nothing + 1e-12 * (top - self.nothing)
        return float(optimize.brentq(lambda effect: self.power_of(effect, n, alpha) - power, least, top))

    def _plan(self, effect: float, n: int, alpha: float) -> SizePlan:
        reached = self.power_of(effect, n, alpha)
        return SizePlan(self.name, effect, self.unit, n, self.counted, reached, alpha, self.method)

    def _check(self, effect: float, power: float, alpha: float) -> None:
        if not (math.isfinite(effect) and effect != self.nothing and abs(effect) < self.most_effect):
            raise UsageError(f"{effect:g} {self.unit} is no effect in {self.name}", "give its size")
        if not (0 < alpha < 1 and alpha < power < 1):
            raise UsageError(
                f"alpha {alpha:g} and power {power:g} do not go together", "0 < alpha < power < 1"
            )


def normal_power(distance: float, se_null: float, se: float, alpha: float) -> float:
    """Of a two-sided z-test whose estimate has `se_null` without the effect and `se` with it."""
    z = float(stats.norm.isf(alpha / 2))
    beyond = abs(distance)
    return float(stats.norm.sf((z * se_null - beyond) / se) + stats.norm.cdf((-z * se_null - beyond) / se))
