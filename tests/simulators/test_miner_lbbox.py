"""The emulated LB-Box: its web API, its command port, and LBRY's shares."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from miner_host import Job, Line, Miner, lbry_hash, miner, pool

QUICK = ("lbbox", "boot_s=0.3", "retry_s=0.1")
LOGIN = "/user/login?username=admin&password=123456789"


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Miner, Line]]:
    with pool() as served, miner(*QUICK, f"pool={served.address}") as device:
        line = served.accept()
        line.welcome()
        line.difficulty(512)
        line.notify(job("a"))
        yield device, line


def test_shares_are_lbrys_in_256ths(running: tuple[Miner, Line]) -> None:
    device, line = running
    assert device.announced["difficulty_factor"] == 256
    assert device.difficulty_one == 0xFFFF << (208 + 24 - 1)
    shares = line.shares_of("a", 30)
    told = [(message["method"], message["id"]) for message in line.messages[:3]]
    assert told == [("mining.subscribe", 1), ("mining.authorize", 2), ("mining.extranonce.subscribe", 3)]
    assert {len(share.params) for share in shares} == {5}
    assert {share.number for share in shares} == {4}  # of every one
    target = device.difficulty_one * 256 // 512
    assert max(line.value(share, lbry_hash) for share in shares) <= target
    assert max(line.value(share, lbry_hash) for share in shares) > target // 2
    line.difficulty(1)  # the floor is 256
    line.notify(job("b"))
    reached = [
        device.difficulty_one * 256 / line.value(share, lbry_hash) for share in line.shares_of("b", 30)
    ]
    assert min(reached) > 255.9


def test_a_job_without_a_claimtrie_is_passed_over(running: tuple[Miner, Line]) -> None:
    _, line = running
    line.notify(Job("c"))
    assert {share.job_id for share in line.shares(0.5)} <= {"a", "b"}


def test_a_token_is_needed_and_never_changes(running: tuple[Miner, Line]) -> None:
    device, _ = running
    assert json.loads(device.http("GET", "/mcb/status")[1])["model"] == "Goldshell-LBBox"
    assert device.http("GET", "/mcb/setting") == (401, b"Check Token Error")
    assert device.http("GET", "/mcb/setting", headers={"Authorization": "Bearer x"})[0] == 401
    assert "JWT Token" not in json.loads(device.http("GET", f"{LOGIN}0&cipher=false")[1])
    first, second = token(device), token(device)
    assert first == second
    assert first.count(".") == 2


def test_a_plan_is_chosen_by_its_place(running: tuple[Miner, Line]) -> None:
    device, line = running
    allowed = {"Authorization": f"Bearer {token(device)}"}
    setting = json.loads(device.http("GET", "/mcb/setting", headers=allowed)[1])
    assert [plan["level"] for plan in setting["powerplans"]] == [0, 1, 3]
    assert (setting["select"], setting["name"].count(":")) == (0, 5)
    assert device.http("PUT", "/mcb/setting", setting | {"select": 2}, allowed)[0] == 200
    assert json.loads(device.http("GET", "/mcb/setting", headers=allowed)[1]) == setting | {"select": 2}
    line.falls_silent()  # asleep
    assert device.http("PUT", "/mcb/setting", setting | {"select": 3}, allowed)[0] == 200
    assert json.loads(device.http("GET", "/mcb/setting", headers=allowed)[1])["select"] == 2
    assert device.http("PUT", "/mcb/setting", b"nothing", allowed)[0] == 500
    device.http("PUT", "/mcb/setting", setting, allowed)
    assert line.shares(30, until=3)


def test_pools_are_a_list(running: tuple[Miner, Line]) -> None:
    device, line = running
    allowed = {"Authorization": f"Bearer {token(device)}"}
    (mine,) = json.loads(device.http("GET", "/mcb/pools", headers=allowed)[1])
    assert (mine["active"], mine["dragid"], mine["user"]) == (True, 0, "owner.worker")
    with pool() as other:
        new = {"url": f"stratum+tcp://{other.address}", "user": "me.you", "pass": "y"}
        assert device.http("PUT", "/mcb/newpool", new, allowed)[0] == 200
        assert len(json.loads(device.http("GET", "/mcb/pools", headers=allowed)[1])) == 2
        assert line.shares(30, until=2)  # behind the first
        old = {name: mine[name] for name in ("url", "user", "pass", "dragid")}
        assert device.http("PUT", "/mcb/delpool", old, allowed)[0] == 200
        again = other.accept()
        again.welcome()
        assert again.messages[1]["params"] == ["me.you", "y"]
        device.http("PUT", "/mcb/pools", [old, new], allowed)
        with pytest.raises(ConnectionError):
            again.until(lambda message: False, 30)
    assert device.http("PUT", "/mcb/newpool", {"url": ""}, allowed)[0] == 500


def test_the_command_port_only_tells(running: tuple[Miner, Line]) -> None:
    device, _ = running
    port = int(device.query["command_port"])
    (board,) = device.ask("devs", port=port)["DEVS"]
    assert (board["PGA"], board["Name"], board["tstemp-1"], board["clock"]) == (0, "INCS", -150.0, 700.0)
    assert device.ask("devdetails", port=port)["DEVDETAILS"][0]["chips-nr"] > 0
    assert device.ask("addpool", "a,b,c", port=port)["STATUS"][0]["Code"] == 45
    assert set(device.ask("summary+pools", port=port)) == {"summary", "pools", "id"}
    allowed = {"Authorization": f"Bearer {token(device)}"}
    told = json.loads(device.http("GET", "/mcb/cgminer?cgminercmd=devs", headers=allowed)[1])
    assert told["data"][0]["temp"].endswith(" °C")
    assert device.http("GET", "/mcb/nothing", headers=allowed)[0] == 404


def test_newer_firmware_wants_the_password_encrypted_and_loses_tokens() -> None:
    with miner(*QUICK, "login=cipher", "flaky_tokens=1", "difficulty_factor=1") as device:
        assert device.announced["difficulty_factor"] == 1
        with pytest.raises(json.JSONDecodeError):
            json.loads(device.http("GET", f"{LOGIN}&cipher=false")[1])
        encrypted = "/user/login?username=admin&password=bbad7537f4c8b6ea31eea0b3d760e257&cipher=true"
        told: dict[str, Any] = json.loads(device.http("GET", encrypted)[1])
        allowed = {"Authorization": f"Bearer {told['JWT Token']}"}
        statuses = [device.http("GET", "/mcb/pools", headers=allowed)[0] for _ in range(8)]
        assert statuses == [200] * 6 + [401, 200]
        with device.shuts_its_api("/mcb/status"):
            assert device.http("PUT", "/mcb/restart", headers=allowed)[0] == 200
        assert device.when(lambda: not refused(device))


def refused(device: Miner) -> bool:
    try:
        device.http("GET", "/mcb/status")
    except ConnectionError:
        return True
    return False


def token(device: Miner) -> str:
    return str(json.loads(device.http("GET", f"{LOGIN}&cipher=false")[1])["JWT Token"])


def job(job_id: str) -> Job:
    return Job(job_id, claimtrie=os.urandom(32).hex())
