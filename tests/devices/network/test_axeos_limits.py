"""Whatever is asked of a miner on the network, or stands in somebody's file as what it was set to."""

from __future__ import annotations

from fake_axeos import SERVER, FakeAxeos, control_of
from hypothesis import Phase, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from asicrc.bench.limits import envelope_for
from firmware_protocols.device import Setting, SettingRefused

LV06 = envelope_for("lv06", "BM1366")
GENERATIONS = st.sampled_from(["old", "live", "fan", "head"])
NAMES = ("frequency_mhz", "voltage_mv", "fan_percent")
anything = st.one_of(
    st.floats(0, 3000),
    st.integers(0, 3000).map(float),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([50.0, 575.0, 576.0, 1000.0, 1300.0, 1301.0, 25.0, 24.0]),
)


def whole(**ranges: tuple[int, int]) -> st.SearchStrategy[dict[str, float]]:
    return st.fixed_dictionaries({}, optional={n: st.integers(*r).map(float) for n, r in ranges.items()})


asked = whole(frequency_mhz=(40, 600), voltage_mv=(950, 1350), fan_percent=(20, 100)) | st.dictionaries(
    st.sampled_from(NAMES), anything, max_size=3
)
possible = whole(frequency_mhz=(1, 2000), voltage_mv=(100, 4000), fan_percent=(0, 100))
QUICK = examples(max_examples=12, phases=(Phase.explicit, Phase.generate))
HIGHEST = {"frequency_mhz": 575.0, "voltage_mv": 1300.0, "fan_percent": 25.0}


def check_held(miner: FakeAxeos) -> None:
    """Of what was ever written, not of what was asked."""
    assert LV06.voltage_mv is not None and LV06.fan_percent is not None
    limits = {"frequency": LV06.frequency_mhz, "coreVoltage": LV06.voltage_mv}
    limits |= dict.fromkeys(("fanspeed", "manualFanSpeed"), LV06.fan_percent)
    for _, _, body in miner.writes():
        for key in limits.keys() & body.keys():
            assert limits[key].low <= body[key] <= limits[key].high, body


@QUICK
@given(GENERATIONS, asked)
@example("head", HIGHEST)
@example("old", {"frequency_mhz": 50.0, "voltage_mv": 1000.0})
def test_nothing_that_is_asked_passes_the_limits(generation: str, requested: dict[str, float]) -> None:
    miner = FakeAxeos(generation, coreVoltageActual=0)  # one that does not measure it is believed
    control = control_of(miner)
    try:
        control.check(requested)
    except SettingRefused:
        assert not miner.writes()
        return
    control.originals()
    control.kept(SERVER)
    control.point_to(SERVER, None, requested)
    assert {s.name: s.read_back for s in control.configure(requested)} == requested
    control.restore(overheated=False)
    check_held(miner)


@QUICK
@given(GENERATIONS, possible | asked, whole(frequency_mhz=(40, 700), voltage_mv=(900, 1500)))
@example("head", {"frequency_mhz": 2000.0, "voltage_mv": 3000.0, "fan_percent": 0.0}, HIGHEST)
def test_no_forged_original_is_put_back_past_them(
    generation: str, forged: dict[str, float], found: dict[str, float]
) -> None:
    """`found` is how the miner stands by then, beyond the limits too: a way back begins there."""
    names = {"frequency_mhz": "frequency", "voltage_mv": "coreVoltage"}
    held = {names[name]: round(value) for name, value in found.items() if name in names}
    miner = FakeAxeos(generation, coreVoltageActual=0, **held)
    control = control_of(miner)
    control.originals()
    try:
        control.adopt_originals(
            [Setting(0, name, None, value, "original") for name, value in forged.items()], None
        )
    except SettingRefused:
        assert not miner.writes()
        return
    control.restore(overheated=False)
    check_held(miner)
