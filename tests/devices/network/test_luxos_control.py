"""LuxOS on an S9: sessions given back on every way out, boards set in steps, tuned boards left alone."""

from __future__ import annotations

import pytest
from fake_cgminer import FakeCgminer, _status
from hypothesis import Phase, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from quick_waiting import QuickWaiting

from asicrc.bench.limits import envelope_for
from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.network.cgminer_client import CgminerClient
from asicrc.devices.network.luxos import LuxosControl
from firmware_protocols.device import DeviceIdentity, Setting, SettingRefused


def control_of(client: CgminerClient) -> LuxosControl:
    identity = DeviceIdentity("luxos://192.0.2.9", "luxos", "BM1387", 189, details={"board": "s9"})
    envelope = envelope_for("s9", "BM1387")
    return LuxosControl(client, identity, envelope, QuickWaiting(MACHINE_CLOCK), MACHINE_CLOCK)


def test_sets_every_board_and_puts_each_back_to_its_own() -> None:
    miner = FakeCgminer(luxos=True)
    with miner.serving() as client:
        control = control_of(client)
        control.originals()
        settings = control.configure({"frequency_mhz": 550.0, "voltage_mv": 8500.0})
        assert [s.read_back for s in settings if s.name == "frequency_mhz"] == [550.0] * 3
        assert miner.volts == [8.5, 8.5, 8.5]
        restored = control.restore(overheated=False)
        assert all(setting.came_true for setting in restored), restored
    assert miner.volts == pytest.approx([8.9, 8.9, 8.8], abs=0.02)
    assert {mhz for board in miner.clocks for mhz in board.values()} == {650.0}
    assert miner.session == ""
    assert miner.names().count("logon") == miner.names().count("logoff") == 2


def test_voltage_and_clock_go_in_steps_and_the_clock_first_on_the_way_down() -> None:
    miner = FakeCgminer(luxos=True)
    with miner.serving() as client:
        control = control_of(client)
        control.originals()
        control.configure({"frequency_mhz": 500.0, "voltage_mv": 8600.0})
    sets = [(name, parameter.split(",")) for name, parameter in miner.commands if name.endswith("yset")]
    sets += [(name, parameter.split(",")) for name, parameter in miner.commands if name == "voltageset"]
    clocks = [float(values[2]) for name, values in sets if name == "frequencyset" and values[1] == "0"]
    volts = [float(values[2]) for name, values in sets if name == "voltageset" and values[1] == "0"]
    assert clocks == [600.0, 550.0, 500.0]
    assert max(abs(b - a) for a, b in zip([8.91, *volts], volts, strict=False)) <= 0.1 + 1e-9
    order = [name for name, parameter in miner.commands if name in ("frequencyset", "voltageset")]
    assert order[:3] == ["frequencyset"] * 3


@pytest.mark.long
@examples(max_examples=6, phases=(Phase.explicit, Phase.generate))
@given(st.integers(80, 700), st.integers(7800, 9600), st.integers(10, 2000), st.integers(1000, 20_000))
@example(650, 9400, 2000, 20_000)
def test_nothing_that_is_asked_or_forged_passes_the_limits(
    mhz: int, mv: int, own_mhz: int, own_mv: int
) -> None:
    """`own_` are what somebody's file says that the boards were set to."""
    miner = FakeCgminer(luxos=True)
    forged = {"frequency_mhz": float(own_mhz), "voltage_mv": float(own_mv)}
    with miner.serving() as client:
        control = control_of(client)
        control.originals()
        is_set = True
        try:
            control.configure({"frequency_mhz": float(mhz), "voltage_mv": float(mv)})
        except SettingRefused:
            is_set = False
        assert is_set is (100 <= mhz <= 650 and 7950 <= mv <= 9400)
        control.adopt_originals(
            [
                Setting(0, f"board{n}_{name}", None, forged[name], "original")
                for n in range(3)
                for name in forged
            ],
            None,
        )
        control.restore(overheated=False)
    for name, low, high in (("frequencyset", 100.0, 650.0), ("voltageset", 7.95, 9.4)):
        written = [float(parameter.split(",")[2]) for said, parameter in miner.commands if said == name]
        assert all(low <= value <= high for value in written), (name, written)


