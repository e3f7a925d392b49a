"""What a person is told of a device that was not put back, or may not be: what to type."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from asicrc.devices.network.network_url import NETWORK_SCHEMES
from asicrc.devices.url import DeviceUrl

_GONE_WITH_THE_CAPTURE = frozenset({"sim", "twin", "replay", "bundle", "stratum"})
"""Devices of which nothing is left to put back, or nothing was set."""


def not_put_back(path: Path, url: str, names: Sequence[str] = ()) -> list[str]:
    """Of the capture in `path`; `names` are the settings that were not read back as they had been."""
    on_network = DeviceUrl.parse(url).scheme in NETWORK_SCHEMES
    state = "it may still be as the capture set it" if on_network else "it may still be hashing"
    if names:
        state = f"not confirmed: {', '.join(names)}"
    said = [f"the device was NOT put back: {state}"]
    command = restore_command(path, url)
    return said if command is None else [*said, f"  try: {command}"]


def restore_command(path: Path, url: str) -> str | None:
    """None where there is nothing that it could do.

    A file does not get to name a miner on a network, nor an emulator, so the command does.
    """
    device = DeviceUrl.parse(url)
    if device.scheme in _GONE_WITH_THE_CAPTURE:
        return None
    command = f"asicrc restore {shlex.quote(str(path))}"
    if device.scheme in NETWORK_SCHEMES or device.options.get("simulated") == "1":
        command += f" --device {shlex.quote(url)}"
    return command
