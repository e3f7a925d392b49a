"""Numbers that never travel alone: an estimate has an interval and n, a p-value has its null."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

JsonValue = str | int | float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its confidence interval `low`..`high` at `level`, from `n` observations.

    `method` says how the interval was made. The unit stands in the name of whatever holds the estimate.
    """

    estimate: float
    low: float
    high: float
    n: int
    level: float = 0.95
    _: KW_ONLY
    method: str

    def as_json(self) -> dict[str, JsonValue]:
        """`{estimate, low, high, n}`; NaN and infinity become None."""
        return {
            "estimate": finite_or_none(self.estimate),
            "low": finite_or_none(self.low),
            "high": finite_or_none(self.high),
            "n": self.n,
        }

    def scaled(self, factor: float) -> Estimate:
        """The same estimate in another unit."""
        low, high = sorted((self.low * factor, self.high * factor))
        return Estimate(self.estimate * factor, low, high, self.n, self.level, method=self.method)


@dataclass(frozen=True, slots=True)
class TestResult:
    """A test statistic and its p-value under the null that is named in words.

    `replicates` is the number of simulated or resampled data sets behind the p-value, 0 for an exact or
    asymptotic one; a Monte-Carlo p-value cannot fall below 1 / (replicates + 1).
    """

    __test__: ClassVar[bool] = False  # not a test case, whatever pytest makes of the name

    name: str
    statistic: float
    p_value: float
    n: int
    null: str
    replicates: int = 0

    def as_json(self) -> dict[str, JsonValue]:
        return {
            "name": self.name,
            "statistic": finite_or_none(self.statistic),
            "p_value": finite_or_none(self.p_value),
            "n": self.n,
            "null": self.null,
            "replicates": self.replicates,
        }


def finite_or_none(value: float) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return float(value) if math.isfinite(value) else None
