"""Captures of miners that were pointed at a work server: what the file says of what happened."""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from capturing import EASY, capturing
from plain_miner import PlainMiner, Work

from asicrc.analysis.effective_difficulty import rate_estimates
from asicrc.capture import load, verify
from asicrc.capture.plan import CapturePlan
from asicrc.capture.session import run_capture
from asicrc.capture.stop_request import StopRequest
from asicrc.capture.storage_link import StorageLink
from asicrc.capture.wall_clock import ClockStep, WallClockWatch
from asicrc.devices import open_device
from asicrc.devices.served_miners import ServedMiners, open_served_miners
from asicrc.devices.url import DeviceUrl
from asicrc.errors import UsageError
from asicrc.work.stratum_server import ListenAddress, WorkServer
from firmware_protocols.device import NO_TIME, SettingRefused, Verdict, empty_events


def mine(miner: PlainMiner, work: Work, count: int, extranonce2: bytes = bytes(4)) -> None:
    for _, nonce in zip(range(count), work.nonces(extranonce2), strict=False):
        miner.submit(work, nonce, extranonce2)
        assert miner.reply()["result"] is True


def drop(miner: PlainMiner) -> None:
    """As a power cut seen from here: no goodbye."""
    miner.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    miner.close()


@pytest.mark.parametrize("coin", ["sha256d", "lbry"])
def test_a_miner_that_is_cut_off_and_comes_back(coin: str, tmp_path: Path) -> None:
    worker = "bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh.rig7"
    difficulty = EASY * (256 if coin == "lbry" else 1)
    url_options, interval = f"?algorithm={coin}", ("--job-interval", "1h")
    with capturing(tmp_path, *interval, url_options=url_options, difficulty=difficulty) as run:
        miner = PlainMiner(run.address, worker)
        mine(miner, miner.next_work(), 5)
        drop(miner)
        time.sleep(0.3)
        with PlainMiner(run.address, worker) as again:
            mine(again, again.next_work(), 7)
        run.stop()
        result = run.wait()
    assert (result["events"], result["valid"]) == (12, 12)
    assert verify(run.path).ok
    with load(run.path) as capture:
        events, jobs, segments, meta = capture.events(), capture.jobs(), capture.segments(), capture.meta
        log = [line.text for line in capture.log()]
        estimates = rate_estimates(capture)
    assert [job.algorithm for job in jobs] == [coin, coin]
    assert [job.clean for job in jobs] == [False, True] or [job.clean for job in jobs] == [True, True]
    assert events["segment"].tolist() == [0] * 5 + [1] * 7
    start, back = segments
    assert start.reason == "start"
    assert re.search(r"came back after \d+\.", back.reason)
    assert events["t_ns"][4] < back.t_start_ns <= events["t_ns"][5]
    assert {anchor.segment for anchor in capture_anchors(run.path)} == {0, 1}
    assert any("went: the connection broke" in line for line in log)
    first, second = meta["miners"].values()
    assert first["worker"] == second["worker"]
    assert first["left_ns"] > first["ready_ns"]
    assert set(meta["miners"]) == {job.extranonce1.hex() for job in jobs}
    assert meta["clock"]["t_ns"] == "CLOCK_MONOTONIC of the host"
    assert meta["jitter_floor"] is None or meta["jitter_floor"]["n"] > 0
    (found,) = meta["effective_difficulty"]
    assert (found["requested"], found["n"]) == (difficulty, 12)
    (estimate,) = estimates
    assert estimate.effective.low < 4 * EASY  # of 12 shares: beyond that once in a hundred million
    assert meta["wire_counters"]["accepted"] == 12
    raw = run.path.read_bytes()
    for secret in (worker, "bc1qxy2", "rig7"):
        assert secret.encode() not in raw
        assert secret not in run.said


def capture_anchors(path: Path) -> list[object]:
    with load(path) as capture:
        return list(capture.anchors())


