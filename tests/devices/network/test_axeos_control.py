"""The AxeOS driver against each generation: order of writes, read-back, pools and passwords, the way back."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from fake_axeos import SERVER, FakeAxeos, control_of

from asicrc.devices.network.axeos import AxeosControl
from asicrc.devices.network.control import MinesAt
from asicrc.devices.network.waiting import Interrupted
from firmware_protocols.device import Capability, Setting, SettingRefused

EVERY = ("old", "live", "fan", "head")


def taken_over(miner: FakeAxeos, requested: dict[str, float]) -> tuple[AxeosControl, list[Setting]]:
    control = control_of(miner)
    control.check(requested)
    control.originals()
    control.kept(SERVER)
    assert not miner.writes()
    control.point_to(SERVER, None, requested)
    return control, control.configure(requested)


@pytest.mark.parametrize("generation", EVERY)
def test_takes_settings_and_pools_and_gives_all_of_them_back(generation: str) -> None:
    miner = FakeAxeos(generation)
    before = json.loads(json.dumps(miner.info))
    passwords = dict(miner.stored_passwords)
    control, settings = taken_over(miner, {"frequency_mhz": 525.0, "voltage_mv": 1250.0, "fan_percent": 80.0})
    assert {s.name: (s.requested, s.read_back) for s in settings} == {
        "frequency_mhz": (525.0, 525.0),
        "voltage_mv": (1250.0, 1250.0),
        "fan_percent": (80.0, 80.0),
    }
    assert miner.running_mhz == 525.0
    assert control.is_pointed_to(SERVER)
    restored = control.restore(overheated=False)
    assert all(setting.came_true for setting in restored), restored
    assert not control.log or not any("not restored" in line for line in control.log), control.log
    after = dict(miner.info)
    for changing in ("uptimeSeconds", "coreVoltageActual", "fanspeed", "manualFanSpeed"):
        before.pop(changing, None)
        after.pop(changing, None)
    if generation == "head":
        before["pools"].sort(key=lambda pool: pool["id"])
        after["pools"].sort(key=lambda pool: pool["id"])
    assert after == before
    assert miner.stored_passwords == passwords
    assert miner.password == "hunter2"
    assert miner.running_mhz == 485.0


@pytest.mark.parametrize("generation", EVERY)
def test_from_point_to_point_it_runs_as_it_is_set(generation: str) -> None:
    """Old firmware reads its clock at a start alone: it would go on at the one of the point before."""
    miner = FakeAxeos(generation)
    control, _ = taken_over(miner, {"frequency_mhz": 525.0, "voltage_mv": 1250.0})
    restarts = miner.restarts
    for mhz, mv in ((575.0, 1300.0), (400.0, 1250.0), (400.0, 1225.0)):
        settings = control.configure({"frequency_mhz": mhz, "voltage_mv": mv})
        assert miner.running_mhz == mhz
        assert {s.name: s.read_back for s in settings} == {"frequency_mhz": mhz, "voltage_mv": mv}
    assert miner.restarts - restarts == (2 if generation == "old" else 0)
    assert all(setting.came_true for setting in control.restore(overheated=False))
    assert miner.running_mhz == 485.0


@pytest.mark.parametrize("generation", EVERY)
def test_a_password_is_never_written_and_a_wallet_never_leaves_the_kept_file(generation: str) -> None:
    miner = FakeAxeos(generation)
    control, _ = taken_over(miner, {})
    control.restore(overheated=False)
    written = json.dumps(miner.writes())
    assert "hunter" not in written
    assert "wallet" not in " ".join(control.log)
    readings = [reading.channel for reading in control.observe().readings]
    assert not any("wallet" in channel for channel in readings)


@pytest.mark.parametrize("generation", EVERY)
@pytest.mark.parametrize("up", [True, False])
def test_voltage_rises_before_the_clock_and_falls_after_it_in_small_steps(generation: str, up: bool) -> None:
    miner = FakeAxeos(generation, frequency=500, coreVoltage=1200, coreVoltageActual=1190)
    if "actualFrequency" in miner.info:
        miner.info["actualFrequency"] = 500.0
    goal = (575, 1300) if up else (400, 1100)
    taken_over(miner, {"frequency_mhz": float(goal[0]), "voltage_mv": float(goal[1])})
    steps = [
        (key, body[key])
        for _, _, body in miner.writes()
        for key in ("frequency", "coreVoltage")
        if key in body
    ]
    order = [key for key, _ in steps]
    first, last = ("coreVoltage", "frequency") if up else ("frequency", "coreVoltage")
    assert order == sorted(order, key=lambda key: key != first)
    assert {first, last} == set(order)
    voltages = [1200, *(value for key, value in steps if key == "coreVoltage")]
    assert max(abs(b - a) for a, b in pairwise(voltages)) <= 25
    clocks = [500, *(value for key, value in steps if key == "frequency")]
    largest = max(abs(b - a) for a, b in pairwise(clocks))
    assert largest <= (50 if generation != "old" else 100)
    assert (clocks[-1], voltages[-1]) == goal


def test_old_firmware_gets_its_clock_by_the_restart_that_the_pool_needs_anyway() -> None:
    miner = FakeAxeos("old")
    assert control_of(miner).capabilities["frequency_mhz"] is Capability.RESTART
    taken_over(miner, {"frequency_mhz": 400.0})
    assert miner.restarts == 1
    assert miner.running_mhz == 400.0


@pytest.mark.parametrize("generation", EVERY)
def test_a_miner_that_its_owner_points_gets_its_settings_all_the_same(generation: str) -> None:
    miner = FakeAxeos(generation)
    control = control_of(miner)
    control.originals()
    control.pointed_by_hand_to(SERVER)
    requested = {"frequency_mhz": 450.0, "voltage_mv": 1175.0, "fan_percent": 75.0}
    assert all(setting.came_true for setting in control.configure(requested))
    assert miner.running_mhz == 450.0
    restored = {setting.name: setting.came_true for setting in control.restore(overheated=False)}
    assert restored == {"frequency_mhz": True, "voltage_mv": True, "auto_fan": True} | (
        {"fan_percent": True} if "fan_percent" in restored else {}
    )
    assert miner.running_mhz == 485.0
    assert miner.info["stratumURL"] == "pool.example"


def test_an_old_miner_that_was_given_a_fan_speed_alone_starts_anew_for_its_own_fan_too() -> None:
    miner = FakeAxeos("old")
    control = control_of(miner)
    control.originals()
    control.pointed_by_hand_to(SERVER)
    control.configure({"fan_percent": 75.0})
    assert miner.restarts == 1
    assert all(setting.came_true for setting in control.restore(overheated=False))
    assert (miner.restarts, miner.info["autofanspeed"]) == (2, 1)


@pytest.mark.parametrize("ignored", ["frequency", "coreVoltage", "stratumURL", "autofanspeed"])
def test_a_setting_that_is_answered_with_success_and_not_stored_is_an_error(ignored: str) -> None:
    miner = FakeAxeos("live")
    miner.ignores = {ignored}
    control = control_of(miner)
    requested = {"frequency_mhz": 500.0, "voltage_mv": 1225.0, "fan_percent": 70.0}
    control.originals()
    control.kept(SERVER)
    with pytest.raises(SettingRefused, match="did not do it") as caught:
        control.point_to(SERVER, None, requested)
        control.configure(requested)
    assert "wallet" not in str(caught.value)
    control.restore(overheated=False)
    assert (miner.info["frequency"], miner.info["coreVoltage"]) == (485, 1200)
    assert miner.info["stratumURL"] == "pool.example"


def test_a_clock_that_is_stored_and_not_reached_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asicrc.devices.network.axeos.SETTLES_WITHIN_S", 0.6)
    miner = FakeAxeos("fan", actualFrequency=50.0)
    miner.ignores = {"actualFrequency"}
    control = control_of(miner)
    control.originals()
    control.kept(SERVER)
    with pytest.raises(SettingRefused, match="500 is stored, but the miner measures 50"):
        control.configure({"frequency_mhz": 500.0})


def test_no_voltage_is_written_without_a_temperature_or_above_the_limit() -> None:
    for temperature, said in ((-1, "no temperature can be read"), (73.0, "above 72 degC")):
        miner = FakeAxeos("fan", temp=temperature)
        control = control_of(miner)
        control.originals()
        with pytest.raises(SettingRefused, match=said):
            control.configure({"voltage_mv": 1225.0})
        assert not miner.writes()


def test_what_is_outside_the_limits_or_cut_by_the_firmware_is_refused_unwritten() -> None:
    for requested in (
        {"frequency_mhz": 600.0},
        {"voltage_mv": 990.0},
        {"voltage_mv": 1225.5},
        {"frequency_mhz": 487.5},
        {"fan_percent": 10.0},
        {"hash_counting_number": 5.0},
    ):
        miner = FakeAxeos("live")
        with pytest.raises(SettingRefused, match="nothing was written"):
            control_of(miner).check(requested)
        assert not miner.writes()


def test_a_miner_that_hides_its_pool_is_refused_before_anything_is_changed() -> None:
    miner = FakeAxeos("old")
    for key in ("stratumURL", "stratumPort", "stratumUser"):
        del miner.info[key]
    control = control_of(miner)
    with pytest.raises(SettingRefused, match="could not be put back; nothing was changed"):
        control.kept(SERVER)
    assert not miner.writes()


def test_a_full_pool_list_lends_a_place_that_is_not_in_use_and_its_password_stays() -> None:
    miner = FakeAxeos("head")
    miner.info["pools"] = [miner.pool(slot, f"pool{slot}.example") for slot in range(8)]
    miner.stored_passwords = {slot: f"secret{slot}" for slot in range(8)}
    before = json.loads(json.dumps(miner.info["pools"]))
    control, _ = taken_over(miner, {})
    assert control.is_pointed_to(SERVER)
    assert miner.info["secondaryPoolIndex"] == 0
    assert all(setting.came_true for setting in control.restore(overheated=False))
    assert miner.stored_passwords == {slot: f"secret{slot}" for slot in range(8)}
    assert sorted(miner.info["pools"], key=lambda pool: pool["id"]) == before


def test_the_place_of_an_absent_fall_back_pool_is_not_taken() -> None:
    miner = FakeAxeos("head")
    miner.info["pools"] = miner.info["pools"][:1]
    control, _ = taken_over(miner, {})
    assert miner.info["primaryPoolIndex"] == 2
    assert all(setting.came_true for setting in control.restore(overheated=False))


@pytest.mark.parametrize("generation", EVERY)
def test_what_was_kept_puts_a_miner_back_from_another_process(generation: str) -> None:
    miner = FakeAxeos(generation)
    control = control_of(miner)
    originals = control.originals()
    kept = json.loads(json.dumps(control.kept(SERVER)))
    control.point_to(SERVER, None, {"frequency_mhz": 400.0})
    control.configure({"frequency_mhz": 400.0})
    later = control_of(miner)
    later.adopt_originals(originals, kept)
    assert all(setting.came_true for setting in later.restore(overheated=False))
    assert not later.is_pointed_to(SERVER)
    assert miner.running_mhz == 485.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frequency_mhz", 1e9),
        ("voltage_mv", -5.0),
        ("voltage_mv", float("nan")),
        ("fan_percent", 101.0),
        ("auto_fan", 2.0),
    ],
)
def test_originals_that_no_miner_can_have_had_are_refused_unwritten(name: str, value: float) -> None:
    miner = FakeAxeos("head")
    control = control_of(miner)
    with pytest.raises(SettingRefused, match="no miner has that"):
        control.adopt_originals([Setting(0, name, None, value, "original")], None)
    assert not miner.writes()


def test_foreign_originals_are_held_to_the_limits_of_this_machine() -> None:
    miner = FakeAxeos("head", frequency=500, coreVoltage=1250, coreVoltageActual=1240)
    miner.info["actualFrequency"] = 500.0
    control = control_of(miner)
    foreign = {"frequency_mhz": 900.0, "voltage_mv": 1500.0, "fan_percent": 0.0}
    control.adopt_originals([Setting(0, n, None, v, "original") for n, v in foreign.items()], None)
    control.restore(overheated=False)
    assert (miner.info["frequency"], miner.info["coreVoltage"]) == (575, 1300)
    assert sum("outside the limits" in line for line in control.log) == 3


def test_foreign_originals_of_a_board_without_limits_are_left_alone_but_for_its_fan() -> None:
    miner = FakeAxeos("head", autofanspeed=0)
    control = control_of(miner, can_set_power=False)
    foreign = {"frequency_mhz": 500.0, "voltage_mv": 9000.0, "fan_percent": 70.0}
    control.adopt_originals([Setting(0, n, None, v, "original") for n, v in foreign.items()], None)
    restored = control.restore(overheated=False)
    assert [(setting.name, setting.came_true) for setting in restored] == [("fan_percent", True)]
    assert (miner.info["frequency"], miner.info["coreVoltage"]) == (485, 1200)
    assert any("no limits are known" in line for line in control.log)


@pytest.mark.parametrize(
    "content",
    [
        {"primary_pool": {"url": 5}},
        {"primary_pool": {"url": "x", "password": {"a": 1}}},
        {"pools": "none"},
        {"empty_slot": 9},
        {"primary_pool_index": -1},
        {"primary_pool": {"url": "x", "__class__": 1}},
    ],
)
def test_what_was_kept_is_believed_in_its_own_form_only(content: dict[str, object]) -> None:
    with pytest.raises(SettingRefused, match="cannot be read"):
        control_of(FakeAxeos("head")).adopt_originals([], json.loads(json.dumps(content)))


def test_after_an_overheat_the_lower_settings_stay_and_count_as_not_put_back() -> None:
    miner = FakeAxeos("head")
    control, _ = taken_over(miner, {"frequency_mhz": 550.0, "voltage_mv": 1300.0})
    miner.info |= {"frequency": 385, "coreVoltage": 1250, "actualFrequency": 385.0}
    restored = {setting.name: setting for setting in control.restore(overheated=True)}
    assert miner.info["frequency"] == 385
    assert miner.info["coreVoltage"] == 1200
    assert not restored["frequency_mhz"].came_true
    assert restored["own_pools"].came_true


@pytest.mark.parametrize("station", [{}, {"frequency_mhz_min": 400.0}])
def test_calming_takes_the_clock_to_its_lowest_and_the_fan_to_its_highest(station: dict[str, float]) -> None:
    """Whatever a station says of the clocks that it wants."""
    miner = FakeAxeos("head")
    control, _ = taken_over(miner, {})
    control.envelope = control.envelope.narrowed(station)
    control.calm()
    assert (miner.info["frequency"], miner.info["manualFanSpeed"]) == (50, 100)
    restored = {setting.name: setting for setting in control.restore(overheated=True)}
    assert not restored["frequency_mhz"].came_true
    assert miner.info["frequency"] == 50


def test_an_observation_says_what_a_gate_has_to_know() -> None:
    miner = FakeAxeos("fan")
    control, _ = taken_over(miner, {})
    seen = control.observe()
    assert seen.mines_at is MinesAt.HERE
    assert seen.expected_hash_rate_ghs == pytest.approx(485 * 894 / 1000)
    assert seen.setpoints["voltage_mv"] == 1200
    values = {reading.channel: reading.value for reading in seen.readings}
    assert values["core_mv"] == 1190
    assert values["frequency_set_mhz"] == 485
    miner.info["isUsingFallbackStratum"] = 1
    assert control.observe().mines_at is MinesAt.ELSEWHERE


def test_a_miner_that_does_not_come_back_from_its_restart_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    from firmware_protocols.device import DeviceLost

    monkeypatch.setattr("asicrc.devices.network.axeos_client.RESTART_WITHIN_S", 0.7)
    miner = FakeAxeos("live")
    control = control_of(miner)
    control.originals()
    control.kept(SERVER)
    real = miner._restart

    def dies() -> None:
        real()
        miner.is_down_for = 10_000

    monkeypatch.setattr(miner, "_restart", dies)
    with pytest.raises(DeviceLost, match="did not come back"):
        control.point_to(SERVER, None, {})


@pytest.mark.parametrize("generation", EVERY)
@pytest.mark.parametrize("down_for", [3, 8])
def test_a_capture_that_is_ended_in_the_middle_of_a_restart_puts_the_pools_back(
    generation: str, down_for: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    miner = FakeAxeos(generation)
    control = control_of(miner)
    waiting = control._waiting
    control.originals()
    control.kept(SERVER)
    is_to_end, real = False, miner._restart

    def restarts_slowly() -> None:
        nonlocal is_to_end
        is_to_end = miner.restarts == 0
        real()
        miner.is_down_for = down_for if is_to_end else 1

    monkeypatch.setattr(miner, "_restart", restarts_slowly)
    monkeypatch.setattr(waiting, "_stop_asked", lambda: is_to_end)
    with pytest.raises(Interrupted):
        control.point_to(SERVER, None, {})
    with waiting.patient():
        restored = {setting.name: setting for setting in control.restore(overheated=False)}
    assert restored["own_pools"].came_true, control.log
    assert not control.is_pointed_to(SERVER)
