"""`devices`, `check` and `simulate`: finding out what is there, and making something to talk to."""

from __future__ import annotations

from typing import Annotated

import typer

from asicrc.cli.options import Device, Json, seconds
from asicrc.cli.output import print_json, say, table
from asicrc.errors import ExitCode, UsageError


def register(app: typer.Typer) -> None:
    app.command("devices")(devices)
    app.command("check")(check)
    app.command("simulate", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
        simulate
    )


def devices(as_json: Json = False) -> None:
    """Serial ports of this machine, the emulated devices, and the forms of device URLs. Opens nothing."""
    from asicrc.devices.discovery import discover

    found = discover()
    if as_json:
        print_json(
            {
                "ports": [vars(port) for port in found.ports],
                "emulated": found.emulated,
                "url_forms": dict(found.url_forms),
            }
        )
        return
    say("serial ports:" if found.ports else "serial ports: none found")
    for port in found.ports:
        access = "" if port.accessible else "   (no permission: group dialout?)"
        say(f"  {port.url}   {port.description}{access}")
    say("emulated:")
    for url in found.emulated:
        say(f"  {url}")
    say("device URLs:")
    for form, meaning in found.url_forms:
        say(f"  {form:<34} {meaning}")


def check(
    device: Device,
    passive: Annotated[bool, typer.Option("--passive", help="Send nothing, only listen.")] = False,
    with_work: Annotated[
        bool,
        typer.Option(
            "--with-work", help="Also run jobs for a moment and measure the jitter floor; restores."
        ),
    ] = False,
    duration: Annotated[str, typer.Option(help="How long to listen or to work.")] = "5s",
    as_json: Json = False,
) -> int:
    """Who answers, with which settings, and how well arrivals are stamped. Changes no setting.

    With --with-work the chip is initialised as a capture would do it, at its low default frequency, and
    restored afterwards; nothing is stored.
    """
    from asicrc.devices.checking import check_device, check_passively

    if passive and with_work:
        raise UsageError("--passive sends nothing, --with-work sends jobs", "choose one of them")
    wait_s = seconds(duration)
    report = (
        check_passively(device, wait_s) if passive else check_device(device, wait_s if with_work else None)
    )
    if as_json:
        print_json(report)
    else:
        table(list(report.items()))
    return ExitCode.OK


def simulate(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which device, for example bm1366.")],
) -> int:
    """Run an emulated device on a port of its own until Ctrl-C, for any program to talk to.

    Further arguments are the emulator's: `asicrc simulate bm1366 --help`.
    """
    from importlib.metadata import entry_points

    known = {entry.name: entry for entry in entry_points(group="asicrc.emulators")}
    if name not in known:
        raise UsageError(f"there is no emulator {name!r}", f"known: {', '.join(sorted(known))}")
    return int(known[name].load()(context.args))