@pytest.mark.parametrize("ignored", ["frequency", "voltage"])
def test_a_board_that_does_not_follow_is_an_error_and_the_session_is_given_back(
    ignored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asicrc.devices.network.luxos_boards.SETTLES_WITHIN_S", 0.2)
    miner = FakeCgminer(luxos=True)
    miner.ignores = {ignored}
    with miner.serving() as client:
        control = control_of(client)
        control.originals()
        with pytest.raises(SettingRefused, match=r"was asked for|answered that it goes"):
            control.configure({"frequency_mhz": 600.0, "voltage_mv": 8800.0})
    assert miner.session == ""


def test_another_session_is_respected() -> None:
    miner = FakeCgminer(luxos=True)
    miner.taken_by_another = True
    with miner.serving() as client:
        control = control_of(client)
        control.originals()
        with pytest.raises(SettingRefused, match="one session at a time"):
            control.configure({"frequency_mhz": 600.0})
    assert "frequencyset" not in miner.names()
    assert "logoff" not in miner.names()


def test_a_board_whose_chips_were_tuned_is_not_flattened() -> None:
    miner = FakeCgminer(luxos=True)
    miner.clocks[1][17] = 675.0
    with miner.serving() as client:
        control = control_of(client)
        control.originals()
        with pytest.raises(SettingRefused, match="board 1 are tuned one by one"):
            control.configure({"frequency_mhz": 600.0})
    assert "logon" not in miner.names()


def test_no_voltage_above_the_temperature_limit() -> None:
    miner = FakeCgminer(luxos=True)
    miner.hottest = 104.0
    with miner.serving() as client:
        control = control_of(client)
        control.originals()
        with pytest.raises(SettingRefused, match="above 100 degC"):
            control.configure({"voltage_mv": 9000.0})
    assert "voltageset" not in miner.names()
    assert miner.session == ""


def test_a_clock_between_two_of_the_table_is_told_as_what_it_became() -> None:
    with FakeCgminer(luxos=True).serving() as client:
        control = control_of(client)
        control.originals()
        settings = control.configure({"frequency_mhz": 640.0})
    assert {(s.requested, s.read_back) for s in settings} == {(640.0, 650.0)}


def test_the_nearest_clock_of_the_table_never_lies_above_the_limit() -> None:
    miner = FakeCgminer(luxos=True)
    with miner.serving() as client:
        control = control_of(client)
        control.envelope = control.envelope.narrowed({"frequency_mhz_max": 640.0})
        control.originals()
        settings = control.configure({"frequency_mhz": 640.0})
    assert {(s.requested, s.read_back) for s in settings} == {(640.0, 625.0)}
    assert max(max(board.values()) for board in miner.clocks) == 625.0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("board0_frequency_mhz", 9e9, "no miner has that"),
        ("board0_voltage_mv", 1.0, "no miner has that"),
        ("board9_frequency_mhz", 600.0, "board 9"),
    ],
)
def test_originals_that_this_miner_cannot_have_had_are_refused(name: str, value: float, said: str) -> None:
    miner = FakeCgminer(luxos=True)
    with miner.serving() as client, pytest.raises(SettingRefused, match=said):
        control_of(client).adopt_originals([Setting(0, name, None, value, "original")], None)
    assert "logon" not in miner.names()


def test_foreign_originals_are_held_to_the_limits_here() -> None:
    miner = FakeCgminer(luxos=True)
    with miner.serving() as client:
        control = control_of(client)
        control.adopt_originals([Setting(0, "board0_frequency_mhz", None, 900.0, "original")], None)
        (setting,) = control.restore(overheated=False)
    assert setting.requested == 650.0
    assert max(miner.clocks[0].values()) == 650.0


def test_a_board_that_tells_nothing_any_more_keeps_no_other_from_being_slowed_down_or_put_back() -> None:
    miner = FakeCgminer(luxos=True)
    real, before = miner._healthchipget, [dict(clocks) for clocks in miner.clocks]
    with miner.serving() as client:
        control = control_of(client)
        control.originals()
        control.configure({"frequency_mhz": 550.0})
        miner._healthchipget = (  # type: ignore[method-assign]
            lambda board: _status("E", 1, "no chip answers") if board.startswith("0") else real(board)
        )
        with pytest.raises(SettingRefused, match="does not tell the clocks of board 0"):
            control.calm()
        coolest = control.envelope.coolest_mhz
        assert all(abs(clocks[0] - coolest) <= 25 for clocks in miner.clocks), "board 0 too"
        restored = {setting.name: setting.came_true for setting in control.restore(overheated=False)}
    assert miner.clocks[1:] == before[1:]
    assert not restored["board0_frequency_mhz"]
    assert restored["board1_frequency_mhz"] and restored["board2_frequency_mhz"]
