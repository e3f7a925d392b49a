"""Requests that are lost on the way back, or answered and not done: what is not back is not called so."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from fake_axeos import SERVER, FakeAxeos, control_of
from fake_goldshell import FakeGoldshell
from quick_waiting import Hasty, QuickWaiting

from asicrc.bench.limits import envelope_for
from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.network.axeos import AxeosControl
from asicrc.devices.network.goldshell import GoldshellControl
from asicrc.devices.network.kept_originals import KeptOriginals
from asicrc.devices.network.network_device import NetworkMinerDevice
from asicrc.devices.network.network_url import NetworkUrl
from asicrc.devices.url import DeviceUrl
from firmware_protocols.device import DeviceIdentity

REQUESTED = {"frequency_mhz": 525.0, "voltage_mv": 1250.0}


class Losing(FakeAxeos):
    """`lose` many requests of that method and path go astray from now on; `ignored` ones are answered."""

    lost: tuple[str, str] = ("", "")
    lose = 0
    ignored = False

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.lose and (request.method, request.url.path) == self.lost:
            self.lose -= 1
            if self.ignored:
                return httpx.Response(200, json={"message": "done"})
            raise httpx.ConnectError("no route to host")
        return super()._answer(request)


def old_at_work() -> tuple[Losing, AxeosControl]:
    """Under old firmware, pointed to us and at other settings than its own."""
    miner = Losing("old")
    control = control_of(miner)
    control.originals()
    control.kept(SERVER)
    control.point_to(SERVER, None, REQUESTED)
    control.configure(REQUESTED)
    return miner, control


@pytest.mark.parametrize("what", [("GET", "/api/system/info"), ("PATCH", "/api/system")])
def test_old_firmware_runs_at_its_own_clock_again_although_a_request_was_lost_before_the_restart(
    what: tuple[str, str],
) -> None:
    miner, control = old_at_work()
    assert miner.running_mhz == 525.0
    asked = len(miner.requests)
    miner.lost = what
    control._client.await_answer = lambda: setattr(miner, "lose", 2)  # type: ignore[method-assign]
    restored = {setting.name: setting for setting in control.restore(overheated=False)}
    assert len(miner.requests) > asked
    assert any("not restored" in line for line in control.log)
    assert restored["frequency_mhz"].came_true == (miner.running_mhz == 485.0) is True
    assert restored["own_pools"].came_true


def test_a_miner_that_was_out_of_reach_is_not_taken_for_one_that_restarted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("asicrc.devices.network.axeos_client.RESTART_WITHIN_S", 0.05)
    miner, control = old_at_work()
    miner.info["uptimeSeconds"] = 1000
    miner.lost, miner.lose = ("POST", "/api/system/restart"), 1
    restarts, real = miner.restarts, miner._answer

    def answer(request: httpx.Request) -> httpx.Response:
        if miner.lose == 0 and miner.lost[0] == "POST":
            miner.lost, miner.is_down_for = ("", ""), 3
        return real(request)

    miner._answer = answer  # type: ignore[method-assign]
    control._client._exchange = miner.exchange()
    restored = {setting.name: setting for setting in control.restore(overheated=False)}
    assert miner.restarts == restarts
    assert not restored["own_pools"].came_true, "it still mines where it was pointed to"


def test_a_place_that_is_not_emptied_is_said() -> None:
    miner = Losing("head")
    control = control_of(miner)
    control.originals()
    control.kept(SERVER)
    control.point_to(SERVER, None, {})
    miner.lost, miner.lose, miner.ignored = ("DELETE", "/api/system/pools/2"), 1, True
    (pools,) = control.restore(overheated=False)
    assert not pools.came_true
    assert any("place 2 of its pool list is still taken" in line for line in control.log)
    (pools,) = control.restore(overheated=False)
    assert pools.came_true
    assert [pool["id"] for pool in miner.info["pools"]] == [0, 1]


@pytest.mark.parametrize("path", ["/mcb/newpool", "/mcb/delpool", "/mcb/pools"])
@pytest.mark.parametrize("is_done", [True, False])
def test_one_request_that_is_lost_on_the_way_back_keeps_no_pool_from_it(
    path: str, is_done: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    box = FakeGoldshell()
    before = json.loads(json.dumps([box.setting, box.pools]))
    real, lose = box._answer, False

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal lose
        if lose and request.url.path == path:
            lose = False
            if is_done:
                real(request)
            raise httpx.ReadTimeout("nothing came")
        return real(request)

    monkeypatch.setattr(box, "_answer", answer)
    url, waiting = NetworkUrl.parse(DeviceUrl.parse("goldshell://192.0.2.8")), Hasty(MACHINE_CLOCK)
    identity = DeviceIdentity(url.text, "goldshell", "LBRY", 1, details={"board": "lb-box"})
    envelope = envelope_for("lb-box", "LBRY")
    control = GoldshellControl(box.client(), identity, envelope, QuickWaiting(MACHINE_CLOCK), MACHINE_CLOCK)
    device = NetworkMinerDevice(control, url, "192.0.2.8", waiting, KeptOriginals("x"), lambda _: None)
    device.originals()
    device._left.keep(control, SERVER, 0)
    control.point_to(SERVER, None, {})
    box.pools.append(box.pools.pop(1))  # by hand, so that the way back has to add pools again
    lose = True
    restored = device.restore()
    assert [(s.name, s.came_true) for s in restored] == [("own_pools", True)]
    assert [box.setting, box.pools] == before
    assert not list(tmp_path.rglob("*.json"))
