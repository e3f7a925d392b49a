"""Miners on the network as a person meets them: emulated firmware on real sockets, the whole command.

Most are long tests: a gate that waits for shares, restarts, ramps. The short ones are those that refuse.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from as_a_person import COMMAND, Run, as_from_a_terminal, asicrc, emulator, in_two_tries, wait_for_line
from free_ports import free_port

WALLET = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
PASSWORD = "what-only-its-owner-knows"
QUICK = (
    "zero_bits=8",
    "boot_s=0.3",
    "retry_s=0.2",
    "telemetry_s=0.5",
    f"user={WALLET}.rig",
    f"password={PASSWORD}",
    "report=0",
)
long = pytest.mark.long
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the miners' own pools are kept, apart from the user's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("ASICRC_MINER_PASSWORD", "ASICRC_MINER_PASSWORD_FILE", "ASICRC_STATION"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "state" / "asicrc" / "miners"


@contextmanager
def miner(*options: str) -> Iterator[str]:
    with emulator(*options, *QUICK, module="simulators.miners") as url:
        yield url


def capture(url: str, path: Path, *arguments: str, duration: str = "2s", timeout_s: float = 200) -> Run:
    return asicrc(
        "capture",
        "--device",
        url,
        "--duration",
        duration,
        "-o",
        path,
        "--json",
        *arguments,
        timeout_s=timeout_s,
    )


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def settings(path: Path, kind: str) -> dict[str, tuple[float | None, float | None]]:
    found = rows(path, f"select name, requested, read_back from settings where kind = '{kind}'")
    return {name: (requested, read_back) for name, requested, read_back in found}


def log(path: Path) -> str:
    return "\n".join(text for (text,) in rows(path, "select text from log"))


def api(url: str) -> dict[str, Any]:
    """What an AxeOS miner says of itself, asked past asicrc, and again until it is back from a restart."""
    address = url.partition("?")[0].replace("axeos:", "http:")
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{address}/api/system/info", timeout=30) as reply:
                return dict(json.load(reply))
        except OSError:
            assert time.monotonic() < deadline, "the miner does not come back"
            time.sleep(0.2)


def with_more_time(course: Callable[[Path, int], None], tmp_path: Path) -> None:
    """Seconds from the first job to the fault: the gate is open by then, or where a machine is slow later."""
    in_two_tries(lambda folder: course(folder, 14 if folder.name == "first" else 45), tmp_path)


def own_pools(info: dict[str, Any]) -> tuple[Any, ...]:
    pools = [(pool["id"], pool["stratumURL"], pool["stratumUser"]) for pool in info.get("pools", ())]
    keys = ("stratumURL", "stratumPort", "stratumUser", "primaryPoolIndex", "secondaryPoolIndex")
    return tuple(info.get(key) for key in keys), pools


@pytest.mark.long
def test_old_firmware_that_sits_at_50_mhz_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with miner("lv06", "profile=esp-old", "faults=stuck_50mhz") as url:
        before = own_pools(api(url))
        run = capture(url, path)
        assert own_pools(api(url)) == before
    assert run.code == 5
    for said in ("50 MHz", "overheated", "--frequency-mhz 485"):
        assert said in run.json["reason"]
    assert run.json["restored"] is True
    assert rows(path, "select count(*) from events") == [(0,)]


@pytest.mark.long
def test_firmware_that_ignores_settings_is_an_error_and_keeps_its_pools(tmp_path: Path) -> None:
    with miner("lv06", "profile=esp-head", "faults=ignore_settings") as url:
        before = own_pools(api(url))
        run = capture(url, tmp_path / "a.asicrc", "--frequency-mhz", "500")
        assert own_pools(api(url)) == before
    assert run.code == 5
    assert "answered that it was done, but did not do it" in run.json["reason"]


@pytest.mark.long
def test_nobody_coming_is_explained_with_address_port_and_what_to_try(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with miner("s9", "profile=bmminer", "api_allow=stock") as url:
        run = capture(f"{url}&wait_s=2", path)
    assert run.code == 3
    for said in ("no miner has come to 127.0.0.1, port", "firewall", "nc -vz 127.0.0.1", "for 2 s"):
        assert said in run.json["reason"]
    assert run.json["restored"] is not False


def test_a_password_in_a_url_is_refused_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    for url in ("axeos://admin:hunter2@10.0.0.7", "goldshell://10.0.0.7?password=hunter2"):
        run = capture(url, path)
        assert run.code == 2
        assert "ASICRC_MINER_PASSWORD" in run.json["error"]["hint"]
        assert "hunter2" not in run.out + run.err
        assert not path.exists()


def test_a_miner_that_is_not_there_is_said_and_no_file_is_left(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen
        port = held.getsockname()[1]
        for scheme in ("axeos", "luxos"):
            run = capture(f"{scheme}://127.0.0.1:{port}", tmp_path / "a.asicrc")
            assert run.code == 3, run
            assert f"127.0.0.1:{port}" in run.json["error"]["message"]
            assert "--scan" in run.json["error"]["hint"]
    assert not list(tmp_path.glob("*.asicrc"))


@long
def test_what_it_cannot_be_set_to_is_refused_before_a_file_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with miner("lv06", "profile=esp-old") as url, miner("s9", "profile=bmminer") as s9:
        for device, arguments, said in (
            (url, ("--frequency-mhz", "700"), "outside the built-in envelope"),
            (url, ("--voltage-mv", "900"), "outside the built-in envelope"),
            (url, ("--frequency-mhz", "487.5"), "whole number"),
            (s9, ("--frequency-mhz", "600"), "cannot set frequency_mhz"),
        ):
            run = capture(device, path, *arguments)
            assert run.code == 5, run
            assert said in run.json["error"]["message"]
    assert not path.exists()


@long
def test_a_plan_asks_the_miner_and_an_lv06_brings_a_share_in_two_seconds() -> None:
    with miner("lv06", "profile=esp-head") as url:
        plan = asicrc("plan-rate", "--device", url, "--step-ms", "1000", "--difficulty", "1", "--json").json
    assert plan["difficulty"] == 256
    assert plan["shares_per_s"] == pytest.approx(0.3943, abs=0.001)
    given = asicrc(
        "plan-rate", "--hashrate-ghs", "500", "--step-ms", "1000", "--shares", "1000", "--json"
    ).json
    assert given["shares_per_s"] == pytest.approx(0.4547, abs=1e-3)
    assert given["hours"] == pytest.approx(1000 / 0.4547 / 3600, rel=1e-3)
    assert asicrc("plan-rate", "--json").code == 2


@long
def test_a_scan_finds_every_emulated_miner_beside_a_host_that_hangs() -> None:
    with (
        miner("lv06", "profile=esp-head") as lv06,
        miner("s9", "profile=bmminer") as s9,
        miner("s9", "profile=luxos") as luxos,
        miner("lbbox") as lbbox,
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        urls = [url.partition("?")[0] for url in (lv06, s9, luxos, lbbox)]
        ports = [url.rpartition(":")[2] for url in urls] + [str(silent.getsockname()[1])]
        for _ in range(3):  # each has some seconds to answer
            run = asicrc("devices", "--scan", "127.0.0.1/32", "--ports", ",".join(ports), "--json")
            if len(run.json["miners"]) == len(urls):
                break
    assert sorted(found["url"] for found in run.json["miners"]) == sorted(urls)
    assert run.json["silent"] == 1
    assert asicrc("devices", "--scan", "8.8.8.0/24", "--json").json["error"]["code"] == "usage"


@long
@pytest.mark.parametrize("profile", ["esp-old", "esp-head"])
def test_a_lv06_is_set_captured_and_given_back(tmp_path: Path, profile: str, state: Path) -> None:
    path = tmp_path / "a.asicrc"
    with miner("lv06", f"profile={profile}") as url:
        before = own_pools(api(url))
        set_to = ("--frequency-mhz", "525", "--voltage-mv", "1225", "--fan-percent", "90")
        run = capture(url, path, *set_to, "--max-events", "120", duration="60s")
        after = api(url)
    assert run.code == 0, run
    assert run.json["restored"] is True
    assert run.json["valid"] == run.json["events"] > 5
    assert settings(path, "set")["frequency_mhz"] == (525.0, 525.0)
    assert settings(path, "set")["voltage_mv"] == (1225.0, 1225.0)
    assert settings(path, "restored")["own_pools"] == (1.0, 1.0)
    assert own_pools(after) == before
    assert (after["frequency"], after["coreVoltage"], after["autofanspeed"]) == (485, 1200, 1)
    channels = {channel for (channel,) in rows(path, "select distinct channel from readings")}
    assert {"temperature_c", "power_w", "hash_rate_ghs", "core_set_mv"} <= channels
    gate = json.loads(rows(path, "select value from capture where key = 'gate'")[0][0])
    assert gate["expected_hash_rate_ghs"] == pytest.approx(525 * 894 / 1000)
    assert not list(state.glob("*.json"))
    _keeps_the_wallet(path, run)
    assert asicrc("verify", path, "--json").code == 0


@long
@pytest.mark.parametrize(
    ("options", "arguments", "set_to"),
    [
        (("s9", "profile=bmminer"), (), {}),
        (
            ("s9", "profile=luxos"),
            ("--frequency-mhz", "550", "--voltage-mv", "8700"),
            {"frequency_mhz": (550.0, 550.0), "voltage_mv": (8700.0, 8700.0)},
        ),
        (("lbbox", "hash_rate_scale=2e6"), ("--power-plan", "1"), {"power_plan": (1.0, 1.0)}),
        (("lbbox", "hash_rate_scale=2e6", "login=cipher", "flaky_tokens=1"), (), {}),
        (("lbbox", "hash_rate_scale=2e6", "difficulty_factor=1", "floor=1"), ("--difficulty", "16"), {}),
    ],
)
def test_other_miners_are_set_captured_and_given_back(
    tmp_path: Path,
    state: Path,
    options: tuple[str, ...],
    arguments: tuple[str, ...],
    set_to: dict[str, tuple[float, float]],
) -> None:
    path = tmp_path / "a.asicrc"
    quick = QUICK if options[0] != "lbbox" else QUICK[1:]
    with emulator(*options, *quick, "pool=127.0.0.1:9", module="simulators.miners") as url:
        run = capture(url, path, *arguments, "--max-events", "4", duration="60s")
    assert run.code == 0, run
    assert run.json["restored"] is True
    assert run.json["valid"] == run.json["events"] > 3
    found = settings(path, "set")
    assert {name: found[name] for name in set_to} == set_to
    unit = json.loads(rows(path, "select value from capture where key = 'gate'")[0][0])["difficulty_unit"]
    assert unit == (None if options[0] == "s9" else 256 if "difficulty_factor=1" in options else 1)
    assert not list(state.glob("*.json"))
    _keeps_the_wallet(path, run)


@long
def test_an_s9_that_takes_no_pool_is_waited_for_while_its_owner_points_it(tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "a.asicrc"
    with miner("s9", "profile=bmminer", "api_allow=stock", f"pool=127.0.0.1:{port}") as url:
        run = capture(f"{url}&server_port={port}", path, "--max-events", "6", duration="60s")
    assert run.code == 0, run
    assert "by hand" in run.err
    assert f"stratum+tcp://127.0.0.1:{port} as pool 1" in run.err
    assert "write its own pool back" in run.err
    assert "own_pools" not in settings(path, "original")
    assert run.json["events"] > 5


@long
@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("overheat", 5, "stopped for safety"),
        ("lower_settings", 5, "firmware does that to a miner that has overheated"),
        ("fallback_after", 3, "mines at a pool of its own"),
        ("ignore_difficulty", 5, "ignores the difficulty"),
    ],
)
def test_what_goes_wrong_meanwhile_ends_the_capture_with_its_reason(
    tmp_path: Path, fault: str, code: int, said: str
) -> None:
    def course(folder: Path, seconds: int) -> None:
        path = folder / "a.asicrc"
        at_once = fault == "ignore_difficulty"
        faults = f"faults={fault}" if at_once else f"faults={fault}:{seconds}"
        with miner("lv06", "profile=esp-head", faults, "fallback=127.0.0.1:9", "heat_speed=5") as url:
            difficulty = ("--difficulty", "1024") if at_once else ()
            run = capture(url, path, *difficulty, duration="60s")
        assert run.code == code, run
        assert said in run.json["reason"]
        _keeps_the_wallet(path, run)

    with_more_time(course, tmp_path)


@long
def test_the_fan_of_a_miner_holds_a_temperature_and_is_given_back(tmp_path: Path) -> None:
    def course(folder: Path) -> None:
        path = folder / "a.asicrc"
        with miner("lv06", "profile=esp-head", "heat_speed=10") as url:
            run = capture(url, path, "--fan-target-c", "64", duration="40s")
            after = api(url)
        assert run.code == 0, run
        assert run.json["restored"] is True and after["autofanspeed"] == 1
        told = rows(path, "select requested, read_back from settings where name = 'fan_percent'")
        assert len(told) > 2 and all(asked == read_back for asked, read_back in told if asked is not None)
        assert "64 degC is wanted" in log(path)
        celsius = [c for (c,) in rows(path, "select value from readings where channel = 'temperature_c'")]
        assert all(57 < c < 66 for c in celsius[-5:]), celsius  # some minutes of the real one
        assert all(asked >= 25 for asked, _ in told if asked is not None)

    in_two_tries(course, tmp_path)


@long
def test_a_restart_of_the_miner_meanwhile_is_a_new_segment_and_a_line(tmp_path: Path) -> None:
    def course(folder: Path, seconds: int) -> None:
        path = folder / "a.asicrc"
        with miner("lv06", "profile=esp-head", f"faults=reboot_after:{seconds}") as url:
            run = capture(url, path, duration=f"{seconds + 6}s")
        assert run.code == 0, run
        assert len(rows(path, "select distinct segment from events")) == 2
        assert "the device has restarted" in log(path)
        assert "came back" in rows(path, "select reason from segments order by id")[1][0]

    with_more_time(course, tmp_path)


@long
def test_a_silent_management_interface_stops_the_capture_and_not_the_shares(tmp_path: Path) -> None:
    def course(folder: Path, seconds: int) -> None:
        path = folder / "a.asicrc"
        with miner("lv06", "profile=esp-head", f"faults=hang_api:{seconds}") as url:
            run = capture(url, path, duration=f"{seconds + 1}s")
        times = [t_ns for (t_ns,) in rows(path, "select t_ns from events order by t_ns")]
        assert len(times) > 1
        assert max(b - a for a, b in pairwise(times)) < 6e9
        assert run.json["restored"] is False
        assert run.code in (3, 5)

    with_more_time(course, tmp_path)


@long
@pytest.mark.parametrize("profile", ["esp-old", "esp-head"])
def test_a_killed_capture_is_undone_by_restore_or_by_the_next_one(
    tmp_path: Path, profile: str, state: Path
) -> None:
    path = tmp_path / "a.asicrc"
    with miner("lv06", f"profile={profile}") as url:
        before = own_pools(api(url))
        _killed_capture(url, path)
        assert own_pools(api(url)) != before
        (kept,) = state.glob("*.json")
        assert kept.stat().st_mode & 0o777 == 0o600
        named = asicrc("restore", path, "--json")
        assert named.code == 2
        restored = asicrc("restore", path, "--device", url, "--json", timeout_s=200)
        assert restored.code == 0, restored
        assert own_pools(api(url)) == before
        assert (api(url)["frequency"], api(url)["coreVoltage"]) == (485, 1200)
        assert not list(state.glob("*.json"))
        second = tmp_path / "b.asicrc"
        _killed_capture(url, second)
        _wait_until_it_answers(url)
        third = tmp_path / "c.asicrc"
        run = capture(url, third)
        assert run.code == 0, run
        assert "did not put this miner back" in log(third)
        assert settings(third, "original")["frequency_mhz"] == (None, 485.0)
        assert own_pools(api(url)) == before
        assert api(url)["frequency"] == 485


@long
def test_restore_takes_no_other_miner_for_the_one_of_the_capture(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with miner("lv06", "profile=esp-head") as url:
        _killed_capture(url, path)
    with miner("lv06", "profile=esp-old") as other:  # which tells no address
        before = api(other)
        run = asicrc("restore", path, "--device", other, "--json")
        assert run.code == 3, run
        assert "another axeos miner" in run.json["error"]["message"]
        assert own_pools(api(other)) == own_pools(before)
    with miner("s9", "profile=bmminer") as s9:
        run = asicrc("restore", path, "--device", s9, "--json")
        assert run.code == 3
        assert "axeos miner (lv06, 1 x BM1366)" in run.json["error"]["message"]


@long
def test_ctrl_c_while_a_miner_is_waited_for_puts_everything_back(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with miner("lv06", "profile=esp-head") as url:
        before = own_pools(api(url))
        process = _started(url, path, "--duration", "60s", "--difficulty", "1e8")
        wait_for_line(process, lambda line: "the gate: waiting" in line)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=200)
        assert process.returncode == 130
        assert own_pools(api(url)) == before
    assert rows(path, "select value from capture where key = 'restored'") == [("true",)]


@long
def test_a_second_capture_of_the_same_miner_is_turned_away_without_a_file(tmp_path: Path) -> None:
    with miner("lv06", "profile=esp-head") as url:
        process = _started(url, tmp_path / "a.asicrc", "--duration", "200s")
        wait_for_line(process, lambda line: "the gate: waiting" in line)
        run = capture(url, tmp_path / "b.asicrc")
        assert run.code == 3
        assert "another capture" in run.json["error"]["message"]
        assert not (tmp_path / "b.asicrc").exists()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=200)
        assert process.returncode == 130


def _started(url: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    arguments = arguments or ("--duration", "60s")
    return subprocess.Popen(
        [*COMMAND, "capture", "--device", url, "-o", str(path), "--plain", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=as_from_a_terminal,
    )


def _killed_capture(url: str, path: Path) -> None:
    """A capture at other settings whose processes all die in the middle."""
    process = _started(url, path, "--duration", "60s", "--frequency-mhz", "450", "--voltage-mv", "1175")
    wait_for_line(process, lambda line: "the gate opened" in line)
    time.sleep(1.0)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _wait_until_it_answers(url: str) -> None:
    """Old firmware may panic when its pool is gone, and starts anew."""
    time.sleep(1.0)
    api(url)


def _keeps_the_wallet(path: Path, run: Run) -> None:
    data = path.read_bytes()
    token_begins, network, its_password, address = (
        "eyJhbGciOi",
        "workshop",
        "not-told",
        ("4C:56:06", "4c5606"),
    )
    for secret in (WALLET, PASSWORD, token_begins, network, its_password, *address):
        assert secret.encode() not in data
        assert secret not in run.out + run.err
