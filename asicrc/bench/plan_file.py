"""Reading a plan: a TOML file, a Python file that makes one, or one that comes with asicrc."""

from __future__ import annotations

import runpy
import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from asicrc.bench.plan import SweepPlan
from asicrc.bench.plan_errors import plan_errors
from asicrc.bench.station_errors import reject_secrets
from asicrc.errors import BadFile, UsageError

MOST_BYTES = 1 << 20
PYTHON_NAME = "PLAN"
"""What a Python file calls its plan."""
_SHIPPED = files("asicrc.bench") / "plans"


def shipped_plans() -> list[str]:
    """Names of the plans that come with asicrc."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in _SHIPPED.iterdir() if entry.name.endswith(".toml")
    )


def load_plan(named: str | Path) -> SweepPlan:
    """Read the plan in a file, or the shipped one of that name.

    A Python file is run. Raises UsageError where there is none, BadFile that names file, line and key.
    """
    path = Path(named)
    if not path.exists() and str(named) in shipped_plans():
        entry = _SHIPPED / f"{named}.toml"
        return plan_from_toml(entry.read_text(encoding="utf-8"), Path(f"{named}.toml"))
    if path.suffix == ".py":
        return _of_python(path)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(
            f"there is no plan {named}",
            f"a file, or one that comes with asicrc: {', '.join(shipped_plans())}",
        ) from None
    except OSError as error:
        raise BadFile(
            f"{path} cannot be read: {error.strerror}", "is it a file, and yours to read?"
        ) from None
    if len(data) > MOST_BYTES:
        raise BadFile(f"{path} has more than {MOST_BYTES >> 20} MiB", "is it the plan of a sweep?")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadFile(f"{path} is no UTF-8 text: byte {error.start} is wrong", "TOML is UTF-8") from None
    return plan_from_toml(text, path)


def plan_from_toml(text: str, path: Path) -> SweepPlan:
    """`path` is for messages. Raises BadFile."""
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{path} is no TOML: {error}", "`asicrc sweep --list` names plans to go by") from None
    reject_secrets(content, path, text)
    try:
        return SweepPlan.model_validate(content)
    except ValidationError as error:
        raise plan_errors(error, path, text) from None


def _of_python(path: Path) -> SweepPlan:
    if not path.is_file():
        raise UsageError(f"there is no plan {path}", "check the path")
    try:
        made = runpy.run_path(str(path), run_name="asicrc_plan").get(PYTHON_NAME)
    except ValidationError as error:
        raise plan_errors(error, path, "") from None
    except Exception as error:
        raise BadFile(
            f"{path} fails: {error!r}", f"it is run, and has to leave a SweepPlan in {PYTHON_NAME}"
        ) from error
    if not isinstance(made, SweepPlan):
        raise BadFile(
            f"{path} leaves no SweepPlan in {PYTHON_NAME}",
            f"from asicrc.bench.plan import SweepPlan; {PYTHON_NAME} = SweepPlan(...)",
        )
    return made
