"""`prerequisites`: what a device has to have before it can be called a reservoir."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asicrc.bench.widening import BEYOND_FLAG
from asicrc.cli.capture_commands import default_output, progress_mode
from asicrc.cli.options import AllowBeyond, Json, StationFile, chosen_station, refuse_idle
from asicrc.cli.output import note, print_json, say, table
from asicrc.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from asicrc.evidence import Finding
    from asicrc.reservoir.prerequisites import Outlook, Prerequisites

TWIN_PLAN = "twin-work"
USUAL_MACHINE = "lv06"


def register(app: typer.Typer) -> None:
    app.command("prerequisites")(prerequisites)


def prerequisites(
    file: Annotated[Path | None, typer.Argument(help="A capture that was made for this.")] = None,
    device: Annotated[str | None, typer.Option("--device", "-d", help="Drive this device first.")] = None,
    plan: Annotated[
        str | None, typer.Option(help="Plan: a TOML file, or a name of `asicrc prerequisites --list`.")
    ] = None,
    twin: Annotated[str | None, typer.Option(help="Drive a twin: ideal, ordinary or planted.")] = None,
    machine: Annotated[str, typer.Option(help="Machine that the twin is of.")] = USUAL_MACHINE,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the inputs, and of a twin.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Capture file. Default: ./<UTC>-<device>.asicrc.")
    ] = None,
    list_plans: Annotated[bool, typer.Option("--list", help="Name the plans that come with asicrc.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it comes to, and stop.")] = False,
    station: StationFile = None,
    allow_beyond: AllowBeyond = False,
    plain: Annotated[bool, typer.Option("--plain", help="Plain progress lines, no live display.")] = False,
    as_json: Json = False,
) -> int:
    """Echo state, separation, fading memory and consistency: one input, replayed behind different histories.

    A miner without any memory passes the first and the third as well; the others say whether that means
    anything. One capture answers all of them.
    """
    from asicrc.capture.running import check_output
    from asicrc.capture.unfinished import Unfinished
    from asicrc.devices import Circumstances
    from asicrc.reservoir.prerequisites import (
        analyse_file,
        load_plan,
        outlook,
        shipped_plans,
        take_in_memory,
        take_to_file,
    )
    from asicrc.reservoir.prerequisites.taking import with_seed

    of_device = {
        "--output": output is not None,
        "--station": station is not None,
        BEYOND_FLAG: allow_beyond,
        "--plain": plain,
    }
    of_plan = {"--plan": plan is not None, "--seed": seed is not None, "--dry-run": dry_run}
    of_twin = {"--machine": machine != USUAL_MACHINE}
    if list_plans:
        sources = {"FILE": file is not None, "--device": device is not None, "--twin": twin is not None}
        refuse_idle(sources | of_plan | of_twin | of_device, "something is asked, without --list")
        names = {name: load_plan(name).name for name in shipped_plans()}
        if as_json:
            print_json({"plans": names})
        for name, title in () if as_json else names.items():
            say(f"{name}: {title}")
        return ExitCode.OK
    if sum(given is not None for given in (file, device, twin)) != 1:
        raise UsageError(
            "the prerequisites are those of a capture, a device, or a twin",
            "FILE, or --device URL, or --twin planted",
        )
    if device is None:
        refuse_idle(of_device, "a device is driven (--device)")
    if twin is None:
        refuse_idle(of_twin, "a twin is driven (--twin)")
    if file is not None:
        refuse_idle(of_plan, "a plan is carried out, not a capture analysed")
        return _finish(analyse_file(file), as_json)
    if twin is not None:
        from asicrc.devices.twins import make_twin

        chosen = with_seed(load_plan(plan or TWIN_PLAN), seed)
        if dry_run:
            url = f"twin:{machine}?kind={twin}&seed={chosen.seed}"
            return _rehearse(outlook(url, chosen, Circumstances(None)), as_json)
        return _finish(take_in_memory(make_twin(twin, machine, seed=chosen.seed), chosen), as_json)
    if plan is None or device is None:
        raise UsageError("a device is driven by a plan", f"--plan, one of {', '.join(shipped_plans())}")
    chosen = with_seed(load_plan(plan), seed)
    circumstances = Circumstances(chosen_station(station), allow_beyond)
    expected = outlook(device, chosen, circumstances)
    if dry_run:
        if output is not None:
            check_output(output)
        return _rehearse(expected, as_json)
    note(f"{expected.steps} steps, {expected.hours:.2f} hours")
    outcome = take_to_file(
        device, chosen, output or default_output(device), circumstances, note, progress_mode(plain)
    )
    if outcome.exit_code is not ExitCode.OK:
        raise Unfinished(outcome, device, "capture it again")
    return _finish(analyse_file(outcome.path), as_json)


def _rehearse(expected: Outlook, as_json: bool) -> int:
    if as_json:
        print_json(expected.as_json())
    else:
        table(list(expected.as_json().items()))
    return ExitCode.OK


def _finish(found: Prerequisites, as_json: bool) -> int:
    if as_json:
        print_json(found.as_json())
        return ExitCode.OK
    say(f"{found.plan.name}: {found.events} events, {found.shares_per_step:.3g} a step")
    _say("echo state", found.echo)
    if found.echo_share is not None:
        _say("history", found.echo_share.finding)
    if found.separation is not None:
        ranks = f"kernel rank {found.separation.kernel.rank}"
        ranks += f", generalisation rank {found.separation.generalisation.rank}"
        if found.classes is not None:
            told = found.classes
            ranks += f"; held out, {told.accuracy.estimate:.0%} are told right of {told.classes} inputs"
        say(f"separation    {found.separates.value}: {ranks}")
    if found.fading is not None:
        _say("fading", found.fading.finding)
        say(f"              a changed step shows in {found.lags_seen} of the steps behind it")
    if found.consistency is not None:
        shown = found.consistency
        say(f"consistency   {shown.significant} directions repeat, capacity {_shown(shown.capacity)}")
    if found.dimension is not None:
        say(f"dimension     {_shown(found.dimension)}, noise included")
    for remark in found.notes:
        say(f"note          {remark}")
    for what, why in found.unanswered.items():
        say(f"not answered  {what}: {why}")
    return ExitCode.OK


def _say(name: str, finding: Finding) -> None:
    say(f"{name:<13} {finding.question} {finding.verdict.value}: {_shown(finding.effect)}, {finding.note}")


def _shown(value: object) -> str:
    from asicrc.evidence import Estimate

    if not isinstance(value, Estimate):
        return str(value)
    return f"{value.estimate:.4g} [{value.low:.4g}, {value.high:.4g}]"
