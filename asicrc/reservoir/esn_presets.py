"""Hyperparameters of echo state networks that were searched for, with the record of the search.

They make the ESN a fair rival: one with guessed hyperparameters loses to anything. To search for another task
or size, call `search_esn` as the record tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from asicrc.reservoir.esn import ESN


@dataclass(frozen=True, slots=True)
class Preset:
    """For `units`; `nrmse_mean` and `nrmse_deviation` on the 24 series of the last round of the search."""

    units: int
    spectral_radius: float
    input_scaling: float
    bias_scaling: float
    leak: float
    degree: int
    nrmse_mean: float
    nrmse_deviation: float

    def parameters(self) -> dict[str, Any]:
        """Of ESN, but for units and seed."""
        names = ("spectral_radius", "input_scaling", "bias_scaling", "leak", "degree")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """How presets were found: by `search_esn(units, task, n_train=..., washout=...)` as it stands.

    That is 320 candidates on series 10,000 to 10,002, 88 on the next 8 and 6 on the next 24, each series with
    a reservoir of the same number. Scores are told on series of other numbers.
    """

    task: str
    steps: int
    n_train: int
    washout: int
    series: range
    presets: tuple[Preset, ...]


NARMA10 = SearchRecord(
    task="asicrc.reservoir.tasks.narma.narma(10, 10_000, number)",
    steps=10_000,
    n_train=5_000,
    washout=200,
    series=range(10_000, 10_035),
    presets=(
        Preset(50, 0.9883, 0.00812, 0.7316, 0.7993, 5, 0.344, 0.020),
        Preset(100, 0.7909, 0.00551, 0.3795, 1.0, 20, 0.215, 0.021),
        Preset(200, 1.0512, 0.00933, 0.7660, 0.8888, 20, 0.143, 0.024),
        Preset(400, 0.9582, 0.00853, 0.2006, 0.8901, 10, 0.104, 0.024),
    ),
)
SEARCHES = {"narma10": NARMA10}


def preset_of(task: str, units: int) -> Preset:
    """The preset of the nearest size, by ratio. Raises ValueError for a task without a search."""
    if task not in SEARCHES:
        raise ValueError(f"no presets for {task!r}: there are some for {', '.join(SEARCHES)}")
    if units < 1:
        raise ValueError(f"{units} units: give 1 or more")
    return min(SEARCHES[task].presets, key=lambda preset: abs(float(np.log(preset.units / units))))


def preset_esn(task: str, units: int, **changes: Any) -> ESN:
    """An ESN of `units` with the preset for the task, but for `changes`: seed, washout, dtype, ..."""
    return ESN(**({"units": units} | preset_of(task, units).parameters() | changes))
