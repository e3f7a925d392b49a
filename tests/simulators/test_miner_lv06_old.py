"""The emulated LV06 under the AxeOS of v2.1.8, from its pool's side and from its owner's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from miner_host import Job, Line, Miner, miner, pool

QUICK = ("lv06", "profile=esp-old", "zero_bits=6", "boot_s=0.3", "retry_s=0.1")
"""Ninety shares a second at the floor."""


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Miner, Line]]:
    """Hashing at the floor."""
    with pool() as served, miner(*QUICK, f"pool={served.address}", "job_s=0.4") as device:
        line = served.accept()
        line.welcome()
        yield device, line
        line.close()


def test_the_announcement_says_what_a_driver_opens(running: tuple[Miner, Line]) -> None:
    device, _ = running
    assert device.announced["device"] == "lv06"
    assert device.announced["url"].startswith(f"axeos://127.0.0.1:{device.port}?simulated=1&zero_bits=6&")
    assert device.difficulty_one == 0xFFFF << (208 + 32 - 6)
    assert device.announced["shares_per_s_at_floor"] == pytest.approx(
        485e6 * 894 / 300_000 / (1 << (6 + 8)), rel=1e-6
    )


def test_the_handshake_is_one_burst_in_the_old_order(running: tuple[Miner, Line]) -> None:
    _, line = running
    first = line.lines[:4]
    assert [json.loads(raw)["method"] for raw in first] == [
        "mining.subscribe",
        "mining.configure",
        "mining.suggest_difficulty",
        "mining.authorize",
    ]
    assert [json.loads(raw)["id"] for raw in first] == [1, 2, 3, 4]
    assert first[0] == b'{"id": 1, "method": "mining.subscribe", "params": ["bitaxe/BM1366 (v2.1.8)"]}'
    assert json.loads(first[3])["params"] == ["owner.worker", "x"]


def test_a_job_before_any_difficulty_has_8192(running: tuple[Miner, Line]) -> None:
    device, line = running
    line.notify(Job("a0"))
    for share in line.shares_of("a0", 2):
        assert device.difficulty_one / line.value(share) > 8192


def test_shares_hash_and_keep_to_the_floor(running: tuple[Miner, Line]) -> None:
    device, line = running
    for number, difficulty in enumerate((0.5, 1, 256)):  # 0.5 is read as 0
        line.difficulty(difficulty)
        line.notify(Job(f"b{number}"))
        shares = line.shares_of(f"b{number}", 15)
        for share in shares:
            _, _, extranonce2, ntime, nonce, bits = share.params
            assert (len(extranonce2), ntime, len(nonce), len(bits)) == (8, "68546811", 8, 8)
            assert int(bits, 16) & ~0x1FFFE000 == 0
            assert device.difficulty_one / line.value(share) > 255.99
    assert len({tuple(share.params) for share in shares}) == len(shares)


def test_a_fraction_of_a_difficulty_is_cut(running: tuple[Miner, Line]) -> None:
    device, line = running
    line.difficulty(600.9)
    line.notify(Job("c0"))
    reached = [device.difficulty_one / line.value(share) for share in line.shares_of("c0", 40)]
    assert min(reached) > 600


def test_extranonce2_counts_up_with_the_ticks_from_0_for_each_job(running: tuple[Miner, Line]) -> None:
    _, line = running
    line.difficulty(256)
    line.notify(Job("d0"))
    seen: dict[str, None] = {}
    ends = time.monotonic() + 30
    while len(seen) < 3 and time.monotonic() < ends:
        seen |= dict.fromkeys(share.params[2] for share in line.shares(0.3) if share.job_id == "d0")
    assert list(seen)[:3] == ["00000000", "01000000", "02000000"]


def test_a_clean_job_loses_what_the_chip_is_at_until_the_next_tick(tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    with pool() as served, miner(*QUICK, f"pool={served.address}", "job_s=0.7", f"truth={truth}") as device:
        line = served.accept()
        line.welcome()
        line.difficulty(256)
        line.notify(Job("a"))
        line.shares(0.35)
        line.notify(Job("b"))
        line.shares_of("b", 1)
        assert device.info()["sharesRejected"] == 0
    lost, taken = rows(truth, "invalid_job"), rows(truth, "taken_up")
    came_ns = next(t_ns for t_ns, job_id in rows(truth, "received") if job_id == "b")
    first_b = [job_id for _, job_id in taken].index("b")
    waited_s = (taken[first_b][0] - came_ns) / 1e9
    assert len(lost) >= 30 * waited_s - 5  # ninety a second
    assert {job_id for _, job_id in lost} <= {"a"}
    assert {job_id for _, job_id in taken[:first_b]} == {"a"}
    assert taken[first_b][0] - taken[first_b - 1][0] > 0.6e9  # at the tick, and not before


def test_any_other_job_stands_behind_the_queue(tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    queue = ("job_s=0.25", "queue_depth=3", f"truth={truth}")
    with pool() as served, miner(*QUICK, f"pool={served.address}", *queue):
        line = served.accept()
        line.welcome()
        line.difficulty(256)
        line.notify(Job("a"))
        line.shares(0.1)
        line.notify(Job("b", clean=False))
        line.shares_of("b", 1)
    came_ns = next(t_ns for t_ns, job_id in rows(truth, "received") if job_id == "b")
    after = [job_id for t_ns, job_id in rows(truth, "taken_up") if t_ns > came_ns]
    assert after[:4] == ["a", "a", "a", "b"]  # three were queued
    assert not rows(truth, "invalid_job")


def test_info_is_that_of_2_1_8(running: tuple[Miner, Line]) -> None:
    device, _ = running
    info = device.info()
    assert isinstance(info["bestDiff"], str)
    assert (info["ASICModel"], info["minerModel"], info["version"]) == ("BM1366", "LV06", "v2.1.8")
    assert (info["frequency"], info["coreVoltage"], info["stratumURL"]) == (485, 1200, "127.0.0.1")
    assert 0.5 < info["hashRate"] / (485 * 894 / 1000) < 1.6  # guessed from the proofs
    assert info["sharesAccepted"] > 50
    assert not {"macAddr", "asicCount", "smallCoreCount", "vrTemp", "stratumPassword", "wifiPass"} & set(info)


def test_a_patch_stores_what_it_can_and_says_200_to_everything(running: tuple[Miner, Line]) -> None:
    device, _ = running
    before = device.info()
    for body in ({"volts": 1.1}, {"overheat_mode": 0}, {"nothing": [1]}, b"no JSON at all", {}):
        assert device.http("PATCH", "/api/system", body) == (200, b"")
    kept = ("frequency", "coreVoltage", "fanspeed", "stratumPort")
    assert {name: device.info()[name] for name in kept} == {name: before[name] for name in kept}
    assert device.http("PATCH", "/api/system", {"COREVOLTAGE": 1150, "fanSpeed": 41.9}) == (200, b"")
    assert device.when(lambda: device.info()["coreVoltageActual"] == 1150)
    assert (device.info()["coreVoltage"], device.info()["fanspeed"]) == (1150, 41)


def test_what_it_does_not_have_it_redirects(running: tuple[Miner, Line]) -> None:
    device, _ = running
    assert device.http("GET", "/api/system/asic") == (302, b"Redirect to the captive portal")
    assert device.http("POST", "/api/system/pause")[0] == 404
    assert device.http("POST", "/api/system")[0] == 405


def test_the_clock_is_read_at_the_start_alone(tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    options = ("ramp_ms=5", "job_s=0.4", f"truth={truth}")
    with pool() as served, miner(*QUICK, f"pool={served.address}", *options) as device:
        line = served.accept()
        line.welcome()
        line.difficulty(256)
        line.notify(Job("a"))
        device.http("PATCH", "/api/system", {"frequency": 100})
        assert device.info()["frequency"] == 100  # as stored, which says nothing of the chip
        line.shares_of("a", 60)
        told_s = time.monotonic()
        with device.shuts_its_api("/api/system/info"):
            assert device.http("POST", "/api/system/restart") == (200, b"System will restart shortly.")
            with pytest.raises(ConnectionError):
                line.shares(30)
        line = served.accept()
        line.welcome()
        assert device.info()["uptimeSeconds"] <= time.monotonic() - told_s
        line.difficulty(256)
        line.notify(Job("b"))
        line.shares_of("b", 30)
    before_s, after_s = (seconds_for(truth, job_id, 30) for job_id in ("a", "b"))
    assert before_s < 0.9, "at 485 MHz: 0.33 s are expected"
    assert after_s > 0.6, "at 100 MHz: 1.6 s are expected"


def test_overheated_it_stays_at_50_mhz_for_good() -> None:
    heat = ("faults=overheat:0", "heat_speed=200", "ramp_ms=1")
    with pool() as served, miner(*QUICK, f"pool={served.address}", *heat) as device:
        line = served.accept()
        line.welcome()
        line.notify(Job("a"))
        with pytest.raises(ConnectionError):
            line.shares(30)
        line = served.accept()
        line.welcome()
        info = device.info()
        assert (info["frequency"], info["coreVoltage"]) == (50, 990)
        assert (info["autofanspeed"], info["fanspeed"]) == (0, 100)
        assert "overheat_mode" not in info
        assert device.when(lambda: device.info()["power"] < 6)


@pytest.mark.long
def test_a_pool_that_has_closed_is_noticed_with_the_next_share() -> None:
    with pool() as served, miner(*QUICK, f"pool={served.address}") as device:
        line = served.accept()
        line.welcome()
        line.difficulty(4e9)  # a share in two seconds: one in 90,000 times
        line.notify(Job("a"))
        line.close()
        with pytest.raises(TimeoutError):
            served.accept(2.0)  # it has no share to send, and hears nothing
        assert device.info()["uptimeSeconds"] >= 2
    with pool() as served, miner(*QUICK, f"pool={served.address}"):
        line = served.accept()
        line.welcome()
        line.difficulty(256)
        line.notify(Job("a"))
        assert line.shares(30, until=1)
        line.close()
        served.accept()  # a second for its log, and a restart


def test_replies_are_failures_without_an_error_key(running: tuple[Miner, Line]) -> None:
    device, line = running
    line.shares(0.3)
    rejected = device.info()["sharesRejected"]
    share = line.method("mining.submit")
    line.send(id=share["id"], result=True)
    assert device.when(lambda: device.info()["sharesRejected"] == rejected + 1)


def test_a_job_before_the_extranonce_restarts_it() -> None:
    with pool() as served, miner(*QUICK, f"pool={served.address}") as device:
        line = served.accept()
        line.method("mining.authorize")
        line.notify(Job("a"))
        with pytest.raises(ConnectionError):
            line.until(lambda message: False, 30)
        served.accept().welcome()
        assert device.process.poll() is None


def seconds_for(truth: Path, job_id: str, count: int) -> float:
    """Of the chips, for so many shares of a job in a row: the least time, for its work may begin slowly."""
    lines = [line.split(",") for line in truth.read_text().splitlines() if not line.startswith("#")]
    found_s = sorted(int(parts[1]) / 1e9 for parts in lines[1:] if parts[2] == job_id)
    return min(last - first for first, last in zip(found_s, found_s[count - 1 :], strict=False))


def rows(truth: Path, kind: str) -> list[tuple[int, str]]:
    """Time and job of each line `# kind,t_ns,job_id` of the emulator's own record."""
    found = [line.split(",") for line in truth.read_text().splitlines() if line.startswith(f"# {kind},")]
    return [(int(parts[1]), parts[2]) for parts in found]