def test_the_single_word_handshake(tmp_path: Path) -> None:
    rounds = 20
    with (
        capturing(tmp_path, "--mode", "handshake", "--handshake-timeout", "3s") as run,
        PlainMiner(run.address) as miner,
    ):
        work = miner.next_work()
        for turn in range(rounds):
            nonce = next(work.nonces(bytes(4)))
            begun_s = time.monotonic()
            miner.submit(work, nonce)
            work = miner.next_work()
            assert work.clean
            assert time.monotonic() - begun_s < 3.0, f"turn {turn} waited for the time-out"
        work = miner.next_work()  # and now it has nothing to say
        run.stop()
        result = run.wait()
    assert (result["valid"], result["stale"]) == (rounds, 0)
    with load(run.path) as capture:
        jobs, events, meta = capture.jobs(), capture.events(), capture.meta
        readings = capture.readings()
    assert meta["plan"]["mode"] == "handshake"
    assert len({job.coinbase2 for job in jobs}) == len(jobs)  # every one unique
    assert len(set(events["job"].tolist())) == rounds
    values = {r.channel: [] for r in readings}  # type: ignore[var-annotated]
    for reading in readings:
        values[reading.channel].append(reading.value)
    dead_s = values["handshake_dead_time_s"]
    assert len(dead_s) == rounds
    assert all(0 < seconds < 3.0 for seconds in dead_s)
    assert len(values["job_first_share_s"]) == rounds
    assert values["handshake_timed_out_s"][0] == 3.0
    sent_ns = {job.number: job.sent_ns for job in jobs}
    first, second = int(events["job"][0]), int(events["job"][1])
    assert dead_s[0] == pytest.approx((sent_ns[second] - int(events["t_ns"][0])) / 1e9)
    assert values["job_first_share_s"][0] == pytest.approx((int(events["t_ns"][0]) - sent_ns[first]) / 1e9)
    middle_ms, longest_ms = 1e3 * np.median(dead_s), 1e3 * max(dead_s)
    print(f"\ndead time of the handshake: median {middle_ms:.2f} ms, longest {longest_ms:.2f} ms")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-d", "sim:bm1366", "--mode", "handshake"), "the handshake is for miners"),
        (("-d", "stratum://127.0.0.1:0", "--mode", "monologue"), "there is no mode 'monologue'"),
    ],
)
def test_a_mode_that_cannot_be(options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "asicrc.cli.main", "capture", *options, "--duration", "5s", "--json"]
    run = subprocess.run(
        [*command, "-o", str(tmp_path / "a.asicrc")], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 2, run.stderr
    assert message in run.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("stratum://:3333", "does not say where to listen"),
        ("stratum://127.0.0.1", "does not say where to listen"),
        ("stratum://127.0.0.1:99999", "does not say where to listen"),
        ("stratum://127.0.0.1:0?algorithm=scrypt", "there is no algorithm 'scrypt'"),
        ("stratum://127.0.0.1:0?version_mask=xyz", "version_mask=xyz"),
        ("stratum://127.0.0.1:0?difficulty_one=0", "difficulty_one=0"),
        ("stratum://127.0.0.1:0?user=me", "user: no such option"),
    ],
)
def test_a_url_that_cannot_be(url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message), open_device(url):
        pass


def test_settings_of_miners_that_are_their_owners() -> None:
    with WorkServer(ListenAddress(), difficulty=1.0) as server:
        device = ServedMiners("stratum://127.0.0.1:1", server)
        with pytest.raises(SettingRefused, match="cannot be set: voltage_mv"):
            device.check({"difficulty": 4.0, "voltage_mv": 1200.0})
        with pytest.raises(SettingRefused, match="above 0"):
            device.check({"difficulty": 0.0})
        (setting,) = device.configure({"difficulty": 4.0})
        assert (setting.requested, setting.read_back, server.difficulty) == (4.0, None, 4.0)
        assert (device.originals(), device.restore(), device.limits) == ([], [], {})
        with pytest.raises(SettingRefused):
            device.adopt_originals([])


def test_nobody_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asicrc.devices.served_miners.PATIENCE_NS", 100_000_000)
    told: list[str] = []
    device = open_served_miners(DeviceUrl.parse("stratum://127.0.0.1:0"), told.append)
    try:
        assert told[0].startswith("point miners at stratum+tcp://127.0.0.1:")
        log: list[str] = []
        for _ in range(8):
            log += device.read(time.monotonic_ns() + 50_000_000).log
        assert sum("no miner has come to 127.0.0.1" in line for line in log) == 1
    finally:
        device.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("stratum://0.0.0.0:0", "0.0.0.0"),
        ("stratum://[::]:0", "no one address"),
        ("stratum://239.1.2.3:0", "no one address"),
        ("stratum://127.0.0.1:0?accept_from=my-box.local", "my-box.local"),
        ("stratum://127.0.0.1:0?accept_from=10.0.0.7,", "accept_from"),
    ],
)
def test_what_lets_in_everybody_or_nobody_is_refused(url: str, said: str) -> None:
    told: list[str] = []
    with pytest.raises(UsageError, match=said):
        open_served_miners(DeviceUrl.parse(url), told.append)
    assert not told


def test_a_miner_is_let_in_by_its_address_however_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def server(*_: object, accept_from: object, **__: object) -> object:
        made.append(accept_from)
        raise InterruptedError

    monkeypatch.setattr("asicrc.devices.served_miners.WorkServer", server)
    with pytest.raises(InterruptedError):
        open_served_miners(DeviceUrl.parse("stratum://127.0.0.1:0?accept_from=10.0.0.7, FD00::0:5"))
    assert made == [frozenset({"10.0.0.7", "fd00::5"})]


class SettableClock:
    """The machine's, with a wall clock that somebody sets."""

    def __init__(self) -> None:
        self.ahead_ns = 0

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def realtime_ns(self) -> int:
        return time.time_ns() + self.ahead_ns


