"""The page of a run of claims: two verdicts each, what they rest on, and what the open ones would take."""

from __future__ import annotations

import platform
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from asicrc import __version__
from asicrc.report.html.claims_pictures import MEANING, VALUE, VERDICTS, pictures_of_claims, verdict_counts
from asicrc.report.html.claims_told import ToldClaim, ToldEstimate, ToldRun, told_run
from asicrc.report.html.findings_table import NULL_COLUMNS
from asicrc.report.html.number_text import NOTHING, duration, estimate_text, exact, in_one, number, p_value
from asicrc.report.html.page import (
    Block,
    ClaimCard,
    Column,
    Command,
    Notice,
    Page,
    Pairs,
    Pictures,
    RowGroup,
    Section,
    Table,
    Text,
    Tile,
)

TWIN = (
    "Answers of a twin, a simulated device of known truth: they tell whether the instruments find what is "
    "there and refuse what is not. About silicon they say nothing."
)
FEW = 2
"""Planted effects that fit into the head of the page."""


def claims_page(found: Mapping[str, Any], where: str, *, name: str = "", command: Sequence[str] = ()) -> Page:
    """Raises BadFile."""
    run = told_run(found, where)
    answered = [claim for claim in run.claims if claim.answered]
    opened = [claim for claim in run.claims if not claim.answered]
    sections = [
        Section("figures", "Figures", [Pictures(pictures_of_claims(run))]),
        Section("glance", "All claims", [_glance(run)]),
        Section("claims", "Claim by claim", _cards(answered)),
    ]
    if opened:
        sections.append(Section("open", "Not answered here", [_open(opened)]))
    sections += [
        Section("nulls", "Nulls", _nulls(answered)),
        Section("provenance", "Provenance", _provenance(run, name)),
        Section("again", "How to run it again", [Command("The same run:", _command(run, command))]),
    ]
    return Page(
        kind="Claims",
        title=_title(run),
        lead=_lead(run, len(answered)),
        facts=[
            ("claims", number(len(run.claims))),
            ("answered", number(len(answered))),
            *([("planted", _planted(run.planted))] if run.planted else []),
            *([] if run.seed is None else [("seed", exact(run.seed))]),
            *([] if run.took_s is None else [("took", duration(run.took_s))]),
        ],
        notices=_notices(run),
        tiles=_tiles(run, answered),
        sections=sections,
    )


def _planted(effects: Sequence[str]) -> str:
    """One or two in words; of more their number, for each stands in words at its claim."""
    return ", ".join(effects) if len(effects) <= FEW else f"{len(effects)} effects, each told at its claim"


def _title(run: ToldRun) -> str:
    count = f"{len(run.claims)} claim{'s' * (len(run.claims) != 1)}"
    return f"{count}, answered from {run.source}" if run.source else count


def _lead(run: ToldRun, answered: int) -> str:
    could = "asked, of a twin or by computing" if run.is_of_twin else "answered"
    said = f"{number(answered)} of {number(len(run.claims))} claims could be {could}."
    for what, held in verdict_counts(run).items():
        parts = [f"{held[verdict]} {verdict}" for verdict in VERDICTS[:3] if held.get(verdict)]
        if parts:
            said += f" {what.capitalize()}: {', '.join(parts)}."
    return said


def _notices(run: ToldRun) -> list[Notice]:
    wrong = []
    if run.interrupted:
        wrong.append("The run was interrupted: what was answered by then is here.")
    wrong += [
        f"{claim.id} failed: {claim.reason or 'no reason is stated'}"
        for claim in run.claims
        if claim.state == "failed"
    ]
    notices = [Notice(wrong)] if wrong else []
    if run.is_of_twin:
        notices.append(Notice([TWIN], calm=True))
    return notices


def _tiles(run: ToldRun, answered: Sequence[ToldClaim]) -> list[Tile]:
    found = Counter(claim.instrument.verdict for claim in run.claims if claim.instrument is not None)
    if found:
        asked = number(sum(found.values()))
        return [
            Tile(f"Instruments {word}", number(found.get(word, 0)), f"of {asked} that were tried")
            for word in ("validated", "failed", "not resolved")
        ]
    counts = verdict_counts(run)
    tiles = [
        Tile(
            f"{what.capitalize()}: {verdict}",
            number(counts[what].get(verdict, 0)),
            f"of {number(len(answered))}",
        )
        for what in (VALUE, MEANING)
        for verdict in ("supported", "refuted")
    ]
    return [
        *tiles,
        Tile("Not answered here", number(len(run.claims) - len(answered)), "and what it would take is below"),
    ]


def _glance(run: ToldRun) -> Table:
    of_twin = run.is_of_twin
    columns = [
        Column("Claim"),
        Column("What it is about", "words"),
        Column("Kind"),
        Column("The number", "verdict"),
        Column("What it means", "verdict"),
        *([Column("Instrument", "verdict")] if of_twin else []),
        Column("Answered from"),
    ]
    rows = [
        (
            claim.id,
            claim.title or claim.claimed,
            claim.kind,
            claim.value_verdict,
            claim.interpretation_verdict,
            *([claim.instrument.verdict if claim.instrument else ""] if of_twin else []),
            claim.source if claim.answered else NOTHING,
        )
        for claim in run.claims
    ]
    caption = (
        "Kinds: A arithmetic, C computation, D published data, E an effect that twins without it must not "
        "show, O ordinary physics, - not testable here."
    )
    return Table.of(caption, columns, rows)


