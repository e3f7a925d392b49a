"""What a sweep comes to before it is begun: its points in order, time, shares, and what cannot be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asicrc.bench.envelope import Envelope
from asicrc.bench.limits import envelope_for
from asicrc.bench.plan import MachineTable, SweepPlan
from asicrc.bench.plan_rates import HashRates, hash_rates
from asicrc.bench.reading_channels import is_known, nearest
from asicrc.capture.points import Point
from asicrc.capture.settling import Settle
from asicrc.errors import AsicrcError
from asicrc.work.choosing import check_mode
from firmware_protocols.device import Capability, DeviceProtocol, SettingRefused

Check = Callable[[dict[str, float]], None]


@dataclass(frozen=True, slots=True)
class PointEstimate:
    """Of one point. Times are from the shortest to the longest; without a known rate an event count takes
    anything up to its `longest_s`. `refused` is why it may not be set, None where nothing is against it."""

    position: int
    point: Point
    settle_s: tuple[float, float]
    dwell_s: tuple[float, float]
    shares_per_s: float | None
    shares: float | None
    refused: str | None
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "position": self.position,
            "point": self.point.number,
            "repeat": self.point.repeat,
            "kind": self.point.kind.value,
            "requested": dict(self.point.requested),
            "settle_s": list(self.settle_s),
            "dwell_s": list(self.dwell_s),
            "shares_per_s": self.shares_per_s,
            "shares": self.shares,
            "refused": self.refused,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class PlanEstimate:
    """`against` says which limits the points were held to; `unusable` why the plan cannot run at all."""

    name: str
    points: tuple[PointEstimate, ...]
    rate_source: str
    against: str
    unusable: str | None = None

    @property
    def seconds(self) -> tuple[float, float]:
        """Settling and recording; changes of the settings come on top."""
        low = sum(p.settle_s[0] + p.dwell_s[0] for p in self.points)
        return low, sum(p.settle_s[1] + p.dwell_s[1] for p in self.points)

    @property
    def refused(self) -> list[PointEstimate]:
        return [p for p in self.points if p.refused is not None]

    def as_json(self) -> dict[str, Any]:
        known = [p.shares for p in self.points if p.shares is not None]
        return {
            "name": self.name,
            "points_planned": len(self.points),
            "seconds": list(self.seconds),
            "shares": sum(known) if len(known) == len(self.points) else None,
            "rate_source": self.rate_source,
            "limits_of": self.against,
            "refused": len(self.refused),
            "unusable": self.unusable,
            "points": [p.as_json() for p in self.points],
        }


def estimate(plan: SweepPlan, device: DeviceProtocol | None = None) -> PlanEstimate:
    """With a device its own limits and what it says; without, the built-in ones of the plan's machine.

    Nothing is written to the device. Raises UsageError for a board or chip that there are no limits for.
    """
    rates = hash_rates(plan.machine, device)
    if device is not None:
        check: Check | None = device.check
        against = f"{device.identity.url}"
    else:
        check, against = _built_in(plan.machine)
    estimates = estimates_of(plan, plan.points(), rates, check, device)
    return PlanEstimate(plan.name, estimates, rates.source, against, _unusable(plan, device))


def estimates_of(
    plan: SweepPlan,
    points: Sequence[Point],
    rates: HashRates | None = None,
    check: Check | None = None,
    device: DeviceProtocol | None = None,
) -> tuple[PointEstimate, ...]:
    """Of points in their order; without `rates` as the plan states them."""
    rates = rates or hash_rates(plan.machine, None)
    refusals: dict[tuple[tuple[str, float], ...], str | None] = {}
    for point in points:
        key = tuple(sorted(point.requested.items()))
        if key not in refusals:
            refusals[key] = None if check is None else _refusal(check, dict(point.requested))
    return tuple(
        _of_point(position, point, rates, refusals[tuple(sorted(point.requested.items()))], device)
        for position, point in enumerate(points, 1)
    )


def _unusable(plan: SweepPlan, device: DeviceProtocol | None) -> str | None:
    if device is None:
        return None
    try:
        check_mode(device.work_form, plan.mode)
    except AsicrcError as error:
        return error.message
    return None


def _refusal(check: Check, requested: dict[str, float]) -> str | None:
    try:
        check(requested)
    except SettingRefused as error:
        return str(error)
    return None


def _built_in(machine: MachineTable) -> tuple[Check | None, str]:
    if machine.chip is None:
        return None, "none: name a device, or a machine in the plan"
    envelope = envelope_for(machine.board, machine.chip)

    def check(requested: Mapping[str, float]) -> None:
        for name, held in _ranges(envelope).items():
            if name in requested:
                if held is None:
                    raise SettingRefused(f"{name} cannot be set on this board")
                held.check(name, requested[name])

    return check, f"a {machine.chip} on the board {machine.board or 'bare'}, built in"


def _ranges(envelope: Envelope) -> dict[str, Any]:
    return {
        "frequency_mhz": envelope.frequency_mhz,
        "voltage_mv": envelope.voltage_mv,
        "fan_percent": envelope.fan_percent,
    }


def _of_point(
    position: int, point: Point, rates: HashRates, refused: str | None, device: DeviceProtocol | None
) -> PointEstimate:
    settle = point.settle
    settle_s = (0.0, 0.0) if settle is None else (settle.shortest_possible_s, settle.longest_possible_s)
    longest_s = point.dwell.duration_s or 0.0
    dwell_s = (longest_s, longest_s)
    rate = rates.shares(point.requested, longest_s)
    notes = [] if settle is None else _unknown_channels(settle)
    if rate is None:
        shares = per_s = None
        if point.dwell.events is not None:
            dwell_s = (0.0, longest_s)
    else:
        shares, per_s = rate.shares_per_step, rate.shares_per_s
        if rate.difficulty != rate.requested_difficulty:
            notes.append(f"the firmware reports nothing easier than {rate.difficulty:g}: that counts")
        if point.dwell.events is not None:
            needed_s = point.dwell.events / per_s
            if needed_s > longest_s:
                notes.append(
                    f"{point.dwell.events} events take {needed_s:.0f} s here; about {shares:.0f} come in "
                    f"{longest_s:g} s"
                )
            shares = min(shares, float(point.dwell.events))
            dwell_s = (min(needed_s, longest_s),) * 2
    if device is not None:
        restarts = [n for n in point.requested if device.capabilities.get(n) is Capability.RESTART]
        if restarts:
            notes.append(f"{', '.join(restarts)}: the device restarts for it")
    return PointEstimate(position, point, settle_s, dwell_s, per_s, shares, refused, tuple(notes))


def _unknown_channels(settle: Settle) -> list[str]:
    """A point that waits for a reading that never comes goes on without having settled."""
    notes = []
    for steady in settle.steady:
        if not is_known(steady.channel):
            near = nearest(steady.channel)
            meant = "" if near is None else f"; did you mean {near}?"
            notes.append(f"settle.steady: no device here tells a reading {steady.channel}{meant}")
    return notes