def test_a_wall_clock_that_is_set_begins_a_segment_and_reaches_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SettableClock()
    seen: list[ClockStep] = []
    look = WallClockWatch.look

    def looking(watch: WallClockWatch) -> ClockStep | None:
        step = look(watch)
        seen.extend(filter(None, [step]))
        return step

    def until_seen(steps: int) -> None:
        ends_s = time.monotonic() + 40
        while len(seen) < steps:
            assert time.monotonic() < ends_s, "the capture does not look at the clock"
            time.sleep(0.01)

    monkeypatch.setattr(WallClockWatch, "look", looking)
    server = WorkServer(ListenAddress(), difficulty=EASY, clock=clock)
    device = ServedMiners("stratum://127.0.0.1:1", server, clock)
    stop = StopRequest()

    def person() -> None:
        with PlainMiner(server.address) as miner:
            work = miner.next_work()
            mine(miner, work, 5)
            clock.ahead_ns = 3600 * 10**9
            until_seen(1)
            mine(miner, work, 5, b"\1\0\0\0")
            clock.ahead_ns = -3600 * 10**9
            until_seen(2)
            mine(miner, miner.next_work(), 5, b"\2\0\0\0")
        stop.reason = "done"

    acting = threading.Thread(target=person)
    path = tmp_path / "a.asicrc"
    plan = CapturePlan(path, 600.0, {"difficulty": EASY}, job_interval_s=0.5, progress="none")
    with StorageLink() as storage:
        acting.start()
        outcome = run_capture(device, "stratum://127.0.0.1:1", plan, stop, storage)
        acting.join()
    device.close()
    assert (outcome.reason, outcome.counters.valid) == ("done", 15)
    assert verify(path).ok
    with load(path) as capture:
        segments, events, jobs = capture.segments(), capture.events(), capture.jobs()
        anchors, log = capture.anchors(), [line.text for line in capture.log() if line.level == "warning"]
    assert [segment.reason for segment in segments] == [
        "start",
        "the wall clock was set forward by 3600.000 s",
        "the wall clock was set back by 7200.000 s",
    ]
    assert log == [segment.reason for segment in segments[1:]]
    assert events["segment"].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert (np.diff(events["t_ns"]) >= 0).all()
    offsets = {anchor.segment: anchor.realtime_ns - anchor.monotonic_ns for anchor in anchors}
    assert offsets[1] - offsets[0] == pytest.approx(3600e9, abs=1e10)
    assert offsets[2] - offsets[1] == pytest.approx(-7200e9, abs=1e10)
    assert max(job.ntime for job in jobs) - min(job.ntime for job in jobs) < 600


def test_a_step_within_a_batch_parts_it_by_the_kernels_stamps() -> None:
    events = empty_events(4)
    events["t_ns"] = [100, 200, 300, 400]
    events["t_kernel_ns"] = [100 + 10**12, NO_TIME, 300 + 5 * 10**12, 400 + 5 * 10**12]
    step = ClockStep(450, before_ns=10**12, after_ns=5 * 10**12)
    assert step.first_after(events) == 2
    assert step.first_after(events[:2]) == 2
    assert step.first_after(empty_events()) == 0
    assert step.reason == "the wall clock was set forward by 4000.000 s"


def test_a_clock_that_is_steered_is_not_one_that_was_set() -> None:
    clock = SettableClock()
    watch = WallClockWatch(clock)
    for _ in range(100):
        clock.ahead_ns += 2_500_000  # 500 ppm for 5 s
        assert watch.look() is None
    clock.ahead_ns += 20_000_000
    step = watch.look()
    assert step is not None
    assert step.after_ns - step.before_ns == pytest.approx(20e6, abs=5e6)
    assert watch.look() is None


def test_effective_difficulty_of_a_firmware_with_a_floor(tmp_path: Path) -> None:
    """A miner that reports nothing below 16 times what it was asked for."""
    with capturing(tmp_path, "--job-interval", "1h") as run, PlainMiner(run.address) as miner:
        work = miner.next_work()
        floor, sent = work.target // 16, 0
        for nonce in work.nonces(bytes(4)):
            if work.value(work.header(bytes(4), nonce)) <= floor:
                miner.submit(work, nonce)
                sent += 1
                if sent == 80:
                    break
        assert all(miner.reply()["result"] is True for _ in range(80))
        run.stop()
        assert run.wait()["valid"] == 80
    with load(run.path) as capture:
        (estimate,) = rate_estimates(capture)
        (live,) = capture.meta["effective_difficulty"]
        assert (capture.events()["verdict"] == Verdict.VALID).all()
    assert estimate.requested == pytest.approx(EASY)
    assert estimate.effective.low < 16 * EASY * 1.25  # beyond that once in a thousand million
    assert estimate.effective.low > 12 * EASY
    assert live["estimate"] == pytest.approx(estimate.effective.estimate)
    assert estimate.law is not None and estimate.law.p_value > 1e-7
    per_share = 2**256 / floor
    assert estimate.hashes_per_s.low < 80 / estimate.seconds * per_share < estimate.hashes_per_s.high
