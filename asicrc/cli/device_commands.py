"""`devices`, `check` and `simulate`: finding out what is there, and making something to talk to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asicrc.cli.options import Device, Json, StationFile, chosen_station, refuse_idle, seconds
from asicrc.cli.output import note, print_json, say, table
from asicrc.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from asicrc.devices.opening import Circumstances

USUAL_PORTS = "80,4028"


def register(app: typer.Typer) -> None:
    app.command("devices")(devices)
    app.command("check")(check)
    app.command(
        "simulate",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    )(simulate)


def devices(
    scan: Annotated[
        str | None,
        typer.Option(help="Look for miners in this network instead, for example 192.168.1.0/24."),
    ] = None,
    ports: Annotated[str, typer.Option(help="Ports to ask when scanning.")] = USUAL_PORTS,
    allow_public: Annotated[
        bool, typer.Option("--allow-public", help="Scan a network that is not private, but yours.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Serial ports of this machine, the emulated devices, and the forms of device URLs. Opens nothing.

    With --scan: miners with AxeOS, cgminer-like firmware (Antminer S9, LuxOS) and Goldshell's boxes. They are
    asked what they are, and nothing is written; private networks only, a /16 at most.
    """
    from asicrc.devices.discovery import discover

    if scan is not None:
        _scan(scan, ports, allow_public=allow_public, as_json=as_json)
        return
    idle = {"--ports": ports != USUAL_PORTS, "--allow-public": allow_public}
    refuse_idle(idle, "a network is scanned (--scan)")
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
    width = max(len(form) for form, _ in found.url_forms)
    for form, meaning in found.url_forms:
        say(f"  {form:<{width}}  {meaning}")


def _scan(network: str, ports: str, *, allow_public: bool, as_json: bool) -> None:
    from dataclasses import asdict

    from asicrc.devices.network.discovery import scan

    words = [word.strip() for word in ports.split(",")]
    if not all(word.isascii() and word.isdigit() for word in words):
        raise UsageError(f"--ports {ports!r} are no numbers", f"--ports {USUAL_PORTS}")
    found = scan(network, [int(word) for word in words], allow_public=allow_public)
    if as_json:
        print_json(asdict(found))
        return
    say(f"{found.hosts} hosts, {found.asked} ports asked" + ("" if found.miners else ": no miner found"))
    for miner in found.miners:
        say(f"  {miner.url:<34} {miner.what}")
    if found.silent:
        say(f"{found.silent} ports answered and are no miner that is known here")


def check(
    device: Device,
    passive: Annotated[bool, typer.Option("--passive", help="Send nothing, only listen.")] = False,
    with_work: Annotated[
        bool,
        typer.Option(
            "--with-work", help="Also run jobs for a moment and measure the jitter floor; restores."
        ),
    ] = False,
    duration: Annotated[str | None, typer.Option(help="How long to listen or to work. Default: 5s.")] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(help="Also write every byte, version and time into an archive that can be mailed."),
    ] = None,
    station: StationFile = None,
    as_json: Json = False,
) -> int:
    """Who answers, with which settings, and how well arrivals are stamped. Changes no setting.

    --passive needs a serial: URL. --with-work goes further: a short capture, as `capture` would do it at the
    low default frequency, with everything restored; its file stays, for `asicrc restore` if it is killed.
    --bundle writes what passed on the lines, without paths and addresses of this machine; `bundle:FILE` as a
    device runs the driver against it.
    """
    from asicrc.devices.bundle import write_bundle
    from asicrc.devices.checking import check_device, check_passively
    from asicrc.devices.opening import Circumstances
    from asicrc.transports.recording import WireRecord

    if passive and (with_work or bundle is not None):
        raise UsageError(
            "--passive sends nothing; --with-work sends jobs, --bundle keeps questions and answers",
            "choose one of them",
        )
    if passive and station is not None:
        raise UsageError("--passive sets nothing, so no limits are needed", "leave out --station")
    if duration is not None and not (passive or with_work):
        raise UsageError(
            "--duration is for listening (--passive) and for work (--with-work)",
            "leave it out, or add one of them",
        )
    if bundle is not None and bundle.exists():
        raise UsageError(f"{bundle} exists already", "choose another name for the bundle")
    wait_s = seconds(duration or "5s")
    record = None if bundle is None else WireRecord()
    circumstances = Circumstances(chosen_station(station), record=record)
    report = check_passively(device, wait_s) if passive else check_device(device, circumstances)
    exit_code = ExitCode.OK
    if with_work:
        if record is not None:
            record.session = "work"
        report["with_work"], exit_code = _work(device, wait_s, circumstances)
    if bundle is not None and record is not None:
        write_bundle(bundle, report, record)
        report["bundle"] = str(bundle)
    if as_json:
        print_json(report)
    else:
        table(list(report.items()))
    return exit_code


def _work(device: str, duration_s: float, circumstances: Circumstances) -> tuple[dict[str, Any], ExitCode]:
    from asicrc.capture.plan import CapturePlan
    from asicrc.capture.reader import load
    from asicrc.capture.running import capture_to_file
    from asicrc.capture.schema import RESTORED_KEY
    from asicrc.cli.capture_commands import default_output, progress_mode

    output = default_output(device)
    plan = CapturePlan(
        output.with_stem(f"{output.stem}-check"), duration_s, progress=progress_mode(plain=False)
    )
    outcome = capture_to_file(device, plan, circumstances, note)
    with load(plan.output) as capture:
        meta = capture.meta
    return {
        "path": str(plan.output),
        "reason": outcome.reason,
        "duration_s": outcome.duration_s,
        "events": outcome.counters.events,
        "valid": outcome.counters.valid,
        "jitter_floor": meta.get("jitter_floor"),
        "restored": meta.get(RESTORED_KEY),
    }, outcome.exit_code


def simulate(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which device, for example bm1366.")],
) -> int:
    """Run an emulated device on a port of its own until Ctrl-C, for any program to talk to.

    Further arguments are the emulator's: `asicrc simulate bm1366 --help`.
    """
    from importlib.metadata import entry_points

    known = {entry.name: entry for entry in entry_points(group="asicrc.emulators")}
    if name in ("--help", "-h"):  # what follows a name is the emulator's, --help as well
        sys.stdout.write(context.get_help())
        say(f"\nEmulated devices: {', '.join(sorted(known))}")
        return ExitCode.OK
    if name not in known:
        raise UsageError(f"there is no emulator {name!r}", f"known: {', '.join(sorted(known))}")
    return int(known[name].load()(context.args))
