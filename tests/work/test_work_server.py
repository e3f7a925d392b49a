"""The work server against miners that speak plain JSON: jobs out, shares in, verdicts back."""

from __future__ import annotations

import re
import socket
import struct
import time
from itertools import islice

import numpy as np
import pytest
from plain_miner import PlainMiner, sha256d
from served import EASY, NTIME, serving

from asicrc.errors import DeviceError
from asicrc.work import PoolWork
from asicrc.work.stratum_server import ListenAddress, ServerLimits, WorkServer
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.device import NO_TIME, Reason, SettingRefused, Verdict
from firmware_protocols.device.drive import NO_DRIVE
from firmware_protocols.lbry import Lbry


def code_of(reply: dict[str, object]) -> int | None:
    """None where it was accepted."""
    if reply["error"] is None:
        assert reply["result"] is True
        return None
    assert isinstance(reply["error"], list)
    return int(reply["error"][0])


def test_a_share_comes_with_its_stamps_and_goes_back_as_accepted() -> None:
    with serving() as served, PlainMiner(served.server.address) as miner:
        served.pump_until(lambda: bool(served.came))
        before_ns = time.monotonic_ns()
        (job,) = served.dispatch()
        work = miner.next_work()
        assert (job.wire_id, job.extranonce1, job.number) == (work.job_id, miner.extranonce1, 1)
        assert miner.difficulty == EASY
        nonces = work.nonces(b"\1\0\0\0")
        nonce = next(nonces)
        miner.submit(work, nonce, b"\1\0\0\0")
        (event,) = served.pump(40.0)
        assert code_of(miner.reply()) is None
        assert event["verdict"] == Verdict.VALID
        assert event["difficulty"] == DIFFICULTY_1_TARGET / work.value(work.header(b"\1\0\0\0", nonce))
        assert before_ns <= job.sent_ns == event["t_sent_ns"] <= event["t_ns"] <= time.monotonic_ns()
        assert (event["seq"], event["job"], event["n_in_read"]) == (0, 1, 1)
        assert event["extranonce2"][: event["extranonce2_len"]].tobytes() == b"\1\0\0\0"
        # Linux begins to stamp some time after the first socket has asked for it.
        for nonce in islice(nonces, 20):
            wall_ns = time.time_ns()
            miner.submit(work, nonce, b"\1\0\0\0")
            (event,) = served.pump(40.0)
            assert code_of(miner.reply()) is None
            if event["t_kernel_ns"] != NO_TIME:
                break
        if served.server.has_kernel_stamps:
            assert wall_ns - 1_000_000 <= event["t_kernel_ns"] <= time.time_ns()
        else:
            assert event["t_kernel_ns"] == NO_TIME


