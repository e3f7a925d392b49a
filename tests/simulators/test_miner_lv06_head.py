"""The emulated LV06 under the AxeOS of v2.15, from its pool's side and from its owner's."""

from __future__ import annotations

import base64
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from miner_host import PATIENCE_S, Job, Line, Miner, miner, pool

QUICK = ("lv06", "profile=esp-head", "zero_bits=6", "boot_s=0.3", "retry_s=0.1", "ramp_ms=5")
"""Ninety shares a second at the floor."""


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Miner, Line]]:
    with pool() as served, miner(*QUICK, f"pool={served.address}", "job_s=0.5") as device:
        line = served.accept()
        line.welcome()
        yield device, line


def test_the_handshake_suggests_only_once_it_is_let_in(running: tuple[Miner, Line]) -> None:
    _, line = running
    line.method("mining.suggest_difficulty")
    told = [(message["method"], message["id"]) for message in line.messages]
    assert told == [
        ("mining.configure", 1),
        ("mining.subscribe", 2),
        ("mining.authorize", 3),
        ("mining.suggest_difficulty", 4),
    ]
    assert line.lines[1] == b'{"id":2,"method":"mining.subscribe","params":["bitaxe/BM1366/v2.15.0"]}'


def test_fractions_count_and_the_floor_stays(running: tuple[Miner, Line]) -> None:
    device, line = running
    for number, (difficulty, least) in enumerate(((0.5, 255.99), (300.25, 300.25), (1, 255.99))):
        line.difficulty(difficulty)
        line.notify(Job(f"b{number}"))
        reached = [device.difficulty_one / line.value(share) for share in line.shares_of(f"b{number}", 25)]
        assert min(reached) > least


