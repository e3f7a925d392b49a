"""`proxy` and `vbm study`: work kept ahead of the miners, and what that is worth."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from asicrc.cli.options import Json, refuse_idle, seconds
from asicrc.cli.output import note, print_json, say, table
from asicrc.errors import ExitCode, UsageError

ALGORITHMS = ("sha256d", "lbry")
USUAL_RENEW, USUAL_UNIT = "60s", "200ms"


group = typer.Typer(
    no_args_is_help=True, help="The prefetching proxy (the papers' Virtual Block Manager): what it is worth."
)


def register(app: typer.Typer) -> None:
    app.command("proxy")(proxy)
    app.add_typer(group, name="vbm")


def proxy(
    upstream: Annotated[
        list[str],
        typer.Option(
            help="A pool, stratum+tcp://HOST:PORT[,user=NAME]; again for those to fall back to, in order."
        ),
    ],
    listen: Annotated[str, typer.Option(help="Where miners connect to: one address of this machine.")] = (
        "127.0.0.1:3333"
    ),
    mode: Annotated[
        str,
        typer.Option(help="stream: further work by time. handshake: the next work with each share."),
    ] = "stream",
    renew: Annotated[
        str, typer.Option(help="A miner has further work after this, in stream mode.")
    ] = USUAL_RENEW,
    accept_from: Annotated[
        str | None, typer.Option(help="IP addresses of the miners, with commas. Default: any.")
    ] = None,
    silent_after: Annotated[str, typer.Option(help="A pool that says nothing for so long is left.")] = "3m",
    algorithm: Annotated[str, typer.Option(help="sha256d or lbry.")] = "sha256d",
    difficulty_one: Annotated[
        str | None, typer.Option(help="Target that difficulty 1 means, where emulated miners say another.")
    ] = None,
    duration: Annotated[str | None, typer.Option(help="End after this. Default: at Ctrl-C.")] = None,
    as_json: Json = False,
) -> int:
    """Stand between miners and pools, and keep work ahead: a miner never waits for the network.

    Name, or wallet, and password come from ASICRC_POOL_USER and ASICRC_POOL_PASSWORD, or from files of mode
    0600: ASICRC_POOL_USER_FILE, ASICRC_POOL_PASSWORD_FILE, or user_file= and password_file= of an upstream.
    A share is answered true when the pool has accepted it, and never before. Ctrl-C waits for the answers
    under way; what happened is said at the end.
    """
    from dataclasses import replace

    from asicrc.work.listening import accepted_hosts, listen_address
    from asicrc.work.proxy.limits import ProxyLimits
    from asicrc.work.proxy.pools import pools_from
    from asicrc.work.proxy.proxy import MODES, Proxy
    from asicrc.work.proxy.running import run_proxy
    from asicrc.work.stratum_server.scaled import ScaledAlgorithm
    from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
    from firmware_protocols.lbry import Lbry
    from firmware_protocols.stratum_v1 import SHA256D

    if mode not in MODES:
        raise UsageError(f"there is no mode {mode!r}", f"known: {', '.join(MODES)}")
    if algorithm not in ALGORITHMS:
        raise UsageError(f"{algorithm!r} is no proof of work known here", f"known: {', '.join(ALGORITHMS)}")
    refuse_idle({"--renew": mode != "stream" and renew != USUAL_RENEW}, "work goes by time (--mode stream)")
    base = SHA256D if algorithm == "sha256d" else Lbry()
    one = DIFFICULTY_1_TARGET if difficulty_one is None else _target(difficulty_one)
    limits = replace(ProxyLimits(), renew_s=seconds(renew), silent_s=seconds(silent_after))
    duration_s = None if duration is None else seconds(duration)
    pools = pools_from(upstream, os.environ)
    with Proxy(
        pools,
        listen_address(listen),
        algorithm=ScaledAlgorithm(base, one),
        mode=mode,
        accept_from=accepted_hosts(accept_from),
        pool_limits=limits,
    ) as running:
        host, port = running.address
        note(f"point miners at stratum+tcp://{host}:{port}, any user and password; Ctrl-C ends it")
        report = run_proxy(running, duration_s, note)
    if as_json:
        print_json(report)
    else:
        _show(report)
    never = all(pool["jobs"] == 0 for pool in report["pools"])
    if never:
        note("error: no pool ever gave work: " + "; ".join(_problem(pool) for pool in report["pools"]))
        note("  try: `nc -vz HOST PORT`, and whether the pool knows the worker")
    return ExitCode.DEVICE if never else ExitCode.OK


@group.command()
def study(
    latency_ms: Annotated[
        str, typer.Option(help="Between miner and pool, there and back; several with commas.")
    ] = "50,100,200",
    job_interval: Annotated[
        str, typer.Option(help="How long a miner works before it asks for the next job.")
    ] = "30s",
    stall: Annotated[
        str,
        typer.Option(help="SHARE/SECONDS: one more row, that share of the jobs so late; 0/0: none."),
    ] = "0.05/2",
    shares: Annotated[
        int | None, typer.Option(min=1, help="Of each arm, in virtual time. Default: what the plan needs.")
    ] = None,
    units: Annotated[
        int, typer.Option(min=0, max=1000, help="Jobs of each arm over real sockets; 0: none.")
    ] = 8,
    unit: Annotated[str, typer.Option(help="How long the miner works on each of those.")] = USUAL_UNIT,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 1,
    as_json: Json = False,
) -> None:
    """How idle is a miner that waits for its pool, and what does the proxy win? Claimed: +25 %, 175 to 220.

    Arms with and without the proxy, interleaved: in virtual time with as many shares as were planned, and
    over real sockets with an emulated pool. Says what +25 % would need.
    """
    from asicrc.work.proxy_study.study import study as run_study
    from asicrc.work.proxy_study.virtual_time import Supply

    refuse_idle({"--unit": units == 0 and unit != USUAL_UNIT}, "there are jobs over sockets (--units)")
    job_interval_s = seconds(job_interval)
    latencies = sorted({_latency_s(text) for text in latency_ms.split(",")})
    supplies = [Supply(latency_s, job_interval_s) for latency_s in latencies]
    stall_share, stall_s = _stall(stall)
    if stall_share and stall_s:
        supplies.append(Supply(latencies[-1], job_interval_s, stall_share=stall_share, stall_s=stall_s))
    found = run_study(supplies, shares=shares, seed=seed, real_unit_s=seconds(unit), real_units=units)
    if as_json:
        print_json(found)
    else:
        _show_study(found)


def _latency_s(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 60_000:
        raise UsageError(f"a latency of {text.strip()!r} is none", "--latency-ms 50,100,200")
    return value / 1e3


def _stall(text: str) -> tuple[float, float]:
    share, slash, duration = text.partition("/")
    try:
        found = float(share), float(duration.removesuffix("s"))
    except ValueError:
        found = -1.0, -1.0
    if not slash or not 0 <= found[0] <= 1 or not 0 <= found[1] <= 3600:
        raise UsageError(f"--stall {text!r} is no share of jobs and seconds", "--stall 0.05/2")
    return found


def _show_study(found: dict[str, Any]) -> None:
    plan = found["plan"]
    say(
        f"claim: +{plan['claimed_gain']:.1%} (175 to 220 GH/s), which a miner would need to be idle "
        f"{plan['idle_share_for_claim']:.1%} of its time for; margin {plan['margin']:.0%}"
    )
    say(
        f"plan: {plan['n_to_see_claim']} shares per arm for 3 sigma at the claim, "
        f"{plan['n_to_exclude_margin']} to exclude a gain beyond the margin: {plan['n_per_arm']}"
    )
    say("latency    idle   by theory  gain (95 %)              shares  +25 %?         job for +25 %")
    for row in found["rows"]:
        stalls = f", {row['stall_share']:.0%} late by {row['stall_s']:g} s" if row["stall_share"] else ""
        say(
            f"{row['latency_ms']:>4.0f} ms  {row['idle_share']:>6.2%}     {row['idle_closed_form']:>6.2%}  "
            f"{row['gain']:>+6.2%} ({row['low']:+.2%} to {row['high']:+.2%})  {row['n_per_arm']:>6}  "
            f"{row['verdict']:<12}  {row['job_interval_for_claim_s']:.3g} s{stalls}"
        )
        real = row["sockets"]
        if real is not None:
            say(
                f"         over sockets, {real['n_per_arm']} jobs of {real['unit_s']:g} s: idle "
                f"{real['idle_share']:.1%} (theory {real['idle_closed_form']:.1%}), through the proxy "
                f"{real['idle_share_proxied']:.1%}: {'agrees' if real['agrees'] else 'DOES NOT AGREE'}"
            )


def _show(report: dict[str, object]) -> None:
    from asicrc.work.proxy.running import status_line

    pools, miners = report["pools"], report["miners"]
    if not isinstance(pools, list) or not isinstance(miners, dict):
        raise TypeError("a report has a list of pools and an object of miners")
    say(status_line(report))
    table([(key, report[key]) for key in ("reason", "duration_s", "shares", "hash_rate_ghs", "idle")])
    for pool in pools:
        say(
            f"pool {pool['pool']}: {pool['connections']} connections, {pool['jobs']} jobs, answers after "
            f"{_ms(pool['answer_ms']['p50'])} (p99 {_ms(pool['answer_ms']['p99'])}), last problem "
            f"{pool['last_problem'] or 'none'}"
        )
    for miner in miners["list"]:
        rate = miner["hash_rate_ghs"]
        say(
            f"miner {miner['miner']} ({miner['user_agent'] or 'of no name'}): {miner['accepted']} accepted, "
            f"{miner['refused']} refused, {rate['estimate']:.4g} GH/s, idle {miner['idle_share'] or 0:.3%}"
        )


def _problem(pool: dict[str, object]) -> str:
    return f"{pool['pool']}: {pool['last_problem'] or 'no answer yet'}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def _target(text: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = 0
    if not 0 < value < 1 << 256:
        raise UsageError(f"--difficulty-one {text[:80]} is no target", "an emulator says it when it starts")
    return value
