"""`claims`: the 49 claims of the two papers, what each comes to here, and what a verdict takes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asicrc.cli.options import Json, refuse_idle, seconds
from asicrc.cli.output import note, print_json, say
from asicrc.errors import BadFile, ExitCode, UsageError

if TYPE_CHECKING:
    from asicrc.claims.planning import ClaimPlan, Sources
    from asicrc.claims.tonight import DeviceOutlook

group = typer.Typer(no_args_is_help=True, help="The 49 claims of the two papers: true here, tonight?")
TWINS = ("ideal", "ordinary", "planted")
USUAL_RUNS = 20


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="claims")


@group.command("list")
def list_(
    kind: Annotated[
        str | None, typer.Option(help="Only those of a kind: A, C, O, E, D, or - (`claims list` tells).")
    ] = None,
    as_json: Json = False,
) -> None:
    """All claims, one line each: id, kind, what it is about, what is claimed.

    A: arithmetic. C: a computation. O: ordinary physics. E: an effect that twins without it must not show.
    D: decided by published data. -: not testable here.
    """
    from asicrc.claims.claim import Kind
    from asicrc.claims.registry import CLAIMS, TABLE_VII
    from asicrc.cli.claims_text import list_lines, show_lines

    kinds = {one.value for one in Kind}
    if kind is not None and kind.upper() not in kinds:
        raise UsageError(f"no claim is of kind {kind!r}", f"known: {', '.join(sorted(kinds))}")
    chosen = [
        claim
        for claim in CLAIMS.values()
        if kind is None or kind.upper() in {one.value for one in claim.kinds}
    ]
    if as_json:
        names = {name: list(ids) for name, ids in TABLE_VII.items()}
        print_json({"claims": [claim.as_json() for claim in chosen], "table_vii": names})
        return
    show_lines(list_lines(chosen))
    if kind is None:
        say("")
        say(f"experiments of Table VII, by name: {', '.join(TABLE_VII)}")


@group.command()
def show(claim: Annotated[str, typer.Argument(help="Its id, such as H04.")], as_json: Json = False) -> None:
    """One claim in full: definition, procedure, margin, what supports and what refutes it, what it takes."""
    from asicrc.claims.planning import takes_in_words
    from asicrc.claims.registry import CLAIMS
    from asicrc.cli.claims_text import claim_lines, show_lines

    found = CLAIMS.get(claim.upper())
    if found is None:
        raise UsageError(f"no claim is called {claim!r}", "H01 to H20, S01 to S29: `asicrc claims list`")
    if as_json:
        print_json(found.as_json())
        return
    show_lines(claim_lines(found, takes_in_words(found) if found.takes is not None else ""))


@group.command()
def run(
    claims: Annotated[
        list[str] | None,
        typer.Argument(
            help="Ids, or experiments of Table VII by name; table-vii is all seven. Default: all."
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", "-d", help="Answer from this device; it is put back afterwards.")
    ] = None,
    capture: Annotated[Path | None, typer.Option(help="Answer from this capture.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder with the published files.")] = None,
    twin: Annotated[
        str | None, typer.Option(help="Try the instruments on a twin: ideal, ordinary or planted.")
    ] = None,
    budget: Annotated[str, typer.Option(help="Time there is, of the device and this machine.")] = "8h",
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes. Default: one per core.")] = None,
    runs: Annotated[
        int,
        typer.Option(
            min=1, help="By how many twins an instrument is judged, at most; above 20: by that many."
        ),
    ] = USUAL_RUNS,
    seed: Annotated[int, typer.Option(min=0, help="Of the twins and the resampling.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what can be resolved.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also keep the answers, for `claims report`.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Answer claims from what is there: two verdicts each, on the number and on what it is said to mean.

    Without a source only what a computation decides is answered. --data may go with any other source. A twin
    has a known truth: it tells whether an instrument works, and never anything about silicon.
    """
    from asicrc.claims.device_capture import capture_device, capture_s, captured_claims
    from asicrc.claims.planning import wall_s
    from asicrc.claims.procedures import procedures
    from asicrc.claims.registry import CLAIMS, chosen_ids
    from asicrc.claims.run import planned, run_claims
    from asicrc.claims.tonight import device_outlook
    from asicrc.cli.capture_commands import default_output
    from asicrc.cli.claims_text import run_lines, show_lines

    refuse_idle({"--runs": twin is None and runs != USUAL_RUNS}, "twins judge an instrument (--twin)")
    sources = _sources(device, capture, data, twin)
    if output is not None:
        _check_writable(output)
    ids, known = chosen_ids(claims or (), CLAIMS), procedures()
    budget_s = seconds(budget)
    workers = jobs or os.cpu_count() or 1
    outlook = None if device is None else device_outlook(device)
    if outlook is not None:
        sources = replace(sources, events_per_s=outlook.events_per_s)
    captured_ids = [] if outlook is None else captured_claims((CLAIMS[name] for name in ids), known)
    if outlook is not None and captured_ids:
        sources = replace(sources, capture=default_output(outlook.url))
    plans = planned(ids, sources, procedures=known, budget_s=budget_s, jobs=workers, runs=runs)
    if dry_run:
        _tell_plan(plans, sources, outlook, budget_s, workers, as_json)
        if output is not None:
            note(f"{output} is not written: without --dry-run it will hold the answers")
        return ExitCode.OK
    captured = None
    if outlook is not None and sources.capture is not None:
        others_s = wall_s([plan for plan in plans if not plan.does_not_fit], workers)
        duration_s = capture_s(captured_ids, outlook, budget_s - others_s)
        captured = capture_device(outlook.url, sources.capture, duration_s, seed=seed, say=note)
        budget_s -= duration_s
    result = run_claims(
        ids, sources, procedures=known, budget_s=budget_s, jobs=workers, seed=seed, runs=runs, say=note
    )
    said = result.as_json()
    not_kept = None if output is None else _keep(said, output)
    if as_json:
        print_json(said)
    else:
        show_lines(run_lines(said))
        if output is not None and not_kept is None:
            say(f"answers     {output}; as a page: asicrc claims report {output}")
    for failed in result.failed:
        note(f"error: {failed.claim.id}: {failed.reason}")
        if failed.trace:
            note(failed.trace.rstrip())
    if captured is not None and captured.exit_code is not ExitCode.OK:
        note(f"error: the capture ended early: {captured.reason}")
        return captured.exit_code
    if not_kept is not None:
        note(f"error: {not_kept}; what is printed is all there is")
        return ExitCode.STORAGE
    return result.exit_code