@pytest.mark.parametrize("coin", ["sha256d", "lbry"])
def test_every_answer_there_is(coin: str) -> None:
    algorithm = {"algorithm": Lbry(), "version_mask": 0} if coin == "lbry" else {}
    difficulty = EASY * (256 if coin == "lbry" else 1)
    with serving(difficulty=difficulty, **algorithm) as served, PlainMiner(served.server.address) as miner:  # type: ignore[arg-type]
        served.pump_until(lambda: bool(served.came))
        served.dispatch()
        old = miner.next_work()
        good, stale = (nonce for nonce, _ in zip(old.nonces(bytes(4)), range(2), strict=False))
        bad = next(old.nonces(bytes(4), proofs=False))
        miner.submit(old, good)
        miner.submit(old, bad)
        miner.submit(old, good)
        served.pump_until(lambda: len(served.events) == 3)
        assert [code_of(miner.reply()) for _ in range(3)] == [None, 23, 22]
        served.dispatch(clean=True)
        new = miner.next_work()
        assert new.clean and not old.clean
        miner.submit(old, stale)
        served.pump_until(lambda: len(served.events) == 4)
        assert code_of(miner.reply()) == 21
        nowhere = next(new.nonces(bytes(4)))
        for change in (
            {"job_id": "ffff"},  # of nobody
            {"ntime": new.ntime - 1},
            {"ntime": new.ntime + 7201},
        ):
            fields = {"job_id": new.job_id, "ntime": new.ntime} | change
            miner.send(
                "mining.submit",
                [miner.worker, fields["job_id"], "00000000", f"{fields['ntime']:08x}", f"{nowhere:08x}"],
            )
        miner.send("mining.submit", [miner.worker, new.job_id, "00" * 5, f"{new.ntime:08x}", "0"])
        miner.send("mining.submit", ["somebody else", new.job_id, "00000000", f"{new.ntime:08x}", "0"])
        miner.send("mining.submit", [miner.worker, new.job_id, "x", f"{new.ntime:08x}", "0"])
        # What needs no hash is answered at once, without the session.
        assert [code_of(miner.reply()) for _ in range(6)] == [21, 20, 20, 20, 24, 20]
        served.pump_until(lambda: len(served.events) == 9)
        events = served.events
        assert [(Verdict(e["verdict"]), Reason(e["reason"])) for e in events] == [
            (Verdict.VALID, Reason.NONE),
            (Verdict.LOW, Reason.DOES_NOT_HASH),
            (Verdict.VALID, Reason.NONE),
            (Verdict.STALE, Reason.CLEANED),
            (Verdict.UNKNOWN_JOB, Reason.NO_JOB),
            *[(Verdict.MALFORMED, Reason.BAD_FIELDS)] * 4,
        ]
        assert events["duplicate"].tolist() == [False, False, True] + [False] * 6
        counters = served.server.counters()
        assert (counters["accepted"], counters["refused_22"], counters["refused_23"]) == (1, 1, 1)
        assert (counters["refused_21_by_verdict"], counters["unanswered"]) == (1, 0)


def test_each_miner_has_work_of_its_own() -> None:
    with serving() as served:
        miners = [PlainMiner(served.server.address, f"rig.{i}") for i in range(5)]
        served.pump_until(lambda: len(served.came) == 5)
        jobs = served.dispatch()
        works = [miner.next_work() for miner in miners]
        assert len({job.number for job in jobs}) == len({job.wire_id for job in jobs}) == 5
        assert len({job.extranonce1 for job in jobs}) == 5
        assert {job.extranonce1 for job in jobs} == {m.extranonce1 for m in served.server.miners}
        first = next(works[0].nonces(bytes(4)))
        miners[1].submit(works[0], first)  # another's job
        served.pump_until(lambda: len(served.events) == 1)
        assert code_of(miners[1].reply()) == 21
        for miner in miners:
            miner.close()


def test_who_comes_late_begins_with_the_newest_work() -> None:
    with serving() as served:
        served.dispatch()
        served.dispatch()
        with PlainMiner(served.server.address) as miner:
            work = miner.next_work()
            assert work.clean
            served.pump_until(lambda: bool(served.jobs))
            (job,) = served.jobs
            assert (job.wire_id, job.clean) == (work.job_id, True)
            miner.submit(work, next(work.nonces(bytes(4))))
            served.pump_until(lambda: len(served.events) == 1)
            assert code_of(miner.reply()) is None


def test_a_miner_may_authorise_before_it_subscribes() -> None:
    with serving() as served, PlainMiner(served.server.address, greet=False) as miner:
        served.dispatch()
        miner.send("mining.authorize", [miner.worker, "x"], 1)
        assert miner.reply(1)["result"] is True
        assert not served.server.miners
        miner.send("mining.subscribe", [], 2)
        miner.extranonce1 = bytes.fromhex(miner.reply(2)["result"][1])
        work = miner.next_work()
        miner.submit(work, next(work.nonces(bytes(4))))
        served.pump_until(lambda: len(served.events) == 1)
        assert code_of(miner.reply()) is None
        miner.send("mining.subscribe", [], 3)  # once more: nothing begins anew
        miner.send("mining.authorize", [miner.worker, "x"], 4)
        assert (miner.reply(3)["result"][1], miner.reply(4)["result"]) == (miner.extranonce1.hex(), True)
        served.pump(0.05)
        assert len(served.came) == 1


