"""The plan of a sweep as its capture keeps it: what was asked for, and the points in their order.

The points are kept one by one: a later asicrc may put a grid in another order, and a resumed sweep has to go
on in the one that it was begun in. The file may be somebody else's, so that all of it is checked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicrc.bench.plan import SETTINGS, SweepPlan
from asicrc.bench.plan_order import MOST_POINTS
from asicrc.capture.plan import CapturePlan
from asicrc.capture.points import Point, PointKind
from asicrc.capture.schema import SWEEP_KEY
from asicrc.errors import BadFile, UsageError

_Count = Annotated[int, Field(ge=0, le=MOST_POINTS)]


class _StoredPoint(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    point: _Count
    repeat: _Count
    kind: Annotated[str, Field(pattern="^(point|baseline)$")]
    requested: dict[str, float]


class _StoredSweep(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    plan: SweepPlan
    points: Annotated[list[_StoredPoint], Field(min_length=1, max_length=2 * MOST_POINTS)]


def sweep_record(plan: SweepPlan) -> dict[str, Any]:
    """For the table `capture`."""
    points = [
        {
            "point": point.number,
            "repeat": point.repeat,
            "kind": point.kind.value,
            "requested": dict(point.requested),
        }
        for point in plan.points()
    ]
    return {SWEEP_KEY: {"plan": plan.as_json(), "points": points}}


def stored_sweep(meta: dict[str, Any], path: Path) -> tuple[SweepPlan, tuple[Point, ...]]:
    """The plan of a capture and its points in order. Raises UsageError for a capture of none, BadFile."""
    stated = meta.get(SWEEP_KEY)
    if stated is None:
        raise UsageError(
            f"{path} is no sweep: there are no points to go on with",
            f"if its session was killed, `asicrc restore {path}` puts the device back and seals it",
        )
    try:
        held = _StoredSweep.model_validate(stated)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadFile(
            f"{path} holds a plan that no asicrc writes: {where}: {first['msg']}",
            "the file is damaged or was altered: get it again from where it was written",
        ) from None
    settle = None if held.plan.settle is None else held.plan.settle.settle()
    dwell = held.plan.dwell.dwell()
    points = tuple(
        Point(p.point, p.repeat, p.requested, dwell, settle, PointKind(p.kind)) for p in held.points
    )
    odd = next((name for point in points for name in point.requested if name not in SETTINGS), None)
    if odd is not None or len({point.key for point in points}) < len(points):
        what = "a setting that no device has" if odd is not None else "a point that stands there twice"
        raise BadFile(
            f"{path} holds {what}, which no asicrc writes",
            "the file is damaged or was altered: get it again from where it was written",
        )
    return held.plan, points


def capture_plan(plan: SweepPlan, points: tuple[Point, ...], output: Path, progress: str) -> CapturePlan:
    return CapturePlan(
        output=output,
        job_interval_s=plan.job_interval_s,
        seed=plan.seed,
        progress=progress,
        mode=plan.mode,
        handshake_timeout_s=plan.handshake_timeout_s,
        fan_target_c=plan.fan_target_c,
        points=points,
    )
