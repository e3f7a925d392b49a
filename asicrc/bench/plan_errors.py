"""What is wrong with a plan, in words: which file, which line, which key, and what was meant."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from asicrc.bench.station_errors import Loc, place
from asicrc.errors import BadFile

AXIS_FORMS = ("list", "steps")
"""An axis of a grid is one of them; pydantic puts which into the place of an error."""

_MOST_SHOWN = 5
_LONGEST_VALUE = 60
_SCHEMA_HINT = "`asicrc sweep --schema` says what each key takes"


def plan_errors(error: ValidationError, path: Path, text: str) -> BadFile:
    """The first few of what pydantic found, the first one with a hint."""
    items = error.errors(include_url=False)
    found = [_one(item, path, text) for item in items]
    said = "; ".join(message for message, _ in found[:_MOST_SHOWN])
    if len(found) > _MOST_SHOWN:
        said += f"; and {len(found) - _MOST_SHOWN} more"
    return BadFile(said, found[0][1])


def _one(item: Any, path: Path, text: str) -> tuple[str, str]:
    loc: Loc = tuple(part for i, part in enumerate(item["loc"]) if i != 2 or part not in AXIS_FORMS)
    key = str(loc[-1]) if loc else ""
    if loc[:1] == ("grid",) and isinstance(loc[-1], int):  # a value in the list of an axis
        key = f"value {loc[-1] + 1}"
        loc = loc[:-1]
    where = place(path, text, loc)
    if item["type"] == "extra_forbidden":
        known = _known_keys(loc)
        near = get_close_matches(key, known, n=1)
        return f"{where}: there is no key {key}", (
            f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        )
    if item["type"] == "missing":
        return f"{where}: {key} is missing", _SCHEMA_HINT
    said = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "value_error":
        return f"{place(path, text, (*loc, ''))}: {said}", _SCHEMA_HINT  # of the whole table
    shown = repr(item["input"])[:_LONGEST_VALUE]
    return f"{where}: {key} = {shown} {said.removeprefix('Input ')}", _SCHEMA_HINT


def _known_keys(loc: Loc) -> list[str]:
    from asicrc.bench import plan

    tables: dict[str, type[BaseModel]] = {
        "settle": plan.SettleTable,
        "dwell": plan.DwellTable,
        "baseline": plan.Baseline,
        "machine": plan.MachineTable,
        "grid": plan.Steps,
    }
    model = tables.get(str(loc[0]), plan.SweepPlan) if len(loc) > 1 else plan.SweepPlan
    if "steady" in loc[:-1]:
        model = plan.SteadyTable
    return [field.alias or name for name, field in model.model_fields.items()]
