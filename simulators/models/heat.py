"""Where the heat goes: a Foster network, from the chip to the air.

The chip is warmer than the air by the sum of its stages, each a resistance R_i (K/W) beside a heat capacity
C_i (J/K) with tau_i = R_i C_i:

    tau_i d(theta_i)/dt = R_i P(t) - theta_i,    T = T_air + sum(theta_i)

The stages of such a network are a fit to how a device warms, not layers of it (JEDEC JESD51-14, 2010); only
the slowest stands for something, the heat sink in its air. Power that runs straight from P0 to P1 over a
step h is followed exactly, whatever h:

    theta_i(h) = theta_i(0) d + R_i (P0 (1 - d) + (P1 - P0) phi),   d = exp(-h / tau_i),
    phi = 1 - (1 - d) tau_i / h
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_SMALL = 1e-4
"""Below this h / tau, the series of phi is the more exact one."""

_KEPT = 64
"""Lengths of a step whose factors are kept."""


class FosterNetwork:
    """Stages with `resistances_k_per_w` and `time_constants_s`, fastest first.

    Raises ValueError unless there are as many of one as of the other, at least one, all above 0.
    """

    def __init__(self, resistances_k_per_w: Sequence[float], time_constants_s: Sequence[float]) -> None:
        if len(resistances_k_per_w) != len(time_constants_s) or not resistances_k_per_w:
            raise ValueError(
                f"{len(resistances_k_per_w)} resistances and {len(time_constants_s)} time constants: "
                "a stage has one of each, and there has to be a stage"
            )
        if not all(math.isfinite(value) and value > 0 for value in (*resistances_k_per_w, *time_constants_s)):
            raise ValueError(
                f"resistances {tuple(resistances_k_per_w)} K/W and time constants "
                f"{tuple(time_constants_s)} s have to be above 0"
            )
        self.resistances_k_per_w = list(resistances_k_per_w)
        self.time_constants_s = list(time_constants_s)
        self.rises_k = [0.0] * len(resistances_k_per_w)
        """Of each stage."""
        self._factors: dict[float, list[tuple[float, float, float]]] = {}
        """By the length of a step."""

    @property
    def rise_k(self) -> float:
        """Of the chip above the air."""
        return sum(self.rises_k)

    @property
    def total_k_per_w(self) -> float:
        return sum(self.resistances_k_per_w)

    @property
    def capacities_j_per_k(self) -> list[float]:
        pairs = zip(self.resistances_k_per_w, self.time_constants_s, strict=True)
        return [time_s / resistance for resistance, time_s in pairs]

    @property
    def leaving_w(self) -> list[float]:
        """What each stage lets through. All of the power passes each of them: in the steady state it is this,
        and until then the rest of it warms the stage's capacity."""
        pairs = zip(self.rises_k, self.resistances_k_per_w, strict=True)
        return [rise / resistance for rise, resistance in pairs]

    def steady_k(self, power_w: float) -> float:
        """Rise in the end, under a power that stays."""
        return power_w * self.total_k_per_w

    def step(self, power_w: float, dt_s: float) -> float:
        """Let `dt_s` go by under a power that stays the same; return the rise at its end."""
        return self.ramp(power_w, power_w, dt_s)

    def ramp(self, first_w: float, last_w: float, dt_s: float) -> float:
        """Let `dt_s` go by in which the power runs straight from `first_w` to `last_w`."""
        more_w = last_w - first_w
        self.rises_k = [
            rise * kept + first_w * steady + more_w * ramped
            for rise, (kept, steady, ramped) in zip(self.rises_k, self.factors(dt_s), strict=True)
        ]
        return sum(self.rises_k)

    def factors(self, dt_s: float) -> list[tuple[float, float, float]]:
        """Of each stage over a step: d, R (1 - d) and R phi. Kept: steps are of few lengths."""
        factors = self._factors.get(dt_s)
        if factors is None:
            if len(self._factors) == _KEPT:
                self._factors.clear()
            pairs = zip(self.resistances_k_per_w, self.time_constants_s, strict=True)
            factors = self._factors[dt_s] = [
                _factors(resistance, dt_s / time_s) for resistance, time_s in pairs
            ]
        return factors

    def set_stage(self, index: int, resistance_k_per_w: float, time_constant_s: float) -> None:
        """Change a stage; its rise stays."""
        self.resistances_k_per_w[index] = resistance_k_per_w
        self.time_constants_s[index] = time_constant_s
        self._factors.clear()

    def reset(self, power_w: float = 0.0) -> None:
        """To the steady state of a power."""
        self.rises_k = [power_w * resistance for resistance in self.resistances_k_per_w]


def _factors(resistance: float, ratio: float) -> tuple[float, float, float]:
    """d, R (1 - d) and R phi of the equations above, for h / tau."""
    gone = -math.expm1(-ratio)
    ramped = ratio / 2 - ratio * ratio / 6 if ratio < _SMALL else 1.0 - gone / ratio
    return 1.0 - gone, resistance * gone, resistance * ramped
