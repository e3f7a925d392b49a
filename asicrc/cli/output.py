"""How commands speak: one JSON object on stdout, or text for a person; errors and notes on stderr."""

from __future__ import annotations

import json
import math
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from asicrc.errors import AsicrcError, DeviceError, ExitCode, Refused
from asicrc.printable import printable as printable

if TYPE_CHECKING:
    from firmware_protocols.device import DeviceLost, SafetyStop, SettingRefused


def print_json(value: object) -> None:
    """One object on one line; NaN and infinity become null."""
    sys.stdout.write(json_line(value))


def json_line(value: object) -> str:
    return json.dumps(_finite(value), default=str, allow_nan=False) + "\n"


def say(text: str) -> None:
    """A line for a person, on stdout."""
    sys.stdout.write(printable(text) + "\n")


def note(text: str) -> None:
    """A line beside the result, on stderr. Where nobody can read it any more nothing ends for that: a device
    may have to be put back."""
    with suppress(OSError):
        sys.stderr.write(printable(text) + "\n")
        sys.stderr.flush()


def report_error(error: AsicrcError, as_json: bool) -> ExitCode:
    """Print an error the way the command was asked to speak; return its exit code."""
    if as_json:
        print_json({"error": {"code": error.code, "message": error.message, "hint": error.hint or None}})
    else:
        note(f"error: {error.message}")
        if error.hint:
            note(f"  try: {error.hint}")
    return error.exit_code


def as_asicrc_error(error: DeviceLost | SafetyStop | SettingRefused) -> AsicrcError:
    """The seam's errors as the ones that have exit codes."""
    from firmware_protocols.device import DeviceLost, SafetyStop

    if isinstance(error, DeviceLost):
        return DeviceError(str(error), "check cable and power, then `asicrc check`")
    if isinstance(error, SafetyStop):
        return Refused(f"stopped for safety: {error}", "find the cause before the device runs again")
    return Refused(str(error), "see `asicrc check` for what the device can do")


def table(rows: list[tuple[str, object]]) -> None:
    """Two columns of name and value; `-` stands for what is not known."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        say(f"{name:<{width}}  {_in_words(value)}")


def _in_words(value: object) -> str:
    if value is None or value == [] or value == {}:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_in_words(item) for item in value)
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):  # a numpy scalar
        return _finite(value.item())
    return value
