"""What each fault of an emulated miner does, for its pool and its owner; how emulators begin and end."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from importlib.metadata import entry_points
from itertools import pairwise

import pytest
from miner_host import Job, Line, Miner, miner, pool

from simulators.endpoints import open_sim
from simulators.miners.options import MINERS, OptionError, parse_options

HEAD = ("lv06", "profile=esp-head", "zero_bits=6", "retry_s=0.1", "boot_s=0.2")


def begun(line: Line, job_id: str = "a") -> None:
    line.welcome()
    line.difficulty(256)
    line.notify(Job(job_id))


@pytest.mark.parametrize("profile", ["esp-old", "esp-head"])
def test_stuck_at_50_mhz_it_hashes_a_tenth(profile: str) -> None:
    options = ("lv06", f"profile={profile}", "zero_bits=6", "faults=stuck_50mhz")
    with pool() as served, miner(*options, f"pool={served.address}") as device:
        begun(served.accept())
        info = device.info()
        assert (info["frequency"], info["coreVoltage"]) == (50, 990 if profile == "esp-old" else 1000)
        assert device.announced["shares_per_s_at_floor"] == pytest.approx(90.95 * 50 / 500, rel=0.02)
        assert device.when(lambda: 2 < device.info()["power"] < 5)


def test_settings_are_ignored_and_praised() -> None:
    with miner(*HEAD, "faults=ignore_settings") as device:
        assert device.http("PATCH", "/api/system", {"frequency": 400, "coreVoltage": 1100}) == (200, b"")
        info = device.info()
        assert (info["frequency"], info["coreVoltage"]) == (485, 1200)
    with miner("s9", "profile=luxos", "faults=ignore_settings") as device:
        session = device.ask("logon")["SESSION"][0]["SessionID"]
        assert device.ask("frequencyset", f"{session},0,500")["STATUS"][0]["STATUS"] == "S"
        assert device.ask("voltageset", f"{session},0,8.5")["STATUS"][0]["STATUS"] == "S"
        assert device.ask("addpool", "stratum+tcp://127.0.0.1:9,me,x")["STATUS"][0]["Code"] == 55
        assert device.ask("healthchipget", "0,0")["CHIPS"][0]["Frequency"] == 643.75
        assert device.ask("voltageget", "0")["VOLTAGE"][0]["Voltage"] == 8.9
        assert len(device.ask("pools")["POOLS"]) == 1


def test_a_difficulty_can_be_ignored() -> None:
    with pool() as served, miner(*HEAD, "faults=ignore_difficulty", f"pool={served.address}") as device:
        line = served.accept()
        line.welcome()
        line.difficulty(1e9)
        line.notify(Job("a"))
        assert min(device.difficulty_one / line.value(share) for share in line.shares_of("a", 30)) < 2000


@pytest.mark.long
def test_the_floor_can_be_higher() -> None:
    with pool() as served, miner(*HEAD, "floor=1024", f"pool={served.address}") as device:
        line = served.accept()
        begun(line)
        assert min(device.difficulty_one / line.value(share) for share in line.shares_of("a", 20)) > 1023


def test_shares_go_wrong_and_come_twice() -> None:
    faults = "faults=bad_share:0.5,resent:0.5"
    with pool() as served, miner(*HEAD, faults, f"pool={served.address}") as device:
        line = served.accept()
        begun(line)
        shares = line.shares_of("a", 120)
        wrong = sum(line.value(share) > device.difficulty_one // 255 for share in shares)
        assert 35 < wrong < 85
        repeats = sum(one.params == other.params for one, other in pairwise(shares))
        assert 15 < repeats < 70
        assert device.when(lambda: device.info()["sharesAccepted"] >= 119)


def test_jobs_are_dropped() -> None:
    with pool() as served, miner(*HEAD, "faults=drop_job:1", f"pool={served.address}"):
        line = served.accept()
        begun(line)
        assert not line.shares(0.5)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("drop_pool", "Reset due to power-on event"),
        ("reboot_after", "Reset due to power glitch detected"),
    ],
)
def test_it_cuts_its_connection_and_reboots_when_told(fault: str, reason: str) -> None:
    with pool() as served, miner(*HEAD, f"faults={fault}:0.2", f"pool={served.address}") as device:
        line = served.accept()
        begun(line)
        with pytest.raises(ConnectionError):
            line.shares(30)
        served.accept().welcome()
        assert device.info()["resetReason"] == reason


def test_its_api_hangs_when_told() -> None:
    with pool() as served, miner(*HEAD, "faults=hang_api:0.2", f"pool={served.address}") as device:
        line = served.accept()
        assert device.info()["uptimeSeconds"] >= 0
        begun(line)
        ends = time.monotonic() + 30
        with pytest.raises(TimeoutError):
            while time.monotonic() < ends:
                with socket.create_connection(("127.0.0.1", device.port), timeout=1.0) as sock:
                    sock.sendall(b"GET /api/system/info HTTP/1.1\r\nConnection: close\r\n\r\n")
                    while sock.recv(65536):
                        pass
        assert line.shares(30, until=3), "it mines on"


def test_settings_are_lowered_without_a_word() -> None:
    with pool() as served, miner(*HEAD, "faults=lower_settings:0.1", f"pool={served.address}") as device:
        begun(served.accept())
        assert device.when(lambda: device.info()["frequency"] == 385)
        assert device.info()["coreVoltage"] == 1100 and not device.info()["overheat_mode"]
    with (
        pool() as served,
        miner("s9", "profile=luxos", "faults=lower_settings:0.1", f"pool={served.address}") as device,
    ):
        begun(served.accept())
        assert device.when(lambda: device.ask("healthchipget", "0,0")["CHIPS"][0]["Frequency"] == 543.75)


@pytest.mark.long
def test_it_leaves_for_its_fallback_and_stays_there() -> None:
    with pool() as first, pool() as second:
        pools = (
            f"pool={first.address}",
            f"fallback={second.address}",
            "faults=fallback_after:0.3",
            "probe_s=0.2",
        )
        with miner(*HEAD, *pools) as device:
            line = first.accept()
            begun(line)
            with pytest.raises(ConnectionError):
                line.shares(30)
            second.accept().welcome()
            time.sleep(0.5)
            assert device.info()["isUsingFallbackStratum"] == 1
            with pytest.raises(TimeoutError):
                first.accept(0.1)


def test_replies_are_cut_where_the_buffer_ends() -> None:
    with miner("s9", "faults=cut_reply:500") as device:
        raw = device.command({"command": "stats"})
        assert len(raw) == 501
        assert raw[-1:] == b"\0"


@pytest.mark.long
def test_shares_leave_in_batches_and_late() -> None:
    options = ("s9", "batch_ms=300", "jitter_ms=20")
    with pool() as served, miner(*options, f"pool={served.address}"):
        line = served.accept()
        line.welcome()
        line.difficulty(64)
        line.notify(Job("a"))
        at_s: list[float] = []
        ends, apart, together = time.monotonic() + 30, 0, 0
        while apart < 4 or together <= 30:
            assert time.monotonic() < ends, f"{apart} gaps between batches, {together} within"
            at_s += [share.at_s for share in line.shares(0.5)]
            gaps = [after - before for before, after in pairwise(at_s)]
            apart, together = sum(gap > 0.2 for gap in gaps), sum(gap < 0.02 for gap in gaps)


@pytest.mark.parametrize("name", sorted(MINERS))
def test_each_miner_is_found_by_its_name(name: str) -> None:
    schemes = {"lv06": "axeos", "s9": "cgminer", "lbbox": "goldshell"}
    with open_sim(f"sim:{name}?seed=3") as url:
        assert url.startswith(f"{schemes[name]}://127.0.0.1:")
        assert "difficulty_one=" in url
    (entry,) = [one for one in entry_points(group="asicrc.emulators") if one.name == name]
    assert entry.load()(["--help"]) == 0


def test_the_profile_of_an_s9_decides_its_scheme() -> None:
    with open_sim("sim:s9?profile=luxos") as url:
        assert url.startswith("luxos://127.0.0.1:")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("miner=lv06&nonsense=1", "knows no option 'nonsense'"),
        ("miner=lv06&profile=bmminer", "profile is one of esp-old, esp-head"),
        ("miner=s9&login=cipher", "knows no option 'login'"),
        ("miner=lv06&floor=300", "floor is a power of 2"),
        ("miner=lbbox&zero_bits=25", "between 1 and 24"),
        ("miner=lv06&realistic=1&hash_rate_scale=5", "give one of them"),
        ("miner=lv06&faults=nothing", "no fault 'nothing'"),
        ("miner=lv06&faults=drop_job:2", "between 0 and 1"),
        ("miner=lv06&faults=stuck_50mhz:1", "has no value"),
        ("miner=lv06&pool=somewhere", "host:port"),
        ("miner=lv06&seed=1&seed=2", "given twice"),
        ("miner=lv07", "miner is one of"),
    ],
)
def test_what_is_not_understood_is_said(options: str, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        parse_options(tuple(part.split("=", 1)) for part in options.split("&"))  # type: ignore[misc]


def test_the_process_ends_with_stdin_and_says_how_it_went() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators.miners", "lbbox"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    device = Miner(process, json.loads(process.stdout.readline()))
    assert device.http("GET", "/mcb/status")[0] == 200
    _, said = process.communicate(b"", timeout=60)
    assert process.returncode == 0
    assert json.loads(said)["ended"] == "stdin"
    wrong = [sys.executable, "-m", "simulators.miners", "lv06", "zero_bits=x"]
    finished = subprocess.run(wrong, capture_output=True, check=False)
    assert (finished.returncode, finished.stdout) == (2, b"")
    assert b"zero_bits is a whole number" in finished.stderr
