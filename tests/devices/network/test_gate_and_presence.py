"""What keeps the gate shut, and what is made of what a miner says while it is recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from asicrc.bench.limits import envelope_for
from asicrc.devices.network import gate
from asicrc.devices.network.control import Habits, MinesAt, Observation
from asicrc.devices.network.oversight import Oversight
from asicrc.devices.network.presence import Presence
from asicrc.transports.recorded import RecordedClock
from firmware_protocols.device import Batch, DeviceLost, Reading
from firmware_protocols.stratum_v1 import SHA256D

LV06 = envelope_for("lv06", "BM1366")
WELL = Observation(
    t_ns=0,
    setpoints={"frequency_mhz": 485.0, "voltage_mv": 1200.0},
    frequency_actual_mhz=485.0,
    temperature_c=55.0,
    power_w=11.0,
    hash_rate_ghs=430.0,
    expected_hash_rate_ghs=433.6,
    overheated=False,
    uptime_s=100.0,
    mines_at=MinesAt.HERE,
)
EXPECTED = gate.Expected(
    {"frequency_mhz": 485.0},
    256.0,
    True,
    Habits(SHA256D, 256.0, lowest_difficulty=256.0, fall_back_mhz=50.0),
    LV06,
    has_power_meter=True,
)


def test_a_miner_that_is_well_passes() -> None:
    assert gate.of_the_miner(WELL, EXPECTED) == []


@pytest.mark.parametrize(
    ("wrong", "said", "passes"),
    [
        ({"overheated": True}, "shut down for heat", False),
        ({"faults": ("VR fault",)}, "reports a fault: VR fault", False),
        ({"setpoints": {"frequency_mhz": 478.0}}, "485 was asked for, the miner is set to 478", False),
        ({"temperature_c": 80.0}, "above the limit of 72 degC", False),
        ({"temperature_c": None}, "tells no temperature", True),
        ({"paused": True}, "does not mine", True),
        ({"frequency_actual_mhz": 50.0}, "set to 485 MHz and runs at 50 MHz", True),
        ({"power_w": 1.4}, "draws 1.4 W: its chip does not hash", True),
        ({"hash_rate_ghs": 44.7}, "reports 44.7 GH/s where its clock makes 433.6 GH/s (10%)", True),
    ],
)
def test_what_is_wrong_with_a_miner_is_said(wrong: dict[str, object], said: str, passes: bool) -> None:
    findings = gate.of_the_miner(replace(WELL, **wrong), EXPECTED)
    assert len(findings) == 1
    assert findings[0].passes is passes
    assert said in findings[0].text


@pytest.mark.parametrize(
    ("untold", "said"),
    [
        ({"overheated": None}, ["that it has not shut down for heat"]),
        ({"temperature_c": None}, ["its temperature"]),
        ({"frequency_actual_mhz": None}, ["the clock that it runs at"]),
        ({"power_w": None}, ["its power"]),
        ({"hash_rate_ghs": None}, ["its hash rate against its clock"]),
        ({"expected_hash_rate_ghs": None}, ["its hash rate against its clock", "how many shares come"]),
        ({"setpoints": {}}, ["frequency_mhz, which was asked for", "the clock that it runs at"]),
    ],
)
def test_a_check_that_cannot_be_made_is_told(untold: dict[str, object], said: list[str]) -> None:
    assert gate.not_checked(replace(WELL, **untold), EXPECTED) == said
    assert gate.not_checked(WELL, EXPECTED) == []
    assert gate.not_checked(WELL, replace(EXPECTED, has_power_meter=False)) == ["its power"]


def test_50_mhz_is_explained_as_the_overheat_that_it_comes_from_unless_it_was_asked_for() -> None:
    stuck = replace(
        WELL,
        setpoints={"frequency_mhz": 50.0, "voltage_mv": 990.0},
        frequency_actual_mhz=50.0,
        hash_rate_ghs=44.7,
        expected_hash_rate_ghs=44.7,
    )
    (finding,) = gate.of_the_miner(stuck, replace(EXPECTED, requested={}))
    assert not finding.passes
    for said in ("50 MHz", "overheated", "990", "--frequency-mhz 485 --voltage-mv 1200"):
        assert said in finding.text
    assert gate.of_the_miner(stuck, replace(EXPECTED, requested={"frequency_mhz": 50.0})) == []


def test_a_hash_rate_from_shares_has_more_room_than_one_that_is_counted() -> None:
    noisy = replace(WELL, hash_rate_ghs=300.0)
    assert gate.of_the_miner(noisy, EXPECTED)
    assert gate.of_the_miner(replace(noisy, hash_rate_from_shares=True), EXPECTED) == []


def shares(scaled: np.ndarray, expected: float | None = None, counted: int | None = None) -> gate.GateShares:
    return gate.GateShares(scaled, expected, len(scaled) if counted is None else counted)


def test_shares_as_they_should_be_pass_in_all_but_one_of_ten_thousand() -> None:
    rng = np.random.default_rng(5)
    refused = sum(
        bool(gate.of_the_shares(shares(1.0 - rng.random(n := int(rng.poisson(24.0))), 24.0, n), EXPECTED))
        for _ in range(3000)
    )
    assert refused <= 3


def test_a_tenth_of_the_shares_is_refused_once_enough_should_have_come() -> None:
    rng, passed = np.random.default_rng(5), 0
    for _ in range(3000):
        n = int(rng.poisson(2.4))
        passed += not gate.of_the_shares(shares(1.0 - rng.random(n), 24.0, n), EXPECTED)
    assert passed <= 12
    assert gate.of_the_shares(shares(np.array([]), 23.0), EXPECTED) == []
    (finding,) = gate.of_the_shares(shares(np.array([0.5]), 24.0), EXPECTED)
    assert "1 shares came where its clock makes 24.0" in finding.text


def test_easier_shares_and_a_higher_floor_are_told_as_a_difficulty_that_is_ignored() -> None:
    (easier,) = gate.of_the_shares(shares(np.array([0.5, 1.7, 3.0])), EXPECTED)
    assert "ignores the difficulty: 2 of 3 shares are easier than the 256" in easier.text
    rng = np.random.default_rng(5)
    of_256 = (1.0 - rng.random(30)) / 256
    asked_1 = replace(EXPECTED, difficulty=1.0)
    (floor,) = gate.of_the_shares(shares(of_256), asked_1)
    assert "1 was asked for, and no share is easier than about 2" in floor.text
    assert gate.of_the_shares(shares(of_256), replace(asked_1, difficulty_asked=False)) == []
    found = gate.floor_of(shares(of_256), 1.0)
    assert found is not None
    assert 256 <= found < 300
    assert gate.floor_of(shares(1.0 - rng.random(30)), 256.0) is None


def test_a_box_that_counts_in_another_unit_is_told_and_not_refused() -> None:
    lbry = replace(EXPECTED, difficulty=16.0, habits=replace(EXPECTED.habits, other_unit=256.0))
    harder = shares((1.0 - np.random.default_rng(5).random(40)) / 256)
    assert gate.of_the_shares(harder, lbry) == []
    floor = gate.floor_of(harder, 16.0)
    assert floor is not None
    assert gate.is_in_other_unit(floor, lbry)
    assert not gate.is_in_other_unit(16.0 * 20, lbry)
    assert [gate.unit_of(found, lbry) for found in (None, floor, 16.0 * 20)] == [1.0, 256.0, None]
    assert gate.unit_of(floor, EXPECTED) is None, "of a family with one unit"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mines_at": MinesAt.ELSEWHERE}, "mines at a pool of its own"),
        ({"paused": True}, "does not mine any more"),
    ],
)
def test_a_miner_that_mines_elsewhere_twice_in_a_row_is_lost(wrong: dict[str, object], said: str) -> None:
    presence = Presence()
    bad = replace(WELL, **wrong)
    assert presence.look(bad) == []
    assert presence.look(WELL) == []
    assert presence.look(bad) == []
    with pytest.raises(DeviceLost, match=said):
        presence.look(bad)


def test_what_a_miner_says_is_wrong_with_it_is_handed_on() -> None:
    presence = Presence()
    assert presence.look(WELL) == []
    wrong = replace(WELL, overheated=True, faults=("VR fault",))
    assert presence.look(wrong) == [
        "the miner's firmware says that it overheated",
        "the miner reports a fault: VR fault",
    ]


class SeenOnce:
    """In place of a control and a server."""

    def __init__(self, seen: Observation) -> None:
        self.observe = lambda: seen
        self.miners = ["one"]
        self.server = self

    def check_presence(self, now_ns: int) -> None: ...


def test_what_is_seen_comes_as_readings_with_set_points_under_their_own_names() -> None:
    told = (Reading(7, "temperature_c", 55.0), Reading(7, "frequency_set_mhz", 480.0))
    seen = replace(WELL, t_ns=7, readings=told, setpoints=WELL.setpoints | {"auto_fan": 1.0, "other": 3.0})
    stand_in: Any = SeenOnce(seen)
    oversight = Oversight(stand_in, "a miner", RecordedClock(0, 0))
    batch = Batch()
    oversight.look(stand_in, batch)
    assert not batch.readings, "before the recording"
    oversight.begin_recording()
    oversight.watcher._seen.append(seen)
    oversight.look(stand_in, batch)
    oversight.look(stand_in, batch)
    assert {reading.channel: reading.value for reading in batch.readings} == {
        "temperature_c": 55.0,
        "frequency_set_mhz": 485.0,
        "core_set_mv": 1200.0,
        "auto_fan_set": 1.0,
        "uptime_s": 100.0,
        "connected_n": 1.0,
    }
    assert len(batch.readings) == 6
    stand_in.miners.clear()
    oversight.look(stand_in, batch)
    assert batch.readings[-1].channel == "connected_n" and batch.readings[-1].value == 0.0


def test_a_gap_in_the_readings_is_said_once_each_time() -> None:
    stand_in: Any = SeenOnce(WELL)
    oversight = Oversight(stand_in, "a miner", RecordedClock(0, 0))
    oversight.begin_recording()
    batch = Batch()
    for error in ("", "no route", "no route", "", "reset"):
        oversight.watcher._last_error = error
        oversight.look(stand_in, batch)
    assert [line.rpartition(": ")[2] for line in batch.log] == ["no route", "reset"]