def test_versions_are_rolled_within_what_was_agreed() -> None:
    with serving() as served, PlainMiner(served.server.address, roll=True) as miner:
        assert miner.mask == 0x1FFFE000
        served.pump_until(lambda: bool(served.came))
        (job,) = served.dispatch()
        assert job.version_mask == 0x1FFFE000
        work = miner.next_work()
        bits = 0x00B44000
        nonce = next(work.nonces(bytes(4), bits))
        miner.submit(work, nonce, version_bits=bits)
        served.pump_until(lambda: len(served.events) == 1)
        assert code_of(miner.reply()) is None
        miner.submit(work, nonce, version_bits=0x20000000)
        assert code_of(miner.reply()) == 20
        assert served.events["version"][0] == 0x20B44000


def test_a_difficulty_holds_from_the_next_job_on_and_late_shares_of_the_old_one_have_grace() -> None:
    with serving() as served, PlainMiner(served.server.address) as miner:
        served.pump_until(lambda: bool(served.came))
        served.dispatch()
        miner.next_work()
        served.server.set_difficulty(EASY * 64)
        (job,) = served.dispatch()
        assert job.target == pytest.approx(DIFFICULTY_1_TARGET / EASY / 64)
        work = miner.next_work()
        assert miner.difficulty == EASY * 64
        easy_target = int(DIFFICULTY_1_TARGET / EASY)
        values = ((nonce, work.value(work.header(bytes(4), nonce))) for nonce in range(1 << 20))
        late = next(nonce for nonce, value in values if work.target < value <= easy_target)
        miner.submit(work, late)
        served.pump_until(lambda: len(served.events) == 1)
        assert code_of(miner.reply()) is None
        assert served.events["verdict"][0] == Verdict.LOW
        assert served.server.counters()["accepted_by_grace"] == 1
        served.dispatch()
        work = miner.next_work()
        values = ((nonce, work.value(work.header(bytes(4), nonce))) for nonce in range(1 << 20))
        miner.submit(work, next(nonce for nonce, value in values if work.target < value <= easy_target))
        served.pump_until(lambda: len(served.events) == 2)
        assert code_of(miner.reply()) == 23


def test_the_effective_difficulty_stands_beside_the_one_asked_for() -> None:
    with serving() as served, PlainMiner(served.server.address) as miner:
        served.pump_until(lambda: bool(served.came))
        served.dispatch()
        work = miner.next_work()
        harder = int(DIFFICULTY_1_TARGET / EASY / 8)  # a floor of the firmware
        sent = 0
        for nonce in work.nonces(bytes(4)):
            if work.value(work.header(bytes(4), nonce)) <= harder:
                miner.submit(work, nonce)
                sent += 1
                if sent == 60:
                    break
        served.pump_until(lambda: len(served.events) == 60)
        served.pump(0.0)
        (found,) = served.meta["effective_difficulty"]  # type: ignore[misc]
        assert (found["requested"], found["n"]) == (EASY, 60)
        assert found["low"] < found["estimate"] < found["high"]
        assert 7 * EASY < found["estimate"] < 10 * EASY  # beyond that once in a million


def test_an_answer_that_is_late_is_still_given() -> None:
    limits = ServerLimits(answer_within_s=0.2)
    with serving(limits=limits) as served, PlainMiner(served.server.address) as miner:
        served.pump_until(lambda: bool(served.came))
        served.dispatch()
        work = miner.next_work()
        miner.submit(work, next(work.nonces(bytes(4))))
        while not len(events := served.pump(answer=False)):
            pass
        time.sleep(0.3)
        served.server.judged(events)
        assert code_of(miner.reply()) is None
        assert served.server.counters()["answered_late"] == 1


