"""A population of twins, taken like devices on a bench: several recordings each, in a few conditions.

The devices differ as real ones do in what is no fingerprint: crystal, leakage, heat path, and the sizes of
whatever firmware and network do. A fingerprint is in them only where one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asicrc.analysis.fingerprint.freshness import digests, freshness
from asicrc.analysis.fingerprint.profile import profile_of
from asicrc.analysis.fingerprint.recording import Recording, recordings_of
from asicrc.analysis.fingerprint.study import REFERENCE, Replay, Session
from asicrc.bench.plan import MachineTable
from asicrc.bench.plan_rates import hash_rates
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.capture.points import Dwell, Point
from asicrc.devices.twins import make_twin
from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence.binomial import clopper_pearson
from asicrc.reservoir.scale import config_seed, run_all
from firmware_protocols.device import Capability, DeviceProtocol

CHIP = "bm1366"
CHIP_SIZES: Mapping[str, float] = {"zero_bits": 9, "cores": 8, "time_scale": 161_803.4}
"""Of the twin that hashes: twenty proofs a second of its clock, at moments that fall on no lattice that the
lattice of the stamps would beat with."""
USUAL_FINGERPRINT_S: Mapping[str, float] = {CHIP: 0.001}
OTHER_FINGERPRINT_S = 0.002
"""As the planted twins have it."""
USUAL_EVENTS: Mapping[str, int] = {CHIP: 400}
OTHER_EVENTS = 8_000
SHARES_PER_S = 100.0
"""Of a twin on a network, by its difficulty: where proofs are seconds apart no delay of a core shows."""
IDEAL, ORDINARY, PLANTED = "ideal", "ordinary", "planted"
"""Ideal devices are all the same: nothing of theirs can be told apart."""
OF_FIRMWARE_AND_NETWORK = (
    "confound_dead_time_s",
    "confound_renewal_gap_s",
    "confound_pick_up_s",
    "confound_in_flight_s",
    "confound_batching_s",
    "confound_polling_s",
    "confound_jitter_s",
    "confound_tail_s",
    "confound_loss",
)
"""What of a twin's identity states a size that another firmware or network would have otherwise."""
FIRMWARE_LOG_SD = 0.3
"""Of their logarithm, device to device (assumed)."""
ROOM_C = 25.0
ROOMS_C: Mapping[str, float] = {"10 degC room": 10.0, "40 degC room": 40.0}
VOLTAGES: Mapping[str, float] = {"voltage -5 %": 0.95, "voltage +5 %": 1.05}


@dataclass(frozen=True, slots=True)
class TwinPopulation:
    """`devices` units of a machine, `captures` recordings each. `fingerprint_s` is what `kind` planted gets;
    `tried` devices are taken in the other conditions too. None is what is usual for the machine."""

    machine: str = CHIP
    devices: int = 50
    kind: str = ORDINARY
    fingerprint_s: float | None = None
    captures: int = 4
    events: int | None = None
    tried: int = 20
    seed: int = 1
    effects: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 3 <= self.devices <= 10_000 or not 2 <= self.captures <= 100 or self.tried < 0:
            raise UsageError(
                f"{self.devices} devices, {self.captures} recordings each, {self.tried} in other conditions",
                "3 devices or more, 2 recordings or more",
            )
        if self.kind not in (IDEAL, ORDINARY, PLANTED):
            raise UsageError(
                f"no population is called {self.kind!r}", f"known: {IDEAL}, {ORDINARY}, {PLANTED}"
            )

    @property
    def planted_s(self) -> float:
        if self.kind != PLANTED:
            return 0.0
        usual = USUAL_FINGERPRINT_S.get(self.machine, OTHER_FINGERPRINT_S)
        return usual if self.fingerprint_s is None else self.fingerprint_s

    @property
    def wanted_events(self) -> int:
        return USUAL_EVENTS.get(self.machine, OTHER_EVENTS) if self.events is None else self.events

    def as_json(self) -> dict[str, Any]:
        return {
            "population": self.kind,
            "machine": self.machine,
            "fingerprint_us": self.planted_s * 1e6,
            "captures_per_device": self.captures,
            "events_per_capture": self.wanted_events,
            "seed": self.seed,
        }


def take_population(
    population: TwinPopulation, *, jobs: int = 1, each: Callable[[str], None] = lambda _: None
) -> tuple[dict[str, list[Session]], Replay | None]:
    """Recordings of all devices, and what the check of fresh work said of old ones and of fresh ones.

    Raises UsageError where no such twin is installed, or the machine has none.
    """
    sizes = _stated_sizes(population)
    done = 0

    def count(_: object) -> None:
        nonlocal done
        done += 1
        each(f"{done} of {population.devices} devices taken")

    tasks = [(population, unit, sizes) for unit in range(population.devices)]
    taken = run_all(take_device, tasks, n_jobs=jobs, each=count)
    sessions = {f"{population.kind} {unit}": own for unit, (own, _) in enumerate(taken)}
    shown = [passed for _, passed in taken if passed is not None]
    if not shown:
        return sessions, None
    again, fresh = (sum(passed[k] for passed in shown) for k in (0, 1))
    return sessions, Replay(clopper_pearson(again, len(shown)), clopper_pearson(fresh, len(shown)))


