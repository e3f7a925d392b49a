"""How far off a crystal runs:

    ppm(T) = ppm_0 + a1 (T - 25 degC) + a3 (T - 25 degC)^3

The cubic is that of an AT-cut (Bechmann, Proc. IRE 44:1600, 1956), a3 about 1e-4 ppm/K^3; a1 is set by the
angle of the cut. The crystal stands beside the chip and takes a share of its rise.
"""

from __future__ import annotations

from typing import NamedTuple


class CrystalLaw(NamedTuple):
    """Of one crystal; 0 in all is one without fault."""

    offset_ppm: float = 0.0
    slope_ppm_per_k: float = 0.0
    cubic_ppm_per_k3: float = 0.0
    share_of_rise: float = 0.4
    """Of the chip's rise above the air that the crystal sees (assumed)."""


def crystal_ppm(law: CrystalLaw, air_c: float, chip_c: float) -> float:
    """By how many millionths it is fast."""
    from_25_k = air_c + law.share_of_rise * (chip_c - air_c) - 25.0
    return law.offset_ppm + from_25_k * (law.slope_ppm_per_k + law.cubic_ppm_per_k3 * from_25_k * from_25_k)