def test_shares_without_an_answer_are_counted() -> None:
    with serving() as served:
        with PlainMiner(served.server.address) as miner:
            served.pump_until(lambda: bool(served.came))
            served.dispatch()
            work = miner.next_work()
            miner.submit(work, next(work.nonces(bytes(4))))
            served.pump_until(lambda: len(served.pump(answer=False)) == 1)
            assert served.server.counters()["unanswered"] == 1
        served.pump_until(lambda: bool(served.went))
        served.server.judged(served.events)
        assert served.server.counters()["unanswered"] == 1


def test_dispatch_waits_for_no_verdict() -> None:
    with serving() as served, PlainMiner(served.server.address) as miner:
        served.pump_until(lambda: bool(served.came))
        served.dispatch()
        work = miner.next_work()
        for _, nonce in zip(range(500), work.nonces(bytes(4)), strict=False):
            miner.submit(work, nonce)
        begun = time.monotonic()
        served.dispatch(clean=True)  # 500 shares wait to be judged
        assert time.monotonic() - begun < 30  # they are judged by nobody here
        assert miner.next_work().clean


def test_methods_that_decide_nothing_are_answered() -> None:
    with serving() as served, PlainMiner(served.server.address) as miner:
        for method, params, error in (
            ("mining.suggest_difficulty", [1000], None),
            ("mining.extranonce.subscribe", [], None),
            ("mining.get_transactions", ["1"], None),
            ("mining.multi_version", [1], 20),
            ("mining.what_is_this", [], 20),
        ):
            miner.send(method, params, 9)
            reply = miner.reply(9)
            assert (reply["error"] and reply["error"][0]) == error, method
        served.pump_until(lambda: any("mining.what_is_this" in line for line in served.log))


def test_nothing_of_a_workers_name_or_password_is_kept() -> None:
    worker, password = "bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh.rig7", "hunter2secret"
    with serving() as served, PlainMiner(served.server.address, greet=False) as miner:
        miner.send("mining.subscribe", [f"cg/{worker.partition('.')[0]}"], 1)
        miner.send("mining.authorize", [worker, password], 2)
        miner.reply(2)
        miner.send_raw(f'{{"id": 1, "method": "mining.authorize", "params": ["{worker}", \n'.encode())
        miner.send("mining.submit", [worker, "x", "zz", password, 7])
        miner.send(f"mining.{worker}", [password], 5)
        miner.reply(5)
        miner.send("mining.subscribe", [f"cg/{password}"], 6)
        miner.reply(6)
        served.pump_until(lambda: len(served.log) >= 3)
        (known,) = served.server.miners
        for secret in (worker, worker.partition(".")[0], password, "rig7"):
            kept = repr((served.log, served.meta, known.record(), known.name, known.user_agent, known.worker))
            assert secret not in kept
        assert known.worker is not None and known.worker.startswith("w-")
        assert known.user_agent == "[redacted]"


def test_the_same_worker_has_the_same_pseudonym() -> None:
    with serving() as served:
        one, two = PlainMiner(served.server.address, "a.1"), PlainMiner(served.server.address, "b.1")
        served.pump_until(lambda: len(served.came) == 2)
        one.close()
        served.pump_until(lambda: len(served.went) == 1)
        with PlainMiner(served.server.address, "a.1"):
            served.pump_until(lambda: len(served.came) == 3)
        names = [miner.worker for miner in served.came]
        assert names[0] == names[2] != names[1]
        two.close()


