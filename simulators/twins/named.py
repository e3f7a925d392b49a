"""The three named twins.

`ideal` is a Poisson process and nothing else. `ordinary` has the physics of its board, is one device out of a
population, and has every confound at a size that such a miner can have; nothing is planted in it. `planted`
is an ordinary one with effects of stated sizes: those that are asked for, or else `PLANTED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from firmware_protocols.device import DeviceIdentity
from simulators.models import DevicePhysics, Effects, Variation
from simulators.models.physics import AMBIENT_C
from simulators.twins.boards import Board, board_of
from simulators.twins.confounds import Confounds
from simulators.twins.device import TwinDevice
from simulators.twins.pool_mining import PoolMining

KINDS = ("ideal", "ordinary", "planted")

_ESP: Mapping[str, float] = MappingProxyType(
    {
        "dead_time_s": 0.002,
        "renewal_s": 2.0,
        "renewal_gap_s": 0.002,
        "fan_pwm_hz": 25_000.0,
        "fan_pwm_depth": 0.002,
        "pick_up_s": 0.050,
        "pick_up_spread_s": 0.010,
        "in_flight_s": 0.002,
        "batching_s": 0.010,
        "polling_s": 0.001,
        "jitter_s": 0.004,
        "tail_share": 0.02,
        "tail_s": 0.030,
        "beacon_s": 0.1024,
        "beacon_share": 0.1,
        "loss": 0.002,
        "stamp_s": 1e-6,
        "telemetry_s": 5.0,
    }
)
"""Of a board with ESP-Miner on WiFi. From its source: work anew each 2 s, a tick of its scheduler of 10 ms,
a fan at 25 kHz (bitaxeorg/ESP-Miner). From the standard: the beacon, 100 units of 1.024 ms (IEEE 802.11). The
others are assumed."""
ORDINARY: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "lv06": _ESP,
        "bitaxe-ultra": _ESP,
        "bitaxe-gamma": _ESP,
        "s9": MappingProxyType(
            {
                "dead_time_s": 0.0002,
                "renewal_s": 30.0,
                "renewal_gap_s": 0.005,
                "fan_pwm_hz": 25_000.0,
                "fan_pwm_depth": 0.002,
                "pick_up_s": 0.016,
                "pick_up_spread_s": 0.008,
                "in_flight_s": 0.001,
                "batching_s": 0.001,
                "polling_s": 0.0005,
                "jitter_s": 0.0005,
                "tail_share": 0.01,
                "tail_s": 0.005,
                "loss": 0.001,
                "stamp_s": 1e-6,
                "telemetry_s": 5.0,
            }
        ),
        "lbbox": MappingProxyType(
            {
                "dead_time_s": 0.001,
                "renewal_s": 30.0,
                "renewal_gap_s": 0.005,
                "fan_pwm_hz": 25_000.0,
                "fan_pwm_depth": 0.002,
                "pick_up_s": 0.050,
                "pick_up_spread_s": 0.015,
                "in_flight_s": 0.002,
                "batching_s": 0.005,
                "polling_s": 0.001,
                "jitter_s": 0.002,
                "tail_share": 0.01,
                "tail_s": 0.010,
                "loss": 0.001,
                "stamp_s": 1e-6,
                "telemetry_s": 5.0,
            }
        ),
    }
)
"""Confounds by machine. The pick-up of the S9 is that of its published shares; of the others' numbers without
a source in `_ESP` all are assumed."""
PLANTED: Mapping[str, float] = MappingProxyType(
    {
        "memory_gain": 1.0,
        "memory_tau": 3.0,
        "heartbeat_hz": 2.4,
        "heartbeat_depth": 0.25,
        "leak_auc": 0.52,
        "fingerprint_s": 0.002,
    }
)
"""What is planted where nothing is asked for. A change of the rate is not: it would hide in the hash rate."""


def ideal(
    machine: str = "lv06",
    *,
    seed: int = 0,
    effects: Mapping[str, float] | None = None,
    confounds: Mapping[str, float] | None = None,
    ambient_c: float = AMBIENT_C,
    unit: int = 0,
    population: int = 0,
) -> TwinDevice:
    """Effects and confounds are those that are asked for, alone. A device of paper: `unit` changes nothing.

    Raises ValueError for a machine, an effect or a confound that there is not, and a size that cannot be.
    """
    board = board_of(machine)
    physics = DevicePhysics(board.machine, None, ambient_c, enabled=False)
    return _twin("ideal", board, physics, seed, effects or {}, confounds or {}, unit, population)


def ordinary(
    machine: str = "lv06",
    *,
    seed: int = 0,
    effects: Mapping[str, float] | None = None,
    confounds: Mapping[str, float] | None = None,
    ambient_c: float = AMBIENT_C,
    unit: int = 0,
    population: int = 0,
) -> TwinDevice:
    """Device number `unit` of a population. `confounds` replace those of `ORDINARY` one by one (0 is off).

    Effects that are asked for are planted; the identity says so. Raises as `ideal`.
    """
    return _of_population(
        "ordinary", machine, seed, effects or {}, confounds or {}, ambient_c, unit, population
    )


def planted(
    machine: str = "lv06",
    *,
    seed: int = 0,
    effects: Mapping[str, float] | None = None,
    confounds: Mapping[str, float] | None = None,
    ambient_c: float = AMBIENT_C,
    unit: int = 0,
    population: int = 0,
) -> TwinDevice:
    """As `ordinary`, with the effects of `PLANTED` unless others are asked for."""
    return _of_population(
        "planted", machine, seed, effects or PLANTED, confounds or {}, ambient_c, unit, population
    )


def _of_population(
    kind: str,
    machine: str,
    seed: int,
    effects: Mapping[str, float],
    confounds: Mapping[str, float],
    ambient_c: float,
    unit: int,
    population: int,
) -> TwinDevice:
    board = board_of(machine)
    variation = Variation.of(board.machine, population, unit)
    physics = DevicePhysics(board.machine, variation, ambient_c)
    sizes = {**ORDINARY[machine], **confounds}
    return _twin(kind, board, physics, seed, effects, sizes, unit, population)


def _twin(
    kind: str,
    board: Board,
    physics: DevicePhysics,
    seed: int,
    effects: Mapping[str, float],
    confounds: Mapping[str, float],
    unit: int,
    population: int,
) -> TwinDevice:
    if seed < 0:
        raise ValueError(f"seed={seed}: seeds are 0 or greater")
    is_planted = Effects.from_mapping(effects)
    lies_between = Confounds.of(confounds)
    identity = DeviceIdentity(
        url=f"twin:{board.machine.name}?kind={kind}&seed={seed}",
        family="twin",
        model=board.model,
        chips=board.machine.chips,
        simulated=True,
        details={
            "kind": kind,
            "process": "statistical",
            "seed": seed,
            "population": population,
            "unit": unit,
            "ambient_c": physics.ambient_c,
            "planted": not is_planted.nothing,
            **{f"effect_{name}": float(size) for name, size in effects.items()},
            **{f"confound_{name}": size for name, size in lies_between.switched_on().items()},
        },
    )
    return TwinDevice(
        board,
        identity,
        physics,
        lies_between,
        seed,
        lambda settings: PoolMining(board, physics, settings, is_planted, lies_between),
    )
