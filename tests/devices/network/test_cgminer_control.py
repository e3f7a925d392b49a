"""A stock Antminer S9: what it tells, what it takes from nobody, and its pools put back."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from fake_cgminer import FakeCgminer
from quick_waiting import QuickWaiting

from asicrc.bench.limits import envelope_for
from asicrc.bench.reading_channels import is_known
from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.network.cgminer import CgminerControl
from asicrc.devices.network.cgminer_client import CgminerClient
from asicrc.devices.network.control import MinesAt, PointedBy, ServerAddress
from firmware_protocols.device import Capability, DeviceIdentity, DeviceLost, SettingRefused

SERVER = ServerAddress("192.0.2.1", 3333)
OWN = ["stratum+tcp://first.example:3333", "stratum+tcp://second.example:3333"]


def control_of(client: CgminerClient) -> CgminerControl:
    identity = DeviceIdentity("cgminer://192.0.2.9", "cgminer", "BM1387", 189, details={"board": "s9"})
    envelope = envelope_for("s9", "BM1387")
    return CgminerControl(client, identity, envelope, QuickWaiting(MACHINE_CLOCK), MACHINE_CLOCK)


def test_is_pointed_at_our_server_with_its_own_pools_behind_and_given_back() -> None:
    miner = FakeCgminer()
    with miner.serving() as client:
        control = control_of(client)
        assert control.pointed_by() is PointedBy.LIVE
        control.originals()
        control.kept(SERVER)
        assert set(miner.names()) <= {"privileged", "stats", "pools"}
        control.point_to(SERVER, None, {})
        assert miner.preferred() == [SERVER.url, *OWN]
        assert control.observe().mines_at is MinesAt.HERE
        assert all(setting.came_true for setting in control.restore(overheated=False))
    assert miner.preferred() == OWN
    assert miner.active == 0
    assert "save" not in miner.names()


def test_the_second_of_its_pools_is_the_one_that_it_goes_back_to() -> None:
    miner = FakeCgminer()
    miner.active = 1
    miner.pools[0]["Priority"], miner.pools[1]["Priority"] = 1, 0
    with miner.serving() as client:
        control = control_of(client)
        control.kept(SERVER)
        control.point_to(SERVER, "rig-1", {})
        control.restore(overheated=False)
    assert miner.preferred() == OWN[::-1]
    assert miner.active == 1


def test_a_pool_of_the_owner_on_the_same_host_is_not_taken_for_ours() -> None:
    miner = FakeCgminer()
    own = f"stratum+tcp://{SERVER.host}:4444"
    miner.pools[0]["URL"] = own
    with miner.serving() as client:
        control = control_of(client)
        control.kept(SERVER)
        assert not control.is_pointed_to(SERVER)
        control.point_to(SERVER, None, {})
        assert miner.preferred() == [SERVER.url, own, OWN[1]]
        assert all(setting.came_true for setting in control.restore(overheated=False))
        assert control.observe().mines_at is MinesAt.ELSEWHERE
    assert miner.preferred() == [own, OWN[1]]
    assert "Disabled" not in [pool["Status"] for pool in miner.pools]


def test_a_miner_whose_own_list_has_our_address_is_refused_before_anything_is_changed() -> None:
    miner = FakeCgminer()
    miner.pools[1]["URL"] = SERVER.url
    with miner.serving() as client, pytest.raises(SettingRefused, match=r"already.*nothing was changed"):
        control_of(client).kept(SERVER)
    assert not set(miner.names()) & {"addpool", "switchpool", "removepool", "disablepool"}


def test_a_factory_image_is_found_out_before_anything_is_written() -> None:
    miner = FakeCgminer(writable=False)
    with miner.serving() as client:
        control = control_of(client)
        assert control.pointed_by() is PointedBy.HAND
        assert SERVER.url in control.by_hand(SERVER)
        control.pointed_by_hand_to(SERVER)
        miner._add(SERVER.url, "by.hand")
        miner.active = 2
        assert control.observe().mines_at is MinesAt.HERE
        assert control.restore(overheated=False) == []
    assert set(miner.names()) <= {"privileged", "stats", "pools", "summary"}


def test_an_addition_that_is_refused_leaves_the_list_as_it_was() -> None:
    miner = FakeCgminer()
    with miner.serving() as client:
        control = control_of(client)
        control.kept(SERVER)
        miner.writable = False
        with pytest.raises(SettingRefused, match="refuses addpool: Access denied"):
            control.point_to(SERVER, None, {})
    assert miner.preferred() == OWN


def test_a_miner_that_stays_with_our_pool_is_not_called_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asicrc.devices.network.cgminer_pools.LEAVES_WITHIN_S", 0.3)
    miner = FakeCgminer()
    with miner.serving() as client:
        control = control_of(client)
        control.kept(SERVER)
        control.point_to(SERVER, None, {})
        miner.follows = False
        (own_pools,) = control.restore(overheated=False)
    assert not own_pools.came_true
    assert any("stays with our pool" in line for line in control.log)


def test_nothing_can_be_set_there_and_it_says_so() -> None:
    with FakeCgminer().serving() as client:
        control = control_of(client)
        assert set(control.capabilities.values()) == {Capability.NONE}
        with pytest.raises(SettingRefused, match="cannot set frequency_mhz"):
            control.check({"frequency_mhz": 600.0})
        with pytest.raises(SettingRefused, match="switch the miner off"):
            control.calm()


def test_readings_name_chains_by_their_place_and_the_hottest_chip_counts() -> None:
    miner = FakeCgminer()
    miner.hottest = 91.0
    with miner.serving() as client:
        seen = control_of(client).observe()
    values = {reading.channel: reading.value for reading in seen.readings}
    assert seen.temperature_c == 91.0
    assert all(map(is_known, values)), [name for name in values if not is_known(name)]
    assert values["chain6_hash_rate_ghs"] == 4500.1
    assert "chain1_hash_rate_ghs" not in values
    assert (values["fan3_rpm"], "fan1_rpm" in values) == (5000.0, False)
    assert seen.expected_hash_rate_ghs == pytest.approx(189 * 114 * 650 / 1000)


def test_a_fan_that_stops_is_told_and_a_place_without_one_is_not() -> None:
    miner = FakeCgminer()
    with miner.serving() as client:
        control = control_of(client)
        control.observe()
        miner.fan_rpm = 0
        values = {reading.channel: reading.value for reading in control.observe().readings}
    assert {name: value for name, value in values.items() if name.startswith("fan")} == {"fan3_rpm": 0.0}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda kept: kept | {"order": []},
        lambda kept: kept | {"order": "x"},
        lambda kept: kept | {"active": 7},
        lambda kept: kept | {"order": [{"url": 5}]},
        lambda kept: kept | {"order": [{"url": "stratum+tcp://evil.example:1", "user": "x"}]},
    ],
)
def test_what_was_kept_is_believed_only_as_far_as_the_miner_has_it(
    spoil: Callable[[dict[str, object]], dict[str, object]],
) -> None:
    miner = FakeCgminer()
    with miner.serving() as client:
        control = control_of(client)
        kept = spoil(json.loads(json.dumps(control.kept(SERVER))))
        control.point_to(SERVER, None, {})
        later = control_of(client)
        later.adopt_originals([], kept | {"server_host": SERVER.host, "server_port": SERVER.port})
        (own_pools,) = later.restore(overheated=False)
    assert not own_pools.came_true
    assert not any("evil" in pool["URL"] for pool in miner.pools)


def test_a_miner_that_never_answers_costs_its_time_and_no_more() -> None:
    import socket
    import time

    from asicrc.transports.command_exchange import CommandExchange

    with socket.create_server(("127.0.0.1", 0)) as silent:
        exchange = CommandExchange("127.0.0.1", silent.getsockname()[1])
        began_s = time.monotonic()
        with pytest.raises(DeviceLost, match=r"does not answer stats within 0\.3 s"):
            exchange.ask(b'{"command":"stats"}', "stats", within_s=0.3)
        assert time.monotonic() - began_s < 40
