"""A benchmark in words: the plan before it, the table and the verdicts after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from asicrc.evidence import Finding
    from asicrc.reservoir.benchmark import BenchmarkResult
    from asicrc.reservoir.benchmark.capturing import Outlook


def outlook_lines(outlook: Outlook) -> list[str]:
    """What it comes to, before it is begun."""
    lines = [
        f"plan     {outlook.captures} captures of {outlook.steps} steps of {outlook.step_s:.4g} s",
        f"shares   {_number(outlook.shares_per_step)} per step, "
        f"{_share(outlook.empty_step_share)} of the steps without one ({outlook.rate_source})",
        f"time     {_number(outlook.hours_per_capture)} h for a capture, {_number(outlook.hours)} h in all",
    ]
    if outlook.empty_step_share is not None and outlook.empty_step_share > 0.5:
        lines.append(
            "note     more than half of the steps stay empty: use a lower difficulty or longer steps"
        )
    return lines


def hyperparameter_lines(said: Mapping[str, Any]) -> list[str]:
    return [f"{name:<16} {_plain(value)}" for name, value in said.items()]


def result_lines(result: BenchmarkResult) -> list[str]:
    """The table of scores, the memory, the findings and the verdicts."""
    runs = len(result.captures)
    what = ("capture" if result.subject else "seed") + ("" if runs == 1 else "s")
    split = result.split
    lines = [
        f"{result.task}: {runs} {what}, washout {split.washout}, {split.n_train} to train, "
        f"{split.n_test} to test; NRMSE by the standard deviation of the test target",
        "",
        f"{'':<24} {'NRMSE':>7}  {'95 % interval':<18} {'features':>8}",
    ]
    first = result.captures[0].scores
    for name, score in result.scores.items():
        interval = f"{score.low:.4f} .. {score.high:.4f}" if np.isfinite(score.low) else "-"
        lines.append(f"{name:<24} {score.estimate:>7.4f}  {interval:<18} {first[name].features or '-':>8}")
    lines.append("")
    lines += _feature_lines(result)
    if result.evidence is None:
        lines.append("verdict  not testable here: no device was benchmarked")
        return lines
    evidence = result.evidence
    findings = {"task": evidence.task, "history": evidence.history}
    findings |= {f"memory of {group.value}": finding for group, finding in evidence.memory.items()}
    for name, finding in findings.items():
        lines.append(_finding_line(name, finding))
    channel = evidence.attribution.channel
    lines += [
        "",
        f"channel         {'none: no memory was found' if channel is None else channel.value}",
        f"value           {evidence.value.value}: {evidence.value_reason}",
        f"interpretation  {evidence.interpretation}: {evidence.interpretation_reason}",
    ]
    smallest = evidence.task.smallest_effect
    if smallest is not None:
        lines.append(f"smallest gain that would have been found (power 80 %): {smallest:.4f} NRMSE")
    return lines


def _feature_lines(result: BenchmarkResult) -> list[str]:
    capture = result.captures[0]
    lines = []
    if capture.kept:
        lines.append(f"states   {', '.join(capture.kept)}")
    if capture.refused:
        refused = ", ".join(f"{name} ({share:.1%})" for name, share in capture.refused.items())
        lines.append(f"refused  uninformative in this share of the steps: {refused}")
    if capture.twin:
        lines.append(
            "twin     " + ", ".join(f"{name} {_plain(value)}" for name, value in capture.twin.items())
        )
    if any(c.missing_steps for c in result.captures):
        missing = sum(c.missing_steps for c in result.captures)
        lines.append(
            f"missing  {missing} steps whose drive is not known; they are neither trained nor tested on"
        )
    lines += [f"note     {note}" for note in dict.fromkeys(n for c in result.captures for n in c.notes)]
    return [*lines, ""] if lines else []


def _finding_line(name: str, finding: Finding) -> str:
    effect = finding.effect
    p = "" if finding.p_corrected is None else f", p {finding.p_corrected:.2g}"
    return (
        f"{name:<30} gain {effect.estimate:.4f} [{effect.low:.4f}, {effect.high:.4f}]{p}: "
        f"{finding.verdict.value} ({finding.note})"
    )


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return " ".join(_plain(item) for item in value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return str(value)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _share(value: float | None) -> str:
    return "an unknown share" if value is None else f"{value:.1%}"
