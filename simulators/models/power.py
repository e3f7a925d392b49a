"""What a device draws: switching, leakage, and what is not the chips'.

    P_core = P_dyn (V/V0)^2 (f/f0)  +  P_leak (V/V0) exp((V - V0)/V_d) exp((T - T0)/T_d)
    P      = P_core + P_other

The first term is C V^2 f with C such that it is P_dyn at the nominal V0 and f0 (Weste and Harris, CMOS VLSI
Design, 4th ed. 2011, section 5.2). The second is the current below threshold, which grows with the drain's
voltage, as that lowers the barrier, and with temperature (Roy, Mukhopadhyay and Mahmoodi-Meimand,
Proc. IEEE 91:305, 2003). Over the temperatures at which a device runs one constant is enough for each: Liu,
Dick, Shang and Yang (DATE 2007) find even a straight line good for the temperature.
"""

from __future__ import annotations

import math
from typing import NamedTuple

CAP_C = 150.0
"""A model of a chip ends here: leakage grows no further, and a device that comes here is held here. Silicon
is rated to 125 degC; what happens beyond is not known for any of these chips."""


class PowerLaw(NamedTuple):
    """Of one device at its nominal point: V0 `nominal_mv`, f0 `nominal_mhz`, T0 `reference_c`."""

    dynamic_w: float
    leakage_w: float
    other_w: float
    """Of regulators, fans and controller; none of it warms the chips."""
    nominal_mv: float
    nominal_mhz: float
    reference_c: float
    leakage_mv: float
    """V_d: by so much more voltage the current grows by e."""
    leakage_k: float
    """T_d: by so many kelvin the current grows by e."""


def dynamic_w(law: PowerLaw, voltage_mv: float, frequency_mhz: float) -> float:
    """Of switching, W."""
    volts = voltage_mv / law.nominal_mv
    return law.dynamic_w * volts * volts * frequency_mhz / law.nominal_mhz


def leakage_at_reference_w(law: PowerLaw, voltage_mv: float) -> float:
    """Of leakage at T0, W."""
    rise = math.exp((voltage_mv - law.nominal_mv) / law.leakage_mv)
    return law.leakage_w * voltage_mv / law.nominal_mv * rise


def warmth(law: PowerLaw, temperature_c: float) -> float:
    """Leakage at a temperature, over that at T0. It grows no further above CAP_C."""
    return math.exp((min(temperature_c, CAP_C) - law.reference_c) / law.leakage_k)


def core_w(law: PowerLaw, voltage_mv: float, frequency_mhz: float, temperature_c: float) -> float:
    """Of the chips, W."""
    leakage_w = leakage_at_reference_w(law, voltage_mv) * warmth(law, temperature_c)
    return dynamic_w(law, voltage_mv, frequency_mhz) + leakage_w


def steady_c(law: PowerLaw, dynamic: float, leakage: float, air_c: float, k_per_w: float) -> float:
    """The temperature at which heat made and heat given off are the same; CAP_C where there is none below.

    Solves T = air + R (dynamic + leakage exp((T - T0)/T_d)), where `leakage` is that at T0. The right-hand
    side is convex, so Newton from below meets the lower root, the stable one, or passes the point where
    nothing balances: thermal runaway.
    """
    at_c = air_c + k_per_w * dynamic
    for _ in range(200):
        if at_c >= CAP_C:
            return CAP_C
        leaking_w = leakage * warmth(law, at_c)
        short_k = air_c + k_per_w * (dynamic + leaking_w) - at_c
        slope = 1.0 - k_per_w * leaking_w / law.leakage_k
        if slope <= 0.0:
            return CAP_C
        at_c += short_k / slope
        if abs(short_k) < 1e-12 * max(1.0, abs(at_c)):
            return min(at_c, CAP_C)
    return min(at_c, CAP_C)
