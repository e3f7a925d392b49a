"""The SHA-256d engines of the installed simulator, by name."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from asicrc.errors import UsageError

GROUP = "asicrc.engines"


def engine(name: str) -> Any:
    """What the entry point `name` of group `asicrc.engines` gives. Raises UsageError where there is none."""
    for entry_point in entry_points(group=GROUP, name=name):
        return entry_point.load()
    raise UsageError(
        f"no installed package offers the engine {name!r}",
        "install asicrc with its simulators: pip install asicrc",
    )
