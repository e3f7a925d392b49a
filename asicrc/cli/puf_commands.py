"""`puf`: enrol devices by their timing, verify captures, and study how often that goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asicrc.cli.options import FigureFile, Json, refuse_idle
from asicrc.cli.output import note, print_json, say, table
from asicrc.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from asicrc.analysis.fingerprint import FingerprintStudy, Recording

group = typer.Typer(
    no_args_is_help=True, help="Fingerprints: do devices differ by more than crystal, firmware and network?"
)
BOTH = "both"
USUAL_MACHINE, USUAL_CAPTURES, USUAL_TRIED = "bm1366", 4, 20


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="puf")


@group.command()
def enroll(
    captures: Annotated[
        list[Path], typer.Argument(help="Captures of one device; several tell how it varies.")
    ],
    name: Annotated[str, typer.Option("--name", help="What the device is called.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Template file, written with mode 0600.")],
    as_json: Json = False,
) -> None:
    """Keep the profile of a device: delays, missing and wrong answers by core, its crystal, its surroundings.

    Every number has its standard error. Every proof is hashed again first.
    """
    from asicrc.analysis.fingerprint import enrol, write_template

    template = enrol(_checked(captures), name)
    write_template(template, output)
    if as_json:
        print_json({"template": str(output), **template.as_json()})
        return
    said = template.as_json()
    table([(key, said[key]) for key in ("name", "kind", "conditions", "recordings", "proofs")])
    for group_name, held in said["groups"].items():
        say(f"{group_name:<12}  {held['n']} numbers ({held['unit']}), made by {held['made_by']}")
    for what, why in said["unanswered"].items():
        say(f"not there     {what}: {why}")
    say(f"template      {output}")
    if template.tried:
        rejected = said["own_recordings_rejected"]["without_ppm"]
        say(f"own           {rejected} of {template.tried} recordings would be rejected by the others")
    note("to verify: asicrc capture --seed N with an N that nobody knew before, then verify --challenge N")


@group.command()
def verify(
    template: Annotated[Path, typer.Argument(help="What `puf enroll` wrote.")],
    capture: Annotated[Path, typer.Argument(help="The capture that is to be of that device.")],
    challenge: Annotated[
        int | None,
        typer.Option(
            min=0, help="Seed that the capture was asked to be made with: older ones are found out."
        ),
    ] = None,
    study: Annotated[
        Path | None, typer.Option(help="What `puf study --json` printed, for the rates of errors.")
    ] = None,
    false_accepts: Annotated[
        float, typer.Option(help="Impostors that may be accepted at most, upper bound.")
    ] = 0.10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the impostors.")] = 1,
    as_json: Json = False,
) -> int:
    """Is this capture of the device of the template? Exit code 0 accepted, 5 rejected, 1 not resolved.

    Decided without the crystal, whose ppm any device of a kind can have; scores with it stand beside.
    """
    from asicrc.analysis.fingerprint import Decision, read_template, studied_rates, verify_capture

    result = verify_capture(
        read_template(template),
        capture,
        challenge=challenge,
        study=None if study is None else studied_rates(study),
        most_false_accepts=false_accepts,
        seed=seed,
    )
    if as_json:
        print_json(result.as_json())
    else:
        say(f"{result.decision.value}: {result.capture} against {result.device}")
        for reason in result.reasons:
            say(f"  {reason}")
        say("view          score  threshold  false accepts          false rejects")
        for view, score in result.views.items():
            rates = "  ".join(f"{_rate(rate):<21}" for rate in (score.far, score.frr))
            say(f"{view:<12} {score.score:>6.3g}  {score.threshold:>9.3g}  {rates}".rstrip())
        if "without_ppm" in result.views:
            say(f"rates: {result.views['without_ppm'].basis}")
    return {
        Decision.ACCEPT: ExitCode.OK,
        Decision.REJECT: ExitCode.REFUSED,
        Decision.NOT_RESOLVED: ExitCode.NO_ANSWER,
    }[result.decision]


@group.command()
def study(
    folder: Annotated[
        Path | None, typer.Argument(help="Captures: FOLDER/DEVICE/*.asicrc, one folder for each device.")
    ] = None,
    twins: Annotated[int | None, typer.Option(help="Study so many twins instead.")] = None,
    machine: Annotated[str, typer.Option(help="Twins: bm1366 (exact), lv06, s9, ...")] = USUAL_MACHINE,
    kind: Annotated[
        str, typer.Option(help="Twins: ordinary (no fingerprint), planted, or both one after the other.")
    ] = BOTH,
    fingerprint_us: Annotated[
        float | None, typer.Option(help="Planted: standard deviation of the cores' delays, us.")
    ] = None,
    captures: Annotated[
        int, typer.Option(help="Twins: recordings of each in the reference condition.")
    ] = USUAL_CAPTURES,
    events: Annotated[int | None, typer.Option(help="Twins: events of a recording, about.")] = None,
    tried: Annotated[
        int, typer.Option(help="Twins: so many are taken at other temperatures and voltages too.")
    ] = USUAL_TRIED,
    jobs: Annotated[int, typer.Option(help="Processes; -1: all cores.")] = 1,
    figure: FigureFile = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 1,
    as_json: Json = False,
) -> int:
    """How often one device is taken for another, with and without the crystal, and with everything.

    Equal-error rate with bounds, uniqueness, reliability over temperature and voltage, impostors, and old
    recordings presented again. The claim of a fingerprint takes 20 devices.
    """
    from asicrc.report.saving import check_figure_name

    if (folder is None) == (twins is None):
        raise UsageError("a study has a folder of captures, or twins", "FOLDER, or --twins 50")
    if figure is not None:
        check_figure_name(figure)
    if folder is not None:
        of_twins = {
            "--machine": machine != USUAL_MACHINE,
            "--kind": kind != BOTH,
            "--fingerprint-us": fingerprint_us is not None,
            "--captures": captures != USUAL_CAPTURES,
            "--events": events is not None,
            "--tried": tried != USUAL_TRIED,
            "--jobs": jobs != 1,
        }
        refuse_idle(of_twins, "twins are studied (--twins)")
        studies = {"captures": _of_folder(folder, seed)}
    else:
        refuse_idle(
            {"--fingerprint-us": fingerprint_us is not None and kind == "ordinary"},
            "a fingerprint is planted (--kind planted or both)",
        )
        kinds = ("ordinary", "planted") if kind == BOTH else (kind,)
        fingerprint_s = None if fingerprint_us is None else fingerprint_us / 1e6
        sizes = {"captures": captures, "events": events, "tried": tried, "fingerprint_s": fingerprint_s}
        studies = {
            one: _of_twins(jobs, machine=machine, devices=twins or 0, kind=one, seed=seed, **sizes)
            for one in kinds
        }
    if figure is not None:
        from asicrc.report.fingerprint_figure import fingerprint_figure
        from asicrc.report.saving import save_figure

        save_figure(fingerprint_figure(studies), figure)
    if as_json:
        each = {name: one.as_json() for name, one in studies.items()}
        print_json(next(iter(each.values())) if len(each) == 1 else {"populations": each})
        return ExitCode.OK
    for name, one in studies.items():
        _show(name, one)
    if figure is not None:
        say(f"figure  {figure}")
    return ExitCode.OK


def _checked(paths: list[Path]) -> list[Recording]:
    from asicrc.analysis.fingerprint import recordings_of
    from asicrc.capture import verify as hash_again
    from asicrc.capture.reader import load
    from asicrc.errors import BadFile

    recordings = []
    resolved = [path.resolve() for path in paths]
    for number, path in enumerate(paths):
        if resolved[number] in resolved[:number]:
            raise UsageError(f"{path} was given twice", "each capture counts once: a copy brings no evidence")
    for path in paths:
        report = hash_again(path)
        if not report.ok:
            why = f"{report.disagreements} events are not what it says"
            if report.digest_ok is False:
                why += ", and it was changed after it was sealed"
            raise BadFile(
                f"{path} contradicts itself: {why}",
                "`asicrc verify` says more; enrol captures that are whole",
            )
        with load(path) as capture:
            recordings += recordings_of(capture, path.name)
    return recordings


def _of_folder(folder: Path, seed: int) -> FingerprintStudy:
    from dataclasses import replace

    from asicrc.analysis.fingerprint import study_population
    from asicrc.analysis.fingerprint.folder import read_folder

    sessions, left_out, source = read_folder(folder)
    found = study_population(sessions, source=source, details={"population": str(folder)}, seed=seed)
    return replace(found, left_out={**left_out, **found.left_out})


def _of_twins(jobs: int, **options: Any) -> FingerprintStudy:
    from asicrc.analysis.fingerprint import study_population
    from asicrc.analysis.fingerprint.twin_population import TwinPopulation, take_population
    from asicrc.evidence import Source

    population = TwinPopulation(**options)
    note(f"{population.devices} {population.kind} twins of {population.machine}: recording")
    sessions, replay = take_population(population, jobs=jobs, each=note)
    return study_population(
        sessions,
        source=Source.TWIN,
        planted=population.planted_s > 0,
        replay=replay,
        details=population.as_json(),
        seed=population.seed,
    )


def _show(name: str, study: FingerprintStudy) -> None:
    say(f"{name}: {study.devices} devices, {study.recordings} recordings, {study.kind}")
    say("view          equal error            false accepts          false rejects          identified")
    for view, rates in study.rates.items():
        shown = (rates.eer, rates.far, rates.frr, rates.identified)
        say(f"{view:<12}  " + "  ".join(f"{_rate(rate):<21}" for rate in shown))
    for one in study.reliability:
        each = ", ".join(f"{view} {_rate(rate)}" for view, rate in one.accepted.items())
        say(f"accepted at {one.condition}: {each}")
    if study.replay is not None:
        say(
            f"presented again and called fresh: {_rate(study.replay.presented_again)}; "
            f"fresh and called fresh: {_rate(study.replay.fresh)}"
        )
    for what, why in study.left_out.items():
        say(f"left out  {what}: {why}")
    finding = study.finding
    say(f"{finding.question} {finding.verdict.value}: {finding.note}")
    if study.verdicts.instrument is not None:
        say(f"instrument: {study.verdicts.instrument.value} ({study.verdicts.reason})")
    say("")


def _rate(rate: Any) -> str:
    if rate is None:
        return "not known"
    known = rate.low == rate.low  # NaN where there is no interval
    return f"{rate.estimate:.3g}" + (f" [{rate.low:.3g}, {rate.high:.3g}]" if known else " by design")
