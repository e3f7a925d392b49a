"""Whatever the start and the goal: small steps, no clock above what the voltage bears, the goal reached."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from asicrc.bench.limits import envelope_for
from asicrc.devices.network.setting_steps import FREQUENCY, VOLTAGE, ordered_steps

MHZ = st.integers(50, 575).map(float)
MV = st.integers(1000, 1300).map(float)
LV06 = envelope_for("lv06", "BM1366")


@given(MHZ, MV, MHZ, MV)
def test_steps_are_small_in_order_and_end_at_the_goal(
    mhz: float, mv: float, to_mhz: float, to_mv: float
) -> None:
    now, goal = {FREQUENCY: mhz, VOLTAGE: mv}, {FREQUENCY: to_mhz, VOLTAGE: to_mv}
    steps = ordered_steps(now, goal, LV06)
    for name, most in ((FREQUENCY, 50.0), (VOLTAGE, 25.0)):
        values = [now[name], *(value for step, value in steps if step == name)]
        assert values[-1] == goal[name]
        assert all(abs(b - a) <= most + 1 for a, b in pairwise(values))
        assert values in (sorted(values), sorted(values, reverse=True))
        assert all(value == int(value) for value in values)
    names = [name for name, _ in steps]
    first = FREQUENCY if to_mv < mv else VOLTAGE
    assert names == sorted(names, key=lambda name: name != first)
    state = dict(now)
    for name, value in steps:
        state[name] = value
        assert state[VOLTAGE] >= min(mv, to_mv)
        if name == FREQUENCY and value > mhz and to_mv >= mv:
            assert state[VOLTAGE] == to_mv


@given(MHZ, MV)
def test_what_is_there_already_has_no_step_and_what_is_not_known_one(mhz: float, mv: float) -> None:
    assert ordered_steps({FREQUENCY: mhz}, {FREQUENCY: mhz}, LV06) == []
    assert ordered_steps({}, {VOLTAGE: mv}, LV06) == [(VOLTAGE, mv)]
