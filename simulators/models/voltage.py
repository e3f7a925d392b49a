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

ZERO_C_IN_K = 273.15
_BINS = 64
_LEAST_RATIO, _MOST_RATIO, _POINTS = 0.7, 1.6, 901


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
    """The voltage at which `highest_mhz` is this clock, to 1e-12 of it; brown-out if that is higher.

    Newton on the logarithm, which is concave: from below it meets the root without passing it.
    """
    if frequency_mhz <= 0.0:
        return law.brown_out_mv
    threshold_mv = law.threshold_mv - law.threshold_mv_per_k * (temperature_c - law.reference_c)
    at_mv = max(law.edge_mv, threshold_mv + 1.0)
    for _ in range(100):
        short = math.log(frequency_mhz / highest_mhz(law, at_mv, temperature_c))
        slope = law.alpha / (at_mv - threshold_mv) - 1.0 / at_mv
        next_mv = at_mv + short / slope
        at_mv = next_mv if next_mv > threshold_mv else (at_mv + threshold_mv) / 2
        if abs(short) < 1e-12:
            break
    return max(at_mv, law.brown_out_mv)


class ErrorTable:
    """e against r = f_max / f, for the cores of one device: (cores,) `core_speed`, the s_c."""

    def __init__(self, core_speed: NDArray[np.float64], jitter: float) -> None:
        counts, edges = np.histogram(core_speed, bins=_BINS)
        sums, _ = np.histogram(core_speed, bins=edges, weights=core_speed)
        taken = counts > 0
        speeds = sums[taken] / counts[taken]
        ratios = np.linspace(_LEAST_RATIO, _MOST_RATIO, _POINTS)
        over = (np.outer(ratios, speeds) - 1.0) / (jitter * math.sqrt(2.0))
        wrong = _half_erfc(over) @ (counts[taken] / core_speed.size)
        self.shares: list[float] = wrong.tolist()
        self._per_point = (_POINTS - 1) / (_MOST_RATIO - _LEAST_RATIO)

    def share(self, ratio: float) -> float:
        """e at one r; it falls as r grows."""
        shares = self.shares
        place = min(max(ratio - _LEAST_RATIO, 0.0) * self._per_point, _POINTS - 1.001)
        index = int(place)
        return shares[index] + (shares[index + 1] - shares[index]) * (place - index)


def normal_share(law: SpeedLaw, core_sd: float, ratio: float) -> float:
    """e of very many cores with a normal spread: Phi((1 - r) / sqrt(sigma^2 + (r sd)^2))."""
    spread = math.hypot(law.jitter, ratio * core_sd)
    return math.erfc((ratio - 1.0) / (spread * math.sqrt(2.0))) / 2


def _half_erfc(values: NDArray[np.float64]) -> NDArray[np.float64]:
    halves = [math.erfc(value) / 2 for value in values.ravel().tolist()]
    return np.array(halves).reshape(values.shape)
