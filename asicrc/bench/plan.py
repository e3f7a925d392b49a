"""The plan of a sweep: settings at each point, order, repeats, settling, how long each point is recorded.

Written in TOML (`asicrc.bench.plan_file`), or made in Python as a `SweepPlan`. `SweepPlan.points` is the list
of points in the order in which they are taken; the same plan gives the same list.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from asicrc.bench.plan_order import MOST_POINTS, Order, in_order, interleaved
from asicrc.capture.points import Dwell, Point, PointKind
from asicrc.capture.settling import Settle, Steady

SETTINGS = (
    "frequency_mhz",
    "voltage_mv",
    "fan_percent",
    "power_plan",
    "difficulty",
    "hash_counting_number",
)
"""What any device here can be set to; whether this one can, it says itself."""

Text = Annotated[str, Field(max_length=4000)]
Seconds = Annotated[float, Field(gt=0, le=366 * 86_400)]
Values = dict[str, float]


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, validate_by_name=True
    )


class Steps(_Table):
    """From `from` to `to` in steps of `step`; `to` is taken too where a step meets it."""

    from_: Annotated[float, Field(alias="from")]
    to: float
    step: Annotated[float, Field(description="the sign does not count: it goes from `from` to `to`")]

    def values(self) -> list[float]:
        step = math.copysign(self.step, self.to - self.from_)
        if step == 0 or self.to == self.from_:
            return [self.from_]
        count = math.floor((self.to - self.from_) / step + 1e-9)
        if count >= MOST_POINTS:
            raise ValueError(f"more than {MOST_POINTS} steps lie between {self.from_:g} and {self.to:g}")
        return [round(self.from_ + i * step, 9) for i in range(count + 1)]

    @model_validator(mode="after")
    def _has_a_step(self) -> Self:
        if self.step == 0 and self.to != self.from_:
            raise ValueError("a step of 0 goes nowhere")
        self.values()
        return self


def _form(value: object) -> str:
    return "steps" if isinstance(value, dict | Steps) else "list"


Axis = Annotated[Annotated[list[float], Tag("list")] | Annotated[Steps, Tag("steps")], Discriminator(_form)]


class SteadyTable(_Table):
    """How much a channel may move over the window: in its unit, or as a share of its mean."""

    slope_per_min: Annotated[float, Field(ge=0, description="least-squares slope over the window")]
    spread: Annotated[float, Field(ge=0, description="largest minus smallest in the window")]
    relative: bool = False


class SettleTable(_Table):
    """At least `at_least_s`; then until every channel of `steady` is, at most `longest_s`.

    Without `steady` it is the fixed time `at_least_s`. A point that has not settled is taken all the same,
    and says so.
    """

    at_least_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    window_s: Seconds = 30.0
    longest_s: Seconds = 600.0
    steady: Annotated[dict[str, SteadyTable], Field(description="by channel of the device's readings")] = {}

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not self.steady and not self.at_least_s:
            raise ValueError("nothing to wait for: give at_least_s, or channels that have to be steady")
        if self.steady and self.longest_s < self.window_s:
            raise ValueError(
                f"longest_s = {self.longest_s:g} is shorter than one window of {self.window_s:g} s"
            )
        return self

    def settle(self) -> Settle:
        steady = tuple(
            Steady(name, held.slope_per_min, held.spread, held.relative) for name, held in self.steady.items()
        )
        return Settle(self.at_least_s, self.window_s, self.longest_s, steady)


class DwellTable(_Table):
    """`duration_s`, or until `events` have come but at most `longest_s`."""

    duration_s: Seconds | None = None
    events: Annotated[int | None, Field(gt=0)] = None
    longest_s: Seconds | None = None

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if (self.duration_s is None) == (self.events is None):
            raise ValueError("give duration_s, or events with longest_s")
        if (self.events is None) != (self.longest_s is None):
            raise ValueError("events and longest_s go together: a point without shares would never end")
        return self

    def dwell(self) -> Dwell:
        return Dwell(self.longest_s if self.duration_s is None else self.duration_s, self.events)


class Baseline(_Table):
    """The same settings before the first point, after every `every` points, and after the last."""

    every: Annotated[int, Field(gt=0)]
    settings: Values


class MachineTable(_Table):
    """What the plan is for, where no device is asked: for limits and for shares to be expected."""

    board: Annotated[str | None, Field(description="a board that has limits: bare, lv06, s9, ...")] = None
    chip: str | None = None
    hash_rate_ghs_per_mhz: Annotated[
        float | None, Field(gt=0, description="hash rate by clock; S9 21.546, one BM1366 0.894")
    ] = None
    hash_rate_ghs: Annotated[float | None, Field(gt=0, description="where no clock can be set")] = None


class SweepPlan(_Table):
    """A sweep. The points are those of `grid`, then `points`, all of them `repeats` times.

    Every point sets the same names, those of `settings` included, so that none is left as the point before
    had it.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Text = ""
    device: Annotated[str | None, Field(description="device URL, unless the command line names one")] = None
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 1
    order: Annotated[
        Order, Field(description="of the points; random is by the seed, anew in each repeat")
    ] = "grid"
    repeats: Annotated[int, Field(gt=0, le=10_000)] = 1
    mode: Literal["stream", "handshake"] = "stream"
    handshake_timeout_s: Seconds = 30.0
    fan_target_c: Annotated[
        float | None, Field(ge=20, le=110, description="the fan is steered so that this is held")
    ] = None
    job_interval_s: Annotated[Seconds | None, Field(description="default: the device's own")] = None
    settings: Annotated[Values, Field(description="at every point")] = {}
    grid: Annotated[
        dict[str, Axis], Field(description="every combination; the last name changes fastest")
    ] = {}
    explicit: Annotated[list[Values], Field(alias="points", description="further points, as they stand")] = []
    baseline: Baseline | None = None
    settle: SettleTable | None = None
    dwell: DwellTable
    machine: MachineTable = MachineTable()

    @model_validator(mode="after")
    def _points_can_be(self) -> Self:
        rows = [("settings", self.settings), *((f"points {i}", p) for i, p in enumerate(self.explicit, 1))]
        rows += [("grid", dict.fromkeys(self.grid, 0.0))]
        rows += [("baseline", self.baseline.settings)] if self.baseline else []
        for where, values in rows:
            for name in values:
                if name not in SETTINGS:
                    raise ValueError(
                        f"{where}: no device has a setting {name}; there are {', '.join(SETTINGS)}"
                    )
        if self.fan_target_c is not None and any("fan_percent" in values for _, values in rows):
            raise ValueError("a fan that is steered by fan_target_c has no fan_percent of its own")
        for name, axis in self.grid.items():
            if not axis:
                raise ValueError(f"grid: {name} has no value")
            if name in self.settings:
                raise ValueError(f"{name} stands in settings and in grid")
        distinct = self.distinct()
        if not distinct:
            raise ValueError("the plan has no point: give a grid, or points")
        if len(distinct) * self.repeats > MOST_POINTS:
            raise ValueError(f"{len(distinct)} points, {self.repeats} times, are more than {MOST_POINTS}")
        every = distinct + ([self._whole(self.baseline.settings)] if self.baseline else [])
        for number, values in enumerate(every, 1):
            if values.keys() != every[0].keys():
                odd = sorted(values.keys() ^ every[0].keys())
                which = "the baseline" if self.baseline and number == len(every) else f"point {number}"
                raise ValueError(
                    f"{which} and point 1 do not set the same: {', '.join(odd)} would be left as the point "
                    "before had it"
                )
        return self

    def distinct(self) -> list[Values]:
        """Settings of each point of the plan once, in the order of the grid; explicit points behind it."""
        return [self._whole(values) for values in (*in_order(self._axes(), "grid", 0, 0), *self.explicit)]

    def points(self) -> tuple[Point, ...]:
        """All points in the order in which they are taken."""
        settle = None if self.settle is None else self.settle.settle()
        dwell = self.dwell.dwell()
        distinct = self.distinct()
        number_of = {tuple(sorted(values.items())): i for i, values in reversed(list(enumerate(distinct)))}
        taken: list[Point] = []
        for repeat in range(self.repeats):
            rows = in_order(self._axes(), self.order, self.seed, repeat, extra=self.explicit)
            for values in map(self._whole, rows):
                number = number_of[tuple(sorted(values.items()))]
                taken.append(Point(number, repeat, values, dwell, settle))
        taken = _told_apart(taken)
        if self.baseline is None:
            return tuple(taken)
        settings = self._whole(self.baseline.settings)

        def baseline(count: int) -> Point:
            return Point(len(distinct), count, settings, dwell, settle, PointKind.BASELINE)

        return tuple(interleaved(taken, self.baseline.every, baseline))

    def as_json(self) -> dict[str, Any]:
        """For the capture, as it is written in a file."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)

    def _axes(self) -> dict[str, list[float]]:
        return {name: axis if isinstance(axis, list) else axis.values() for name, axis in self.grid.items()}

    def _whole(self, values: Values) -> Values:
        return self.settings | values


def _told_apart(points: list[Point]) -> list[Point]:
    """A point that stands in the plan twice is a repeat of the first: each has work of its own."""
    counts: dict[int, int] = {}
    numbered = []
    for point in points:
        repeat = counts.get(point.number, 0)
        counts[point.number] = repeat + 1
        numbered.append(Point(point.number, repeat, point.requested, point.dwell, point.settle, point.kind))
    return numbered
