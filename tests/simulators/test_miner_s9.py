"""The emulated Antminer S9 under bmminer and under LuxOS: commands on its port, shares at its pool."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from miner_host import MASK, Job, Line, Miner, Pool, miner, pool

QUICK = ("s9", "boot_s=0.3", "retry_s=0.1")


@pytest.fixture(scope="module")
def bmminer() -> Iterator[tuple[Miner, Line]]:
    with pool() as served, miner(*QUICK, f"pool={served.address}") as device:
        line = served.accept()
        line.welcome()
        line.difficulty(64)
        line.notify(Job("a"))
        yield device, line


@pytest.fixture(scope="module")
def luxos() -> Iterator[tuple[Miner, Line]]:
    with pool() as served, miner(*QUICK, "profile=luxos", f"pool={served.address}", "ramp_ms=40") as device:
        line = served.accept()
        line.welcome()
        line.difficulty(64)
        line.notify(Job("a"))
        yield device, line


def test_bmminer_subscribes_and_waits_before_it_goes_on(bmminer: tuple[Miner, Line]) -> None:
    _, line = bmminer
    assert line.lines[0].startswith(b'{"params": ["bmminer/2.0.0')  # cgminer writes the parameters first
    told = [(message["method"], message["id"]) for message in line.messages[:2]]
    assert told == [("mining.subscribe", 0), ("mining.authorize", 1)]


def test_old_shares_have_five_parameters_and_hash(bmminer: tuple[Miner, Line]) -> None:
    device, line = bmminer
    shares = line.shares_of("a", 60)
    assert {len(share.params) for share in shares} == {5}
    assert len({share.params[2] for share in shares}) > 5  # the chips go through extranonces
    assert max(line.value(share) for share in shares) <= device.difficulty_one // 64
    line.difficulty(300.5)
    line.notify(Job("b"))
    assert max(line.value(share) for share in line.shares_of("b", 10)) <= device.difficulty_one / 300.5
    line.difficulty(1)  # the chips report nothing below 64
    line.notify(Job("c"))
    reached = [device.difficulty_one / line.value(share) for share in line.shares_of("c", 40)]
    assert min(reached) > 63.9


def test_stale_shares_are_sent_until_the_new_job_is_taken_up(bmminer: tuple[Miner, Line]) -> None:
    _, line = bmminer
    line.difficulty(64)
    line.notify(Job("d0"))
    line.shares_of("d0", 3)
    line.notify(Job("d1"))
    mixed = line.shares(0.6)
    mixed += line.shares_of("d1", 3)
    first_new = next(i for i, share in enumerate(mixed) if share.job_id == "d1")
    assert {share.job_id for share in mixed[first_new:]} == {"d1"}
    assert {share.job_id for share in mixed[:first_new]} <= {"d0"}


def test_replies_end_with_a_nul_and_stats_lacks_a_comma(bmminer: tuple[Miner, Line]) -> None:
    device, line = bmminer
    line.shares(0.5)

    def is_counted() -> bool:
        """Its rate of 5 s: a machine that has other work does not hash all of it for a while."""
        stats = device.command({"command": "stats"})[:-1].replace(b"}{", b"},{")
        return bool(abs(float(json.loads(stats)["STATS"][1]["GHS 5s"]) / (643 * 189 * 0.114) - 1) < 0.2)

    assert device.when(is_counted)
    raw = device.command({"command": "stats"})
    assert raw.endswith(b"}\0")
    with pytest.raises(json.JSONDecodeError):
        json.loads(raw[:-1])
    head, data = json.loads(raw[:-1].replace(b"}{", b"},{"))["STATS"]
    assert head["Type"] == "Antminer S9"
    assert [place for place in range(1, 17) if data[f"chain_acn{place}"]] == [6, 7, 8]
    assert (data["chain_acn6"], data["chain_acn1"], data["total_acn"]) == (63, 0, 189)
    assert data["chain_acs6"].count("o") == 63
    assert (data["chain_rate1"], data["frequency"], data["freq_avg7"]) == ("", "643", 643.0)
    assert isinstance(data["GHS 5s"], str)
    assert (data["fan3"], data["fan1"]) == (data["fan6"], 0)
    assert b'"LCD":[,{' in device.command({"command": "lcd"})


def test_commands_in_text_and_what_is_none(bmminer: tuple[Miner, Line]) -> None:
    device, _ = bmminer
    said = rb"STATUS=S,When=\d+,Code=22,Msg=BMMiner versions,Description=bmminer 1.0.0\|VERSION,"
    assert re.fullmatch(said + rb"BMMiner=2.0.0,.*\|\0", device.command("version|"))
    codes = {
        "summary": 11,
        "pools": 7,
        "devs": 9,
        "config": 33,
        "coin": 78,
        "nothing": 14,
        "summary+pools": 14,
    }
    for name, code in codes.items():
        assert status(device.ask(name)) == ("E" if code == 14 else "S", code)
    assert status(json.loads(device.command("{no JSON")[:-1])) == ("E", 23)
    assert status(json.loads(device.command({"parameter": "1"})[:-1])) == ("E", 24)


def test_pools_are_added_switched_and_removed(bmminer: tuple[Miner, Line]) -> None:
    device, line = bmminer
    with pool() as other:
        added = device.ask("addpool", f"stratum+tcp://{other.address},me\\,and.you,x")
        assert status(added) == ("S", 55)
        assert [entry["Priority"] for entry in device.ask("pools")["POOLS"]] == [0, 1]
        assert status(device.ask("addpool", "one,two")) == ("E", 53)
        assert status(device.ask("switchpool", "7")) == ("E", 26)
        assert status(device.ask("switchpool", "1")) == ("S", 27)
        new = other.accept()
        new.welcome()
        assert new.messages[1]["params"] == ["me,and.you", "x"]
        with pytest.raises(ConnectionError):
            line.until(lambda message: False, 30)
        assert status(device.ask("removepool", "1")) == ("E", 67)
        first, second = device.ask("pools")["POOLS"]
        assert (first["Priority"], first["Stratum Active"]) == (1, False)
        assert (second["Priority"], second["Stratum Active"], second["Status"]) == (0, True, "Alive")
        assert status(device.ask("disablepool", "1")) == ("S", 48)
        assert status(device.ask("disablepool", "0")) == ("E", 51)
        assert status(device.ask("removepool", "1")) == ("S", 68)
        assert status(device.ask("removepool", "0")) == ("E", 66)


def test_a_factory_image_lets_nobody_change_anything() -> None:
    with miner(*QUICK, "api_allow=stock") as device:
        assert status(device.ask("summary")) == ("S", 11)
        for name in ("privileged", "check", "addpool", "config", "restart"):
            reply = device.ask(name, "addpool")
            assert status(reply) == ("E", 45)
            assert reply["STATUS"][0]["Msg"] == f"Access denied to '{name}' command"


def test_a_restart_forgets_pools_that_were_not_saved() -> None:
    with pool() as served, miner(*QUICK, f"pool={served.address}", "asicboost=1") as device:
        line = served.accept()
        line.welcome()
        assert line.messages[0]["method"] == "mining.configure"
        line.notify(Job("a"))
        assert {len(share.params) for share in line.shares_of("a", 4)} == {6}
        device.ask("addpool", "stratum+tcp://127.0.0.1:9,me,x")
        told_s = time.monotonic()
        assert device.command({"command": "restart"}) == b'{"STATUS":"RESTART"}\0'
        with pytest.raises(ConnectionError):
            line.shares(30)
        served.accept().welcome()
        assert len(device.ask("pools")["POOLS"]) == 1
        assert device.ask("summary")["SUMMARY"][0]["Elapsed"] <= time.monotonic() - told_s


def test_luxos_rolls_versions_if_the_pool_grants_it(luxos: tuple[Miner, Line]) -> None:
    device, line = luxos
    asked = line.messages[0]
    assert asked["method"] == "mining.configure"
    assert asked["params"][1] == {"version-rolling.mask": MASK, "version-rolling.min-bit-count": 2}
    shares = line.shares_of("a", 40)
    assert {share.params[5] for share in shares} == {"00000000", "00002000", "00004000", "00006000"}
    assert max(line.value(share) for share in shares) <= device.difficulty_one // 64


def test_a_session_is_needed_and_there_is_but_one(luxos: tuple[Miner, Line]) -> None:
    device, _ = luxos
    assert device.ask("session")["SESSION"] == [{"SessionID": ""}]
    assert status(device.ask("frequencyset", "guess,0,600"))[0] == "E"
    logon = device.ask("logon")
    assert status(logon) == ("S", 316)
    session = logon["SESSION"][0]["SessionID"]
    assert len(session) == 8
    assert status(device.ask("logon"))[0] == "E"
    assert device.ask("session")["SESSION"] == [{"SessionID": session}]
    assert status(device.ask("logoff", session))[0] == "S"
    assert status(device.ask("logoff", session))[0] == "E"


def test_each_board_has_a_clock_and_a_voltage_that_follow(luxos: tuple[Miner, Line]) -> None:
    device, _ = luxos
    session = device.ask("logon")["SESSION"][0]["SessionID"]
    told_s = time.monotonic()
    ramp = device.ask("frequencyset", f"{session},1,602")
    assert status(ramp) == ("S", 302)
    assert ramp["RAMP"] == [{"Board": 1, "Frequency": 600.0, "FrequencyStep": 5.0, "TargetChip": "all"}]
    is_ramping = device.ask("devs")["DEVS"][1]["IsRamping"]
    assert is_ramping or time.monotonic() - told_s > 0.3, "nine steps of 40 ms"
    assert device.when(lambda: not device.ask("asc", "1")["ASC"][0]["IsRamping"])
    assert {chip["Frequency"] for chip in device.ask("healthchipget", "1")["CHIPS"]} == {600.0}
    assert {chip["Frequency"] for chip in device.ask("healthchipget", "0")["CHIPS"]} == {643.75}
    assert [board["Nominal MHS"] for board in device.ask("devs")["DEVS"]][1] == 600 * 63 * 114
    assert status(device.ask("voltageset", f"{session},1,8.5")) == ("S", 305)
    assert device.ask("voltageget", "1")["VOLTAGE"] == [{"Board": 1, "IsOnBoard": False, "Voltage": 8.5}]
    assert status(device.ask("voltageset", f"{session},1,12"))[0] == "E"
    assert status(device.ask("frequencyset", f"{session},3,600"))[0] == "E"
    device.ask("logoff", session)


def test_curtailed_it_stands_still(luxos: tuple[Miner, Line]) -> None:
    device, line = luxos
    session = device.ask("logon")["SESSION"][0]["SessionID"]
    assert device.ask("curtail", f"{session},sleep")["CURTAIL"] == [{"Action": "sleep mode"}]
    assert status(device.ask("frequencyset", f"{session},1,600"))[0] == "E"
    line.falls_silent()
    assert device.ask("power")["POWER"][0]["Watts"] < 100
    device.ask("curtail", f"{session},wakeup")
    assert line.shares(30, until=3)
    device.ask("logoff", session)


def test_luxos_joins_reports_and_writes_sound_json(luxos: tuple[Miner, Line]) -> None:
    device, _ = luxos
    joined = device.ask("summary+version+stats")
    assert set(joined) == {"summary", "version", "stats", "id"}
    assert status(joined["version"][0]) == ("S", 22)
    assert joined["version"][0]["VERSION"][0]["LUXminer"].startswith("2024.")
    assert joined["stats"][0]["STATS"][1]["chain_acn7"] == 63


def status(reply: dict[str, Any]) -> tuple[str, int]:
    (told,) = reply["STATUS"]
    return told["STATUS"], told["Code"]


@pytest.mark.long
def test_a_pool_that_is_gone_is_left_for_the_next_and_returned_to() -> None:
    first, second = Pool(), Pool()
    try:
        pools = (f"pool={first.address}", f"fallback={second.address}", "probe_s=0.3")
        with miner(*QUICK, *pools) as device:
            line = first.accept()
            line.welcome()
            line.close()
            line = first.accept()  # a lost connection is no lost pool
            line.welcome()
            first.close()
            other = second.accept()
            other.welcome()
            dead, alive = device.ask("pools")["POOLS"]
            assert (dead["Status"], alive["Status"], alive["Stratum Active"]) == ("Dead", "Alive", True)
    finally:
        first.close()
        second.close()
