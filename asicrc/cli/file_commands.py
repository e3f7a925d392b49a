"""`show`, `list`, `verify`, `export`, `import` and `analyze`: what works on files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asicrc.cli.options import Duplicates, FigureFile, Json, Point, ResamplingSeed, output_beside
from asicrc.cli.output import note, print_json, say, table
from asicrc.errors import ExitCode, UsageError

WORTH_SAYING_S = 1.0
"""A part of an analysis that takes longer says so; resampling takes nearly all of it."""
SUFFIXES = {"csv": ".csv", "parquet": ".parquet", "netcdf": ".nc"}
File = Annotated[Path, typer.Argument(help="A capture file.")]


def register(app: typer.Typer) -> None:
    app.command("show")(show)
    app.command("list")(list_)
    app.command("verify")(verify)
    app.command("export")(export)
    app.command("import")(import_)
    app.command("analyze")(analyze)


def show(file: File, as_json: Json = False) -> None:
    """What a capture holds: device, settings, counts, clock, how it ended. Works while it is written."""
    from asicrc.capture.summary import summarise

    summary = summarise(file)
    if as_json:
        print_json(summary)
        return
    for section, content in summary.items():
        if isinstance(content, dict):
            say(f"{section}:")
            table([(f"  {name}", value) for name, value in content.items()])
        elif isinstance(content, list):
            say(f"{section}:")
            for line in content:
                say(f"  {line}")
        else:
            say(f"{section}: {content}")


def list_(
    directory: Annotated[Path, typer.Argument(help="Folder to look in.")] = Path(),
    as_json: Json = False,
) -> None:
    """The captures in a folder, one line each; files that are none are named with the reason."""
    from asicrc.capture.summary import list_captures

    found = list_captures(directory)
    if as_json:
        print_json({"path": str(directory), "captures": found})
        return
    if not found:
        note(f"no *.asicrc files in {directory}")
    for item in found:
        if item["error"]:
            say(f"{item['path']}  unreadable: {item['error']}")
        else:
            state = "sealed" if item["sealed"] else "open"
            counts = f"{item['events']} events, {item['valid']} valid"
            counts += f", {item['synthetic']} synthetic" if item["synthetic"] else ""
            say(f"{item['path']}  {item['device']}  {counts}  {state}")


def verify(file: File, as_json: Json = False) -> int:
    """Rebuild every header, hash it again, compare with the stored verdicts, check the seal."""
    from asicrc.capture.recheck import verify as recheck

    report = recheck(file)
    result = report.as_json()
    if as_json:
        print_json(result)
    else:
        table(list(result.items()))
    broken = report.digest_ok is False or report.disagreements
    if broken:
        note(f"error: {file} does not agree with itself: it was changed after it was written")
    return ExitCode.BAD_FILE if broken else ExitCode.OK


def export(
    file: File,
    format_: Annotated[str, typer.Option("--format", "-f", help="csv, parquet or netcdf.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Table file. Default: beside the capture.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    as_json: Json = False,
) -> None:
    """Write the events to a table for other programs."""
    from asicrc.capture.export import export as write
    from asicrc.capture.reader import load

    if output is not None:
        told = next((name for name, suffix in SUFFIXES.items() if suffix == output.suffix.lower()), format_)
        if told != format_:
            raise UsageError(f"{output} would hold {format_}", f"--format {told}, or another name")
    target = output or output_beside(file, SUFFIXES.get(format_, f".{format_}"))
    with load(file) as capture:
        write(capture, target, format_, overwrite=overwrite)
    if as_json:
        print_json({"path": str(target), "format": format_})
    else:
        say(f"{target}")


def import_(
    file: Annotated[Path, typer.Argument(help="Published data: share CSV, proof CSV, timed CSV, wire dump.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Capture file. Default: ./<name>.asicrc.")
    ] = None,
    difficulty: Annotated[
        float | None, typer.Option(help="Required difficulty, where the data do not state one.")
    ] = None,
    chip: Annotated[str | None, typer.Option(help="Chip model, where the data do not name it.")] = None,
    as_json: Json = False,
) -> None:
    """Turn published data into a verified, sealed capture. The format is recognised from the content."""
    from asicrc.importing import import_file

    report = import_file(file, output or Path(f"{file.stem}.asicrc"), difficulty=difficulty, chip=chip)
    result = report.as_json()
    if as_json:
        print_json(result)
    else:
        table(list(result.items()))


def analyze(
    file: File,
    figure: FigureFile = None,
    seed: ResamplingSeed = 1,
    include_duplicates: Duplicates = False,
    point: Point = None,
    as_json: Json = False,
) -> int:
    """Arrival statistics with intervals and nulls; on a chip line the residual against the scan order."""
    from asicrc.analysis.capture_analysis import analyze_capture
    from asicrc.cli.analysis_text import analysis_lines

    analysis = analyze_capture(
        file, figure=figure, seed=seed, include_duplicates=include_duplicates, point=point
    )
    if as_json:
        print_json(analysis.as_json())
    else:
        for line in analysis_lines(analysis):
            say(line)
        if figure is not None:
            say(f"figure  {figure}")
    slow = {part: took_s for part, took_s in analysis.took_s.items() if took_s >= WORTH_SAYING_S}
    if slow:
        note("took " + ", ".join(f"{took_s:.1f} s for {part}" for part, took_s in slow.items()))
    return ExitCode.OK if analysis.answered else ExitCode.NO_ANSWER
