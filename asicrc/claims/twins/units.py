"""Twins for the claims: each run another unit of the population, with other work and other noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from asicrc.devices.twins import make_twin
from asicrc.errors import NoAnswer
from firmware_protocols.device import DeviceProtocol


def twin_of(
    kind: str,
    machine: str,
    seed: np.random.SeedSequence,
    effects: Mapping[str, float] | None = None,
    **options: Any,
) -> DeviceProtocol:
    """`effects` are planted in the `planted` kind alone. Without any it is an ordinary one: what is planted
    is then put into the data. Raises UsageError where no twins are installed."""
    device_seed = int(seed.generate_state(2)[0]) >> 1
    planted = dict(effects or {}) if kind == "planted" else {}
    name = "ordinary" if kind == "planted" and not planted else kind
    return make_twin(
        name, machine, seed=device_seed, unit=device_seed % 1000, effects=planted or None, **options
    )


def work_seed(seed: np.random.SeedSequence) -> int:
    """Of the jobs that the twin is given."""
    return int(seed.generate_state(2)[1]) >> 1


def usual_setting(device: DeviceProtocol, name: str) -> float:
    """As the device is found. Raises NoAnswer where it does not say."""
    for setting in device.originals():
        if setting.name == name and setting.read_back is not None:
            return float(setting.read_back)
    raise NoAnswer(f"{device.identity.url} does not say its {name}", "a device that reports it")
