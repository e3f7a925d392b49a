"""The page of a benchmark: the device's score beside every baseline that could fake it, and the verdicts."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from asicrc import __version__
from asicrc.analysis.event_source import is_capture
from asicrc.capture.reader import load
from asicrc.capture.schema import DIGEST_KEY
from asicrc.evidence import Estimate, Finding
from asicrc.report.html.capture_parts import pairs_of, plain
from asicrc.report.html.findings_table import finding_table, null_table
from asicrc.report.html.inline_figure import inline_figure
from asicrc.report.html.number_text import (
    NOTHING,
    estimate_column,
    estimate_text,
    in_one,
    number,
    share,
)
from asicrc.report.html.page import (
    Block,
    Column,
    Command,
    Judged,
    Notice,
    Page,
    Pairs,
    Picture,
    Pictures,
    Section,
    Table,
    Text,
    Tile,
    Verdicts,
)
from asicrc.report.reservoir_figure import benchmark_panels, published_of
from asicrc.reservoir.benchmark import BenchmarkResult, CaptureScores, Evidence

STANDS_FOR = {
    "device": "the timing of the device",
    "device_telemetry": "the timing of the device and its sensors",
    "constant": "the mean of the target: what knows nothing",
    "u_t": "the present input alone",
    "u_t_same_taps": "the input with the digital memory that the states were given",
    "random_features": "noise, as many columns as the device has",
    "host_path": "what the host does, without a device behind it",
    "poisson_twin": "a miner of the same rates without memory",
    "poisson_twin_telemetry": "a miner of the same rates without memory, behind the filter of the telemetry",
    "controller_only": "what the controller of the device does",
    "history_shuffled": "the device, its past exchanged among steps of the same input",
}
FIRST = {
    "device": "NRMSE of the device",
    "u_t": "NRMSE of the present input alone",
    "poisson_twin": "NRMSE of a miner without memory",
}
"""What is looked for first."""
OF_DEVICE = (
    "device",
    "device_telemetry",
    "host_path",
    "poisson_twin",
    "poisson_twin_telemetry",
    "controller_only",
    "history_shuffled",
)
"""Scores that are of a device, or were measured on one; the others need none."""
SIMULATED = "A simulated device: the verdict is on the instrument, not on silicon."


def benchmark_page(
    result: BenchmarkResult, *, captures: Sequence[Path] = (), command: Sequence[str] = ()
) -> Page:
    """`captures` are the files that were scored, `command` is what ran it. Raises BadFile."""
    subject, evidence = result.subject, result.evidence
    notices = []
    if subject is not None and subject.simulated:
        notices.append(Notice([SIMULATED], calm=True))
    notes = list(dict.fromkeys(note for capture in result.captures for note in capture.notes))
    if notes:
        notices.append(Notice(notes))
    features = {name: scored.features for name, scored in result.captures[0].scores.items()}
    return Page(
        kind="Benchmark",
        title=result.task if subject is None else f"{result.task} on {subject.url}",
        lead=_lead(result),
        facts=[
            ("runs", number(len(result.captures))),
            ("to train", number(result.split.n_train)),
            ("to test", number(result.split.n_test)),
            ("washout", number(result.split.washout)),
            *([] if subject is None else [("mode", subject.mode), ("driven by", subject.channel)]),
        ],
        notices=notices,
        tiles=score_tiles(
            result.scores,
            None if evidence is None else evidence.value.value,
            None if evidence is None else evidence.interpretation,
            None if evidence is None else evidence.task.smallest_effect,
        ),
        sections=[
            Section("figures", "Figures", [Pictures(_pictures(result))]),
            Section("scores", "Scores", [score_table(result.scores, features)]),
            *([] if evidence is None else _evidence_sections(evidence)),
            Section("states", "States and settings", _states(result)),
            Section("provenance", "Provenance", _provenance(captures)),
            Section("again", "How to run it again", _again(result, captures, command)),
        ],
    )


def _lead(result: BenchmarkResult) -> str:
    channel = None if result.channel is None else result.channel.value
    return lead_of(result.scores, channel, device=result.subject is not None)


def lead_of(scores: Mapping[str, Estimate], channel: str | None, *, device: bool) -> str:
    known = {name: score for name, score in scores.items() if np.isfinite(score.estimate)}
    baselines = {name: score for name, score in known.items() if name not in OF_DEVICE}
    best = min(baselines, key=lambda name: baselines[name].estimate, default=None)
    if not device or "device" not in known:
        beside = "" if best is None else f"; the best, {best}, has NRMSE {in_one(baselines[best])}"
        return f"What the input alone scores, without a device{beside}."
    said = f"The device has NRMSE {in_one(known['device'])}"
    if best is not None:
        said += f"; the best that takes the input alone, {best}, has {in_one(baselines[best])}"
    memory = "No memory was found" if channel is None else f"Memory was found, by this channel: {channel}"
    return f"{said}. {memory}."


def score_tiles(
    scores: Mapping[str, Estimate], value: str | None, interpretation: str | None, smallest: float | None
) -> list[Tile]:
    tiles = []
    for name, label in FIRST.items():
        if name in scores:
            shown, interval = estimate_text(scores[name])
            beside = f"95 % {interval}, n = {number(scores[name].n)}" if interval != NOTHING else ""
            tiles.append(Tile(label, shown, beside))
    if value is not None:
        tiles.append(Tile("The published number", value, "Does the procedure give it?", verdict=True))
    if interpretation is not None:
        seen = "" if smallest is None else f" A gain of {number(smallest, 3)} would have been found."
        tiles.append(Tile("What it means", interpretation, f"Does it compute?{seen}", verdict=True))
    return tiles


def _pictures(result: BenchmarkResult) -> list[Picture]:
    first = "the first capture" if result.subject else "the first seed"
    published = published_of(result)
    line = "" if published is None else f" The published score, {published.nrmse}, is marked."
    score_name, score_caption, score_says = words_of_scores(result.scores)
    told = {
        "prediction": (
            "Prediction against target",
            f"The last steps of the test of {first}: the target, the device, the null and the best baseline; "
            "below, what each is off by.",
            "Lines of the target and of the predictions over the steps; the scores stand in the table.",
        ),
        "scores": (score_name, score_caption + line, score_says),
        "memory": (
            "Memory by delay",
            "Capacity to recall the input so many steps ago, its bias taken away; mean over the runs with "
            "the standard error. Delay 0 is the present and no memory.",
            "Lines of memory capacity against delay, for the device and for what it is held against.",
        ),
        "information": (
            "Information processing capacity",
            f"What the states compute of the input, by the degree of the functions, of {first}.",
            "Bars of capacity by degree for each table of states.",
        ),
    }
    return [
        Picture(inline_figure(figure, f"f-{name}"), *told[name], wide=name == "prediction")
        for name, figure in benchmark_panels(result).items()
    ]


def words_of_scores(scores: Mapping[str, Estimate]) -> tuple[str, str, str]:
    listed = ", ".join(f"{name} {number(score.estimate, 3)}" for name, score in scores.items())
    return (
        "Scores",
        "NRMSE, the root mean squared error over the standard deviation of the target, with 95 % intervals; "
        "lower is better, 1 knows nothing.",
        f"Bars of NRMSE: {listed}.",
    )


def score_table(scores: Mapping[str, Estimate], features: Mapping[str, int]) -> Table:
    columns = (
        Column("States"),
        Column("NRMSE", "number"),
        Column("95 % interval", "number"),
        Column("Features", "number"),
        Column("What they stand for", "words"),
    )
    texts = estimate_column(list(scores.values()))
    rows = [
        (name, *text, number(features[name]) if features.get(name) else NOTHING, _stands_for(name))
        for name, text in zip(scores, texts, strict=True)
    ]
    method = next(iter(scores.values())).method
    n = next(iter(scores.values())).n
    return Table.of(f"NRMSE of every set of states on the same split, n = {n}; {method}.", columns, rows)


def _stands_for(name: str) -> str:
    kind, _, size = name.partition("_")
    if name in STANDS_FOR:
        return STANDS_FOR[name]
    if size.isdigit():
        lines = {
            "linear": f"the last {size} inputs, linear",
            "quadratic": f"the last {size} inputs and their products",
            "esn": f"an echo state network of {size} units",
        }
        return lines.get(kind, "")
    return ""


def _evidence_sections(evidence: Evidence) -> list[Section]:
    judged = [
        Judged(
            "Does the published procedure give the published number?",
            evidence.value.value,
            evidence.value_reason,
        ),
        Judged(
            "Does the number mean that the device computes?",
            evidence.interpretation,
            evidence.interpretation_reason,
        ),
    ]
    findings: dict[str, Finding] = {"task": evidence.task, "history": evidence.history}
    findings |= {group.value: finding for group, finding in evidence.memory.items()}
    caption = (
        "Gains over the nulls, paired over the runs; the task and its history in NRMSE, memory in capacity. "
        "Seen from: the smallest gain that would have been found with a power of 80 %."
    )
    nulls = [null for finding in findings.values() for null in finding.nulls]
    table = null_table("Every test with its null.", nulls)
    return [
        Section("verdicts", "Verdicts", [Verdicts(judged), finding_table(caption, findings)]),
        Section("nulls", "Nulls", [Text("No null could be tried.") if table is None else table]),
    ]


def _states(result: BenchmarkResult) -> list[Block]:
    first: CaptureScores = result.captures[0]
    missing = sum(capture.missing_steps for capture in result.captures)
    of_first = "of the first capture" if result.subject else "of the first seed"
    rows = [
        (f"features that were used, {of_first}", plain(list(first.kept))),
        (f"left out, with their uninformative share, {of_first}", _refused(first)),
        (f"events per step, {of_first}", number(first.events_per_step, 3)),
        ("steps whose drive is not known, of all", number(missing)),
    ]
    blocks: list[Block] = [Pairs(rows)]
    if result.subject is not None:
        blocks.append(Pairs(pairs_of(dict(result.subject.truth)), "What the simulated device says of itself"))
    if first.twin:
        blocks.append(Pairs(pairs_of(first.twin), "The miner without memory, as it was measured"))
    return [block for block in blocks if not (isinstance(block, Pairs) and not block.rows)]


def _refused(scores: CaptureScores) -> str:
    return ", ".join(f"{name} ({share(part)})" for name, part in scores.refused.items()) or NOTHING


def _provenance(captures: Sequence[Path]) -> list[Block]:
    software = [
        ("asicrc", __version__),
        ("Python", platform.python_version()),
        ("numpy", np.__version__),
        ("platform", platform.platform()),
    ]
    blocks: list[Block] = [Pairs(software, "What scored it")]
    rows = []
    for path in filter(is_capture, captures):
        with load(path) as capture:
            meta, identity = capture.meta, capture.identity
            rows.append(
                (
                    path.name,
                    NOTHING if identity is None else identity.model,
                    plain(meta.get("seed")),
                    str(meta.get("asicrc_version", NOTHING)),
                    str(meta.get(DIGEST_KEY, "not sealed")),
                )
            )
    if rows:
        columns = (
            Column("Capture"),
            Column("Device"),
            Column("Seed", "number"),
            Column("asicrc"),
            Column("Digest (SHA-256)", "code"),
        )
        blocks.append(Table.of("The captures that were scored.", columns, rows))
    return blocks


def _again(result: BenchmarkResult, captures: Sequence[Path], command: Sequence[str]) -> list[Block]:
    blocks: list[Block] = []
    if command:
        blocks.append(Command("The command that ran it:", shlex.join(command)))
    task = result.task.replace("_", "-")
    if captures:
        files = " ".join(f"--capture {shlex.quote(path.name)}" for path in captures)
        blocks.append(
            Command("Score the same captures again:", f"asicrc benchmark {task} {files} --report report.html")
        )
    if not blocks:
        blocks.append(Command("Run it again:", f"asicrc benchmark {task} --baselines-only"))
    return blocks
