"""`compare`: two captures of the same work."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from asicrc.cli.options import FigureFile, Json
from asicrc.cli.output import print_json, say
from asicrc.errors import ExitCode, UsageError


def register(app: typer.Typer) -> None:
    app.command("compare")(compare)


def compare(
    a: Annotated[Path, typer.Argument(help="A capture.")],
    b: Annotated[Path, typer.Argument(help="A capture of the same work: `capture --replay-work A`.")],
    figure: FigureFile = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the permutations.")] = 1,
    as_json: Json = False,
) -> int:
    """Same work, two runs: proofs that one missed, answers that do not hash, times that shifted.

    The same jobs make a chip find the same proofs at the same times after load, so the randomness of mining
    cancels: what differs between the runs is physics, the line or the host.
    """
    from asicrc.analysis.same_work import compare_captures
    from asicrc.cli.compare_text import comparison_lines
    from asicrc.report.saving import check_figure_name, save_figure

    if figure is not None:
        check_figure_name(figure)
    if a.resolve() == b.resolve():
        raise UsageError(
            f"{a} is both captures: nothing can differ", f"asicrc capture --replay-work {shlex.quote(str(a))}"
        )
    result = compare_captures(a, b, seed=seed)
    if figure is not None:
        from asicrc.report.same_work_figure import same_work_figure

        save_figure(same_work_figure(result), figure)
    if as_json:
        print_json(result.as_json())
    else:
        for line in comparison_lines(result):
            say(line)
        if figure is not None:
            say(f"figure  {figure}")
    return ExitCode.OK