def test_a_clean_job_is_taken_up_at_once_and_another_at_the_tick(tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    with pool() as served, miner(*QUICK, f"pool={served.address}", "job_s=0.8", f"truth={truth}"):
        line = served.accept()
        line.welcome()
        line.difficulty(256)
        for job_id, clean in (("a", True), ("b", True), ("c", False)):
            line.notify(Job(job_id, clean=clean))
            line.shares_of(job_id, 3)
    received, taken = times(truth, "received"), times(truth, "taken_up")
    assert taken["b"] - received["b"] < 400_000_000  # the tick would have come 0.7 s after it
    assert taken["c"] - taken["b"] > 0.7e9


def test_it_answers_what_a_pool_asks(running: tuple[Miner, Line]) -> None:
    _, line = running
    line.send(id=71, method="mining.ping", params=[])
    assert line.method("pong")["id"] == 71
    line.send(id=72, method="client.get_version", params=[])
    told = line.until(lambda message: message.get("id") == 72 and "method" not in message)
    assert told["result"] == "bitaxe/BM1366/v2.15.0"
    line.send(id=None, method="mining.unheard_of", params=[1])
    line.sock.sendall(b"no JSON\n" + b'{"id":null,"method":"mining.notify","params":["x"]}\n' + b"[1]\n\n")
    line.shares_of(list(line.jobs)[-1], 2)


def test_extranonce_and_mask_count_from_the_next_job(running: tuple[Miner, Line]) -> None:
    device, line = running
    line.difficulty(256)
    line.send(id=None, method="mining.set_version_mask", params=["00006000"])
    line.send(id=None, method="mining.set_extranonce", params=["0102030405", 2])
    line.extranonce1 = "0102030405"
    line.notify(Job("e0"))
    shares = line.shares_of("e0", 15)
    assert {int(share.params[5], 16) & ~0x6000 for share in shares} == {0}
    assert {len(share.params[2]) for share in shares} == {4}
    assert all(device.difficulty_one / line.value(share) > 255.99 for share in shares)
    line.send(id=None, method="mining.set_version_mask", params=["00000000"])
    line.notify(Job("e1"))
    line.shares(0.3)
    rest = [share for share in line.shares(1.0) if share.job_id == "e1"]
    assert len(rest) < 25  # of each job but one version: 14,317 nonces, and then nothing until the tick
    line.send(id=None, method="mining.set_version_mask", params=["1fffe000"])


def test_a_repeated_job_is_passed_over(running: tuple[Miner, Line]) -> None:
    _, line = running
    line.notify(Job("f0", clean=False))
    line.shares_of("f0", 1)
    line.notify(Job("f1", clean=False))
    line.shares_of("f1", 1)
    line.notify(Job("f0", clean=False))  # its shares would not hash as this one
    time.sleep(0.7)
    line.shares(0.3)
    assert {share.job_id for share in line.shares(30, until=20)} == {"f1"}


def test_info_is_that_of_2_15(running: tuple[Miner, Line]) -> None:
    device, _ = running
    info = device.info()
    assert info["expectedHashrate"] == pytest.approx(485 * 894 / 1000)
    assert info["actualFrequency"] == 485.0
    assert isinstance(info["bestDiff"], int)
    assert (info["overheat_mode"], info["miningPaused"], info["smallCoreCount"]) == (0, False, 894)
    assert [slot["id"] for slot in info["pools"]] == [0]
    assert info["pools"][0]["stratumPassword"] == "*****"
    assert info["pools"][0]["stratumPort"] == info["stratumPort"]
    assert len(info["hashrateMonitor"]["asics"][0]["domains"]) == 4
    options = json.loads(device.http("GET", "/api/system/asic")[1])
    assert (options["ASICModel"], options["asicCount"], options["defaultVoltage"]) == ("BM1366", 1, 1200)
    assert device.http("GET", "/api/system/nothing") == (404, b'{"error": "unknown route"}')
    scores = json.loads(device.http("GET", "/api/system/scoreboard")[1])
    assert 1 <= len(scores) <= 20
    assert scores[0]["difficulty"] == max(score["difficulty"] for score in scores)


def test_a_patch_is_taken_as_a_whole_or_not_at_all(running: tuple[Miner, Line]) -> None:
    device, _ = running

    def stored() -> dict[str, Any]:
        info = device.info()
        return {name: info[name] for name in ("frequency", "coreVoltage", "temptarget", "autofanspeed")}

    before = stored()
    wrong: tuple[dict[str, Any], ...] = (
        {"frequency": 400, "temptarget": 67},
        {"coreVoltage": 1150, "overheat_mode": 1},
        {"frequency": "400"},
        {"coreVoltage": 0},
        {"autofanspeed": 0, "pools": [{"id": 8, "stratumURL": "a", "stratumPort": 1, "stratumUser": "b"}]},
        {"frequency": 400, "pools": [{"id": 1, "stratumURL": "a"}]},
    )
    for body in wrong:
        assert device.http("PATCH", "/api/system", body) == (400, b"Wrong API input")
        assert stored() == before
    assert device.http("PATCH", "/api/system", b"{") == (400, b"Invalid JSON")
    for ignored in ({"volts": 1.0}, {"fanspeed": 33}, {"stratumURL": "elsewhere"}, {}):
        assert device.http("PATCH", "/api/system", ignored) == (200, b"")
    assert stored() == before
    assert device.info()["stratumURL"] == "127.0.0.1"
    assert device.http("PATCH", "/api/system", {"TEMPTARGET": 61, "nonsense": True}) == (200, b"")
    assert device.info()["temptarget"] == 61
    status, told = device.http("PATCH", "/api/system", {"hostname": "bench"})
    assert (status, json.loads(told)["status"]) == (200, "success")


def test_clock_and_voltage_follow_at_once_in_steps(running: tuple[Miner, Line]) -> None:
    device, line = running
    line.notify(Job("h0"))
    device.http("PATCH", "/api/system", {"frequency": 300, "coreVoltage": 1100})
    seen = set()
    assert device.when(lambda: seen.add(device.info()["actualFrequency"]) or 300.0 in seen)  # type: ignore[func-returns-value]
    assert all(mhz % 6.25 == 0 or mhz == 485.0 for mhz in seen)
    assert device.when(lambda: device.info()["coreVoltageActual"] == 1100)
    assert device.when(lambda: abs(device.info()["hashRate"] / (300 * 0.894) - 1) < 0.15)
    device.http("PATCH", "/api/system", {"frequency": 487.3})
    assert device.when(lambda: abs(device.info()["actualFrequency"] - 487.3) < 1.0)
    assert device.info()["frequency"] == 487.3
    device.http("PATCH", "/api/system", {"frequency": 485, "coreVoltage": 1200})


def test_pools_are_slots(running: tuple[Miner, Line]) -> None:
    device, _ = running
    slot = {"stratumURL": "127.0.0.1", "stratumPort": 9, "stratumUser": "me", "stratumPassword": "secret"}
    assert device.http("PUT", "/api/system/pools/3", slot)[0] == 200
    assert device.http("PUT", "/api/system/pools/8", slot) == (400, b"Invalid pool index")
    assert device.http("PUT", "/api/system/pools/2", {"stratumURL": "x"})[0] == 400
    assert [pool["id"] for pool in device.info()["pools"]] == [0, 3]
    again = {"id": 3, "stratumURL": "127.0.0.2", "stratumPort": 10, "stratumUser": "you"}
    assert device.http("PATCH", "/api/system", {"pools": [again]}) == (200, b"")
    (listed,) = [pool for pool in device.info()["pools"] if pool["id"] == 3]
    assert (listed["stratumUser"], listed["stratumSuggestedDifficulty"]) == ("you", 0)
    assert device.http("DELETE", "/api/system/pools/0")[0] == 400
    assert device.http("DELETE", "/api/system/pools/3")[0] == 200
    assert [pool["id"] for pool in device.info()["pools"]] == [0]


def test_the_log_and_the_live_state_are_sockets(running: tuple[Miner, Line]) -> None:
    device, line = running
    line.shares(0.2)  # those that had no answer yet
    with websocket(device.port, "/api/ws") as log, websocket(device.port, "/api/ws/live") as live:
        first = json.loads(frame(live))
        assert first["event"] == "update"
        assert first["data"]["ASICModel"] == "BM1366"
        line.shares(0.7)
        second = json.loads(frame(live))["data"]
        assert 0 < len(second) < len(first["data"])
        assert "ASICModel" not in second
        assert any("difficulty" in frame(log) for _ in range(20))
    status, text = device.http("GET", "/api/system/logs")
    assert status == 200 and b"Nonce difficulty" in text


def test_a_paused_miner_leaves_its_pool_and_draws_little(running_alone: tuple[Miner, Any, Line]) -> None:
    device, served, line = running_alone
    line.send(id=None, method="client.reconnect", params=["10.0.0.1", 3333, 0])
    with pytest.raises(ConnectionError):
        line.until(lambda message: False, 30)
    line = served.accept()  # wherever it was told to go
    line.welcome()
    line.notify(Job("a"))
    line.shares_of("a", 3)
    assert json.loads(device.http("POST", "/api/system/pause")[1]) == {"message": "Mining paused"}
    with pytest.raises(ConnectionError):
        line.until(lambda message: False, 30)
    assert device.when(lambda: device.info()["power"] < 4)
    info = device.info()
    assert (info["miningPaused"], info["hashRate"]) == (True, 0)
    device.http("POST", "/api/system/resume")
    line = served.accept()
    line.welcome()
    assert device.when(lambda: device.info()["actualFrequency"] == 485.0)
    told_s = time.monotonic()
    assert json.loads(device.http("POST", "/api/system/restart")[1])["message"].startswith("System will")
    with pytest.raises(ConnectionError):
        line.until(lambda message: False, 30)
    served.accept().welcome()
    assert device.info()["uptimeSeconds"] <= time.monotonic() - told_s
    assert device.info()["resetReason"] == "Software reset via esp_restart"


def test_overheated_it_starts_again_lower(running_alone_hot: tuple[Miner, Any, Line]) -> None:
    device, _, line = running_alone_hot
    line.difficulty(1e6)
    line.notify(Job("a"))
    info = device.info()

    def has_cooled() -> bool:
        nonlocal info
        info = device.info()
        return info["frequency"] < 485.0 and info["overheat_mode"] == 0

    assert device.when(has_cooled)
    times = round((485.0 - info["frequency"]) / 100)  # its heat sink stays off: more than once before long
    assert (info["frequency"], info["coreVoltage"]) == (485.0 - 100 * times, 1200 - 100 * times)
    assert (info["autofanspeed"], info["manualFanSpeed"]) == (0, 100)


def test_without_a_pool_it_goes_to_the_fallback_and_comes_back() -> None:
    with pool() as first, pool() as second:
        pools = (f"pool={first.address}", f"fallback={second.address}", "probe_s=0.3")
        with miner(*QUICK, *pools) as device:
            line = first.accept()
            line.welcome()
            first.close()  # and with it its connection
            other = second.accept()
            other.welcome()
            assert device.info()["isUsingFallbackStratum"] == 1
            back = socket.create_server(("127.0.0.1", first.port))
            probe = Line(back.accept()[0])
            probe.answer(probe.method("mining.subscribe"))
            again = Line(back.accept()[0])
            again.welcome()
            assert device.when(lambda: device.info()["isUsingFallbackStratum"] == 0)
            for sock in (back, probe.sock, again.sock):
                sock.close()


@pytest.mark.long
def test_without_any_pool_it_cuts_the_power() -> None:
    with pool() as served, miner(*QUICK, f"pool={served.address}", "probe_s=0.3") as device:
        served.accept().welcome()
        served.close()
        assert device.when(lambda: device.info()["power"] < 4)
        assert device.info()["coreVoltageActual"] == 0
        with socket.create_server(("127.0.0.1", served.port)) as back:
            probe = Line(back.accept()[0])
            probe.answer(probe.method("mining.subscribe"))
            line = Line(back.accept()[0])
            line.welcome()
            assert device.when(lambda: device.info()["coreVoltageActual"] == 1200)
            probe.close()
            line.close()


def test_whoever_is_not_on_a_private_network_is_turned_away() -> None:
    with miner(*QUICK, "check_address=1") as device:
        assert device.http("GET", "/api/system/info") == (401, b"Unauthorized")


@pytest.fixture
def running_alone() -> Iterator[tuple[Miner, Any, Line]]:
    with pool() as served, miner(*QUICK, f"pool={served.address}", "heat_speed=10") as device:
        line = served.accept()
        line.welcome()
        yield device, served, line


@pytest.fixture
def running_alone_hot() -> Iterator[tuple[Miner, Any, Line]]:
    heat = ("faults=overheat:0", "heat_speed=40")
    with pool() as served, miner(*QUICK, *heat, f"pool={served.address}") as device:
        line = served.accept()
        line.welcome()
        yield device, served, line


def times(truth: Path, kind: str) -> dict[str, int]:
    """When each job first had this happen to it, by the emulator's own record."""
    found: dict[str, int] = {}
    for line in truth.read_text().splitlines():
        if line.startswith(f"# {kind},"):
            _, t_ns, job_id = line.split(",")
            found.setdefault(job_id, int(t_ns))
    return found


def websocket(port: int, path: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (f"GET {path} HTTP/1.1", "Host: miner", "Upgrade: websocket", "Connection: Upgrade")
    sock.sendall("\r\n".join([*lines, f"Sec-WebSocket-Key: {key}", "", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(1)
    assert b" 101 " in head
    return sock


def frame(sock: socket.socket) -> str:
    """The text of the next frame."""

    def exactly(size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += sock.recv(size - len(data))
        return data

    opcode, size = exactly(2)
    assert opcode == 0x81
    if size == 126:
        size = int.from_bytes(exactly(2), "big")
    return exactly(size).decode()
