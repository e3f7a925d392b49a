"""`station init`, `station check` and `station schema`: the file that says what may be done on this bench."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asicrc.bench.widening import BEYOND_FLAG
from asicrc.cli.options import Json, refuse_idle
from asicrc.cli.output import note, print_json, say
from asicrc.errors import ExitCode, StorageError, UsageError

if TYPE_CHECKING:
    from asicrc.bench.station_limits import CheckedDevice


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The station file: what stands on this bench, and its limits.")
    group.command("init")(init)
    group.command("check")(check)
    group.command("schema")(schema)
    app.add_typer(group, name="station")


def init(
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("station.toml"),
) -> None:
    """Write a commented example to start from. Never overwrites a file."""
    from importlib.resources import files

    example = files("asicrc.bench").joinpath("station.example.toml").read_text()
    try:
        with path.open("x") as file:
            file.write(example)
    except FileExistsError:
        raise UsageError(f"{path} is there already, and stays as it is", "name another file") from None
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}", "does the folder exist?") from None
    say(f"{path} written: change it to what stands here")
    say(f"next  asicrc station check {path}")


def check(
    path: Annotated[
        Path | None,
        typer.Argument(help="Default: $ASICRC_STATION, ./station.toml, ~/.config/asicrc/station.toml."),
    ] = None,
    allow_beyond_envelope: Annotated[
        bool,
        typer.Option(
            BEYOND_FLAG, help="Show what comes out with the limits that go beyond the built-in ones."
        ),
    ] = False,
    as_json: Json = False,
) -> int:
    """Read a station file and show, for each device, the built-in limits, the file's, and what is in force.

    Exit code 2 where a limit is refused.
    """
    from asicrc.bench.station import find_station, load_station
    from asicrc.bench.station_limits import checked_devices

    found = path or find_station()
    if found is None:
        raise UsageError(
            "there is no station file here",
            "`asicrc station init` writes one; without it the built-in limits hold",
        )
    station = load_station(found)
    widened = any(entry.widen_beyond_built_in.by_key() for entry in station.devices)
    refuse_idle({BEYOND_FLAG: allow_beyond_envelope and not widened}, f"{found} asks for something beyond")
    devices = checked_devices(station, allow_beyond=allow_beyond_envelope)
    if as_json:
        print_json(
            {
                "path": str(found),
                "station": station.station.model_dump(),
                "devices": [device.as_json() for device in devices],
            }
        )
    else:
        say(f"{found}: {station.station.name}, devices: {len(devices)}")
        for device in devices:
            _show(device)
    return ExitCode.USAGE if any(device.error for device in devices) else ExitCode.OK


def schema() -> None:
    """The JSON schema of a station file, for editors."""
    import json

    from asicrc.bench.station import Station

    say(json.dumps(Station.model_json_schema() | {"title": "asicrc station file"}, indent=2))


def _show(device: CheckedDevice) -> None:
    entry = device.entry
    cooling = "not stated" if entry.cooling is None else f"{entry.cooling.kind} {entry.cooling.text}".strip()
    say("")
    say(f"{entry.label}: {device.board or 'board not stated'}, {device.chip or 'chip not stated'}")
    say(f"  cooling: {cooling}")
    if device.error is not None:
        note(f"  error: {device.error.message}")
        if device.error.hint:
            note(f"    try: {device.error.hint}")
    elif device.in_force is None:
        say("  its limits are checked when it is opened; write board and chip to see them here")
    say(f"  {'limit':<30}{'built in':>10}{'here':>10}{'in force':>10}")
    for key, *numbers in device.rows():
        say(f"  {key:<30}" + "".join(f"{'-' if n is None else f'{n:g}':>10}" for n in numbers))
    for key, value in device.supervision().items():
        say(f"  {key:<50}{value:>10g}")
    if entry.widen_beyond_built_in.by_key():
        beyond = ", ".join(entry.widen_beyond_built_in.by_key())
        say(f"  beyond what is built in only with {BEYOND_FLAG}: {beyond}")
