"""How fast a chip can be clocked, and what happens to hashes when it is clocked faster.

The slowest path of the logic takes (alpha-power law: Sakurai and Newton, IEEE JSSC 25:584, 1990, with the
temperature dependence of threshold and mobility after Filanovsky and Allam, IEEE TCAS-I 48:876, 2001)

    t_d ~ V / (mu(T) (V - V_th(T))^alpha),    V_th(T) = V_th - kappa (T - T0),    mu(T) ~ (T/T0)^-m

so that the highest clock f_max = 1 / t_d is known everywhere from one point of it, the edge (V_e, f_e) at
T0. A hotter chip is slower where V is far above threshold and faster close to it; in between, at
V_th + alpha kappa T0 / m, heat does nothing.

Core c is faster than the mean by s_c, and the period and its delay jitter by the share sigma. A hash of core
c is then wrong with probability

    e_c = Phi((1 - s_c r) / sigma),    r = f_max / f

and e is the mean over all cores of the device. A wrong hash is as random as a right one: of the proofs that
are due, the share e is lost, and as many nonces that prove nothing come in their place: `lost_share` = e,
`invalid_share` = e of all that is sent. Below f_max (1 + slack) = f the logic that controls the cores fails
too, and the chip hangs until it is started again; below the brown-out voltage it forgets its registers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

ZERO_C_IN_K = 273.15
_BINS = 400
_RATIOS = np.linspace(0.6, 1.8, 1201)


class SpeedLaw(NamedTuple):
    """Of one kind of chip. Voltages are at the supply that is set: of a stack of chips, of the stack."""

    edge_mv: float
    edge_mhz: float
    """The clock at which, with `edge_mv` and at `reference_c`, half the hashes are wrong."""
    reference_c: float
    threshold_mv: float
    threshold_mv_per_k: float
    alpha: float
    mobility_exponent: float
    jitter: float
    """sigma, as a share of the period."""
    control_slack: float
    """By so much the control logic is faster than the cores."""
    brown_out_mv: float
    error_floor: float
    """Share of wrong hashes far from the edge."""


def highest_mhz(law: SpeedLaw, voltage_mv: float, temperature_c: float) -> float:
    """f_max of a mean core; 0 at and below the threshold."""
    over_mv = voltage_mv - law.threshold_mv + law.threshold_mv_per_k * (temperature_c - law.reference_c)
    if over_mv <= 0.0 or voltage_mv <= 0.0:
        return 0.0
    kelvin = (temperature_c + ZERO_C_IN_K) / (law.reference_c + ZERO_C_IN_K)
    drive = math.pow(over_mv / (law.edge_mv - law.threshold_mv), law.alpha)
    mobility = math.pow(kelvin, -law.mobility_exponent)
    return law.edge_mhz * drive * mobility * law.edge_mv / voltage_mv


def least_mv(law: SpeedLaw, frequency_mhz: float, temperature_c: float) -> float:
    """The voltage at which `highest_mhz` is this clock, to 1e-9 of it; brown-out if that is higher."""
    low_mv = max(law.threshold_mv - law.threshold_mv_per_k * (temperature_c - law.reference_c), 0.0)
    if frequency_mhz <= 0.0:
        return law.brown_out_mv
    high_mv = 2.0 * law.edge_mv
    while highest_mhz(law, high_mv, temperature_c) < frequency_mhz:
        high_mv *= 2.0
    while high_mv - low_mv > 1e-9 * high_mv:
        middle_mv = (low_mv + high_mv) / 2
        if highest_mhz(law, middle_mv, temperature_c) < frequency_mhz:
            low_mv = middle_mv
        else:
            high_mv = middle_mv
    return max(high_mv, law.brown_out_mv)


class ErrorTable:
    """e against r = f_max / f, for the cores of one device."""

    def __init__(self, core_speed: NDArray[np.float64], jitter: float, floor: float) -> None:
        counts, edges = np.histogram(core_speed, bins=_BINS)
        speeds = (edges[:-1] + edges[1:]) / 2
        wrong = ndtr((1.0 - np.outer(_RATIOS, speeds)) / jitter) @ (counts / counts.sum())
        self.shares: NDArray[np.float64] = np.maximum(wrong, floor)
        self._list = self.shares.tolist()
        self._floor = floor
        self._per_step = (len(_RATIOS) - 1) / (_RATIOS[-1] - _RATIOS[0])

    def share(self, ratio: float) -> float:
        """e at one r. It falls with r, to the floor."""
        place = (ratio - 0.6) * self._per_step
        if place <= 0.0:
            return float(self._list[0])
        if place >= len(self._list) - 1:
            return self._floor
        index = int(place)
        low = self._list[index]
        return float(low + (self._list[index + 1] - low) * (place - index))


def normal_share(law: SpeedLaw, core_sd: float, ratio: float) -> float:
    """e of very many cores with a normal spread: Phi((1 - r) / sqrt(sigma^2 + (r sd)^2))."""
    spread = math.hypot(law.jitter, ratio * core_sd)
    return max(float(ndtr((1.0 - ratio) / spread)), law.error_floor)
