"""`sweep` and `resume`: a plan of points taken from a device, and gone on with after an early end."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asicrc.bench.widening import BEYOND_FLAG
from asicrc.cli.capture_commands import default_output, progress_mode
from asicrc.cli.live_options import Mqtt, Prometheus, RigName
from asicrc.cli.options import AllowBeyond, Json, StationFile, chosen_station, refuse_idle
from asicrc.cli.output import note, print_json, say
from asicrc.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from asicrc.bench.plan_estimate import PlanEstimate
    from asicrc.bench.sweep import SweepOutcome

Plain = Annotated[bool, typer.Option("--plain", help="Plain progress lines, no live display.")]
MOST_LINES = 2000
"""Points shown one by one; a JSON result has them all."""


def register(app: typer.Typer) -> None:
    app.command("sweep")(sweep)
    app.command("resume")(resume)


def sweep(
    plan: Annotated[
        str | None,
        typer.Argument(help="Plan: a TOML or Python file, or a name of `asicrc sweep --list`."),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", "-d", help="Device URL. Default: the one in the plan.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print points, time, shares to be expected and limits that would be hit; write nothing to "
            "the device.",
        ),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Capture file. Default: ./<UTC>-<device>.asicrc.")
    ] = None,
    list_plans: Annotated[bool, typer.Option("--list", help="Name the plans that come with asicrc.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of a plan.")] = False,
    mqtt: Mqtt = None,
    prometheus: Prometheus = None,
    rig: RigName = None,
    station: StationFile = None,
    allow_beyond: AllowBeyond = False,
    plain: Plain = False,
    as_json: Json = False,
) -> int:
    """Take every point of a plan into one capture: set, let settle, record, on to the next.

    A plan with a point beyond a limit is refused before anything starts. Ctrl-C ends it in good order; what
    is missing can be taken later with `asicrc resume FILE`.
    """
    from asicrc.bench.plan import SweepPlan
    from asicrc.bench.plan_file import load_plan, shipped_plans

    asked = {
        "PLAN": plan is not None,
        "--device": device is not None,
        "--dry-run": dry_run,
        "--output": output is not None,
        "--mqtt": mqtt is not None,
        "--prometheus": prometheus is not None,
        "--rig": rig is not None,
        "--station": station is not None,
        BEYOND_FLAG: allow_beyond,
        "--plain": plain,
    }
    if schema or list_plans:
        refuse_idle(asked, f"a sweep is taken, without {'--schema' if schema else '--list'}")
        refuse_idle({"--list": schema and list_plans}, "it stands alone, without --schema")
    if schema:
        print_json(SweepPlan.model_json_schema(by_alias=True))
        return ExitCode.OK
    if list_plans:
        names = {name: load_plan(name).name for name in shipped_plans()}
        if as_json:
            print_json({"plans": names})
        for name, title in () if as_json else names.items():
            say(f"{name}: {title}")
        return ExitCode.OK
    if plan is None:
        raise UsageError("a sweep needs a plan", "a file, or one of `asicrc sweep --list`")
    from asicrc.bench.sweep import dry_run as dry
    from asicrc.bench.sweep import take_sweep
    from asicrc.capture.running import check_output
    from asicrc.devices import Circumstances
    from asicrc.telemetry.beside import check_views, live_views

    chosen = load_plan(plan)
    url = device or chosen.device
    circumstances = Circumstances(chosen_station(station), allow_beyond)
    if dry_run:
        check_views(mqtt, prometheus, rig)
        if output is not None:
            check_output(output)
        return _show_estimate(dry(chosen, url, circumstances), as_json)
    if url is None:
        raise UsageError(f"the plan {chosen.name!r} names no device", "--device URL, or device = in the plan")
    for remark in circumstances.remarks(url):
        note(remark)
    path = output or default_output(url)
    with live_views(path, note, mqtt=mqtt, prometheus=prometheus, rig=rig):
        outcome = take_sweep(url, chosen, path, circumstances, note, progress_mode(plain))
    return _show_outcome(outcome, url, as_json)


def resume(
    file: Annotated[Path, typer.Argument(help="The capture of a sweep that is not complete.")],
    device: Annotated[
        str | None, typer.Option("--device", "-d", help="Device URL, where it is not the one of the capture.")
    ] = None,
    mqtt: Mqtt = None,
    prometheus: Prometheus = None,
    rig: RigName = None,
    station: StationFile = None,
    allow_beyond: AllowBeyond = False,
    plain: Plain = False,
    as_json: Json = False,
) -> int:
    """Go on with the sweep in FILE at the points that are missing: after a kill, a reboot, a lost device.

    The same device has to answer. A point that had begun is kept, marked aborted, and taken again; what a
    killed session left set is put back at the end.
    """
    from asicrc.bench.sweep import resume_sweep
    from asicrc.devices import Circumstances
    from asicrc.telemetry.beside import live_views

    circumstances = Circumstances(chosen_station(station), allow_beyond)
    with live_views(file, note, mqtt=mqtt, prometheus=prometheus, rig=rig, goes_on=True):
        outcome = resume_sweep(file, device, circumstances, note, progress_mode(plain))
    if outcome.outcome is None:
        note(f"{file} is complete: all {outcome.planned} points are there, and it is sealed")
    return _show_outcome(outcome, device, as_json)


def _show_outcome(outcome: SweepOutcome, url: str | None, as_json: bool) -> int:
    if as_json:
        print_json(outcome.as_json())
    else:
        for numbers in outcome.numbers[-MOST_LINES:]:
            say(_line(numbers.as_json()))
        say(f"\n{outcome.path}: {outcome.done} of {outcome.planned} points; {outcome.reason}")
    if outcome.exit_code is not ExitCode.OK:
        note(f"error: {outcome.reason}")
    path = shlex.quote(str(outcome.path))
    device = "" if url is None else f" --device {shlex.quote(url)}"
    if outcome.done < outcome.planned:
        note(f"{outcome.planned - outcome.done} points are missing; asicrc resume {path}{device}")
    return outcome.exit_code


def _line(found: dict[str, Any]) -> str:
    settings = ", ".join(f"{name} {value:.10g}" for name, value in found["requested"].items())
    rate, cv, celsius = found["rate_per_s"], found["cv"], found["temperature_c"]
    parts = [
        f"{found['kind'] if found['kind'] == 'baseline' else 'point'} {found['point']}.{found['repeat']}"
    ]
    parts += [settings or "as it is", found["state"], f"{found['events']} events"]
    parts.append("rate -" if rate is None else f"{rate['estimate']:.4g}/s")
    parts.append("CV -" if cv is None else f"CV {cv['estimate']:.3f} [{cv['low']:.3f}, {cv['high']:.3f}]")
    if celsius is not None:
        parts.append(f"{celsius:.1f} degC")
    if found["settled"] is False:
        parts.append("NOT settled")
    return "  ".join(parts)


def _show_estimate(found: PlanEstimate, as_json: bool) -> int:
    """Exit code 5 where a run would be refused."""
    from asicrc.capture.time_left import in_words

    if as_json:
        print_json(found.as_json())
    else:
        for point in found.points[:MOST_LINES]:
            shares = "shares -" if point.shares is None else f"{point.shares:.4g} shares"
            settle, dwell = _span(point.settle_s), _span(point.dwell_s)
            say(f"{point.position:>4}  {point.point.label}  settle {settle}  record {dwell}  {shares}")
            for text in point.notes:
                say(f"      {text}")
            if point.refused is not None:
                say(f"      REFUSED: {point.refused}")
        count, (low, high) = len(found.points), map(in_words, found.seconds)
        say(
            f"\n{found.name}: {count} point{'s' * (count != 1)}, {low if low == high else f'{low} to {high}'}"
        )
        say(f"hash rate from: {found.rate_source}")
        say(f"limits of: {found.against}")
    if found.refused:
        first = found.refused[0]
        note(
            f"{len(found.refused)} of {len(found.points)} points would be refused, the first one "
            f"{first.position} ({first.point.label}): {first.refused}"
        )
    if found.unusable is not None:
        note(f"the plan cannot run: {found.unusable}")
    return ExitCode.REFUSED if found.refused or found.unusable else ExitCode.OK


def _span(seconds: tuple[float, float]) -> str:
    low, high = seconds
    return f"{high:.4g} s" if low == high else f"{low:.4g} to {high:.4g} s"
