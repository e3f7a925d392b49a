"""The proxy between plain miners and emulated pools: work ahead, shares back, honest answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plain_miner import PlainMiner, Work
from proxied import EASY, QUICK, WALLET, PoolProcess, pools, proxied, truth

from firmware_protocols.bitcoin import Header, hash_value, target_from_difficulty

TWO = b"\1\0"


def share_of(miner: PlainMiner, work: Work, extranonce2: bytes = TWO, version_bits: int | None = None) -> int:
    """Hand a share in; its nonce."""
    nonce = next(work.nonces(extranonce2, version_bits or 0))
    miner.submit(work, nonce, extranonce2, version_bits=version_bits)
    return nonce


def code_of(reply: dict[str, Any]) -> int | None:
    if reply["error"] is None:
        assert reply["result"] is True
        return None
    return int(reply["error"][0])


def test_shares_go_to_the_pool_and_its_answer_comes_back(tmp_path: Path) -> None:
    """What the pool rebuilt of each share, from its own halves, is the header that the miner hashed."""
    file = tmp_path / "truth.csv"
    with (
        pools({"truth": file, "latency_ms": 60, "extranonce2_size": 8}) as (pool,),
        proxied(pool) as run,
        PlainMiner(run.address) as one,
        PlainMiner(run.address, roll=True) as two,
    ):
        assert two.mask == 0x1FFFE000
        headers = set()
        for miner, bits in ((one, None), (two, 0x00A42000)):
            work = miner.next_work()
            assert work.clean and miner.difficulty == EASY
            for extranonce2 in (b"\0\0", b"\7\1"):
                nonce = share_of(miner, work, extranonce2, bits)
                assert code_of(miner.reply()) is None
                headers.add(work.header(extranonce2, nonce, bits or 0).hex())
        accepted = truth(file)
        assert {row["header"] for row in accepted} == headers
        for row in accepted:  # and by this project's own codec, from the fields that travelled
            header = Header.unpack(bytes.fromhex(row["header"]))
            assert header.hash_value() <= target_from_difficulty(float(row["difficulty"]))
            assert (header.nonce, header.ntime, header.version) == tuple(
                int(row[name]) for name in ("nonce", "ntime", "version")
            )
        report = run.report()
    assert report["shares"]["accepted"] == report["shares"]["forwarded"] == 4
    assert report["pools"][0]["answer_ms"]["p50"] >= 60
    assert report["hash_rate_ghs"]["n"] == 4
    assert 0 < report["hash_rate_ghs"]["low"] < report["hash_rate_ghs"]["estimate"]


def test_miners_never_search_the_same_headers() -> None:
    """Each has its own byte of the extranonce; further pieces of one miner differ by what the proxy rolls."""
    with (
        pools({}) as (pool,),
        proxied(pool, mode="handshake") as run,
        PlainMiner(run.address) as one,
        PlainMiner(run.address) as two,
    ):
        seen: set[bytes] = set()
        for miner in (one, two):
            work = miner.next_work()
            for _ in range(5):
                seen.add(work.header(TWO, 0))
                share_of(miner, work)
                work = miner.next_work()
                assert work.clean
        assert one.extranonce1 != two.extranonce1
        assert len(seen) == 10


def test_every_refusal(tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    with pools({"truth": file}) as (pool,), proxied(pool) as run, PlainMiner(run.address) as miner:
        work = miner.next_work()
        nonce = share_of(miner, work)
        assert code_of(miner.reply()) is None
        miner.submit(work, nonce, TWO)
        assert code_of(miner.reply()) == 22
        again = miner.work  # it came round to where it began, so it has had further work at once
        assert again is not None
        assert again.header(TWO, 0) != work.header(TWO, 0)
        miner.submit(work, next(work.nonces(TWO, proofs=False)), TWO)
        assert code_of(miner.reply()) == 23
        miner.submit(work, 1, bytes(3))
        assert code_of(miner.reply()) == 20
        miner.submit(work, 1, TWO, version_bits=0x2000)
        assert code_of(miner.reply()) == 20
        work.job_id = "abcdef"
        miner.submit(work, 1, TWO)
        assert code_of(miner.reply()) == 21
        miner.send("mining.submit", ["rig.1"])
        assert code_of(miner.reply()) == 20
        miner.worker = "somebody else"
        miner.submit(again, 1, TWO)
        assert code_of(miner.reply()) == 24
        report = run.report()
    assert len(truth(file)) == report["shares"]["accepted"] == 1
    assert report["shares"]["refused_here"] == {"20": 3, "21": 1, "22": 1, "23": 1}


def test_what_the_pool_refuses_is_refused() -> None:
    limits = replace(QUICK, refused_in_a_row=3)
    with (
        pools({"faults": "refuse_shares"}) as (pool,),
        proxied(pool, limits=limits) as run,
        PlainMiner(run.address) as miner,
    ):
        work = miner.next_work()
        for number in range(3):
            share_of(miner, work, bytes([number, 0]))
            assert code_of(miner.reply()) == 23
        run.until(lambda: "refused 3 shares in a row that hash here" in run.said)
        assert run.report()["shares"]["refused_by_pool"] == {"23": 3}


def test_a_new_block_makes_the_old_work_stale() -> None:
    with pools({"block_s": 0.8}) as (pool,), proxied(pool) as run, PlainMiner(run.address) as miner:
        old = miner.next_work()
        new = miner.next_work()
        assert new.clean and new.prev_hash != old.prev_hash
        share_of(miner, old)
        assert code_of(miner.reply()) == 21
        for _ in range(30):  # on a busy machine the next block may be there before the share
            share_of(miner, new)
            if code_of(miner.reply()) is None:
                break
            new = miner.next_work()
        else:
            raise AssertionError("no share of the newest work was accepted")


def test_rolling_is_what_pool_and_miner_have_in_common() -> None:
    with pools({"version_mask": "00ffe000"}) as (pool,), proxied(pool) as run:
        run.until(lambda: run.proxy.active_pool is not None)
        with PlainMiner(run.address, roll=True) as miner:
            assert miner.mask == 0x00FFE000
            work = miner.next_work()
            share_of(miner, work, version_bits=0x00FFE000)
            assert code_of(miner.reply()) is None


def test_a_miner_that_came_before_the_pool_is_told_its_mask() -> None:
    pool = PoolProcess(version_mask="0000e000")  # nobody listens there yet
    with proxied(pool) as run, PlainMiner(run.address, roll=True) as miner:
        try:
            assert miner.mask == 0x1FFFE000  # nobody knew better
            pool.start().wait()
            told = None
            while miner.work is None:
                message = miner.next_message()
                if message.get("method") == "mining.set_version_mask":
                    told = message["params"][0]
            assert told == "0000e000"
        finally:
            pool.stop()


def test_work_is_renewed_without_the_pool(tmp_path: Path) -> None:
    limits = replace(QUICK, renew_s=0.2)
    file = tmp_path / "truth.csv"
    with (
        pools({"truth": file, "job_s": 1e6}) as (pool,),
        proxied(pool, limits=limits) as run,
        PlainMiner(run.address) as miner,
    ):
        works = [miner.next_work() for _ in range(4)]
        assert [work.clean for work in works] == [True, False, False, False]
        for work in works:  # all of them are one job of the pool, so all of them still count
            share_of(miner, work)
            assert code_of(miner.reply()) is None
    assert len({row["job_id"] for row in truth(file)}) == 1
    assert len({row["extranonce2"] for row in truth(file)}) == 4


def test_a_miner_has_further_work_before_it_runs_out() -> None:
    """Half of what it can try, by the rate that its shares tell: here a tiny part, to be there in time."""
    limits = replace(QUICK, space_used=1e-16, renew_s=1e6)
    with (
        pools({"job_s": 1e6}) as (pool,),
        proxied(pool, limits=limits) as run,
        PlainMiner(run.address) as miner,
    ):
        work = miner.next_work()
        share_of(miner, work)
        assert code_of(miner.reply()) is None
        further = miner.next_work()
        assert not further.clean and further.header(TWO, 0) != work.header(TWO, 0)


@pytest.mark.long
@pytest.mark.alone
def test_a_miner_that_drowns_us_is_asked_for_more() -> None:
    limits = replace(QUICK, most_shares_per_s=20.0)
    with pools({}) as (pool,), proxied(pool, limits=limits) as run, PlainMiner(run.address) as miner:
        work = miner.next_work()
        nonces = work.nonces(TWO)
        for _ in range(40):
            miner.submit(work, next(nonces), TWO)
        while miner.difficulty == EASY:
            miner.next_message()
        assert miner.difficulty > EASY
        assert miner.next_work().target < work.target
        run.until(lambda: "sends many shares" in run.said)


@pytest.mark.parametrize("size", [3, 4, 16])
def test_any_size_of_extranonce_that_leaves_room(size: int, tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    with (
        pools({"extranonce2_size": size, "truth": file}) as (pool,),
        proxied(pool, mode="handshake") as run,
        PlainMiner(run.address) as miner,
    ):
        work = miner.next_work()
        for _ in range(4):
            share_of(miner, work)
            assert code_of(miner.reply()) is None
            assert miner.work is not None and miner.work is not work  # it came before the answer
            work = miner.work
    rows = truth(file)
    assert [len(row["extranonce2"]) for row in rows] == [2 * size] * 4
    assert len({hash_value(bytes.fromhex(row["header"])) for row in rows}) == 4


def test_nothing_of_the_account_is_shown() -> None:
    with pools({"faults": "refuse_worker"}) as (pool,), proxied(pool) as run:
        run.until(lambda: "refused the worker" in run.said)
        assert WALLET not in repr(pool.pool)
