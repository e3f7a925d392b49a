"""One device out of a population: how its chips and cores, heat path and crystal differ from the mean.

Speeds spread from chip to chip and, within a chip, from core to core (Bowman, Duvall and Meindl, IEEE JSSC
37:183, 2002). A fast chip leaks more, as a lower threshold has both effects (Borkar et al., DAC 2003).
Whatever is drawn is a function of the population's seed and the device's number alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from simulators.models.crystal import CrystalLaw
from simulators.models.machines import Machine

CHIP_SPEED_SD = 0.03
CORE_SPEED_SD = 0.03
"""Of the highest clock, as a share of it; chip to chip, and core to core of one chip (assumed)."""
LEAKAGE_LOG_SD = 0.30
"""Of the logarithm of a chip's leakage (assumed)."""
SPEED_LEAKAGE_CORRELATION = 0.8
SWITCHING_SD = 0.02
"""Of the switched capacity, device to device (assumed)."""
THERMAL_SD = 0.08
"""Of all thermal resistances of a device: paste, pressure, dust (assumed)."""
CRYSTAL_PPM_SD = 10.0
"""A part of +-30 ppm at three standard deviations (assumed)."""
CRYSTAL_SLOPE_SD = 0.15
"""ppm/K; what is left of an AT-cut's slope when its angle is off by a minute or two (assumed)."""
CRYSTAL_CUBIC = 1.0e-4
"""ppm/K^3, of every AT-cut."""


@dataclass(frozen=True, slots=True, eq=False)
class Variation:
    """What makes a device of one kind itself. All factors are 1 for a nominal one."""

    device: int
    chip_speed: NDArray[np.float64]
    """(chips,) of the highest clock."""
    core_speed: NDArray[np.float64]
    """(chips, cores) likewise, times that of its chip."""
    chip_leakage: NDArray[np.float64]
    """(chips,)"""
    switching: float
    thermal: float
    crystal: CrystalLaw
    silicon: NDArray[np.float64]
    """(chips, cores) standard normal: of the silicon fingerprint that can be planted, and of nothing else."""

    @classmethod
    def nominal(cls, machine: Machine) -> Variation:
        """A device at the mean of everything; its cores differ by CORE_SPEED_SD all the same.

        They are the quantiles of that spread, in order: nothing about it is random.
        """
        within = NormalDist(1.0, CORE_SPEED_SD)
        core_speed = np.array([within.inv_cdf((core + 0.5) / machine.cores) for core in range(machine.cores)])
        return cls(
            device=-1,
            chip_speed=np.ones(machine.chips),
            core_speed=np.tile(core_speed, (machine.chips, 1)),
            chip_leakage=np.ones(machine.chips),
            switching=1.0,
            thermal=1.0,
            crystal=CrystalLaw(),
            silicon=np.zeros((machine.chips, machine.cores)),
        )

    @classmethod
    def of(cls, machine: Machine, population_seed: int, device: int) -> Variation:
        """Device number `device` (from 0) of the population with a seed. Raises ValueError below 0."""
        if population_seed < 0 or device < 0:
            raise ValueError(
                f"population {population_seed}, device {device}: seeds and numbers are 0 or greater"
            )
        root = SeedSequence(population_seed, spawn_key=(device,))
        chips, cores, board, silicon = (Generator(np.random.PCG64(child)) for child in root.spawn(4))
        fast = chips.standard_normal(machine.chips)
        other = chips.standard_normal(machine.chips)
        chip_speed = np.maximum(1.0 + CHIP_SPEED_SD * fast, 0.5)
        rho = SPEED_LEAKAGE_CORRELATION
        leaky = rho * fast + np.sqrt(1.0 - rho * rho) * other
        within = 1.0 + CORE_SPEED_SD * cores.standard_normal((machine.chips, machine.cores))
        return cls(
            device=device,
            chip_speed=chip_speed,
            core_speed=chip_speed[:, None] * np.maximum(within, 0.5),
            chip_leakage=np.exp(LEAKAGE_LOG_SD * leaky - LEAKAGE_LOG_SD**2 / 2),
            switching=float(np.exp(SWITCHING_SD * board.standard_normal())),
            thermal=float(np.exp(THERMAL_SD * board.standard_normal())),
            crystal=CrystalLaw(
                offset_ppm=CRYSTAL_PPM_SD * float(board.standard_normal()),
                slope_ppm_per_k=CRYSTAL_SLOPE_SD * float(board.standard_normal()),
                cubic_ppm_per_k3=CRYSTAL_CUBIC,
            ),
            silicon=silicon.standard_normal((machine.chips, machine.cores)),
        )
