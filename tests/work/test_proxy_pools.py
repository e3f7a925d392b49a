"""What the proxy does about pools: bad ones, several, and one that is killed while miners work for it."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from mining_crowd import Crowd, meets
from plain_miner import PlainMiner
from proxied import EASY, QUICK, Proxied, pools, proxied, street, truth
from test_proxy import code_of, share_of

from asicrc.work.stratum_server import ServerLimits

BAD = {
    "junk:0": "sends junk",
    "junk:0.2": "sends junk",
    "extranonce:1": "leaves 1 bytes of extranonce2, and 3 are needed",
    "extranonce:0": "leaves 0 bytes of extranonce2",
    "shrink:0.2": "leaves 1 bytes of extranonce2",
    "flood:1000": "floods: more than",
    "absurd:0": "absurd",
    "absurd:0.2": "absurd",
    "refuse_worker": "refused the worker",
    "hang_up:0.2": "the pool hung up",
}
SILENT = {"silent:0": "has sent no job within", "silent:0.2": "has said nothing for"}


def test_bad_pools_are_left_for_a_good_one() -> None:
    """All of them stand before it in the order of preference; the miner stays connected throughout."""
    limits = replace(QUICK, retry_s=60.0, longest_retry_s=60.0)
    names = list(BAD)
    with (
        street(*({"faults": fault, "job_s": 0.3} for fault in names), {"job_s": 0.3}) as started,
        proxied(*started, limits=limits) as run,
        PlainMiner(run.address) as miner,
    ):
        good = started[-1].name
        seen = 0
        while run.proxy.active_pool != good:
            seen += miner.next_message().get("method") == "mining.notify"
        work = miner.next_work()
        share_of(miner, work)
        assert code_of(miner.reply()) is None
        report = run.report()
        print(f"\n{run.said}")
    for fault, pool, record in zip(names, started, report["pools"], strict=False):
        assert BAD[fault] in record["last_problem"], (fault, record["last_problem"])
        assert f"pool {pool.name} was left: {record['last_problem']}" in run.said
    assert report["miners"]["came"] == 1
    assert report["pools"][-1]["failures"] == 0
    assert report["idle"]["share"] is not None


def test_pools_that_fall_silent_are_left() -> None:
    """With so little patience that on a busy machine the good one may be left for a while too."""
    limits = replace(QUICK, greeting_s=0.7, silent_s=0.7)
    with (
        street(*({"faults": fault, "job_s": 0.3} for fault in SILENT), {"job_s": 0.3}) as started,
        proxied(*started, limits=limits) as run,
    ):
        for pool, problem in zip(started, SILENT.values(), strict=False):
            run.until(partial(_was_left, run, f"pool {pool.name} was left: ", problem))
        run.until(lambda: run.proxy.active_pool == started[-1].name)


def _was_left(run: Proxied, begin: str, problem: str) -> bool:
    return any(begin in line and problem in line for line in run.log)


def test_a_flood_of_the_only_pool_is_thinned_out() -> None:
    limits = replace(QUICK, dispatches_per_s=5.0, dispatch_burst=2.0)
    begun_s = time.monotonic()
    with (
        pools({"faults": "flood:400"}) as (pool,),
        proxied(pool, limits=limits) as run,
        PlainMiner(run.address) as miner,
    ):
        works = 0
        while works < 6 or run.report()["pools"][0]["jobs"] <= 100:
            miner.next_work()
            works += 1
        assert works <= 2 + 5 * (time.monotonic() - begun_s) + 1
        report = run.report()["pools"][0]
        assert report["coalesced"] > report["jobs"] / 2
        run.until(lambda: "there is no other pool" in run.said)
        share_of(miner, miner.next_work())  # stale by the time it arrives, as like as not: but answered
        assert code_of(miner.reply()) in (None, 21)
        assert run.proxy.active_pool == pool.pool.name


def test_miners_come_back_to_the_first_pool(tmp_path: Path) -> None:
    """While the first is away the second is mined for, and still takes a late share of its own after it."""
    first_file, second_file = tmp_path / "first.csv", tmp_path / "second.csv"
    with (
        pools({"truth": first_file}, {"truth": second_file}) as (first, second),
        proxied(first, second, limits=replace(QUICK, drain_s=3.0)) as run,
        PlainMiner(run.address) as miner,
    ):
        share_of(miner, miner.next_work())
        assert code_of(miner.reply()) is None
        lost = miner.work
        first.kill()
        of_second = miner.next_work()
        assert of_second.clean and lost is not None
        share_of(miner, lost, b"\7\7")
        assert code_of(miner.reply()) == 21  # its pool is gone
        share_of(miner, of_second)
        assert code_of(miner.reply()) is None
        first.start().wait()
        of_first = miner.next_work()
        run.until(lambda: run.proxy.active_pool == first.pool.name)
        share_of(miner, of_second, b"\7\7")
        share_of(miner, of_first)
        assert code_of(miner.reply()) is code_of(miner.reply()) is None
        run.until(lambda: not run.report()["pools"][1]["connected"])
    assert (len(truth(first_file)), len(truth(second_file))) == (2, 2)


def test_a_pool_that_is_killed_under_load_costs_no_accepted_share(tmp_path: Path) -> None:
    """Whatever a miner was told is accepted the pool has on file; nobody loses the connection."""
    file = tmp_path / "truth.csv"
    with (
        pools({"truth": file, "latency_ms": 100, "job_s": 0.5}) as (pool,),
        proxied(pool) as run,
        Crowd(run.address, 10, each_s=0.04) as crowd,
    ):
        for _ in range(2):
            before = len(crowd.accepted)
            run.until(lambda before=before: len(crowd.accepted) > before + 100)  # type: ignore[misc]
            pool.kill()
            time.sleep(0.2)
            pool.start().wait()
        before = len(crowd.accepted)
        run.until(lambda: len(crowd.accepted) > before + 100)
        crowd.mining = False
        run.until(lambda: crowd.under_way == 0)
        report = run.report()
        told, refused = crowd.accepted, crowd.refused
        assert not any(miner.hung_up for miner in crowd.miners)
    has = {row["header"] for row in truth(file)}
    shares = report["shares"]
    print(f"\n{len(told)} told accepted, {len(has)} on file, refused {dict(refused)}, {shares}")
    assert len(told) == len(set(told)) == shares["accepted"]
    assert set(told) <= has
    assert all(meets(header, EASY) for header in told)
    assert shares["lost_with_pool"] > 0  # both kills met shares under way: they were refused
    assert shares["received"] == shares["accepted"] + sum(refused.values())
    assert report["pools"][0]["connections"] == 3
    assert report["miners"]["came"] == 10


def test_a_hundred_miners(tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    with (
        pools({"truth": file, "latency_ms": 50, "block_s": 1.0}) as (pool,),
        proxied(pool, server_limits=ServerLimits(accepted_per_s=1e3)) as run,
        Crowd(run.address, 100, each_s=0.5) as crowd,
    ):
        run.until(
            lambda: len(crowd.accepted) >= 400 and all(miner.accepted for miner in crowd.miners), within_s=45
        )
        crowd.mining = False
        run.until(lambda: crowd.under_way == 0)
        told, refused = crowd.accepted, crowd.refused
        report = run.report()
    print(f"\n100 miners: {len(told)} accepted, refused {dict(refused)}, idle {report['idle']}")
    assert report["miners"]["most"] == 100
    assert len({miner.extranonce1 for miner in crowd.miners}) == 100
    assert set(told) == {row["header"] for row in truth(file)}
    assert len(told) == len(set(told))
    assert set(refused) <= {21}  # what a new block has made stale
    assert report["idle"]["per_job_ms"]["p50"] < 2000  # some 10, where nothing else runs


def test_a_pool_that_may_send_us_elsewhere_and_one_that_may_not() -> None:
    """`client.reconnect` within the domain is followed; the rest is in the protocol's own tests."""
    with pools({}) as (pool,), proxied(pool) as run:
        run.until(lambda: run.proxy.active_pool is not None)
        link = run.proxy._links[0]
        link.received(b'{"id":null,"method":"client.reconnect","params":["evil.example",3333]}\n', _stamp())
        run.until(lambda: "another domain: not done" in run.said)
        assert run.proxy.active_pool is not None
        link.received(b'{"id":null,"method":"client.reconnect","params":[]}\n', _stamp())
        run.until(lambda: run.report()["pools"][0]["connections"] == 2)
        run.until(lambda: "asks us to connect anew; again in 0 s" in run.said)


def _stamp() -> object:
    from firmware_protocols.device import Stamp

    return Stamp(time.monotonic_ns())


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kills", "least"),
    [pytest.param(3, 100, marks=pytest.mark.long), pytest.param(18, 1000, marks=pytest.mark.soak)],
)
def test_a_pool_that_comes_and_goes(kills: int, least: int, tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    with (
        pools({"truth": file, "latency_ms": 50, "block_s": 2.0, "stall": "0.05/0.3"}) as (pool,),
        proxied(pool) as run,
        Crowd(run.address, 30, each_s=0.15) as crowd,
    ):
        for number in range(kills):
            time.sleep(3.0)
            run.until(lambda wanted=(number + 1) * least // kills: len(crowd.accepted) >= wanted, within_s=60)
            pool.kill()
            time.sleep(0.3)
            pool.start().wait()
        crowd.mining = False
        run.until(lambda: crowd.under_way == 0)
        told = crowd.accepted
        report = run.report()
        assert not any(miner.hung_up for miner in crowd.miners)
    print(f"\n{kills} kills: {len(told)} accepted, {report['shares']}")
    assert set(told) <= {row["header"] for row in truth(file)}
    assert len(told) == report["shares"]["accepted"] >= least
