"""What one connection can do to the work server: end itself, or wait."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from plain_miner import PlainMiner
from served import Served, serving

from asicrc.capture import Counters
from asicrc.work.stratum_server import ServerLimits
from firmware_protocols.device import DeviceLost

HERE = Path(__file__).parent
BODY = 10 * (b"x" * 99 + b"\n")


def hung_up_on(connected: socket.socket, within_s: float = 40.0) -> bool:
    connected.settimeout(within_s)
    try:
        while connected.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True  # with what was unread, that is a reset
    return True


def still_serves(served: Served, miner: PlainMiner) -> None:
    """A share goes in and its answer comes back."""
    (job, *_) = (job for job in served.dispatch() if job.extranonce1 == miner.extranonce1)
    work = miner.next_work()
    while work.job_id != job.wire_id:
        work = miner.next_work()
    miner.submit(work, next(work.nonces(bytes(4))))
    with served.pumping():
        assert miner.reply()["result"] is True


@contextmanager
def with_a_good_miner(limits: ServerLimits | None = None) -> Iterator[tuple[Served, PlainMiner]]:
    with serving(limits=limits) as served, PlainMiner(served.server.address, "good.1") as miner:
        served.pump_until(lambda: bool(served.came))
        yield served, miner


@pytest.mark.parametrize(
    ("junk", "reason"),
    [
        (b"not json\n" * 100, "16 lines in a row were damaged"),
        (b"\xff\xfe\x00\n" * 100, "16 lines in a row were damaged"),
        (b"[" * 200_000, "bytes came without a message in them"),
        (b"\n" * 200_000, "bytes came without a message in them"),
        (b'"' + b"a" * 8190 + b"\n" + b"b" * 200_000, "bytes came without a message in them"),
    ],
    ids=["text", "bytes", "one line", "empty lines", "a long line"],
)
def test_junk_ends_its_connection_alone(junk: bytes, reason: str) -> None:
    with with_a_good_miner() as (served, miner):
        with socket.create_connection(served.server.address) as bad:
            with suppress(OSError):  # it may be hung up on before the end
                bad.sendall(junk)
            assert hung_up_on(bad)
        served.pump_until(lambda: any(reason in line for line in served.log))
        still_serves(served, miner)


def test_a_few_damaged_lines_among_good_ones_are_borne() -> None:
    with with_a_good_miner() as (served, miner):
        for _ in range(40):
            miner.send_raw(b"\xff not json\n")
            miner.send("mining.extranonce.subscribe", [], 9)
            assert miner.reply(9)["result"] is True
        still_serves(served, miner)
        assert served.server.miners[0].damaged_lines == 40
        assert served.server.counters()["damaged_frames"] == 40
        assert sum("damaged line" in line for line in served.log) == 3


def test_who_does_not_read_is_dropped_and_the_others_are_not_held_up() -> None:
    with with_a_good_miner() as (served, miner):
        deaf = PlainMiner(served.server.address, "deaf.1")
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        served.pump_until(lambda: len(served.came) == 2)
        slowest_s = 0.0
        for _ in range(20_000):
            begun_s = time.monotonic()
            served.dispatch()
            slowest_s = max(slowest_s, time.monotonic() - begun_s)
            miner.next_work()
            if len(served.server.miners) == 1:
                break
        assert slowest_s < 20.0  # it would wait for ever for the one that does not read
        served.pump_until(lambda: any("it does not read" in line for line in served.log))
        assert served.went[0].extranonce1 == deaf.extranonce1
        assert served.went[0].jobs_waited > 0
        still_serves(served, miner)
        deaf.close()


def test_who_sends_too_much_is_read_no_faster_and_loses_nothing() -> None:
    limits = ServerLimits(messages_per_s=500, burst_messages=100)
    with with_a_good_miner(limits) as (served, miner):
        flood = PlainMiner(served.server.address, "flood.1")
        served.pump_until(lambda: len(served.came) == 2)
        served.dispatch()
        work = flood.next_work()
        nonces = [nonce for nonce, _ in zip(work.nonces(bytes(4)), range(600), strict=False)]
        begun_s = time.monotonic()
        with served.pumping():
            for nonce in nonces:
                flood.submit(work, nonce)
            assert all(flood.reply()["result"] is True for _ in nonces)
        took_s = time.monotonic() - begun_s
        assert took_s > (600 - 100) / 500 * 0.9
        assert served.verifier.counters.valid == 600
        assert next(m for m in served.server.miners if m.extranonce1 == flood.extranonce1).waits > 0
        still_serves(served, miner)
        flood.close()


def test_a_session_that_cannot_keep_up_ends_with_that_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as served, PlainMiner(served.server.address) as miner:
        served.server._queue._capacity = 50
        served.pump_until(lambda: bool(served.came))
        served.dispatch()
        work = miner.next_work()
        for nonce in range(100):
            miner.submit(work, nonce)
        ends_s = time.monotonic() + 40
        while served.server._queue._lost is None or served.server._queue._rows < 100:
            assert time.monotonic() < ends_s
            time.sleep(0.01)
        with pytest.raises(DeviceLost, match="wait for the session, which cannot keep up"):
            for _ in range(100):
                served.pump()
        assert served.verifier.counters.events == 100  # nothing that came was lost


def test_a_fault_of_the_receiving_thread_is_raised_where_it_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a fault")

    with serving() as served, monkeypatch.context() as patched:
        patched.setattr(served.server, "say", broken)
        with socket.create_connection(served.server.address) as connected:
            connected.sendall(b"x\n")
            with pytest.raises(ZeroDivisionError, match="a fault"):
                served.pump_until(lambda: False)


def test_who_does_not_introduce_itself_or_falls_silent_is_dropped() -> None:
    with with_a_good_miner() as (served, miner):
        served.server.limits = ServerLimits(greeting_s=0.3)
        with socket.create_connection(served.server.address) as silent:
            assert hung_up_on(silent)
        with socket.create_connection(served.server.address) as half:
            half.sendall(b'{"id": 1, "method": "mining.subscribe", "params": []}\n')
            assert hung_up_on(half)
        still_serves(served, miner)
        served.server.limits = ServerLimits(idle_s=0.5)
        with pytest.raises((EOFError, ConnectionResetError)):
            while True:
                miner.next_message()
        served.pump_until(lambda: any("has said nothing for 0.5 s" in line for line in served.log))
        assert sum("has not authorised a worker" in line for line in served.log) == 2


def test_connections_beyond_the_number_and_the_rate_are_turned_away() -> None:
    limits = ServerLimits(connections=3)
    with with_a_good_miner(limits) as (served, miner):
        more = [PlainMiner(served.server.address, f"more.{i}") for i in range(2)]
        with socket.create_connection(served.server.address) as one_too_many:
            assert hung_up_on(one_too_many)
        for other in more:
            other.close()
        served.pump_until(lambda: len(served.went) == 2)
        with PlainMiner(served.server.address, "later.1"):
            pass
        still_serves(served, miner)
    limits = ServerLimits(accepted_per_s=1e-6, accepted_burst=3)
    with with_a_good_miner(limits) as (served, miner):
        tries = [socket.create_connection(served.server.address) for _ in range(5)]
        served.pump_until(lambda: served.server.turned_away == 3)
        for connected in tries:
            connected.close()
        still_serves(served, miner)


def test_the_log_does_not_grow_with_what_is_thrown_at_it() -> None:
    limits = ServerLimits(log_burst=20, log_lines_per_s=1e-6, accepted_per_s=1e6, accepted_burst=1e6)
    with with_a_good_miner(limits) as (served, miner):
        for _ in range(200):
            socket.create_connection(served.server.address).close()
        still_serves(served, miner)
        served.pump(0.1)
        assert len(served.log) < 30


def test_no_descriptors_left_is_no_reason_to_end_or_to_spin() -> None:
    script = """