def _sources(device: str | None, capture: Path | None, data: Path | None, twin: str | None) -> Sources:
    from asicrc.claims.planning import Sources

    if sum(one is not None for one in (device, capture, twin)) > 1:
        raise UsageError(
            "claims are answered from a device, a capture, or a twin", "one of --device, --capture, --twin"
        )
    if twin is not None and twin not in TWINS:
        raise UsageError(f"no twin is called {twin!r}", f"known: {', '.join(TWINS)}")
    if data is not None and not data.is_dir():
        raise UsageError(f"{data} is no folder", "--data takes the folder with the published files")
    if capture is not None:  # before hours are spent
        from asicrc.capture.reader import load

        load(capture).close()
    return Sources(data=data, capture=capture, device_url=device, twin=twin)


def _tell_plan(
    plans: Sequence[ClaimPlan],
    sources: Sources,
    device: DeviceOutlook | None,
    budget_s: float,
    jobs: int,
    as_json: bool,
) -> None:
    """What a run would answer and from what; with a device, what it can resolve in the time there is."""
    from asicrc.claims.planning import wall_s
    from asicrc.claims.tonight import prospects
    from asicrc.cli.claims_text import plan_lines, prospect_lines, show_lines

    found = [] if device is None else prospects((plan.claim for plan in plans), device, budget_s)
    if as_json:
        print_json(
            {
                "source": sources.in_words(),
                "budget_s": budget_s,
                "jobs": jobs,
                "device": None if device is None else device.as_json(),
                "prospects": [one.as_json() for one in found],
                "claims": [
                    {
                        "id": plan.claim.id,
                        "kind": plan.claim.kind,
                        "runs": plan.is_answerable and not plan.does_not_fit,
                        "sources": [step.source for step in plan.all_steps],
                        "hours": wall_s([plan], jobs) / 3600,
                        "device_hours": plan.cost.device_hours,
                        "events": plan.cost.events,
                        "needs": None if plan.is_answerable else plan.needs(sources),
                    }
                    for plan in plans
                ],
            }
        )
        return
    if device is not None:
        show_lines(prospect_lines(device, found, budget_s))
        say("")
    show_lines(plan_lines(plans, sources, budget_s, jobs))


@group.command()
def report(
    answers: Annotated[Path, typer.Argument(help="What `claims run --output` kept, or its --json printed.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page: one HTML file. Default: beside ANSWERS.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    as_json: Json = False,
) -> None:
    """Make one self-contained HTML file of the answers, to look at, print or send on."""
    from asicrc.report.html import write_report

    if not answers.is_file():
        raise BadFile(f"{answers} is not there", "asicrc claims run ... --output RUN.json makes one")
    target = output or answers.with_suffix(".html")
    write_report(answers, target, overwrite=overwrite)
    if as_json:
        print_json({"path": str(target)})
    else:
        say(f"{target}")


def _check_writable(path: Path) -> None:
    """Before hours are spent. Raises UsageError, StorageError."""
    from asicrc.whole_file import check_place

    if path.exists():
        raise UsageError(f"{path} exists already", "choose another name for the answers")
    check_place(path)


def _keep(said: dict[str, Any], path: Path) -> str | None:
    """Why it could not be kept: the answers are printed all the same."""
    from asicrc.cli.output import json_line

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json_line(said))
    except OSError as error:
        return f"cannot write {path}: {error.strerror}"
    return None
