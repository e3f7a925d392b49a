"""`capture`, `restore` and `demo`: what drives a device."""

from __future__ import annotations

import re
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asicrc.cli.live_options import Mqtt, Prometheus, RigName
from asicrc.cli.options import AllowBeyond, Device, Json, StationFile, chosen_station, refuse_idle, seconds
from asicrc.cli.output import note, print_json, say, table
from asicrc.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from asicrc.capture.plan import CapturePlan
    from asicrc.devices import Circumstances

USUAL_TIMEOUT = "30s"
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Capture file. Default: ./<UTC>-<device>.asicrc.")
]


def register(app: typer.Typer) -> None:
    app.command("capture")(capture)
    app.command("restore")(restore)
    app.command("demo")(demo)


def capture(
    device: Device,
    duration: Annotated[
        str | None,
        typer.Option(help="How long: 90, 90s, 15m, 8h. Default: 60s, or that of the recorded work."),
    ] = None,
    frequency_mhz: Annotated[
        float | None, typer.Option(help="Hash clock. Default: low and safe; of a network miner, as it is.")
    ] = None,
    voltage_mv: Annotated[
        float | None,
        typer.Option(help="Core voltage, where a board can set it. Default: a low one, or as it is."),
    ] = None,
    fan_percent: Annotated[float | None, typer.Option(help="Fan, where there is one. Default: 100.")] = None,
    fan_target_c: Annotated[
        float | None,
        typer.Option(help="Steer the fan so that the chip stays at this temperature. Default: not steered."),
    ] = None,
    power_plan: Annotated[
        int | None, typer.Option(help="Level of a Goldshell box's power plan. Default: as it is.")
    ] = None,
    difficulty: Annotated[
        float | None, typer.Option(help="Difficulty of what the chip reports; a power of two.")
    ] = None,
    hash_counting_number: Annotated[
        int | None, typer.Option(help="Register 0x10: length of one sweep. Default: full coverage.")
    ] = None,
    job_interval: Annotated[
        str | None, typer.Option(help="Time between jobs. Default: the device's own, 2s for most.")
    ] = None,
    mode: Annotated[
        str,
        typer.Option(
            help="stream: jobs by a timer. handshake: the next job when a share of the one before has come; "
            "for network miners."
        ),
    ] = "stream",
    handshake_timeout: Annotated[
        str, typer.Option(help="Handshake: how long to wait for a share before the next job goes out.")
    ] = USUAL_TIMEOUT,
    max_events: Annotated[int | None, typer.Option(min=1, help="Stop after this many nonces.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the work. Default: 1.")] = None,
    replay_work: Annotated[
        Path | None,
        typer.Option(
            help="Send the jobs of this capture again, at its settings unless others are asked for; then "
            "`asicrc compare` the two."
        ),
    ] = None,
    preregister: Annotated[
        Path | None,
        typer.Option(
            help="TOML file with the tests that are to be made, margins and n: kept in the capture from "
            "its start, and told apart by `asicrc analyze`."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would be set and what is to be expected; write nothing to the device."
        ),
    ] = False,
    output: Output = None,
    mqtt: Mqtt = None,
    prometheus: Prometheus = None,
    rig: RigName = None,
    station: StationFile = None,
    allow_beyond: AllowBeyond = False,
    plain: Annotated[bool, typer.Option("--plain", help="Plain progress lines, no live display.")] = False,
    as_json: Json = False,
) -> int:
    """Capture nonces with their arrival times into a verified, sealed file.

    Ctrl-C once ends it in good order (batch finished, device restored, file sealed, exit code 130);
    twice ends it at once.
    """
    from asicrc.capture.plan import CapturePlan
    from asicrc.devices import Circumstances
    from asicrc.telemetry.beside import check_views, live_views

    requested = {
        "frequency_mhz": frequency_mhz,
        "voltage_mv": voltage_mv,
        "fan_percent": fan_percent,
        "power_plan": power_plan,
        "difficulty": difficulty,
        "hash_counting_number": hash_counting_number,
    }
    if replay_work is not None and (job_interval is not None or seed is not None or mode != "stream"):
        raise UsageError(
            "recorded work has its own seed and its own times between jobs",
            "leave out --seed, --job-interval and --mode, or --replay-work",
        )
    is_recording = device.startswith("replay:")
    refuse_idle({"--seed": is_recording and seed is not None}, "work is sent: a recording has its own")
    refuse_idle(
        {"--job-interval": mode == "handshake" and job_interval is not None},
        "jobs go out by a timer (--mode stream)",
    )
    refuse_idle(
        {"--handshake-timeout": mode == "stream" and handshake_timeout != USUAL_TIMEOUT},
        "the next job waits for a share (--mode handshake)",
    )
    if duration is None and replay_work is None:
        duration = "60s"
    plan = CapturePlan(
        output=output or default_output(device),
        duration_s=None if duration is None else seconds(duration),
        requested={name: float(value) for name, value in requested.items() if value is not None},
        job_interval_s=None if job_interval is None else seconds(job_interval),
        max_events=max_events,
        seed=1 if seed is None else seed,
        progress=progress_mode(plain),
        replay_work=replay_work,
        mode=mode,
        handshake_timeout_s=seconds(handshake_timeout),
        fan_target_c=fan_target_c,
    )
    meta = {} if preregister is None else _planned_tests(preregister)
    if dry_run:
        check_views(mqtt, prometheus, rig)
        return _rehearse(device, plan, Circumstances(chosen_station(station), allow_beyond), as_json)
    circumstances = Circumstances(chosen_station(station), allow_beyond)
    with live_views(plan.output, note, mqtt=mqtt, prometheus=prometheus, rig=rig):
        result, exit_code = _capture(plan, device, circumstances, meta)
    if as_json:
        print_json(result)
    else:
        table(list(result.items()))
        path = shlex.quote(result["path"])
        then = f"analyze {path} --figure timing.png"
        if replay_work is not None:
            then = f"compare {shlex.quote(str(replay_work))} {path}"
        if result["events"] or result.get("synthetic"):
            say(f"\nnext  asicrc {then}")
    return exit_code