def test_a_miner_that_comes_back_begins_a_segment() -> None:
    with serving() as served:
        miner = PlainMiner(served.server.address)
        served.pump_until(lambda: bool(served.came))
        served.dispatch()
        work = miner.next_work()
        miner.submit(work, next(work.nonces(bytes(4))))
        served.pump_until(lambda: len(served.events) == 1)
        miner.close()
        served.pump_until(lambda: bool(served.went))
        assert served.went[0].left
        assert not served.segments
        with PlainMiner(served.server.address) as again:
            served.pump_until(lambda: len(served.came) == 2)
            (segment,) = served.segments
            assert re.search(r"came back after \d+\.", segment.reason)
            again.submit(work, 1)  # of the connection before
            new = again.next_work()
            again.submit(new, next(new.nonces(bytes(4))))
            served.pump_until(lambda: len(served.events) == 3)
            assert [code_of(again.reply()) for _ in range(2)] == [21, None]
        events = served.events
        assert events["segment"].tolist() == [0, 1, 1]
        assert events["t_ns"][0] < segment.t_ns <= events["t_ns"][1]
        served.pump(0.0)
        assert list(served.meta["miners"]) == [m.extranonce1.hex() for m in served.came]  # type: ignore[call-overload]
        served.pump_until(lambda: len(served.went) == 2)
        served.pump(0.0)
        records = served.meta["miners"]
        assert all(record["left_ns"] > record["ready_ns"] for record in records.values())  # type: ignore[attr-defined]


def test_a_miner_whose_old_connection_is_not_known_to_be_dead_begins_one_too() -> None:
    with serving() as served, PlainMiner(served.server.address):
        served.pump_until(lambda: len(served.came) == 1)
        with PlainMiner(served.server.address):
            served.pump_until(lambda: len(served.came) == 2)
        assert served.segments[0].reason.endswith("came back")


def test_a_server_that_starts_anew_keeps_its_port_and_counts_on() -> None:
    with serving() as served:
        address = served.server.address
        miner = PlainMiner(address)
        served.pump_until(lambda: bool(served.came))
        (first,) = served.dispatch()
        old = miner.next_work()
        miner.submit(old, next(old.nonces(bytes(4))))
        served.pump_until(lambda: len(served.events) == 1)
        served.server.restart()
        with pytest.raises((EOFError, ConnectionResetError)):
            while True:
                miner.next_message()
        miner.close()
        assert served.server.address == address
        with PlainMiner(address) as again:
            served.pump_until(lambda: len(served.came) == 2)
            again.submit(old, 1)
            new = again.next_work()
            again.submit(new, next(new.nonces(bytes(4))))
            served.pump_until(lambda: len(served.events) == 3)
        reasons = [segment.reason for segment in served.segments]
        assert reasons[0] == "the work server was started anew"
        assert "came back" in reasons[1]
        assert served.events["seq"].tolist() == [0, 1, 2]
        assert [job.number for job in served.jobs] == [first.number, first.number + 1]
        assert served.verifier.counters.valid == 2
        assert served.verifier.counters.unknown_job == 1


def test_another_server_on_the_port_takes_no_share_of_the_first_for_its_own() -> None:
    with serving() as served, PlainMiner(served.server.address) as miner:
        served.pump_until(lambda: bool(served.came))
        served.dispatch()
        old = miner.next_work()
        port = served.server.address[1]
    with serving(port=port) as served, PlainMiner(served.server.address) as miner:
        served.pump_until(lambda: bool(served.came))
        served.dispatch()
        assert miner.next_work().job_id != old.job_id
        miner.submit(old, next(old.nonces(bytes(4))))
        assert code_of(miner.reply()) == 21


def test_only_those_who_may_can_connect() -> None:
    with serving(accept_from=frozenset({"192.0.2.7"})) as served:
        stranger = socket.create_connection(served.server.address, timeout=40)
        assert stranger.recv(100) == b""
        stranger.close()
        served.pump_until(lambda: bool(served.log))
        assert "only 192.0.2.7 may connect" in served.log[0]
        assert served.server.turned_away == 1


def test_a_port_that_is_taken() -> None:
    with (
        serving() as served,
        pytest.raises(DeviceError, match=r"cannot listen on 127\.0\.0\.1 port") as error,
    ):
        WorkServer(ListenAddress(*served.server.address), difficulty=1.0)
    assert "another port" in error.value.hint
    with pytest.raises(DeviceError) as error:
        WorkServer(ListenAddress("192.0.2.1"), difficulty=1.0)
    assert "address of this machine" in error.value.hint


