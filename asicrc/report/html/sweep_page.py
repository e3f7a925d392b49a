"""The page of a sweep: every point with its numbers, and what was swept against what came of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from asicrc.analysis.point_numbers import PointNumbers, point_numbers
from asicrc.capture.points import PointKind, PointRecord, PointState, settings_of
from asicrc.capture.reader import load
from asicrc.capture.recheck import VerifyReport, verify
from asicrc.capture.schema import SWEEP_KEY
from asicrc.capture.summary import summarise
from asicrc.report.html.capture_parts import (
    again_section,
    facts_of,
    log_section,
    notices_of,
    pairs_of,
    proof_tile,
    provenance,
    readings_table,
    settings_section,
)
from asicrc.report.html.capture_pictures import reading_pictures
from asicrc.report.html.inline_figure import inline_figure
from asicrc.report.html.number_text import NOTHING, duration, estimate_column, exact, number
from asicrc.report.html.page import (
    Block,
    Column,
    Command,
    Notice,
    Page,
    Pairs,
    Picture,
    Pictures,
    Section,
    Table,
    Text,
    Tile,
)
from asicrc.report.readings_figure import reading_panels
from asicrc.report.sweep_figure import levels_of, sweep_panels, swept_settings

MOST_POINTS = 2000
_AS_ASKED = "as\N{NO-BREAK SPACE}asked"
_DONE = PointState.DONE.value


def sweep_page(path: Path) -> Page:
    """Raises BadFile."""
    verified, summary = verify(path), summarise(path)
    with load(path) as capture:
        numbers = point_numbers(capture)
        planned = _planned(capture.meta)
        done = sum(point.state == _DONE for point in numbers)
        missing = [] if planned is None or done >= planned else [_missing(planned - done)]
        pictures = _pictures(numbers) + reading_pictures(reading_panels(capture.readings()))
        blocks: list[Block | None] = [_point_table(numbers, capture.points()), readings_table(capture)]
        quoted = shlex.quote(path.name)
        first = next((point.id for point in numbers if point.state == _DONE), None)
        return Page(
            kind="Sweep",
            title=path.name,
            lead=_lead(numbers, done, planned),
            facts=facts_of(capture, summary),
            notices=[*missing, *notices_of(capture, verified)],
            tiles=_tiles(numbers, verified, done, planned),
            sections=[
                Section(
                    "figures",
                    "Figures",
                    [Pictures(pictures)] if pictures else [Text("No point has numbers to draw.")],
                ),
                Section("points", "Points", [block for block in blocks if block is not None]),
                Section("plan", "Plan", _plan(capture.meta)),
                settings_section(capture.settings()),
                provenance(capture, summary, verified),
                log_section(capture),
                again_section(capture, _more_commands(quoted, bool(missing), first)),
            ],
        )


def _more_commands(quoted: str, is_incomplete: bool, first: int | None) -> list[Command]:
    """`first` is the row of a point that is done."""
    commands = []
    if is_incomplete:
        commands.append(Command("Take the points that are missing:", f"asicrc resume {quoted}"))
    if first is not None:
        commands.append(
            Command(
                "Analyse one point, with every null:",
                f"asicrc analyze {quoted} --point {first}\n"
                f"asicrc report {quoted} --point {first} -o point-{first}.html",
            )
        )
    return commands


def _lead(numbers: Sequence[PointNumbers], done: int, planned: int | None) -> str:
    swept = swept_settings(numbers)
    of = "" if planned is None else f" of {number(planned)}"
    what = f"; swept: {', '.join(swept)}" if swept else "; the settings stay as they are"
    baselines = sum(point.kind == PointKind.BASELINE.value and point.state == _DONE for point in numbers)
    beside = f", {number(baselines)} of them baselines that show the drift" if baselines else ""
    return f"{number(done)}{of} points were recorded{beside}{what}."


def _tiles(
    numbers: Sequence[PointNumbers], verified: VerifyReport, done: int, planned: int | None
) -> list[Tile]:
    held = [point for point in numbers if point.state == _DONE]
    cvs = [point.cv.estimate for point in held if point.cv is not None]
    rates = [point.rate_per_s.estimate for point in held if point.rate_per_s is not None]
    settled = [point.settled for point in held if point.settled is not None]
    recorded_s = sum(point.seconds or 0.0 for point in held)
    tiles = [
        Tile("Points", number(done), f"of {number(planned)} that were planned" if planned else ""),
        proof_tile(verified),
        Tile("Recorded", duration(recorded_s), "without settling"),
    ]
    if rates:
        tiles.append(
            Tile(
                "Events per second",
                f"{number(min(rates), 3)} … {number(max(rates), 3)}",
                "lowest and highest point",
            )
        )
    if cvs:
        tiles.append(
            Tile(
                "CV of the intervals",
                f"{number(min(cvs), 3)} … {number(max(cvs), 3)}",
                "lowest and highest point; Poisson: 1",
            )
        )
    if settled and not all(settled):
        tiles.append(Tile("Not settled", number(settled.count(False)), f"of {number(len(settled))} points"))
    return tiles


def _pictures(numbers: Sequence[PointNumbers]) -> list[Picture]:
    done = [point for point in numbers if point.state == _DONE]
    swept = swept_settings(done)
    first = next(iter(swept), "the setting")
    apart = _told_apart(done, swept)
    told = {
        "rate": (
            "Rate",
            f"Events per second against {first}, with exact 95 % intervals of Poisson counts.{apart}",
        ),
        "cv": (
            "CV of the intervals",
            f"Against {first}, with 95 % intervals; 1 for a Poisson process.{apart}",
        ),
        "temperature": ("Temperature", f"Mean over each point against {first}.{apart}"),
        "order": ("Rate in the order of time", "What changes here at the same settings is drift."),
    }
    return [
        Picture(
            inline_figure(figure, f"f-{name}"),
            *told[name],
            f"{told[name][0]}: points{'' if name == 'temperature' else ' with error bars'}; "
            "their numbers stand in the table of the points.",
        )
        for name, figure in sweep_panels(numbers).items()
    ]


def _told_apart(done: Sequence[PointNumbers], swept: Sequence[str]) -> str:
    """What a figure does of the settings beside the first: the points are all in the table."""
    said = ""
    if len(swept) > 1:
        levels, drawn = levels_of(done, swept[1])
        if len(drawn) < len(levels):
            said += f" Of {len(levels)} values of {swept[1]} {len(drawn)} are drawn."
    if len(swept) > 2:
        said += f" Points that differ in {', '.join(swept[2:])} are not told apart."
    return said


def _point_table(numbers: Sequence[PointNumbers], records: Sequence[PointRecord]) -> Table:
    """What is the same at every point stands in the caption."""
    names = dict.fromkeys(name for point in numbers for name in point.requested)
    asked = {name: {point.requested.get(name) for point in numbers} for name in names}
    settings = [name for name, values in asked.items() if len(values) > 1]
    same = [f"{name} {exact(next(iter(values)))}" for name, values in asked.items() if len(values) == 1]
    told = {record.id: _read_back(record) for record in records}
    columns = [
        Column("Point"),
        *(Column(name, "number") for name in settings),
        Column("Read back"),
        Column("State"),
        Column("Recorded (s)", "number"),
        Column("Events", "number"),
        Column("Events per s", "number"),
        Column("95 % interval", "number"),
        Column("CV", "number"),
        Column("95 % interval", "number"),
        Column("°C", "number"),
        Column("Row", "number"),
        Column("Ended by", "words"),
    ]
    shown = numbers[:MOST_POINTS]
    rates = estimate_column([point.rate_per_s for point in shown])
    cvs = estimate_column([point.cv for point in shown])
    rows = [
        (
            f"{_kind(point)}\N{NO-BREAK SPACE}{point.point}.{point.repeat}",
            *(exact(point.requested.get(name)) for name in settings),
            told.get(point.id, NOTHING),
            point.state + (", not settled" if point.settled is False else ""),
            number(point.seconds),
            number(point.events),
            *rate,
            *cv,
            number(point.temperature_c, 3),
            number(point.id),
            point.reached or NOTHING,
        )
        for point, rate, cv in zip(shown, rates, cvs, strict=True)
    ]
    left = len(numbers) - len(rows)
    caption = "Points in the order in which they were taken" + (f", the first {len(rows)}." if left else ".")
    if same:
        caption += f" At every one: {', '.join(same)}."
    return Table.of(caption, columns, rows, tall=len(rows) > 40)


def _read_back(record: PointRecord) -> str:
    """Whether what the device said after each write is what was asked for."""
    made = settings_of(record)
    odd = [f"{one.name} {exact(one.read_back)}" for one in made if not one.came_true]
    return ", ".join(odd) if odd else _AS_ASKED if made else NOTHING


def _kind(point: PointNumbers) -> str:
    return "baseline" if point.kind == PointKind.BASELINE.value else "point"


def _plan(meta: dict[str, object]) -> list[Block]:
    stated = meta.get(SWEEP_KEY)
    plan = stated.get("plan") if isinstance(stated, dict) else None
    rows = pairs_of(plan)
    return [Pairs(rows)] if rows else [Text("The file holds no plan.")]


def _planned(meta: dict[str, object]) -> int | None:
    stated = meta.get(SWEEP_KEY)
    points = stated.get("points") if isinstance(stated, dict) else None
    return len(points) if isinstance(points, list) else None


def _missing(count: int) -> Notice:
    points = "1 point of the plan is" if count == 1 else f"{number(count)} points of the plan are"
    return Notice([f"{points} missing: the sweep ended early."])
