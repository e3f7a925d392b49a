"""What was asked for and is not what the device then had: a person wants to see it at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from firmware_protocols.device import Setting

WORTH_SAYING = 0.01
"""Of the value asked for, of a percentage of 100. The steps of a PLL, a regulator and a fan are finer; a
difficulty goes down to a power of two."""


def not_kept(requested: Mapping[str, float], settings: Iterable[Setting]) -> list[str]:
    """A line for each setting of `requested` that the device reads back as another value."""
    lines = []
    for setting in settings:
        asked, is_now = requested.get(setting.name), setting.read_back
        if asked is None or is_now is None:
            continue
        whole = 100.0 if setting.name.endswith("_percent") else abs(asked)
        if abs(is_now - asked) > WORTH_SAYING * whole:
            lines.append(f"{setting.name}: {asked:.10g} was asked for, {is_now:.10g} is set")
    return lines
