"""A device taken through many steps of its settings, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.models.physics import DevicePhysics

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """(n,) each, at the end of every step."""

    t_s: Floats
    temperature_c: Floats
    power_w: Floats
    lost_share: Floats
    hash_rate_ghs: Floats


def trajectory(
    device: DevicePhysics, dt_s: float, steps: int, settings: Mapping[str, Floats] | None = None
) -> Trajectory:
    """Take `device` through `steps` steps of `dt_s`, from the state that it is in.

    `settings` gives (steps,) values by the name of a setting, each set before its step. Raises ValueError for
    a name that is no setting, and for values of another length.
    """
    courses = {name: np.asarray(values, dtype=float).tolist() for name, values in (settings or {}).items()}
    for name, values in courses.items():
        if len(values) != steps:
            raise ValueError(f"{len(values)} values of {name} for {steps} steps: give one for each step")
    t_s = np.linspace(dt_s, steps * dt_s, steps, dtype=np.float64)
    course = Trajectory(t_s, *(np.empty(steps, dtype=np.float64) for _ in range(4)))
    for index in range(steps):
        for name, values in courses.items():
            device.set(name, values[index])
        device.step(dt_s)
        course.temperature_c[index] = device.temperature_c
        course.power_w[index] = device.power_w
        course.lost_share[index] = device.lost_share
        course.hash_rate_ghs[index] = device.hash_rate_ghs
    return course
