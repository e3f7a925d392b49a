"""A Goldshell box: logins, plans that are never sleep by accident, pools put before its own and taken out."""

from __future__ import annotations

import json
import logging

import pytest
from fake_goldshell import FakeGoldshell
from quick_waiting import Hasty, QuickWaiting

from asicrc.bench.limits import envelope_for
from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.network.control import MinesAt, ServerAddress
from asicrc.devices.network.goldshell import GoldshellControl
from asicrc.devices.network.goldshell_client import GoldshellClient
from asicrc.errors import UsageError
from firmware_protocols.device import DeviceIdentity, DeviceLost, Setting, SettingRefused

SERVER = ServerAddress("192.0.2.1", 3333)
OWN = ["stratum+tcp://first.example:3333", "stratum+tcp://second.example:3333"]


def control_of(client: GoldshellClient) -> GoldshellControl:
    identity = DeviceIdentity("goldshell://192.0.2.8", "goldshell", "LBRY", 1, details={"board": "lb-box"})
    envelope = envelope_for("lb-box", "LBRY")
    return GoldshellControl(client, identity, envelope, QuickWaiting(MACHINE_CLOCK), MACHINE_CLOCK)


def test_plan_and_pools_are_set_and_given_back_whole() -> None:
    box = FakeGoldshell()
    before = json.loads(json.dumps([box.setting, box.pools]))
    control = control_of(box.client())
    control.check({"power_plan": 1.0})
    control.originals()
    kept = control.kept(SERVER)
    assert not box.writes()
    control.point_to(SERVER, None, {})
    (setting,) = control.configure({"power_plan": 1.0})
    assert (setting.requested, setting.read_back) == (1.0, 1.0)
    assert box.urls() == [SERVER.url, *OWN]
    assert control.observe().mines_at is MinesAt.HERE
    assert all(setting.came_true for setting in control.restore(overheated=False))
    assert [box.setting, box.pools] == before
    assert "p1" in json.dumps(kept)


@pytest.mark.parametrize("encrypted", [False, True])
def test_logs_in_in_either_form_and_believes_a_refused_token_the_second_time(encrypted: bool) -> None:
    box = FakeGoldshell(encrypted=encrypted, password="secret77")
    client = box.client("secret77")
    client.setting()
    logins = box.requests.count(("GET", "/user/login"))
    box.refused_tokens = 1
    client.setting()
    assert box.requests.count(("GET", "/user/login")) == logins
    box.refused_tokens = 2
    client.setting()
    assert box.requests.count(("GET", "/user/login")) > logins


def test_a_wrong_password_is_explained_and_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    box = FakeGoldshell(password="the right one")
    with pytest.raises(UsageError, match="does not take the given password") as caught:
        box.client("hunter2hunter2").setting()
    assert "ASICRC_MINER_PASSWORD" in caught.value.hint
    assert "hunter2" not in caught.value.message + caught.value.hint + caplog.text
    assert "hunter2" not in repr(box.client("hunter2hunter2")._credentials)


def test_a_password_that_is_changed_meanwhile_is_a_lost_box_and_no_mistake_of_the_user() -> None:
    box = FakeGoldshell()
    control = control_of(box.client())
    control.originals()
    control.kept(SERVER)
    control.point_to(SERVER, None, {})
    control.configure({"power_plan": 1.0})
    control._waiting = Hasty(MACHINE_CLOCK)
    box.password, box.refused_tokens = "another", 1000
    with pytest.raises(DeviceLost, match="does not take its factory's password any more"):
        control.observe()
    restored = {setting.name: setting.came_true for setting in control.restore(overheated=False)}
    assert restored == {"power_plan": False, "manual_plan": False, "own_pools": False}
    assert any("own pools are not restored" in line for line in control.log)


def test_sleep_is_refused_as_a_plan_and_a_plan_that_the_box_has_not_from_a_file_too() -> None:
    box = FakeGoldshell()
    control = control_of(box.client())
    control.originals()
    with pytest.raises(SettingRefused, match="is sleep: nothing would be found; others: 0 "):
        control.check({"power_plan": 3.0})
    with pytest.raises(SettingRefused, match="has none such; it has 0 "):
        control.check({"power_plan": 2.0})
    with pytest.raises(SettingRefused, match="none such now; it has 0, 1, 3"):
        control.adopt_originals([Setting(0, "power_plan", None, 2.0, "original")], None)
    assert not box.writes()


