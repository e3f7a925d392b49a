"""`plan-rate`: how many shares, how many empty windows, how many hours, before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from asicrc.cli.options import Json, StationFile, chosen_station, refuse_idle
from asicrc.cli.output import print_json, say, table
from asicrc.errors import UsageError

if TYPE_CHECKING:
    from asicrc.work.rate_plan import RatePlan


def register(app: typer.Typer) -> None:
    app.command("plan-rate")(plan_rate)


def plan_rate(
    device: Annotated[
        str | None, typer.Option("--device", "-d", help="Ask this miner for its hash rate. Writes nothing.")
    ] = None,
    hashrate_ghs: Annotated[float | None, typer.Option(help="Hash rate, where no miner is asked.")] = None,
    difficulty: Annotated[
        float | None, typer.Option(help="Difficulty of the shares. Default: 256, of an LB-Box 4096.")
    ] = None,
    step_ms: Annotated[float, typer.Option(help="Length of one input step or window.")] = 1000.0,
    shares: Annotated[int, typer.Option(help="How many shares the experiment needs.")] = 4000,
    algorithm: Annotated[
        str,
        typer.Option(help="Where no miner is asked: sha256d, or lbry, whose difficulties count 256 times."),
    ] = "sha256d",
    station: StationFile = None,
    as_json: Json = False,
) -> None:
    """Shares per step, share of steps without one, and hours for a number of shares.

    An LV06 (434 GH/s at 485 MHz) at difficulty 256, which is its lowest, brings a share every 2.5 s: with
    steps of 1 s two thirds stay empty, and 4,000 shares take under three hours.
    """
    from asicrc.devices.network.asking import hash_rate_of
    from asicrc.work.rate_plan import HASHES_PER_DIFFICULTY, rate_plan

    if (device is None) == (hashrate_ghs is None):
        raise UsageError(
            "the hash rate is asked of a miner, or given", "--device axeos://HOST, or --hashrate-ghs 434"
        )
    if device is None:
        refuse_idle({"--station": station is not None}, "a miner is asked (--device)")
    else:
        refuse_idle({"--algorithm": algorithm != "sha256d"}, "no miner is asked: it says its own")
    if algorithm not in HASHES_PER_DIFFICULTY:
        raise UsageError(
            f"{algorithm!r} is no proof of work known here", f"known: {', '.join(HASHES_PER_DIFFICULTY)}"
        )
    if device is not None:
        asked = hash_rate_of(device, chosen_station(station))
        plan = rate_plan(
            asked.hash_rate_ghs,
            asked.usual_difficulty if difficulty is None else difficulty,
            step_ms,
            shares,
            algorithm=asked.algorithm,
            lowest_difficulty=asked.lowest_difficulty,
            source=asked.source,
        )
    else:
        usual = 256.0 if algorithm == "sha256d" else 4096.0
        plan = rate_plan(
            hashrate_ghs or 0.0,
            usual if difficulty is None else difficulty,
            step_ms,
            shares,
            algorithm=algorithm,
        )
    if as_json:
        print_json(plan.as_json())
    else:
        table([(name, value) for name, value in plan.as_json().items() if value is not None])
        for line in _advice(plan):
            say(line)


def _advice(plan: RatePlan) -> list[str]:
    lines = []
    if plan.difficulty != plan.requested_difficulty:
        lines.append(
            f"difficulty {plan.requested_difficulty:g} is below what this firmware reports: "
            f"{plan.difficulty:g} counts"
        )
    if plan.empty_step_share > 0.05:
        lines.append(
            f"{plan.empty_step_share:.0%} of the steps stay without a share; 5 % do at steps of "
            f"{plan.step_ms_for_few_empty:.0f} ms"
            + ("" if plan.difficulty_for_step is None else f", or at difficulty {plan.difficulty_for_step:g}")
        )
    return lines
