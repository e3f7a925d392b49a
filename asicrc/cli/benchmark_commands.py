"""`benchmark`: a task for a device, beside every baseline that could fake its score."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asicrc.bench.widening import BEYOND_FLAG
from asicrc.cli.capture_commands import USUAL_TIMEOUT, default_output, progress_mode
from asicrc.cli.options import AllowBeyond, Json, StationFile, chosen_station, refuse_idle, seconds
from asicrc.cli.output import note, print_json, say
from asicrc.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from asicrc.devices import Circumstances
    from asicrc.reservoir.benchmark import BenchmarkResult, Protocol, Split, Workers
    from asicrc.reservoir.benchmark.capturing import Driving
    from asicrc.reservoir.encoders import Encoder
    from asicrc.reservoir.states import FeatureSet

DEFAULT_WASHOUT, DEFAULT_TRAIN, DEFAULT_TEST = 200, 4800, 5000
DEFAULT_SEEDS = 10
USUAL_NODES = 4
USUAL_STEP = "1s"
MOST_UNITS = 10_000
"""Of an echo state network: its weights are a square matrix."""


def register(app: typer.Typer) -> None:
    app.command("benchmark")(benchmark)


def benchmark(
    task: Annotated[str, typer.Argument(help="narma10, mackey-glass, ...; `list` names them all.")],
    device: Annotated[str | None, typer.Option("--device", "-d", help="Drive this device.")] = None,
    capture: Annotated[
        list[Path] | None, typer.Option("--capture", help="Analyse this capture again; may be repeated.")
    ] = None,
    baselines_only: Annotated[
        bool, typer.Option("--baselines-only", help="What the input alone scores; no device.")
    ] = False,
    mode: Annotated[
        str, typer.Option(help="stream: steps by the clock. handshake: a step ends with its share.")
    ] = "stream",
    encoder: Annotated[
        str, typer.Option(help="work, difficulty, inverse-difficulty, frequency, voltage, duty.")
    ] = "work",
    low: Annotated[float | None, typer.Option(help="Encoder: value at the lowest input.")] = None,
    high: Annotated[float | None, typer.Option(help="Encoder: value at the highest input.")] = None,
    base: Annotated[float | None, typer.Option(help="inverse-difficulty: D = base / (u + epsilon).")] = None,
    epsilon: Annotated[float | None, typer.Option(help="inverse-difficulty: see --base.")] = None,
    duty_setting: Annotated[str | None, typer.Option(help="duty: which setting is switched.")] = None,
    mask: Annotated[int, typer.Option(min=1, help="Virtual nodes: levels of a fixed random mask.")] = 1,
    step: Annotated[str, typer.Option(help="Length of a step: 1s, 250ms.")] = USUAL_STEP,
    handshake_timeout: Annotated[
        str, typer.Option(help="Handshake: longest wait for a share.")
    ] = USUAL_TIMEOUT,
    difficulty: Annotated[float | None, typer.Option(help="Difficulty, where it is not the drive.")] = None,
    frequency_mhz: Annotated[
        float | None, typer.Option(help="Hash clock, where it is not the drive.")
    ] = None,
    voltage_mv: Annotated[float | None, typer.Option(help="Voltage, where it is not the drive.")] = None,
    fan_percent: Annotated[float | None, typer.Option(help="Fan.")] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Inputs, and captures; a verdict needs 10.")
    ] = DEFAULT_SEEDS,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first input.")] = 0,
    washout: Annotated[
        int | None, typer.Option(min=0, help="Steps left out at the start. Default: 200.")
    ] = None,
    train: Annotated[int | None, typer.Option(min=20, help="Steps to train on. Default: 4800.")] = None,
    test: Annotated[int | None, typer.Option(min=20, help="Steps to test on. Default: 5000.")] = None,
    features: Annotated[
        str | None,
        typer.Option(
            help="States: counts, intervals, nodes, phase, cores, filters. Default: the first four; of a "
            "handshake the first two."
        ),
    ] = None,
    nodes: Annotated[int, typer.Option(min=2, help="Parts of a step that `nodes` counts.")] = USUAL_NODES,
    taus: Annotated[str | None, typer.Option(help="Time constants of `filters` in s: 0.5,2,8.")] = None,
    cores: Annotated[int, typer.Option(min=0, help="Cores of the chip, for `cores`.")] = 0,
    lags: Annotated[int, typer.Option(min=0, help="Delayed copies of the states: digital memory.")] = 0,
    esn: Annotated[str, typer.Option(help="Units of the echo state networks beside it.")] = "100",
    alpha: Annotated[float | None, typer.Option(help="One fixed ridge penalty instead of a search.")] = None,
    task_option: Annotated[
        list[str] | None, typer.Option("--task-option", help="name=value, as the task takes it.")
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="State steps as missing that were not applied.")
    ] = False,
    directory: Annotated[
        Path | None, typer.Option(help="Where captures go. Default: ./<UTC>-<device>-<task>.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Where figures go. Default: beside the captures, or here.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write a report: one HTML file with figures, nulls and verdicts.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it comes to, and stop.")] = False,
    jobs: Annotated[int, typer.Option(help="Processes that score; -1: all cores.")] = 1,
    dask: Annotated[str | None, typer.Option(help="Score on the Dask cluster at this scheduler.")] = None,
    station: StationFile = None,
    allow_beyond: AllowBeyond = False,
    plain: Annotated[bool, typer.Option("--plain", help="Plain progress lines, no live display.")] = False,
    as_json: Json = False,
) -> int:
    """Give a device a task, and its score beside those of the input alone and of a miner without memory.

    One capture for each seed. Says first how many shares a step brings and how many hours it takes; shows
    scores, memory, the channel it came by, and two verdicts; writes three figures.
    """
    from asicrc.cli.benchmark_text import hyperparameter_lines
    from asicrc.devices import Circumstances
    from asicrc.report.html import check_report_name
    from asicrc.reservoir.benchmark import Protocol, Question, Workers, run_baselines
    from asicrc.reservoir.benchmark.protocol import analysis_json
    from asicrc.reservoir.states.feature_set import feature_names
    from asicrc.reservoir.tasks import check_task
    from asicrc.work import MODES

    if task == "list":
        asked = {"--device": device is not None, "--capture": bool(capture), "--dry-run": dry_run}
        asked |= {"--baselines-only": baselines_only, "--report": report is not None}
        refuse_idle(asked, "there is a task; `list` names them")
        return _list_tasks(as_json)
    check_task(task.replace("-", "_"))
    if mode not in MODES:
        raise UsageError(f"there is no mode {mode!r}", f"the modes are: {', '.join(MODES)}")
    if alpha is not None and not 0 <= alpha < math.inf:
        raise UsageError(f"--alpha {alpha:g} is no ridge penalty", "a number of 0 or more")
    if sum([device is not None, bool(capture), baselines_only]) != 1:
        raise UsageError(
            "a benchmark has a device, captures, or the input alone",
            "--device URL, or --capture FILE, or --baselines-only",
        )
    for place in (figures, None if report is None else report.parent):  # before hours are spent
        if place is not None:
            place.mkdir(parents=True, exist_ok=True)
    if report is not None:
        check_report_name(report)
    of_device = {
        "--mode": mode != "stream",
        "--encoder": encoder != "work",
        "--low": low is not None,
        "--high": high is not None,
        "--base": base is not None,
        "--epsilon": epsilon is not None,
        "--duty-setting": duty_setting is not None,
        "--mask": mask != 1,
        "--step": step != USUAL_STEP,
        "--handshake-timeout": handshake_timeout != USUAL_TIMEOUT,
        "--difficulty": difficulty is not None,
        "--frequency-mhz": frequency_mhz is not None,
        "--voltage-mv": voltage_mv is not None,
        "--fan-percent": fan_percent is not None,
        "--directory": directory is not None,
        "--dry-run": dry_run,
        "--station": station is not None,
        BEYOND_FLAG: allow_beyond,
        "--plain": plain,
    }
    if device is None:
        refuse_idle(of_device, "there is a device to drive")
    elif mode == "stream":
        of_handshake = {"--handshake-timeout": handshake_timeout != USUAL_TIMEOUT}
        refuse_idle(of_handshake, "a step ends with its share (--mode handshake)")
    else:
        refuse_idle({"--step": step != USUAL_STEP}, "steps go by the clock (--mode stream)")
    if capture:
        of_task = {"--seeds": seeds != DEFAULT_SEEDS, "--first-seed": first_seed != 0}
        refuse_idle(of_task | {"--task-option": bool(task_option)}, "the input is yet to be made")
    question = Question(features=_features(features, nodes, taus, cores, lags), esn_units=_units(esn))
    of_states = {
        "--features": features is not None,
        "--nodes": nodes != USUAL_NODES,
        "--taus": taus is not None,
        "--cores": cores != 0,
        "--lags": lags != 0,
        "--allow-missing": allow_missing,
    }
    if capture and _is_table(capture):
        refuse_idle(of_states, "there are events: a table has its features")
    if baselines_only:
        refuse_idle(of_states, "there are states, of a device or of captures")
    named = feature_names(features or "nodes")
    for option, is_given, feature in (
        ("--nodes", nodes != USUAL_NODES, "nodes"),
        ("--taus", taus is not None, "filters"),
        ("--cores", cores != 0, "cores"),
    ):
        refuse_idle({option: is_given and feature not in named}, f"{feature} are asked for (--features)")
    refuse_idle({"--jobs": dask is not None and jobs != 1}, "this machine scores, without --dask")
    alphas = None if alpha is None else (alpha,)
    workers = Workers(jobs, "loky" if dask is None else "dask", dask)
    split = _split(washout, train, test)
    if capture:
        result = _analyse(capture, question, split, alphas, allow_missing, workers)
        if result.task != task.replace("-", "_") and result.subject is not None:
            raise UsageError(
                f"these captures are of {result.task}, not of {task}", f"benchmark {result.task}"
            )
        for line in hyperparameter_lines(analysis_json(question, alphas, result.split.n_train)):
            note(line)
        return _finish(result, figures or Path(), as_json, report, capture)
    protocol = Protocol(
        task=task.replace("-", "_"),
        task_options=dict(_option(text) for text in task_option or []),
        split=split or _usual_split(),
        seeds=seeds,
        first_seed=first_seed,
        question=question,
        alphas=alphas,
    )
    for line in hyperparameter_lines(protocol.hyperparameters()):
        note(line)
    if device is None:
        return _finish(run_baselines(protocol, workers, note), figures or Path(), as_json, report)
    ranges = {"low": low, "high": high, "base": base, "epsilon": epsilon, "setting": duty_setting}
    driving = _driving(
        _encoder(encoder, protocol, ranges, mask, seconds(step)),
        mode,
        {
            "difficulty": difficulty,
            "frequency_mhz": frequency_mhz,
            "voltage_mv": voltage_mv,
            "fan_percent": fan_percent,
        },
        seconds(handshake_timeout),
    )
    circumstances = Circumstances(chosen_station(station), allow_beyond)
    folder = directory or default_output(device).with_suffix("").with_name(
        f"{default_output(device).stem}-{protocol.task}"
    )
    progress = progress_mode(plain)
    paths = _capture(device, circumstances, protocol, driving, folder, dry_run, progress, as_json)
    if paths is None:
        return ExitCode.OK
    result = _analyse(paths, question, None, alphas, allow_missing, workers)
    return _finish(result, figures or folder, as_json, report, paths)


def _capture(
    url: str,
    circumstances: Circumstances,
    protocol: Protocol,
    driving: Driving,
    folder: Path,
    dry_run: bool,
    progress: str,
    as_json: bool,
) -> list[Path] | None:
    from asicrc.cli.benchmark_text import outlook_lines
    from asicrc.reservoir.benchmark.capturing import capture_all, plan_outlook

    for remark in circumstances.remarks(url):
        note(remark)
    outlook = plan_outlook(url, circumstances, protocol, driving)
    if dry_run and as_json:
        print_json(outlook.as_json())
        return None
    for line in outlook_lines(outlook):
        (say if dry_run else note)(line)
    if dry_run:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    return capture_all(
        url,
        circumstances,
        protocol,
        driving,
        lambda seed: folder / f"{protocol.task}-seed{seed:03d}.asicrc",
        progress=progress,
        say=note,
    )


def _analyse(
    paths: list[Path],
    question: Any,
    split: Split | None,
    alphas: tuple[float, ...] | None,
    allow_missing: bool,
    workers: Workers,
) -> BenchmarkResult:
    from asicrc.reservoir.benchmark import analyse_captures
    from asicrc.reservoir.benchmark.telemetry_csv import read_telemetry, score_telemetry

    if _is_table(paths):
        return score_telemetry(read_telemetry(paths[0]), question, split, alphas)
    return analyse_captures(
        paths,
        question,
        split=split,
        alphas=alphas,
        allow_missing=allow_missing,
        workers=workers,
        say=note,
    )


def _is_table(paths: Sequence[Path]) -> bool:
    return len(paths) == 1 and paths[0].suffix.lower() == ".csv"


def _finish(
    result: BenchmarkResult,
    folder: Path,
    as_json: bool,
    report: Path | None,
    captures: Sequence[Path] = (),
) -> int:
    from asicrc.cli.benchmark_text import result_lines
    from asicrc.report.reservoir_figure import capacity_figure, memory_figure, prediction_figure
    from asicrc.report.saving import save_figure

    drawn = []
    if result.captures[0].pictures is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in (
            ("prediction", prediction_figure),
            ("memory", memory_figure),
            ("capacity", capacity_figure),
        ):
            path = folder / f"{result.task}-{name}.png"
            save_figure(figure(result), path)
            drawn.append(path)
    if report is not None:
        from asicrc.report.html import write_report

        command = [Path(sys.argv[0]).name, *sys.argv[1:]]
        write_report(result, report, captures=captures, command=command)
    if as_json:
        print_json(result.as_json())
    else:
        for line in result_lines(result):
            say(line)
    for path in drawn:
        note(f"figure  {path}")
    if report is not None:
        note(f"report  {report}")
    return ExitCode.OK


def _list_tasks(as_json: bool) -> int:
    from asicrc.reservoir.tasks import TASKS

    if as_json:
        print_json({"tasks": {name: recipe.summary for name, recipe in TASKS.items()}})
        return ExitCode.OK
    for name, recipe in TASKS.items():
        say(f"{name:<24} {recipe.summary}")
    return ExitCode.OK


def _encoder(name: str, protocol: Protocol, ranges: dict[str, Any], mask: int, step_s: float) -> Encoder:
    from asicrc.reservoir.encoders import encoder_for
    from asicrc.reservoir.encoders.laws import random_mask

    u_low, u_high = protocol.input_range()
    given = {option: value for option, value in ranges.items() if value is not None}
    levels = (1.0,) if mask == 1 else random_mask(mask, 0)
    return encoder_for(name, u_low=u_low, u_high=u_high, step_s=step_s, mask=levels, **given)


def _driving(encoder: Encoder, mode: str, settings: dict[str, float | None], timeout_s: float) -> Driving:
    from asicrc.reservoir.benchmark.capturing import Driving

    requested = {name: float(value) for name, value in settings.items() if value is not None}
    return Driving(encoder, mode, requested, timeout_s)


def _features(names: str | None, nodes: int, taus: str | None, cores: int, lags: int) -> FeatureSet | None:
    """None for the usual ones of the mode."""
    from asicrc.reservoir.states import FeatureSet
    from asicrc.reservoir.states.feature_set import feature_names

    if names is None and (nodes, taus, cores, lags) == (USUAL_NODES, None, 0, 0):
        return None
    chosen = tuple(feature_names(names or "counts,intervals,nodes,phase"))
    taus_s = _numbers(taus)
    if not all(0 < one < math.inf for one in taus_s):
        raise UsageError(f"--taus {taus} are no time constants", "write 0.5,2,8")
    return FeatureSet(chosen, nodes=nodes, taus_s=taus_s, cores=cores, lags=lags)


def _split(washout: int | None, train: int | None, test: int | None) -> Split | None:
    from asicrc.reservoir.benchmark import Split

    if washout is None and train is None and test is None:
        return None
    return Split(
        DEFAULT_WASHOUT if washout is None else washout, train or DEFAULT_TRAIN, test or DEFAULT_TEST
    )


def _usual_split() -> Split:
    from asicrc.reservoir.benchmark import Split

    return Split(DEFAULT_WASHOUT, DEFAULT_TRAIN, DEFAULT_TEST)


def _units(text: str) -> tuple[int, ...]:
    units = _numbers(text)
    if any(not 1 <= one <= MOST_UNITS or one != int(one) for one in units):
        raise UsageError(
            f"echo state networks of {text} units", f"whole numbers from 1 to {MOST_UNITS}, such as 50,100"
        )
    return tuple(int(one) for one in units)


def _numbers(text: str | None) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in (text or "").split(",") if part.strip())
    except ValueError:
        raise UsageError(f"{text!r} is no list of numbers", "write 0.5,2,8") from None


def _option(text: str) -> tuple[str, str | int | float]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text!r} is no option of a task", "write name=value")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value
