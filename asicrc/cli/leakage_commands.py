"""`leakage`: does the time of a nonce tell of its hash?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asicrc.cli.options import Json
from asicrc.cli.output import print_json, say
from asicrc.errors import ExitCode


def register(app: typer.Typer) -> None:
    app.command("leakage")(leakage)


def leakage(
    file: Annotated[Path, typer.Argument(help="A capture; published tables are imported first.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the permutations.")] = 1,
    as_json: Json = False,
) -> int:
    """Does the time at which a nonce comes tell how deep below its target it hashes?

    Mutual information against permutations among nonces of one region, and the area under the ROC curve of
    the deepest hashes, with what so many events could have shown.
    """
    from asicrc.analysis.dependence.capture_leakage import leakage_of_capture

    result = leakage_of_capture(file, seed)
    if as_json:
        print_json(result.as_json())
        return ExitCode.OK
    for leak in result.leaks:
        mi = leak.information.mi
        say(
            f"{leak.timing}, {leak.n} events: {mi.estimate:.5f} nats [{mi.low:.5f}, {mi.high:.5f}], "
            f"p {leak.information.test.p_value:.4f}"
        )
        for share, found in leak.by_share.items():
            auc = found.auc
            say(
                f"  deepest {share:.0%}: AUC {auc.estimate:.4f} [{auc.low:.4f}, {auc.high:.4f}], "
                f"detectable {found.detectable:.4f}"
            )
    for name, why in result.left_out.items():
        say(f"{name}: {why}")
    say(f"p corrected {result.p_corrected:.4g}; a leak from hash to timing: {result.verdict.value}")
    return ExitCode.OK
