"""`heartbeat`, `plan-size` and `papers`: single questions about evidence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asicrc.cli.options import Duplicates, FigureFile, Json, Point, ResamplingSeed, refuse_idle
from asicrc.cli.output import print_json, say
from asicrc.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from asicrc.analysis.spectra.host_periods import HostPeriod

USUAL_BOUND, USUAL_POWER = 0.1, 0.9
Events = Annotated[Path, typer.Argument(help="A capture, or a CSV with a column of stamps.")]


def register(app: typer.Typer) -> None:
    app.command("heartbeat")(heartbeat)
    app.command("plan-size")(plan_size)
    app.command("papers")(papers)


def heartbeat(
    file: Events,
    frequency_hz: Annotated[
        float | None, typer.Option(help="A frequency that was claimed before, known to 2 %. Default: a band.")
    ] = None,
    tolerance_hz: Annotated[
        float | None, typer.Option(help="How well that frequency is known. Default: 2 % of it.")
    ] = None,
    low_hz: Annotated[float | None, typer.Option(help="Search from here. Default: 0.5.")] = None,
    high_hz: Annotated[float | None, typer.Option(help="Search up to here. Default: 5.")] = None,
    channel: Annotated[
        str | None, typer.Option(help="Look in these readings instead, such as power_w.")
    ] = None,
    host_period: Annotated[
        list[str] | None,
        typer.Option(help="NAME=SECONDS of something periodic on your bench; may be repeated."),
    ] = None,
    figure: FigureFile = None,
    point: Point = None,
    include_duplicates: Duplicates = False,
    seed: ResamplingSeed = 1,
    as_json: Json = False,
) -> int:
    """Is there a period in the arrivals, how deep, and what would have been seen? Host-side ones are named.

    Tests one frequency, or the strongest of a band, corrected for how many that is. A line at a period of the
    host (job renewal, polling, WiFi beacons, the firmware's own work) is never called a heartbeat.
    """
    from asicrc.analysis.event_source import read_event_source
    from asicrc.analysis.spectra.heartbeat import heartbeat_at, heartbeat_in
    from asicrc.cli.arrival_text import heartbeat_lines
    from asicrc.evidence import EvidenceVerdict
    from asicrc.report.saving import check_figure_name, save_figure

    if figure is not None:
        check_figure_name(figure)
    if frequency_hz is not None and (low_hz is not None or high_hz is not None):
        raise UsageError("one frequency or a band", "--frequency-hz 2.4, or --low-hz 1 --high-hz 4")
    refuse_idle(
        {"--tolerance-hz": tolerance_hz is not None and frequency_hz is None}, "--frequency-hz is said"
    )
    if channel is not None:
        of_events = {
            "--tolerance-hz": tolerance_hz is not None,
            "--host-period": bool(host_period),
            "--point": point is not None,
            "--include-duplicates": include_duplicates,
            "--seed": seed != 1,
        }
        refuse_idle(of_events, "arrivals are asked, not readings (--channel)")
        if frequency_hz is None or figure is not None:
            raise UsageError("readings are asked for one frequency, without a figure", "--frequency-hz 2.4")
        beat = _of_channel(file, channel, frequency_hz)
        stream = None
    else:
        source = read_event_source(file, include_duplicates=include_duplicates, seed=seed, point=point)
        hosts = [*source.hosts, *_host_periods(host_period or [])]
        stream = source.stream
        if frequency_hz is not None:
            beat = heartbeat_at(stream, frequency_hz, tolerance_hz=tolerance_hz, hosts=hosts, seed=seed)
        else:
            beat = heartbeat_in(stream, low_hz, high_hz, hosts=hosts, seed=seed)
    if figure is not None and stream is not None:
        from asicrc.report.heartbeat_figure import heartbeat_figure

        save_figure(heartbeat_figure(stream, beat, title=file.name), figure)
    if as_json:
        print_json(beat.as_json())
    else:
        for line in heartbeat_lines(beat):
            say(line)
        if figure is not None:
            say(f"figure  {figure}")
    untestable = beat.finding.verdict is EvidenceVerdict.NOT_TESTABLE_HERE
    return ExitCode.NO_ANSWER if untestable else ExitCode.OK


def plan_size(
    quantity: Annotated[
        str,
        typer.Argument(
            help="cv, cv-equivalence, heartbeat, auc, residual, memory, eer, counts or correlation."
        ),
    ],
    shift: Annotated[
        float | None, typer.Option(help="cv: of the CV. cv-equivalence: the margin. correlation: its size.")
    ] = None,
    depth: Annotated[float | None, typer.Option(help="heartbeat: of the modulation, 0 to 1.")] = None,
    auc: Annotated[float | None, typer.Option(help="auc: area under the ROC curve.")] = None,
    residual_us: Annotated[float | None, typer.Option(help="residual: how far times lie off.")] = None,
    floor_us: Annotated[float | None, typer.Option(help="residual: rms spread of the stamps.")] = None,
    capacity: Annotated[float | None, typer.Option(help="memory: capacity at one delay, 0 to 1.")] = None,
    features: Annotated[int, typer.Option(min=1, help="memory: columns of the state.")] = 1,
    rate: Annotated[float | None, typer.Option(help="eer: the true error rate.")] = None,
    bound: Annotated[float, typer.Option(help="eer: the rate that is to be excluded.")] = USUAL_BOUND,
    ratio: Annotated[float | None, typer.Option(help="counts: of two rates.")] = None,
    power: Annotated[float, typer.Option(help="Probability to find it.")] = USUAL_POWER,
    alpha: Annotated[float, typer.Option(help="Level of the test, two-sided.")] = 0.05,
    tried: Annotated[int, typer.Option(min=1, help="How many tests share the level.")] = 1,
    n: Annotated[int | None, typer.Option(min=1, help="What would so many see? Prints the power.")] = None,
    as_json: Json = False,
) -> None:
    """How many intervals, events, steps or devices an effect of a given size takes.

    `asicrc plan-size cv --shift 0.05`: about 4,500 intervals show a CV that differs from 1 by 0.05.
    """
    from asicrc.evidence import planned_sizes

    sizes = {
        "cv": ("--shift", shift),
        "cv-equivalence": ("--shift", shift),
        "correlation": ("--shift", shift),
        "heartbeat": ("--depth", depth),
        "auc": ("--auc", auc),
        "residual": ("--residual-us", residual_us),
        "memory": ("--capacity", capacity),
        "eer": ("--rate", rate),
        "counts": ("--ratio", ratio),
    }
    if quantity not in sizes:
        raise UsageError(f"nothing is planned for {quantity!r}", f"known: {', '.join(sizes)}")
    option, effect = sizes[quantity]
    given = {name: size is not None for name, size in sizes.values() if name != option}
    given["--floor-us"] = quantity != "residual" and floor_us is not None
    given["--features"] = quantity != "memory" and features != 1
    given["--bound"] = quantity != "eer" and bound != USUAL_BOUND
    refuse_idle(given, "another quantity is planned")
    refuse_idle(
        {"--power": n is not None and power != USUAL_POWER}, "it is given, not asked for: without --n"
    )
    if effect is None:
        raise UsageError(f"the size of the effect in {quantity} is not said", f"{option} SIZE")
    plan = planned_sizes.plan_size(
        quantity,
        effect,
        power=power,
        alpha=alpha,
        n=n,
        tried=tried,
        floor_us=floor_us,
        features=features,
        bound=bound,
    )
    if as_json:
        print_json(plan.as_json())
        return
    say(f"n      {plan.n} {plan.counted}")
    say(f"power  {plan.power:.4g} to find {plan.effect:g} ({plan.unit}) at level {plan.alpha:g}")
    say(f"by     {plan.method}")


def papers(
    file: Annotated[
        Path | None, typer.Argument(help="A capture, or a CSV with stamps. Without: what needs none.")
    ] = None,
    jitter_us: Annotated[
        float | None, typer.Option(help="Jitter for K_sync. Default: the floor of the capture.")
    ] = None,
    clock_mhz: Annotated[float, typer.Option(help="Clock for K_sync.")] = 485.0,
    modulation_hz: Annotated[float, typer.Option(help="Modulation that K_sync is to let through.")] = 2.4,
    point: Point = None,
    seed: ResamplingSeed = 1,
    as_json: Json = False,
) -> None:
    """The papers' own quantities as they define them, what is wrong with each, and what stands in its place.

    K_sync, entropy, CV of ten intervals, Hamming distances, the "OTOC", phase-amplitude encoding,
    hierarchical numbers and their energy table.
    """
    from asicrc.analysis.papers.report import papers_report
    from asicrc.cli.papers_text import papers_lines

    refuse_idle({"--point": point is not None and file is None}, "there is a capture of a sweep")
    for option, value in (
        ("--jitter-us", jitter_us),
        ("--clock-mhz", clock_mhz),
        ("--modulation-hz", modulation_hz),
    ):
        if value is not None and not 0 < value < math.inf:
            raise UsageError(f"{option} {value:g} is none", "give one above 0")
    report = papers_report(
        file,
        jitter_s=None if jitter_us is None else jitter_us / 1e6,
        clock_hz=clock_mhz * 1e6,
        modulation_hz=modulation_hz,
        point=point,
        seed=seed,
    )
    if as_json:
        print_json(report.as_json())
    else:
        for line in papers_lines(report):
            say(line)


def _of_channel(file: Path, channel: str, frequency_hz: float) -> Any:
    from asicrc.analysis.spectra.telemetry import telemetry_heartbeat
    from asicrc.capture.reader import load
    from firmware_protocols.device import NO_TIME

    with load(file) as capture:
        readings = [one for one in capture.readings() if one.t_ns != NO_TIME]
    mine = [one for one in readings if one.channel == channel]
    if not mine:
        known = ", ".join(sorted({one.channel for one in readings})[:20])
        raise UsageError(f"{file.name} has no readings of {channel}", f"it has: {known or 'none'}")
    return telemetry_heartbeat([one.t_ns for one in mine], [one.value for one in mine], channel, frequency_hz)


def _host_periods(texts: list[str]) -> list[HostPeriod]:
    from asicrc.analysis.spectra.host_periods import HostPeriod

    found = []
    for text in texts:
        name, _, value = text.partition("=")
        try:
            period_s = float(value)
        except ValueError:
            period_s = 0.0
        if not name or not 0 < period_s < 1e6:
            raise UsageError(f"{text!r} is no period of a host", "NAME=SECONDS, such as cron=60")
        found.append(HostPeriod(name, period_s))
    return found