def restore(
    file: Annotated[Path, typer.Argument(help="The capture whose session was killed.")],
    device: Annotated[
        str | None, typer.Option("--device", "-d", help="Device URL, where it is not the one of the capture.")
    ] = None,
    station: StationFile = None,
    as_json: Json = False,
) -> int:
    """Put a device back to the settings it had before the capture in FILE, and seal the file.

    For after a kill: an ended capture has restored its device already. The device has to be the same
    chips; values are held to this machine's limits, not to those in the file.
    """
    from asicrc.capture.restoring import restore_from
    from asicrc.devices import Circumstances

    result = restore_from(file, device, Circumstances(chosen_station(station)))
    if as_json:
        print_json(result)
    else:
        for setting in result["settings"]:
            back = setting["read_back"]
            say(f"{setting['name']}: {setting['requested']} -> {'NOT CONFIRMED' if back is None else back}")
        say(f"{file}: {result['file']}")
    if not result["restored"]:
        for line in result["log"]:
            note(line)
        note("the device was NOT put back; once it can be, the same command again")
    return ExitCode.OK if result["restored"] else ExitCode.REFUSED


def demo(
    directory: Annotated[Path, typer.Option(help="Where capture, figure and report go.")] = Path(),
    duration: Annotated[str, typer.Option(help="How long to capture.")] = "15s",
    as_json: Json = False,
) -> int:
    """Capture from the emulated BM1366, analyse, and leave a capture, a figure and a report to look at."""
    from asicrc.analysis.capture_analysis import analyze_capture
    from asicrc.capture.plan import CapturePlan
    from asicrc.cli.analysis_text import analysis_lines
    from asicrc.devices import Circumstances
    from asicrc.report.html import write_report

    duration_s = seconds(duration)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / default_output("sim:bm1366").name
    note(f"capturing from the emulated BM1366 for {duration} (no hardware is touched)")
    plan = CapturePlan(output=path, duration_s=duration_s, progress=progress_mode(plain=False))
    result, exit_code = _capture(plan, "sim:bm1366", Circumstances(station=None))
    if exit_code is not ExitCode.OK:
        if as_json:
            print_json({"capture": result, "analysis": None, "figure": None, "report": None})
        else:
            table(list(result.items()))
        return exit_code
    figure = path.with_suffix(".png")
    analysis = analyze_capture(path, figure=figure)
    report = directory / "report.html"
    if report.exists():  # somebody's, or that of an earlier demo
        report = path.with_suffix(".html")
    write_report(path, report, analysis=analysis)
    if as_json:
        print_json(
            {
                "capture": result,
                "analysis": analysis.as_json(),
                "figure": str(figure),
                "report": str(report),
            }
        )
        return ExitCode.OK
    table(list(result.items()))
    say("")
    for line in analysis_lines(analysis):
        say(line)
    say("")
    say(f"capture  {path}")
    say(f"figure   {figure}")
    say(f"report   {report}  (open it in a browser)")
    quoted = shlex.quote(str(path))
    say(f"next     asicrc show {quoted}; asicrc verify {quoted}; asicrc export {quoted} --format csv")
    return ExitCode.OK


def default_output(device: str) -> Path:
    """./<UTC>-<device>.asicrc, of a path in the URL only the last part."""
    scheme, _, target = device.partition("?")[0].partition(":")
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{scheme}-{Path(target).name}").strip("-")[:80]
    return Path(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name}.asicrc")


def progress_mode(plain: bool) -> str:
    return "live" if sys.stderr.isatty() and not plain else "plain"


def _planned_tests(path: Path) -> dict[str, Any]:
    """What the capture keeps of a plan of tests. Raises UsageError, BadFile."""
    from asicrc.analysis.battery import check_plan
    from asicrc.evidence.preregistration import (
        PREREGISTRATION_KEY,
        load_preregistration,
        preregistration_of,
    )

    kept = {PREREGISTRATION_KEY: load_preregistration(path)}
    plan = preregistration_of(kept)
    if plan is not None:
        check_plan(plan)
    return kept


def _rehearse(url: str, plan: CapturePlan, circumstances: Circumstances, as_json: bool) -> ExitCode:
    from asicrc.capture.rehearsal import rehearse

    for remark in circumstances.remarks(url):
        note(remark)
    found = rehearse(url, plan, circumstances, note)
    if as_json:
        print_json(found)
    else:
        table(list(found.items()))
        say("\nnothing was written; the same without --dry-run captures")
    return ExitCode.OK


def _capture(
    plan: CapturePlan, url: str, circumstances: Circumstances, meta: dict[str, Any] | None = None
) -> tuple[dict[str, Any], ExitCode]:
    from asicrc.capture.counts import counts_json
    from asicrc.capture.running import capture_to_file

    for remark in circumstances.remarks(url):
        note(remark)
    outcome = capture_to_file(url, plan, circumstances, note, meta)
    result = counts_json(plan.output, outcome.counters, outcome.wire_counters)
    result |= {
        "duration_s": outcome.duration_s,
        "reason": outcome.reason,
        "restored": outcome.restored,
        "lag_s": outcome.lag_s,
        "worst_lag_s": outcome.worst_lag_s,
    }
    if outcome.exit_code in (ExitCode.DEVICE, ExitCode.REFUSED, ExitCode.STORAGE):
        note(f"error: {outcome.reason}")
    return result, outcome.exit_code