def take_device(
    population: TwinPopulation, unit: int, sizes: Mapping[str, float]
) -> tuple[list[Session], tuple[bool, bool] | None]:
    """Recordings of one unit. Of one that is tried also whether its first recording passed for an answer to
    the work of a later challenge, and whether the answer to that work did."""
    rng = np.random.default_rng(config_seed(population.seed, {"firmware of": unit}))
    confounds = {
        name: size * float(np.exp(FIRMWARE_LOG_SD * rng.standard_normal())) for name, size in sizes.items()
    }
    challenge, rooms = (int(s) for s in config_seed(population.seed, {"unit": unit}).generate_state(2))
    device = _device(population, unit, confounds, ROOM_C)
    is_tried = unit < population.tried
    conditions, points = _points(device, population, VOLTAGES if is_tried else {})
    recordings = _take(device, population, points, challenge)
    sessions = [_session(conditions[r.key or (0, 0)], r) for r in recordings]
    passed = _replay(recordings, population, device, challenge) if is_tried else None
    for number, (name, ambient_c) in enumerate(ROOMS_C.items() if is_tried else ()):
        other = _device(population, unit, confounds, ambient_c)
        _, points = _points(other, population, {}, captures=1)
        sessions += [_session(name, r) for r in _take(other, population, points, rooms + number)]
    return [session for session in sessions if session is not None], passed


def _replay(
    recordings: Sequence[Recording], population: TwinPopulation, device: DeviceProtocol, challenge: int
) -> tuple[bool, bool]:
    """The first recording in answer to the next challenge, and the answer itself."""
    first, next_challenge = recordings[:1], challenge + 1
    _, points = _points(device, population, {}, captures=1)
    answer = _take(device, population, points, next_challenge)
    known = digests(first)
    passed = [freshness(shown, next_challenge, known) for shown in (first, answer)]
    return not passed[0].replayed, not passed[1].replayed


def _session(condition: str, recording: Recording) -> Session | None:
    try:
        return Session(condition, profile_of(recording))
    except NoAnswer:
        return None  # too few came, as near the edge of the voltage: the study counts those that are there


def _take(
    device: DeviceProtocol, population: TwinPopulation, points: Sequence[Point], seed: int
) -> list[Recording]:
    """With one job for each recording: the longer it is, the better the crystal is known."""
    length_s = points[0].dwell.duration_s or 0.0
    plan = CapturePlan(points=tuple(points), seed=seed, job_interval_s=length_s * (1 + 1e-6))
    return recordings_of(capture_in_memory(device, plan), device.identity.url)


def _points(
    device: DeviceProtocol,
    population: TwinPopulation,
    voltages: Mapping[str, float],
    *,
    captures: int | None = None,
) -> tuple[dict[tuple[int, int], str], list[Point]]:
    """What each point is called, and the points: the usual settings so often, then the other voltages."""
    requested: dict[str, float] = {}
    if population.machine != CHIP:
        requested["difficulty"] = 1.0 / SHARES_PER_S / _mean_interval_s(device, {"difficulty": 1.0})
    mean_s = _mean_interval_s(device, requested)
    usual_mv = _usual_mv(device)
    if usual_mv is not None:
        requested["voltage_mv"] = usual_mv
    dwell = Dwell(population.wanted_events * mean_s)
    wanted = population.captures if captures is None else captures
    points = [Point(0, repeat, requested, dwell) for repeat in range(wanted)]
    names = {point.key: REFERENCE for point in points}
    for number, (name, factor) in enumerate(voltages.items() if usual_mv is not None else (), 1):
        point = Point(number, 0, requested | {"voltage_mv": round((usual_mv or 0.0) * factor)}, dwell)
        device.check(dict(point.requested))
        points.append(point)
        names[point.key] = name
    return names, points


def _mean_interval_s(device: DeviceProtocol, requested: Mapping[str, float]) -> float:
    found = {s.name: s.read_back for s in device.originals() if s.read_back is not None} | dict(requested)
    rate = hash_rates(MachineTable(), device).shares(found, 1.0)
    if rate is None:
        raise UsageError(
            f"the hash rate of a {device.identity.model} is not known", "study bm1366, lv06 or s9"
        )
    return rate.mean_interval_s


def _usual_mv(device: DeviceProtocol) -> float | None:
    if device.capabilities.get("voltage_mv") is not Capability.LIVE:
        return None
    return next((s.read_back for s in device.originals() if s.name == "voltage_mv"), None)


def _stated_sizes(population: TwinPopulation) -> dict[str, float]:
    """What one of them says of its firmware and network."""
    details = _device(population, 0, {}, ROOM_C).identity.details
    stated = {name.removeprefix("confound_"): details.get(name) for name in OF_FIRMWARE_AND_NETWORK}
    return {name: float(size) for name, size in stated.items() if isinstance(size, int | float)}


def _device(
    population: TwinPopulation, unit: int, confounds: Mapping[str, float], ambient_c: float
) -> DeviceProtocol:
    effects = dict(population.effects)
    if population.planted_s:
        effects["fingerprint_s"] = population.planted_s
    options = {"chip": dict(CHIP_SIZES)} if population.machine == CHIP else {}
    return make_twin(
        IDEAL if population.kind == IDEAL else ORDINARY,
        population.machine,
        seed=population.seed,
        effects=effects,
        confounds=dict(confounds),
        ambient_c=ambient_c,
        unit=unit,
        population=population.seed,
        **options,
    )
