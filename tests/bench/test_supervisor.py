"""What ends a capture, each with its reason, and what does not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from asicrc.bench.limits import envelope_for
from asicrc.bench.supervision import Supervisor, Tally, Watched, supervisor_for, thresholds_for
from asicrc.bench.supervision.limit_watch import LimitWatch
from asicrc.bench.supervision.thresholds import THRESHOLD_KEYS, Thresholds
from asicrc.errors import UsageError
from firmware_protocols.device import (
    Batch,
    Capability,
    DeviceIdentity,
    DeviceLost,
    Direction,
    Reading,
    SafetyStop,
    SegmentStart,
    Setting,
    Stamp,
    WireChunk,
    empty_events,
)
from simulators.models.machines import MACHINES
from simulators.models.physics import DevicePhysics

LV06 = envelope_for("lv06", "BM1366").limits()
ULTRA = envelope_for("bitaxe-ultra", "BM1366").limits()
S = 10**9
WELL = {
    "temperature_c": 55.0,
    "temperature2_c": 50.0,
    "power_w": 11.0,
    "frequency_set_mhz": 485.0,
    "core_set_mv": 1200.0,
    "core_mv": 1185.0,
    "fan_rpm": 4000.0,
    "uptime_s": 100.0,
}


class Shown:
    """A supervisor that is shown a device every 1.5 s."""

    def __init__(self, family: str = "axeos", limits: Mapping[str, float] = LV06, **options: Any) -> None:
        thresholds = options.pop("thresholds", thresholds_for(family, limits))
        watched = Watched(firmware_watches=family != "bm13xx")
        self.supervisor = Supervisor(thresholds, options.pop("watched", watched), **options)
        self.now_ns = 0
        self.uptime_s = 100.0

    def show(self, times: int = 1, *, without: tuple[str, ...] = (), events: int = 0, **wrong: float) -> Any:
        """What the last look came to."""
        for _ in range(times):
            self.now_ns += round(1.5 * S)
            self.uptime_s += 1.5
            values = WELL | {"uptime_s": self.uptime_s} | wrong
            readings = [Reading(self.now_ns, k, v) for k, v in values.items() if k not in without]
            said = self.supervisor.look(Batch(readings=readings, nonces=empty_events(events)), self.now_ns)
        return said

    def silence(self, seconds: float) -> None:
        """Looks, twenty a second, that bring nothing."""
        for _ in range(round(seconds * 20)):
            self.now_ns += S // 20
            self.supervisor.look(Batch(), self.now_ns)


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"temperature_c": 73.0}, SafetyStop, "73 degC, above the limit of 72"),
        ({"temperature2_c": 80.0}, SafetyStop, "80 degC, above the limit of 72"),
        ({"power_w": 26.0}, SafetyStop, "draws 26.0 W, above the limit of 25"),
        ({"core_mv": 1425.0}, SafetyStop, "the core is at 1425 mV, and 1300 mV is the most"),
        (
            {"frequency_set_mhz": 385.0},
            SafetyStop,
            "frequency_mhz from 485 to 385: firmware does that to a miner that has overheated",
        ),
        ({"core_set_mv": 1100.0, "core_mv": 1090.0}, SafetyStop, "voltage_mv from 1200 to 1100"),
        ({"frequency_set_mhz": 550.0}, DeviceLost, "somebody else has changed the miner"),
    ],
)
def test_what_ends_a_capture_has_to_be_seen_twice(
    wrong: dict[str, float], error: type[Exception], said: str
) -> None:
    watched = Shown()
    watched.show()
    watched.show(**wrong)
    watched.show(2)
    watched.show(**wrong)
    with pytest.raises(error, match=said):
        watched.show(**wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"temperature_c": 72.5}, "above the limit of 72"),
        ({"power_w": 25.1}, "above the limit of 25"),
    ],
)
def test_where_nobody_else_watches_the_first_look_counts(wrong: dict[str, float], said: str) -> None:
    watched = Shown("bm13xx", ULTRA)
    watched.show(3)
    with pytest.raises(SafetyStop, match=said):
        watched.show(**wrong)


@pytest.mark.parametrize("family", ["axeos", "bm13xx"])
def test_a_regulator_that_does_not_hold_and_a_fan_that_stands_take_three(family: str) -> None:
    for wrong, said in (
        ({"core_mv": 1000.0}, "measures 1000 mV and is set to 1200 mV"),
        ({"fan_rpm": 0.0}, "the fan does not turn"),
    ):
        watched = Shown(family, ULTRA)
        watched.show()
        watched.show(2, **wrong)
        watched.show()
        watched.show(2, **wrong)
        with pytest.raises(SafetyStop, match=said):
            watched.show(**wrong)


@pytest.mark.parametrize("channel", ["fan2_rpm", "fan5_rpm", "board1_fan0_rpm"])
def test_each_of_several_fans_has_to_go_on_turning(channel: str) -> None:
    watched = Shown()
    watched.show(4, **{channel: 0.0})
    watched.show(1, **{channel: 3000.0})
    watched.show(2, **{channel: 0.0})
    with pytest.raises(SafetyStop, match=f"a fan .{channel.removesuffix('_rpm')}. does not turn"):
        watched.show(**{channel: 0.0})


def test_a_fan_without_a_tachometer_is_not_watched() -> None:
    Shown("bm13xx", ULTRA, fan_tells=False).show(9, fan_rpm=0.0)
    Shown().show(9, fan_rpm=0.0)  # a miner's fan that was never seen turning has none either
    Shown().show(9, fan_rpm=math.nan)
    for rpm, said in ((0.0, "the fan does not turn; "), (math.nan, "does not tell whether it turns; ")):
        with pytest.raises(SafetyStop, match=f"{said}.*fan_tachometer = false"):
            Shown("bm13xx", ULTRA).show(3, fan_rpm=rpm)


def test_a_set_point_that_changes_on_a_board_of_ours_is_no_owner() -> None:
    watched = Shown("bm13xx", ULTRA)
    watched.show(2)
    with pytest.raises(SafetyStop, match="voltage_mv from 1200 to 1250: nobody asked for that"):
        watched.show(2, core_set_mv=1250.0, core_mv=1240.0)


def test_what_was_set_is_what_should_be_and_readings_of_the_way_there_do_not_count() -> None:
    watched = Shown()
    watched.show(2)
    way = [Reading(watched.now_ns + S, "frequency_set_mhz", mhz) for mhz in (500.0, 520.0)]
    watched.now_ns += 2 * S
    watched.supervisor.changed([Setting(watched.now_ns, "frequency_mhz", 550.0, 550.0)], watched.now_ns)
    watched.supervisor.look(Batch(readings=way), watched.now_ns)
    watched.show(3, frequency_set_mhz=550.0)
    with pytest.raises(SafetyStop, match="from 550 to 485"):
        watched.show(2)


def test_a_setting_that_was_read_back_and_never_was_so_is_found() -> None:
    watched = Shown()
    watched.supervisor.changed([Setting(0, "frequency_mhz", 550.0, 550.0)], 0)
    with pytest.raises(SafetyStop, match="from 550 to 485"):
        watched.show(2)


def test_boards_that_went_to_different_values_are_held_to_what_is_read_first() -> None:
    watched = Shown()
    watched.supervisor.changed([Setting(0, "frequency_mhz", 500.0, mhz) for mhz in (500.0, 470.0)], 0)
    watched.show(5)


def test_a_fan_that_is_set_by_hand_is_no_automatic_one_any_more() -> None:
    watched = Shown()
    watched.show(2, auto_fan_set=1.0)
    watched.supervisor.changed([Setting(watched.now_ns, "fan_percent", 60.0, 60.0)], watched.now_ns)
    watched.show(3, auto_fan_set=0.0, fan_set_percent=60.0)
    with pytest.raises(DeviceLost, match="fan_percent from 60 to 90"):
        watched.show(2, auto_fan_set=0.0, fan_set_percent=90.0)


def test_heat_that_rises_too_fast_ends_it_below_the_limit() -> None:
    watched = Shown("bm13xx", ULTRA)
    watched.show(2, temperature_c=30.0)
    watched.show(temperature_c=60.0)  # one step is no rise
    watched.show(3, temperature_c=60.0)
    with pytest.raises(SafetyStop, match="warms by more than 4 degC a second, and is at 69 degC"):
        for celsius in (48.0, 55.0, 62.0, 69.0):
            watched.show(temperature_c=celsius)


@pytest.mark.parametrize("machine", ["bitaxe-ultra", "bitaxe-gamma", "lv06", "s9", "lbbox"])
def test_the_fastest_warming_within_the_limits_is_none_and_a_lost_heat_sink_is_found(machine: str) -> None:
    """On the physics that is modelled, with a thermometer of whole degrees, from a cold start on."""
    model = MACHINES[machine]
    limits = model.limits
    free = Thresholds(temperature_rise_c_per_s_max=thresholds_for("bm13xx", {}).temperature_rise_c_per_s_max)
    board = DevicePhysics(model)
    board.set("frequency_mhz", limits.frequency_mhz[1] if limits.frequency_mhz else model.nominal_mhz)
    board.set("voltage_mv", limits.voltage_mv[1] if limits.voltage_mv else model.nominal_mv)
    board.set("fan_percent", limits.fan_percent[0] if limits.fan_percent else model.nominal_fan_percent)
    watch = LimitWatch(free, firmware_watches=False)
    for second in range(120):
        watch.take("temperature_c", math.floor(board.temperature_c), second * S)
        board.step(1.0)
    board = DevicePhysics(model)
    for name, value in (
        ("frequency_mhz", model.nominal_mhz),
        ("voltage_mv", model.nominal_mv),
        ("fan_percent", 100.0),
    ):
        board.set(name, value)
    board.step(3600.0)
    board.set("heat_sink", 0.0)
    watch = LimitWatch(free, firmware_watches=False)
    with pytest.raises(SafetyStop, match="has its heat sink or fan come off"):
        for second in range(10):
            watch.take("temperature_c", math.floor(board.temperature_c), second * S)
            board.step(1.0)


def test_noise_of_a_thermometer_is_no_rise() -> None:
    """3 degC of noise, far more than any of these has, for a day of looks a second: no alarm."""
    rng = np.random.default_rng(8)
    watch = LimitWatch(Thresholds(), firmware_watches=True)
    for second, celsius in enumerate(50 + 0.7 * rng.standard_normal(86_400)):
        watch.take("temperature_c", float(celsius), second * S)


def test_power_that_rises_for_seconds_is_found_and_a_step_is_not() -> None:
    watched = Shown("bm13xx", ULTRA)
    watched.show(2, power_w=3.0)
    watched.show(3, power_w=13.0)
    with pytest.raises(SafetyStop, match="rises by more than 5 W a second, and is at 24"):
        for watts in (0.0, 8.0, 16.0, 24.0):
            watched.show(power_w=watts)


def test_a_device_that_tells_no_temperature_is_not_left_to_itself() -> None:
    watched = Shown()
    watched.show(59, without=("temperature_c",))  # none at all: there is nothing to lose
    watched.show()
    with pytest.raises(SafetyStop, match=r"has not told its temperature for 9\d\.\d s"):
        watched.show(100, without=("temperature_c",))
    assert watched.now_ns > 150 * S
    unlimited = Shown(limits={})
    unlimited.show()
    unlimited.show(100, without=("temperature_c",))


def test_a_direct_board_may_be_blind_for_three_looks_only() -> None:
    watched = Shown("bm13xx", ULTRA)
    watched.show()
    watched.silence(3.0)
    with pytest.raises(SafetyStop, match=r"for 3\.5\d* s"):
        watched.silence(1.0)


def test_a_hot_chip_between_answers_without_a_temperature_is_still_hot() -> None:
    watched = Shown()
    watched.show(temperature_c=90.0)
    watched.show(without=("temperature_c",))
    watched.show(temperature_c=math.nan)
    with pytest.raises(SafetyStop, match="above the limit"):
        watched.show(temperature_c=90.0)


def test_a_device_that_brings_nothing_is_lost_but_not_while_this_program_stood_still() -> None:
    watched = Shown(limits={})
    watched.show()
    watched.now_ns += 500 * S
    watched.silence(118)
    with pytest.raises(DeviceLost, match="nothing has been heard of the device for 12"):
        watched.silence(4)


def test_what_this_program_says_on_a_line_is_no_sign_of_the_chip() -> None:
    watched = Shown("bm13xx", {})
    question = Batch(wire=[WireChunk(Direction.TX, Stamp(0), b"?")])
    with pytest.raises(DeviceLost, match="nothing has been heard"):
        for _ in range(12):
            watched.now_ns += S
            watched.supervisor.look(question, watched.now_ns)


def test_what_the_device_says_is_wrong_with_it_ends_it() -> None:
    with pytest.raises(SafetyStop, match="reports a fault"):
        Shown().supervisor.look(Batch(faults=["the miner reports a fault: VR fault"]), 0)


def test_a_restart_is_a_line_in_the_log() -> None:
    watched = Shown()
    watched.show(3)
    said = watched.show(uptime_s=4.0)
    assert said.log == ["the device has restarted: it is up for 4 s, and was for 104.5 s"]
    assert watched.show(uptime_s=5.5).log == []


def test_events_that_stay_away_end_it_and_a_pause_of_the_connection_does_not() -> None:
    watched = Shown()
    logs = [watched.show(events=30).log for _ in range(12)]
    assert ["supervision: 20 events a second are to be expected from here on"] in logs or any(logs)
    watched.show(20, events=0, connected_n=0.0)
    watched.show(3, events=30, connected_n=1.0)
    watched.supervisor.look(Batch(segment=SegmentStart(watched.now_ns, "it came back")), watched.now_ns)
    watched.show(12, events=30)
    with pytest.raises(DeviceLost, match="the hash rate has collapsed: "):
        watched.show(30, events=2)


def test_other_settings_have_another_rate_and_a_fan_has_not() -> None:
    watched = Shown()
    watched.show(15, events=30)
    watched.supervisor.changed([Setting(watched.now_ns, "fan_percent", 60.0, 60.0)], watched.now_ns)
    assert watched.supervisor._rate.expected_hz is not None
    watched.supervisor.changed([Setting(watched.now_ns, "voltage_mv", 1200.0, 1200.0)], watched.now_ns)
    assert watched.supervisor._rate.expected_hz is None
    watched.show(60, events=3)
    assert watched.supervisor._rate.expected_hz is not None
    watched.supervisor.begin_point()
    assert watched.supervisor._rate.expected_hz is None


def test_a_rate_that_the_input_changes_is_not_watched() -> None:
    watched = Shown(watched=Watched(rate=False))
    watched.show(15, events=30)
    watched.show(100, events=0)


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        (Tally(100, 10), Tally(300, 180), "170 of 200 proofs are invalid"),
        (Tally(frames=100), Tally(frames=300, damaged_frames=190), "190 of 200 frames are damaged"),
    ],
)
def test_an_error_burst_ends_it(first: Tally, then: Tally, said: str) -> None:
    supervisor = Shown().supervisor
    supervisor.count(first, 0)
    with pytest.raises(DeviceLost, match=f"an error burst: {said}"):
        supervisor.count(then, 11 * S)
    quiet = Shown(watched=Watched(errors=False)).supervisor
    quiet.count(first, 0)
    quiet.count(then, 11 * S)


class OnPaper:
    """As much of a device as the building of its supervisor asks for."""

    def __init__(self, family: str, fan: Capability = Capability.LIVE, **limits: float) -> None:
        self.identity = DeviceIdentity("x:1", family, "BM1366", 1)
        self.capabilities = {"fan_percent": fan}
        self.limits: dict[str, Any] = {"limits": limits}


def built(family: str, fan: Capability = Capability.LIVE, limits: Any = None, **options: Any) -> Any:
    device: Any = OnPaper(family, fan, **(LV06 if limits is None else limits))
    return supervisor_for(device, **options)


def test_thresholds_are_the_envelopes_and_a_station_only_narrows_them() -> None:
    assert built("stratum") is None and built("replay") is None
    direct, miner = built("bm13xx").thresholds, built("axeos").thresholds
    assert (direct.temperature_c_max, direct.power_w_max, direct.confirmations) == (72.0, 25.0, 1)
    assert (direct.sensor_silent_s_max, miner.sensor_silent_s_max) == (3.5, 90.0)
    assert direct.power_rise_w_per_s_max == 5.0
    own = built("axeos", narrowing={"sensor_silent_s_max": 20.0, "hash_rate_share_min": 0.8})
    assert own.thresholds.sensor_silent_s_max == 20 and own.thresholds.hash_rate_share_min == 0.8
    for family, comes_to in (("axeos", 20.0), ("bm13xx", 3.5)):
        wide = built(family, bench_wide={"sensor_silent_s_max": 20.0})
        assert wide.thresholds.sensor_silent_s_max == comes_to
    for key, value, said in (
        ("sensor_silent_s_max", 100.0, "wider than 90"),
        ("hash_rate_share_min", 0.4, "wider than 0.5"),
        ("invalid_share_max", 7.0, "makes no sense"),
        ("hash_rate_min", 1.0, "there is no threshold hash_rate_min"),
    ):
        with pytest.raises(UsageError, match=said):
            built("axeos", narrowing={key: value})
    assert all(rule.source for rule in THRESHOLD_KEYS.values())
    assert own.as_json()["thresholds"]["voltage_error_mv_max"] == 120
    assert built("axeos", limits={}).as_json()["thresholds"]["temperature_c_max"] is None


@pytest.mark.parametrize(
    ("family", "fan", "limits", "said"),
    [
        ("axeos", Capability.NONE, LV06, "it has none that can be set"),
        ("axeos", Capability.RESTART, LV06, "setting it restarts the device"),
        ("bm13xx", Capability.LIVE, {}, "no limits of its temperature and fan are known"),
        ("replay", Capability.LIVE, LV06, "nothing can be set on it"),
    ],
)
def test_a_fan_that_cannot_hold_a_temperature_is_refused(
    family: str, fan: Capability, limits: dict[str, float], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        built(family, fan, limits, fan_target_c=60.0)


def test_the_fan_is_told_what_the_temperature_asks_for_and_the_log_says_why() -> None:
    supervisor = built("bm13xx", limits=ULTRA, fan_target_c=50.0, fan_start_percent=50.0)
    told: dict[str, float] = {}
    for second in range(1, 120):
        said = supervisor.look(Batch(readings=[Reading(second * S, "temperature_c", 58.0)]), second * S)
        if said.settings:
            assert said.settings.keys() == {"fan_percent"}
            assert said.log == [f"fan to {said.settings['fan_percent']:.1f} %: at 58 degC, 50 degC is wanted"]
            told = said.settings
    assert told["fan_percent"] == 100.0
    assert supervisor.as_json()["fan"]["target_c"] == 50.0


def test_a_fan_of_a_board_whose_temperature_is_gone_goes_to_full_speed() -> None:
    supervisor = built("bm13xx", limits=ULTRA, fan_target_c=50.0, fan_start_percent=30.0)
    supervisor.look(Batch(readings=[Reading(S, "temperature_c", 50.0)]), S)
    settings = [supervisor.look(Batch(), S + n * S // 20).settings for n in range(60)]
    assert [wanted for wanted in settings if wanted] == [{"fan_percent": 100.0}]
