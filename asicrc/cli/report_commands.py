"""`report`: a file as one page to look at, to print or to send on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asicrc.cli.options import Json, output_beside
from asicrc.cli.output import print_json, say


def register(app: typer.Typer) -> None:
    app.command("report")(report)


def report(
    file: Annotated[
        Path,
        typer.Argument(help="A capture, or the JSON that `benchmark --json` or `claims run --json` printed."),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page: one HTML file. Default: beside FILE.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 1,
    point: Annotated[
        int | None, typer.Option(help="Of a sweep: one point, by its row, instead of all of them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make one self-contained HTML file of a capture, a sweep, a benchmark or a run of claims.

    Figures, numbers with their intervals, verdicts, nulls, settings, provenance, log, and how to run it
    again. The page opens without a network. What FILE is, is seen from its content.
    """
    from asicrc.report.html import write_report

    target = output or output_beside(file, ".html")
    write_report(file, target, overwrite=overwrite, seed=seed, point=point)
    if as_json:
        print_json({"path": str(target)})
    else:
        say(f"{target}")
