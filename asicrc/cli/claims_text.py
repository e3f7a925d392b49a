"""Claims in words: the list, one claim in full, the answers of a run, and what a night can resolve."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from asicrc.cli.output import printable, say

if TYPE_CHECKING:
    from asicrc.claims.claim import Claim
    from asicrc.claims.planning import ClaimPlan, Sources
    from asicrc.claims.tonight import DeviceOutlook, Prospect

Piece = tuple[str, str]
"""Text, and its style on a terminal."""
PAPERS = {
    "2601.01916": "arXiv 2601.01916, Toward Thermodynamic Reservoir Computing",
    "2601.12032": "arXiv 2601.12032, Speaking to Silicon",
}
STYLES = {
    "supported": "green",
    "refuted": "red",
    "not resolved": "yellow",
    "not testable here": "dim",
    "validated": "green",
    "failed": "bold red",
    "not run": "yellow",
}
TITLE_WIDTH = 40
VERDICT_WIDTH = 17
IN_FULL = 5
"""With so many claims at most every number is shown; with more they stand in --json and on the page."""


def show_lines(lines: Iterable[Sequence[Piece]]) -> None:
    """In colours on a terminal, as bare text elsewhere."""
    if not sys.stdout.isatty():
        for line in lines:
            say("".join(text for text, _ in line).rstrip())
        return
    from rich.console import Console  # only where there is a terminal to draw on
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*((printable(text), style) for text, style in line)))


def list_lines(claims: Iterable[Claim]) -> list[list[Piece]]:
    lines: list[list[Piece]] = []
    paper = ""
    for claim in claims:
        if claim.paper != paper:
            paper = claim.paper
            lines += _heading(paper, first=not lines)
        lines.append([(f"{claim.id}  {claim.kind:<5}", "bold"), (f"{claim.title:<{TITLE_WIDTH}}", "")])
        lines[-1].append((claim.claimed, "dim"))
    return lines


def claim_lines(claim: Claim, takes: str) -> list[list[Piece]]:
    """Everything that the registry has of it."""
    rows = [
        ("claimed", claim.claimed),
        ("where", f"{claim.where} of {PAPERS[claim.paper]}"),
        ("kind", f"{claim.kind}: {'; '.join(_KINDS[kind.value] for kind in claim.kinds)}"),
        ("definition", claim.definition),
        ("procedure", claim.procedure),
        ("margin", claim.margin),
        ("supported by", claim.supports),
        ("refuted by", claim.refutes),
        ("data", claim.data),
        ("takes", takes),
        ("published in", ", ".join(claim.files)),
        ("experiment", claim.experiment),
    ]
    lines: list[list[Piece]] = [[(f"{claim.id}  {claim.title}", "bold")]]
    for name, value in rows:
        if value:
            lines += _wrapped(f"  {name:<14}", value)
    return lines


def run_lines(run: Mapping[str, Any]) -> list[list[Piece]]:
    """A table for each paper, one line a claim, then what is to be said of each."""
    claims = run["claims"]
    with_twin = any(claim["instrument"] is not None for claim in claims)
    lines: list[list[Piece]] = []
    paper = ""
    for claim in claims:
        if claim["paper"] != paper:
            paper = claim["paper"]
            lines += _heading(paper, first=not lines)
            lines.append(_column_names(with_twin))
        lines.append(_claim_row(claim, with_twin))
    lines.append([])
    for claim in claims:
        lines += _note_lines(claim, in_full=len(claims) <= IN_FULL)
    return [*lines, [], *_summary(run)]


def prospect_lines(device: DeviceOutlook, found: Sequence[Prospect], budget_s: float) -> list[list[Piece]]:
    """What the time there is resolves on a device, then what it does not."""
    rate = "not known" if device.events_per_s is None else f"{3600 * device.events_per_s:,.0f} an hour"
    lines: list[list[Piece]] = [
        [(f"device   {device.model}{' (simulated)' if device.simulated else ''}, {device.url}", "")],
        [(f"events   {rate} ({device.rate_source})", "")],
        [],
        [(f"can be resolved here, each within {budget_s / 3600:.3g} h", "bold")],
    ]
    able = [one for one in found if not one.hindrance]
    lines += [_prospect_row(one) for one in able] or [[("  none", "")]]
    if len(able) > 1:
        total = sum(one.hours or 0.0 for one in able)
        lines.append([(f"  one after the other: {total:.3g} h", "")])
    lines += [[], [("cannot be resolved here", "bold")]]
    lines += [_prospect_row(one) for one in found if one.hindrance] or [[("  none", "")]]
    return lines


def plan_lines(plans: Sequence[ClaimPlan], sources: Sources, budget_s: float, jobs: int) -> list[list[Piece]]:
    """Which claims a run would answer, from what, in what time; then the others, with what they take."""
    from asicrc.claims.planning import wall_s

    runs = [plan for plan in plans if plan.is_answerable and not plan.does_not_fit]
    lines: list[list[Piece]] = [[(f"would be asked, from {sources.in_words()}", "bold")]]
    for plan in runs:
        asked = ", ".join(dict.fromkeys(step.source for step in plan.all_steps))
        row = f"  {plan.claim.id}  {plan.claim.title:<{TITLE_WIDTH}}{_took(wall_s([plan], jobs)):>8}  {asked}"
        lines.append([(row, "")])
    total = wall_s(runs, jobs)
    lines.append([(f"  {len(runs)} claims, about {_took(total)} with {jobs} processes", "")])
    others = [plan for plan in plans if plan not in runs]
    if others:
        lines += [[], [("would not be asked", "bold")]]
    for plan in others:
        why = f"takes {plan.needs(sources)}"
        if plan.does_not_fit:
            why = f"takes {_took(wall_s([plan], jobs))}, beyond the {_took(budget_s)} there are"
        lines += _wrapped(f"  {plan.claim.id}  ", why)
    return lines


def _took(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


_KINDS = {
    "A": "arithmetic",
    "C": "computation, or a property that holds on anything",
    "O": "ordinary physics of any chip",
    "E": "an effect that must be refused on the ideal and the ordinary twin",
    "D": "decided by published data",
    "-": "not testable here",
}


def _claim_row(claim: Mapping[str, Any], with_twin: bool) -> list[Piece]:
    value, meaning = claim["value_verdict"], claim["interpretation_verdict"]
    if claim["state"] in ("not run", "failed") and claim["source"] == "none":
        value = meaning = claim["state"]
    checked = claim["instrument"]
    instrument = "" if checked is None else checked["verdict"]
    row = [
        (f"{claim['id']}  {claim['kind']:<5}", "bold"),
        (f"{claim['title']:<{TITLE_WIDTH}}", ""),
        (f"{value:<{VERDICT_WIDTH}}  ", STYLES.get(value, "")),
        (f"{meaning:<{VERDICT_WIDTH}}", STYLES.get(meaning, "")),
    ]
    return [*row, (f"  {instrument or '-'}", STYLES.get(instrument, "dim"))] if with_twin else row


def _column_names(with_twin: bool) -> list[Piece]:
    names = (
        f"{'id   kind':<10}{'claim':<{TITLE_WIDTH}}{'number':<{VERDICT_WIDTH}}  {'meaning':<{VERDICT_WIDTH}}"
    )
    return [(names + ("  instrument" if with_twin else ""), "dim")]


def _note_lines(claim: Mapping[str, Any], *, in_full: bool) -> list[list[Piece]]:
    """What is to be said of a claim; `in_full` with every number and null."""
    parts = [claim["note"]]
    if claim["instrument"] is not None:
        parts.append(_instrument(claim["instrument"]))
    if claim["smallest_effect"] is not None:
        unit = f" {claim['effect_unit']}" if claim["effect_unit"] else ""
        parts.append(f"smallest effect that would have been seen: {claim['smallest_effect']:.3g}{unit}")
    if claim["reason"]:
        parts.append(f"{claim['state']}: {claim['reason']}")
    if claim["needs"] and claim["needs"] not in claim["note"]:
        parts.append(f"a verdict takes {claim['needs']}")
    said = " ".join(f"{part[0].upper()}{part[1:].rstrip('. ')}." for part in parts if part)
    start = f"{claim['id']}  "
    lines = _wrapped(start, said)
    if in_full:
        for number in claim["reproduced"]:
            lines += _wrapped(" " * len(start), _number(number))
        for null in claim["nulls"]:
            lines += _wrapped(" " * len(start), _null(null))
    return lines


def _null(null: Mapping[str, Any]) -> str:
    made = f", {null['replicates']:,} replicates" if null["replicates"] else ""
    return f"{null['name']}: p = {_short(null['p_value'])}, n = {null['n']:,}{made}; null: {null['null']}"


def _number(one: Mapping[str, Any]) -> str:
    unit = f" {one['unit']}" if one["unit"] else ""
    value = one["value"]
    counted = ""
    if isinstance(value, Mapping):
        shown = f"{_short(value['estimate'])} [{_short(value['low'])}, {_short(value['high'])}]"
        counted = f", n = {value['n']:,}"
    else:
        shown = _short(value)
    printed = "" if one["published"] is None else f", printed {_short(one['published'])}"
    return f"{one['name']}: {shown}{unit}{counted}{printed}"


def _instrument(checked: Mapping[str, Any]) -> str:
    said = f"instrument {checked['verdict']}"
    for name, words in (("power", "found"), ("false_alarms", "false alarms")):
        share = checked[name]
        if share is not None:
            low, high = _short(share["low"]), _short(share["high"])
            said += f", {words} {_short(share['estimate'])} [{low}, {high}] of {share['n']}"
    return said


def _short(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _summary(run: Mapping[str, Any]) -> list[list[Piece]]:
    claims = run["claims"]
    checked = [claim["instrument"]["verdict"] for claim in claims if claim["instrument"] is not None]
    rows = [
        ("source", run["source"]),
        ("planted", ", ".join(run["planted"])),
        ("number", _counted([claim["value_verdict"] for claim in claims])),
        ("meaning", _counted([claim["interpretation_verdict"] for claim in claims])),
        ("instrument", f"{_counted(checked)}; a twin tells of these, never of silicon" if checked else ""),
        ("claims", _counted([claim["state"] for claim in claims])),
        ("took", f"{run['took_s']:.0f} s, seed {run['seed']}"),
    ]
    return [[(f"{name:<12}{value}", "")] for name, value in rows if value]


def _counted(words: Sequence[str]) -> str:
    return ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))


def _prospect_row(one: Prospect) -> list[Piece]:
    hours = "-" if one.hours is None else f"{one.hours:.3g} h"
    events = f"{one.events:,} events" if one.events else "no events"
    row = f"  {one.claim.id}  {one.claim.title:<{TITLE_WIDTH}}{hours:>8}  {events:>14}"
    return [(row, ""), (f"  {one.hindrance}" if one.hindrance else "", "yellow")]


def _heading(paper: str, *, first: bool) -> list[list[Piece]]:
    return [*([] if first else [[]]), [(PAPERS.get(paper, paper), "bold")]]


def _wrapped(start: str, text: str) -> list[list[Piece]]:
    """`start`, and the text behind it on as many lines as it takes."""
    width = max(60, min(shutil.get_terminal_size((100, 24)).columns, 110))
    parts = textwrap.wrap(text, width - len(start), break_long_words=False, break_on_hyphens=False)
    if not parts:
        return []
    return [[(start, "bold"), (parts[0], "")], *([(" " * len(start) + part, "")] for part in parts[1:])]