def _cards(answered: Sequence[ToldClaim]) -> list[Block]:
    if not answered:
        return [Text("No claim could be answered from what was given.")]
    return [_card(claim) for claim in answered]


def _card(claim: ToldClaim) -> ClaimCard:
    beside = []
    if claim.margin:
        beside.append(f"Margin, fixed beforehand: {claim.margin}")
    if claim.smallest_effect is not None:
        seen = f"{number(claim.smallest_effect, 3)} {claim.effect_unit}".rstrip()
        beside.append(f"Smallest effect that would have been seen: {seen}")
    if claim.needs:
        beside.append(f"More would take: {claim.needs}")
    where = ", ".join(part for part in (claim.paper, claim.where) if part)
    chips = [(VALUE, claim.value_verdict), (MEANING, claim.interpretation_verdict)]
    if claim.instrument is not None:
        chips.append(("the instrument", claim.instrument.verdict))
        for what, found in (
            ("Power", claim.instrument.power),
            ("False alarms", claim.instrument.false_alarms),
        ):
            if found is not None:
                beside.append(
                    f"{what}: {in_one(found.as_estimate().scaled(100))} % of {number(found.n)} twins"
                )
    return ClaimCard(
        id=claim.id,
        title=claim.title,
        claimed=claim.claimed,
        where=where,
        chips=chips,
        note=claim.note or "",
        beside=beside,
        numbers=_numbers(claim),
    )


def _numbers(claim: ToldClaim) -> Table | None:
    if not claim.reproduced:
        return None
    estimated = any(isinstance(held.value, ToldEstimate) for held in claim.reproduced)
    columns = [
        Column("Quantity", "words"),
        Column("Published", "number"),
        Column("Came out", "number"),
        *([Column("95 % interval", "number"), Column("n", "number")] if estimated else []),
        Column("Unit"),
    ]
    rows = []
    for held in claim.reproduced:
        value, interval = _came_out(held.value)
        beside = (interval, _n(held.value)) if estimated else ()
        rows.append((held.name, _published(held.published), value, *beside, held.unit))
    return Table.of(f"{claim.id}: numbers beside the published ones.", columns, rows)


def _published(value: float | str | None) -> str:
    return NOTHING if value is None else value if isinstance(value, str) else exact(value)


def _came_out(value: ToldEstimate | float | str | None) -> tuple[str, str]:
    if isinstance(value, ToldEstimate):
        return estimate_text(value.as_estimate())
    if isinstance(value, str):
        return value, NOTHING
    return (NOTHING if value is None else exact(float(f"{value:.5g}"))), NOTHING


def _n(value: object) -> str:
    return number(value.n) if isinstance(value, ToldEstimate) else NOTHING


def _open(opened: Sequence[ToldClaim]) -> Table:
    columns = (
        Column("Claim"),
        Column("What is claimed", "words"),
        Column("Why not", "words"),
        Column("What an answer takes", "words"),
    )
    rows = [
        (claim.id, claim.claimed or claim.title, claim.reason or claim.state, claim.needs or NOTHING)
        for claim in opened
    ]
    return Table.of("What nothing that was given can decide, or what was not run.", columns, rows)


def _nulls(answered: Sequence[ToldClaim]) -> list[Block]:
    groups = [
        RowGroup(
            f"{claim.id}  {claim.title}",
            [
                (
                    null.name,
                    null.null,
                    number(null.statistic),
                    p_value(null.p_value),
                    number(null.n),
                    number(null.replicates) if null.replicates else NOTHING,
                )
                for null in claim.nulls
            ],
        )
        for claim in answered
        if claim.nulls
    ]
    if not groups:
        return [Text("No test was made.")]
    return [Table("Every test with its null, by claim.", NULL_COLUMNS, groups)]


def _provenance(run: ToldRun, name: str) -> list[Block]:
    given = {"data": "published files", "capture": "capture", "device": "device", "twin": "twin"}
    rows = [("answers kept in", name or "this report only")]
    rows += [(said, run.given[key] or NOTHING) for key, said in given.items() if key in run.given]
    rows += [
        ("planted", ", ".join(run.planted) or "nothing"),
        ("seed", NOTHING if run.seed is None else str(run.seed)),
        ("time there was", duration(run.budget_s)),
        ("time it took", duration(run.took_s)),
    ]
    made = [
        ("asicrc", __version__),
        ("Python", platform.python_version()),
        ("platform", platform.platform()),
    ]
    return [Pairs(rows, "The run"), Pairs(made, "What made this page")]


def _command(run: ToldRun, command: Sequence[str]) -> str:
    if command:
        return shlex.join(command)
    words = ["asicrc", "claims", "run", *(claim.id for claim in run.claims if len(run.claims) < 49)]
    for key in ("data", "capture", "device", "twin"):
        value = run.given.get(key)
        if value:
            words += [f"--{key}", value]
    if run.seed is not None:
        words += ["--seed", str(run.seed)]
    if run.budget_s is not None:
        words += ["--budget", f"{run.budget_s:g}s"]
    return shlex.join([*words, "--output", "RUN.json"])
