"""One answer of a miner that is lost, late or damaged ends nothing, loses nothing and makes nothing twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fake_axeos import SERVER, FakeAxeos, control_of
from fake_cgminer import FakeCgminer
from fake_goldshell import FakeGoldshell
from quick_waiting import QuickWaiting

from asicrc.bench.limits import envelope_for
from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.network.control import MinerControl
from asicrc.devices.network.goldshell import GoldshellControl
from asicrc.devices.network.kept_originals import KeptOriginals
from asicrc.devices.network.luxos import LuxosControl
from asicrc.devices.network.network_device import NetworkMinerDevice
from asicrc.devices.network.network_url import NetworkUrl
from asicrc.devices.url import DeviceUrl
from firmware_protocols.device import DeviceIdentity, DeviceLost, SettingRefused

REQUESTED = {"frequency_mhz": 525.0, "voltage_mv": 1250.0}
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def device_of(control: MinerControl, url: str) -> NetworkMinerDevice:
    parsed, waiting = NetworkUrl.parse(DeviceUrl.parse(url)), QuickWaiting(MACHINE_CLOCK)
    return NetworkMinerDevice(control, parsed, "192.0.2.7", waiting, KeptOriginals("x"), lambda _: None)


def spoilt(how: str, reply: httpx.Response) -> httpx.Response:
    if how == "refused":
        return httpx.Response(503, text="busy")
    if how == "cut":
        return httpx.Response(200, content=reply.content[:-20])
    raise httpx.ConnectError("refused") if how == "lost" else httpx.ReadTimeout("late")


@pytest.mark.parametrize("generation", ["old", "head"])
@pytest.mark.parametrize("how", ["lost", "late", "refused", "cut"])
def test_an_axeos_is_taken_over_and_given_back_with_every_third_answer_spoilt(
    generation: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    miner = FakeAxeos(generation)
    before = json.loads(json.dumps(miner.info))
    real, count = miner._answer, 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal count
        was_down, reply = miner.is_down_for > 0, real(request)  # it has done what it was asked for
        if was_down or request.method == "POST" or (how == "cut" and request.method != "GET"):
            return reply
        count += 1
        return spoilt(how, reply) if count % 3 == 0 else reply

    monkeypatch.setattr(miner, "_answer", answer)
    control = control_of(miner)
    control.originals()
    control.kept(SERVER)
    control.point_to(SERVER, None, REQUESTED)
    settings = control.configure(REQUESTED)
    assert {s.name: s.read_back for s in settings} == REQUESTED
    restored = control.restore(overheated=False)
    assert restored and all(setting.came_true for setting in restored), control.log
    measured = {"uptimeSeconds": 0, "coreVoltageActual": miner.info["coreVoltageActual"]}
    assert miner.info == before | measured
    assert not [line for line in control.log if "not restored" in line]
    assert count > 20


class SpoiltS9(FakeCgminer):
    """`spoils` says which answers are cut off, once what was asked for is done."""

    spoils: Callable[[str, int], bool] = staticmethod(lambda name, count: False)
    ends_a_session_after = 3

    def __init__(self) -> None:
        super().__init__(luxos=True)
        self._refused = 0

    def _answer(self, name: str, parameter: str) -> bytes:
        if name == "logoff" and self.spoils(name, len(self.commands)):
            return b""  # and the session is there still
        reply = super()._answer(name, parameter)
        return reply[: len(reply) // 2] if self.spoils(name, len(self.commands)) else reply

    def _logon(self, parameter: str) -> bytes:
        self._refused += bool(self.session)
        if self._refused == self.ends_a_session_after:  # LuxOS ends it after a minute
            self.session, self._refused = "", 0
        return super()._logon(parameter)


@pytest.mark.parametrize("lost", ["", "logon", "logoff"])
def test_every_board_comes_back_with_every_third_question_or_a_session_lost(lost: str) -> None:
    miner, names = SpoiltS9(), list[str]()
    before = [dict(clocks) for clocks in miner.clocks], list(miner.volts)

    def spoils(name: str, count: int) -> bool:
        names.append(name)
        if lost:
            return name == lost and names.count(name) == 1
        return count % 3 == 0 and name not in ("logon", "logoff", "frequencyset", "voltageset")

    miner.spoils = spoils
    identity = DeviceIdentity("luxos://192.0.2.9", "luxos", "BM1387", 189, details={"board": "s9"})
    with miner.serving() as client:
        waiting = QuickWaiting(MACHINE_CLOCK)
        control = LuxosControl(client, identity, envelope_for("s9", "BM1387"), waiting, MACHINE_CLOCK)
        control.originals()
        control.configure({"frequency_mhz": 550.0, "voltage_mv": 8700.0})
        assert miner.clocks != before[0]
        restored = control.restore(overheated=False)
    assert restored and all(setting.came_true for setting in restored), control.log
    assert (miner.clocks, miner.volts) == (before[0], pytest.approx(before[1], abs=0.02))


def test_a_session_of_somebody_else_is_not_waited_for() -> None:
    miner = SpoiltS9()
    miner.session = "theirs"
    identity = DeviceIdentity("luxos://192.0.2.9", "luxos", "BM1387", 189, details={"board": "s9"})
    with miner.serving() as client:
        waiting = QuickWaiting(MACHINE_CLOCK)
        control = LuxosControl(client, identity, envelope_for("s9", "BM1387"), waiting, MACHINE_CLOCK)
        control.originals()
        with pytest.raises(SettingRefused, match="one session at a time"):
            control.configure({"frequency_mhz": 550.0})
    assert miner.names().count("logon") == 1


def box_control(box: FakeGoldshell) -> GoldshellControl:
    identity = DeviceIdentity("goldshell://192.0.2.8", "goldshell", "LBRY", 1, details={"board": "lb-box"})
    envelope = envelope_for("lb-box", "LBRY")
    return GoldshellControl(box.client(), identity, envelope, QuickWaiting(MACHINE_CLOCK), MACHINE_CLOCK)


@pytest.mark.parametrize("path", ["/mcb/newpool", "/mcb/delpool"])
@pytest.mark.parametrize("is_done", [True, False])
def test_a_pool_is_neither_added_twice_nor_missed_where_the_box_hangs_up(
    path: str, is_done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = FakeGoldshell()
    box.most_pools = 10
    before = box.urls()
    real, hangs_up = box._answer, [True]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == path and hangs_up and not hangs_up.clear():
            if is_done:
                real(request)
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return real(request)

    monkeypatch.setattr(box, "_answer", answer)
    control = box_control(box)
    control.kept(SERVER)
    control.point_to(SERVER, None, {})
    assert box.urls() == [SERVER.url, *before]
    (pools,) = control.restore(overheated=False)
    assert pools.came_true and box.urls() == before


def test_boards_that_were_told_once_are_not_looked_for_elsewhere_for_one_refusal() -> None:
    box = FakeGoldshell()
    control = box_control(box)
    assert control.observe().temperature_c == 67.1
    box.boards_status = 500
    with pytest.raises(DeviceLost, match="does not tell of its boards: 500"):
        control.observe()
    box.boards_status = 200
    assert control.observe().temperature_c == 67.1


class Loss:
    """The next `left` requests of one kind do not reach the miner."""

    def __init__(
        self, miner: FakeAxeos, of: Callable[[httpx.Request], bool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.left = 0
        real = miner._answer

        def answer(request: httpx.Request) -> httpx.Response:
            if self.left and of(request):
                self.left -= 1
                raise httpx.ConnectError("no route to host")
            return real(request)

        monkeypatch.setattr(miner, "_answer", answer)


@pytest.mark.parametrize("generation", ["old", "head"])
def test_a_miner_that_is_too_hot_is_slowed_down_although_it_was_out_of_reach_for_a_moment(
    generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    miner = FakeAxeos(generation)
    loss = Loss(miner, lambda request: request.method == "PATCH", monkeypatch)
    control = control_of(miner)
    device = device_of(control, "axeos://192.0.2.7")
    device.originals()
    loss.left = 2
    device.make_safe()
    assert loss.left == 0
    assert miner.running_mhz == control.envelope.coolest_mhz


def test_one_that_was_too_hot_gets_its_own_pool_back_although_a_request_was_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    miner = FakeAxeos("live")
    loss = Loss(miner, lambda request: b"stratumURL" in request.content, monkeypatch)
    control = control_of(miner)
    device = device_of(control, "axeos://192.0.2.7")
    device.originals()
    device._left.keep(control, SERVER, 0)
    control.point_to(SERVER, None, {})
    loss.left = 2
    restored = {setting.name: setting for setting in device.make_safe()}
    assert loss.left == 0 and restored["own_pools"].came_true
    assert miner.info["stratumURL"] == "pool.example"
    assert miner.running_mhz == control.envelope.coolest_mhz, "and stays cool"


@pytest.mark.parametrize("lose", [1, 100])
def test_a_later_point_is_not_lost_with_one_answer_and_a_miner_that_is_gone_is(
    lose: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    miner = FakeAxeos("head")
    control = control_of(miner)
    device = device_of(control, "axeos://192.0.2.7")
    observe, asked = control.observe, 0

    def observed() -> object:
        nonlocal asked
        asked += 1
        if asked <= lose:
            raise DeviceLost("no route to host")
        return observe()

    monkeypatch.setattr(control, "observe", observed)
    if lose == 1:
        device._way_in.check_at_a_later_point({"frequency_mhz": 485.0}, 256.0)
        assert asked == 2
        return
    with pytest.raises(DeviceLost, match="no route"):
        device._way_in.check_at_a_later_point({"frequency_mhz": 485.0}, 256.0)
    assert asked == 3
