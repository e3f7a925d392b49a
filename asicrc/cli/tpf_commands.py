"""`tpf`: the papers' thermodynamic probability filter, with its whole account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asicrc.cli.options import Json, refuse_idle, seconds
from asicrc.cli.output import note, print_json, say, table
from asicrc.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from asicrc.evidence import Estimate
    from asicrc.filtering.round_study import RoundStudy

group = typer.Typer(
    no_args_is_help=True, help="Early abort of hashes (the papers' TPF): what it saves, what it loses."
)
USUAL_WINDOW = "2s"
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="tpf")


@group.command()
def study(
    rounds: Annotated[
        str | None,
        typer.Option(
            help="After which of the 2 x 64 rounds, as 5,69,125 (69 is round 5 of the second hash)."
        ),
    ] = None,
    zero_bits: Annotated[int, typer.Option(help="Leading zero bits of a hit.")] = 12,
    per_class: Annotated[int, typer.Option(help="Test hashes that hit, and as many others.")] = 100_000,
    train_per_class: Annotated[
        int | None, typer.Option(help="The same for training, on other headers. Default: a fifth.")
    ] = None,
    plant_auc: Annotated[
        float | None, typer.Option(help="Make one register bit tell as much: the study has to find it.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads that look for hits.")] = 2,
    seed: Seed = 1,
    as_json: Json = False,
) -> int:
    """Do the registers of SHA-256d after k rounds tell whether the hash will hit?

    Trains a ridge readout for each k and scores it on headers it never saw; recall, continue rate, saving and
    gain stand beside the AUC, and beside filters that look at nothing. Ends with what can be skipped surely.
    """
    import numpy as np

    from asicrc.filtering.certain_abort import certain_abort
    from asicrc.filtering.round_study import DEFAULT_ROUNDS, study_rounds

    result = study_rounds(
        DEFAULT_ROUNDS if rounds is None else _numbers(rounds),
        zero_bits=zero_bits,
        per_kind=per_class,
        train_per_kind=train_per_class,
        seed=seed,
        planted_auc=plant_auc,
        threads=threads,
        say=note,
    )
    certain = certain_abort(np.random.SeedSequence(seed))
    if as_json:
        print_json(result.as_json() | {"certain": certain.as_json()})
        return ExitCode.OK
    _show(result)
    say("")
    say(
        f"for sure: {certain.after_the_end} of 128 rounds after the top word is known "
        f"({certain.after_the_end_share:.1%}; {certain.with_halves_share:.1%} with half rounds), "
        f"{certain.with_nonce_free_share:.1%} with the {certain.nonce_free} rounds before the nonce; "
        f"checked on {certain.checked} hashes"
    )
    return ExitCode.OK


@group.command()
def evaluate(
    source: Annotated[Path, typer.Argument(metavar="CSV|CAPTURE", help="Windows with labels, or a capture.")],
    window: Annotated[str, typer.Option(help="Length of a window cut from a capture.")] = USUAL_WINDOW,
    seed: Seed = 1,
    as_json: Json = False,
) -> int:
    """The published filter and network on windows of shares; then whether a window tells of a later one.

    Names a label that is made of the very features, or one with time, and windows that overlap.
    """
    from asicrc.filtering.window_study import study_windows
    from asicrc.filtering.windows import is_window_table, load_windows

    is_idle = is_window_table(source) and window != USUAL_WINDOW
    refuse_idle({"--window": is_idle}, "windows are cut from a capture")
    result = study_windows(load_windows(source, seconds(window)), seed)
    answer = result.as_json()
    if as_json:
        print_json(answer)
    else:
        table([(name, value) for name, value in answer.items() if name != "baselines"])
        say("")
        for name, policy in answer["baselines"].items():
            recall = "-" if policy["recall"] is None else f"{policy['recall']:.3f}"
            say(f"{name:<13} recall {recall}, saving {policy['saving']:.4f}")
    return ExitCode.OK


@group.command()
def twin(seed: Seed = 1, as_json: Json = False) -> int:
    """The rule of the published digital twin, on its own target and on targets that are hit."""
    import numpy as np

    from asicrc.filtering.published import published_twin

    runs = published_twin(np.random.SeedSequence(seed))
    if as_json:
        print_json({"runs": [run.as_json() for run in runs]})
        return ExitCode.OK
    say("zero bits  expected hits  hits  aborted  saving")
    for run in runs:
        done = run.account
        say(
            f"{run.zero_bits:>9}  {run.expected_hits:>13.3f}  {done.hits:>4}  {done.hits - done.kept:>7}  "
            f"{done.saving.estimate:.4%}"
        )
    return ExitCode.OK


def _show(result: RoundStudy) -> None:
    planted = "" if result.planted_auc is None else f", planted AUC {result.planted_auc:g}"
    say(f"{result.per_kind} hashes of either kind, {result.zero_bits} zero bits{planted}; k of 128 rounds")
    say("  k  AUC [low, high]            detectable  recall [low, high]       continued  gain [low, high]")
    for score in result.scores:
        found, done = score.discrimination, score.filter_account
        if found is None or done is None or done.recall is None or done.gain is None:
            say(f"{score.rounds_before:>3}  {score.value_verdict.value}: {score.reason}")
            continue
        auc, recall, gained = found.auc, done.recall, done.gain
        say(
            f"{score.rounds_before:>3}  {_interval(auc, 4)}  {found.detectable:>10.4f}  "
            f"{_interval(recall, 3)}  {done.continue_rate.estimate:>9.4f}  {_interval(gained, 3)}  "
            f"predicts: {score.value_verdict.value}, gains: {score.interpretation_verdict.value}"
        )


def _interval(value: Estimate, digits: int) -> str:
    return f"{value.estimate:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{text!r} are no rounds", "--rounds 5,69,125") from None
