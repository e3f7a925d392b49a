"""The simulator's SHA-256d engines and emulators that are installed, by name: asicrc never imports them."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from asicrc.errors import UsageError

ENGINES = "asicrc.engines"


def engine(name: str) -> Any:
    """What the entry point `name` of group `asicrc.engines` gives. Raises UsageError where there is none."""
    return installed(ENGINES, name)


def installed(group: str, name: str) -> Any:
    """What the entry point `name` of `group` gives. Raises UsageError where there is none."""
    for entry_point in entry_points(group=group, name=name):
        return entry_point.load()
    raise UsageError(
        f"no installed package offers {name!r} ({group})",
        "install asicrc with its simulators: pip install asicrc",
    )