def test_ipv6_where_there_is_any() -> None:
    try:
        server = WorkServer(ListenAddress("::1"), difficulty=EASY)
    except DeviceError:
        pytest.skip("this machine has no ::1")
    with server, PlainMiner(server.address):
        until_ns = time.monotonic_ns() + 40_000_000_000
        came = server.take(until_ns).came or server.take(until_ns).came
        assert (came[0].host, came[0].peer[:6]) == ("::1", "[::1]:")


@pytest.mark.parametrize("difficulty", [0.0, -1.0, float("inf"), float("nan")])
def test_what_is_no_difficulty(difficulty: float) -> None:
    with pytest.raises(SettingRefused, match="difficulty"):
        WorkServer(ListenAddress(), difficulty=difficulty)


def test_work_that_no_pool_could_send_is_refused() -> None:
    from dataclasses import replace

    job = PoolWork(1).next_job(NTIME, clean=False)
    with serving() as served:
        with pytest.raises(SettingRefused, match="bits that the miners may roll"):
            served.server.dispatch(replace(job, version=0x20002000), clean=False)
        with pytest.raises(SettingRefused, match="fixed merkle root"):
            served.server.dispatch(replace(job, merkle_root=bytes(32)), clean=False)


def test_difficulty_one_of_an_emulator_widens_every_target() -> None:
    with (
        WorkServer(ListenAddress(), difficulty=256.0, difficulty_one=DIFFICULTY_1_TARGET << 16) as server,
        PlainMiner(server.address) as miner,
    ):
        while not server.miners:
            time.sleep(0.01)
        (job,) = server.dispatch(PoolWork(1).next_job(NTIME, clean=True), clean=True)
        assert job.target == (DIFFICULTY_1_TARGET << 16) // 256
        assert job.chip_target == DIFFICULTY_1_TARGET << 16
        miner.next_work()
        assert miner.difficulty == 256
    with (
        WorkServer(
            ListenAddress(), algorithm=Lbry(), difficulty=256.0, difficulty_one=DIFFICULTY_1_TARGET << 4
        ) as server,
        PlainMiner(server.address),
    ):
        while not server.miners:
            time.sleep(0.01)
        (job,) = server.dispatch(PoolWork(1, "lbry").next_job(NTIME, clean=True), clean=True)
        assert job.target == DIFFICULTY_1_TARGET << 4


def test_the_coinbase_is_one_that_a_node_would_parse() -> None:
    job = PoolWork(3).next_job(NTIME, clean=False)
    assert len(job.coinbase1) >= 43
    coinbase = job.coinbase1 + b"\xaa" * 4 + b"\xbb" * 4 + job.coinbase2
    version, inputs = struct.unpack_from("<IB", coinbase)
    assert (version, inputs) == (1, 1)
    assert coinbase[5:41] == bytes(32) + b"\xff" * 4
    script = coinbase[42 : 42 + coinbase[41]]
    assert script[0] == 3
    assert int.from_bytes(script[1:4], "little") == 840_000
    assert script[4:16] == NO_DRIVE + b"\xaa" * 4 + b"\xbb" * 4  # room for the drive of a reservoir
    rest = coinbase[42 + len(script) :]
    assert rest[:4] == b"\xff" * 4
    outputs, value, length = struct.unpack_from("<BqB", rest, 4)
    assert (outputs, value, length) == (1, 312_500_000, 1)
    assert rest[14 : 14 + length] == b"\x6a"
    assert rest[14 + length :] == bytes(4)
    others = [PoolWork(3).next_job(NTIME, clean=False), PoolWork(4).next_job(NTIME, clean=False)]
    assert others[0] == job
    work = PoolWork(3)
    roots = {sha256d(work.next_job(NTIME, clean=False).coinbase2) for _ in range(1000)}
    assert len(roots) == 1000
    assert others[1].coinbase2 != job.coinbase2
    assert not np.array_equal(others[1].prev_hash, job.prev_hash)
