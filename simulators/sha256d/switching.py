"""From register toggles to energy: what rounds cost if it goes with the bits that they change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulators.sha256d.observer import ALL_ROUNDS

MEAN_TOGGLES_A_HASH = 128.0 * ALL_ROUNDS
"""Of 256 register bits half change in a round of either hash, once the state is mixed."""


@dataclass(frozen=True, slots=True)
class SwitchingModel:
    """CMOS dynamic energy, a C V^2 for each bit that changes (Weste and Harris 2010, section 5.2).

    `effective_f` lumps what switches with a register bit (adders, schedule, clock tree) into one capacitance.
    `leakage_w` is of one hash engine and flows whatever changes; `round_s` is the time that one round takes.
    """

    effective_f: float
    voltage_v: float
    leakage_w: float = 0.0
    round_s: float = 0.0

    @classmethod
    def of_efficiency(cls, joules_a_hash: float, voltage_v: float) -> SwitchingModel:
        """Without leakage; a mean hash costs `joules_a_hash`. Raises ValueError unless both are above 0."""
        if not (joules_a_hash > 0 and voltage_v > 0):
            raise ValueError("an energy for a hash and a voltage are above 0")
        return cls(joules_a_hash / (MEAN_TOGGLES_A_HASH * voltage_v**2), voltage_v)

    def energy_j(self, toggles: ArrayLike) -> NDArray[np.float64]:
        """Energy of rounds in J, of the bits that each of them changed; the shape stays."""
        changed = np.asarray(toggles, dtype=np.float64)
        return changed * self.effective_f * self.voltage_v**2 + self.leakage_w * self.round_s
