"""Twins by their name: devices of another package that live in this process, on a clock of their own."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from asicrc.errors import UsageError
from firmware_protocols.device import DeviceProtocol

ENTRY_POINTS = "asicrc.twins"


def make_twin(kind: str, machine: str, **options: Any) -> DeviceProtocol:
    """`kind` is ideal, ordinary or planted; `options` are seed, effects, confounds, ambient_c and the like.

    Raises UsageError for a kind, a machine or a size that there is not, and where no twins are installed.
    """
    found = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    if not found:
        raise UsageError("no twins are installed here", "install the package with its simulators")
    if kind not in found:
        raise UsageError(f"no twin is called {kind!r}", f"known: {', '.join(sorted(found))}")
    try:
        device: DeviceProtocol = found[kind].load()(machine, **options)
    except ValueError as error:
        raise UsageError(str(error), "see the page of the twins for what can be asked of them") from None
    return device