import resource, socket, sys, time
sys.path.insert(0, sys.argv[1])
from plain_miner import PlainMiner
from served import serving
with serving() as served:
    used = max(int(name) for name in __import__("os").listdir("/proc/self/fd"))
    held = [socket.socket() for _ in range(40)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 45, used + 45))
    for connected in held:  # more than this process can take at its other end
        connected.connect(served.server.address)
    time.sleep(0.5)
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.2, "it spins"
    for connected in held:
        connected.close()
    time.sleep(1.5)
    with PlainMiner(served.server.address):
        served.pump_until(lambda: bool(served.came))
print("served on")
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(HERE)], capture_output=True, text=True, timeout=120
    )
    assert run.stdout == "served on\n", run.stderr


def fuzzed(lines: int, processes: int, within_s: float) -> None:
    """The server reads that many lines, and a good miner is served all the while."""
    limits = ServerLimits(
        messages_per_s=1e6, burst_messages=1e6, accepted_per_s=1e6, accepted_burst=1e6, connections=64
    )
    with with_a_good_miner(limits) as (served, miner):
        served.dispatch()
        fuzzers = [
            subprocess.Popen(
                [sys.executable, str(HERE / "fuzzing_miner.py"), str(served.server.address[1]), str(seed)]
            )
            for seed in range(processes)
        ]
        try:
            begun_s = time.monotonic()
            rounds = 0
            while (counters := served.server.counters())["frames"] + counters["damaged_frames"] < lines:
                assert time.monotonic() - begun_s < within_s, counters
                assert all(fuzzer.poll() is None for fuzzer in fuzzers)
                until_s = time.monotonic() + min(1.0, within_s / 20)
                while time.monotonic() < until_s:
                    served.pump()
                served.batches.clear()
                still_serves(served, miner)
                rounds += 1
        finally:
            for fuzzer in fuzzers:
                fuzzer.kill()
                fuzzer.wait()
        tally: Counters = served.verifier.counters
        print(
            f"\n{counters['frames']} messages and {counters['damaged_frames']} damaged lines in "
            f"{time.monotonic() - begun_s:.0f} s, {len(served.went)} connections ended; shares: "
            f"{tally.valid} valid, {tally.low} low, {tally.stale} stale, {tally.unknown_job} of no job, "
            f"{tally.malformed} malformed; the good miner was served {rounds} times"
        )
        assert counters["damaged_frames"] > lines / 20
        assert tally.malformed > 0


def test_fuzzed_lines() -> None:
    fuzzed(10_000, processes=1, within_s=50)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_million_fuzzed_lines() -> None:
    fuzzed(1_000_000, processes=2, within_s=550)