def test_a_box_that_was_found_asleep_goes_back_to_sleep_from_a_file_too() -> None:
    box = FakeGoldshell()
    control = control_of(box.client())
    control.adopt_originals([Setting(0, "power_plan", None, 3.0, "original")], None)
    assert [setting.came_true for setting in control.restore(overheated=False)] == [True]
    assert box.setting["select"] == 2


def test_a_plan_that_is_gone_meanwhile_is_said_and_keeps_no_pool_from_its_way_back() -> None:
    box = FakeGoldshell()
    control = control_of(box.client())
    control.originals()
    control.configure({"power_plan": 1.0})
    control.point_to(ServerAddress("192.0.2.1", 3333), None, {})
    del box.setting["powerplans"][0]
    box.setting["select"] = 0
    restored = {setting.name: setting.came_true for setting in control.restore(overheated=False)}
    assert restored == {"power_plan": False, "manual_plan": False, "own_pools": True}, control.log
    assert any("0 was found, and the box has none such now" in line for line in control.log)


def test_a_plan_that_is_not_taken_is_an_error() -> None:
    box = FakeGoldshell()
    box.ignores_plan = True
    control = control_of(box.client())
    control.originals()
    with pytest.raises(SettingRefused, match="did not do it: select"):
        control.configure({"power_plan": 1.0})


def test_a_hidden_password_is_found_out_before_anything_is_changed() -> None:
    for hidden in ("*****", "", None):
        box = FakeGoldshell()
        box.pools[1]["pass"] = hidden
        with pytest.raises(SettingRefused, match=r"does not tell the password.*nothing was changed"):
            control_of(box.client()).kept(SERVER)
        assert not box.writes()


@pytest.mark.parametrize("url", [OWN[0], SERVER.url])
def test_a_pool_that_another_one_would_take_with_it_is_found_out_before_anything_is_changed(url: str) -> None:
    box = FakeGoldshell()
    box.pools[1] |= {"url": url, "user": box.pools[0]["user"], "pass": "p2"}
    with pytest.raises(SettingRefused, match="nothing was changed"):
        control_of(box.client()).kept(SERVER)
    assert not box.writes()


def test_a_full_list_is_refused_and_stays_as_it_was() -> None:
    box = FakeGoldshell()
    box.most_pools = 2
    control = control_of(box.client())
    control.kept(SERVER)
    with pytest.raises(SettingRefused, match="may be full"):
        control.point_to(SERVER, None, {})
    assert box.urls() == OWN


def test_what_was_kept_brings_back_pools_that_a_killed_capture_had_moved() -> None:
    box = FakeGoldshell()
    control = control_of(box.client())
    originals = control.originals()
    kept = json.loads(json.dumps(control.kept(SERVER)))
    control.point_to(SERVER, None, {})
    box.pools = box.pools[:-1]  # killed between taking a pool out and adding it again
    later = control_of(box.client())
    later.adopt_originals(originals, kept | {"server_host": SERVER.host, "server_port": SERVER.port})
    assert all(setting.came_true for setting in later.restore(overheated=False))
    assert box.urls() == OWN


def test_a_box_that_starts_anew_as_it_is_put_back_is_waited_for() -> None:
    box = FakeGoldshell()
    control = control_of(box.client())
    control.originals()
    control.kept(SERVER)
    control.point_to(SERVER, None, {})
    box.down_for = 3
    assert all(setting.came_true for setting in control.restore(overheated=False))
    assert box.urls() == OWN


def test_a_manual_plan_comes_back_as_one() -> None:
    box = FakeGoldshell()
    box.setting["manual"] = True
    control = control_of(box.client())
    control.originals()
    control.configure({"power_plan": 1.0})
    assert box.setting["manual"] is False
    assert all(setting.came_true for setting in control.restore(overheated=False))
    assert (box.setting["manual"], box.setting["select"]) == (True, 0)


def test_calming_takes_the_coolest_plan_that_is_not_sleep() -> None:
    box = FakeGoldshell()
    control = control_of(box.client())
    control.originals()
    control.calm()
    assert box.setting["select"] == 1


def test_boards_are_told_by_the_command_port_where_the_web_interface_fails() -> None:
    box = FakeGoldshell()
    box.boards_status = 500
    control = control_of(box.client(command_port=9))
    with pytest.raises(DeviceLost, match="does not answer devs"):
        control.observe()
    box.boards_status = 200
    seen = control_of(box.client()).observe()
    assert (seen.temperature_c, seen.hash_rate_ghs, seen.uptime_s) == (67.1, 175_000.0, 900.0)
