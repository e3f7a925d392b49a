"""The envelope: what narrowing can do, what only widening can, and where each number is from."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicrc.bench.envelope import LIMIT_KEYS, NO_CLOCK
from asicrc.bench.limits import (
    BOARDS,
    DEFAULT_FREQUENCY_MHZ,
    ENVELOPES,
    Envelope,
    Range,
    allowed_envelope,
    envelope_for,
)
from asicrc.errors import UsageError
from firmware_protocols.bm13xx import frequency_ramp, model_by_name, solve_pll
from firmware_protocols.device import SettingRefused

EVERY = [(board, chip) for board, chips in BOARDS.items() for chip in chips]
NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 2000)
LIMITS = st.dictionaries(st.sampled_from(sorted(LIMIT_KEYS)), NUMBERS, max_size=4)


def is_inside(outer: Envelope, inner: Envelope) -> bool:
    """Whether everything that `inner` allows is allowed by `outer`."""
    built_in, now = outer.limits(), inner.limits()
    return built_in.keys() == now.keys() and not any(
        LIMIT_KEYS[key].is_beyond(now[key], built_in[key]) for key in built_in
    )


@given(st.sampled_from(EVERY), st.lists(LIMITS, max_size=6), NUMBERS)
def test_no_sequence_of_narrowings_leaves_the_built_in_envelope(
    where: tuple[str, str], sequence: list[dict[str, float]], value: float
) -> None:
    built_in = now = envelope_for(*where)
    for limits in sequence:
        try:
            now = now.narrowed(limits)
        except UsageError:
            continue
        assert is_inside(built_in, now)
        for key, limit in limits.items():
            assert now.limits()[key] == limit
    assert not now.beyond
    ranges = []
    if built_in.frequency_mhz is not NO_CLOCK:
        ranges.append(("frequency_mhz", built_in.frequency_mhz, now.frequency_mhz))
    if built_in.voltage_mv is not None and now.voltage_mv is not None:
        ranges.append(("voltage_mv", built_in.voltage_mv, now.voltage_mv))
    for name, outer, inner in ranges:
        if not math.isnan(value):
            assert outer.low <= inner.low <= inner.clamp(value) <= inner.high <= outer.high
        try:
            assert inner.check(name, value) == value
        except SettingRefused:
            continue
        assert outer.check(name, value) == value


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.floats(allow_nan=False))
def test_clamp_and_check_agree(low: float, width: float, value: float) -> None:
    limits = Range(low, low + width, "MHz", "a test")
    clamped = limits.clamp(value)
    assert limits.check("x", clamped) == clamped == limits.clamp(clamped)
    if limits.low <= value <= limits.high:
        assert clamped == limits.check("x", value) == value
    else:
        with pytest.raises(SettingRefused, match="outside the built-in envelope"):
            limits.check("x", value)


def test_no_number_is_never_taken_for_one() -> None:
    limits = ENVELOPES["BM1366"].frequency_mhz
    with pytest.raises(SettingRefused):
        limits.check("frequency_mhz", math.nan)
    with pytest.raises(SettingRefused):
        limits.clamp(math.nan)
    with pytest.raises(UsageError, match="makes no sense"):
        ENVELOPES["BM1366"].narrowed({"frequency_mhz_max": math.nan})


@pytest.mark.parametrize(("board", "chip"), EVERY)
def test_every_number_has_a_source(board: str, chip: str) -> None:
    envelope = envelope_for(board, chip)
    for key in envelope.limits():
        assert len(envelope.source(key)) > 20
    frequency_mhz = envelope.frequency_mhz
    if board != "lb-box":
        assert frequency_mhz.low < DEFAULT_FREQUENCY_MHZ < frequency_mhz.high
    assert (envelope.voltage_mv is None) == (board in ("bare", "lb-box"))
    assert (
        (envelope.step_mv is None) == (envelope.step_mv_interval_s is None) == (envelope.voltage_mv is None)
    )


def test_a_board_that_takes_no_clock_refuses_every_one_and_every_limit_of_it() -> None:
    envelope = envelope_for("lb-box", "LBRY")
    assert set(envelope.limits()) == {"temperature_c_max"}
    for refuse in (lambda: NO_CLOCK.clamp(500.0), lambda: NO_CLOCK.check("frequency_mhz", 500.0)):
        with pytest.raises(SettingRefused, match="no clock can be set on this board"):
            refuse()
    with pytest.raises(UsageError, match="would have no effect"):
        envelope.narrowed({"frequency_mhz_max": 500.0})
    assert envelope.narrowed({"temperature_c_max": 60.0}).temperature_c == 60.0


@pytest.mark.parametrize("chip", sorted({"BM1362", "BM1366", "BM1368", "BM1370", "BM1397"}))
def test_a_chip_reaches_both_ends_of_its_range_in_allowed_steps(chip: str) -> None:
    model, envelope = model_by_name(chip), ENVELOPES[chip]
    low, high = envelope.frequency_mhz.low, envelope.frequency_mhz.high
    assert solve_pll(model, low).mhz == pytest.approx(low, rel=0.02)
    assert solve_pll(model, high).mhz == pytest.approx(high, rel=0.02)
    ramp = [low, *frequency_ramp(model, low, high, envelope.step_mhz)]
    assert max(b - a for a, b in pairwise(ramp)) <= envelope.step_mhz + 1e-9


def test_a_narrowing_that_widens_is_refused_with_key_both_values_and_the_flag() -> None:
    with pytest.raises(UsageError) as caught:
        envelope_for("bitaxe-gamma", "BM1370").narrowed({"voltage_mv_max": 1300.0}, "station.toml")
    for said in ("voltage_mv_max", "1300 mV", "1250 mV", "station.toml", "device_config.h"):
        assert said in caught.value.message
    assert "--allow-beyond-envelope" in caught.value.hint


def test_narrowing_holds_against_a_later_one() -> None:
    narrow = envelope_for("bitaxe-ultra", "bm1366").narrowed(
        {"frequency_mhz_max": 400, "fan_percent_min": 60}
    )
    assert narrow.frequency_mhz.high == 400
    assert narrow.fan_percent is not None
    assert narrow.fan_percent.low == 60
    with pytest.raises(UsageError, match="beyond 400 MHz"):
        narrow.narrowed({"frequency_mhz_max": 500})
    with pytest.raises(SettingRefused, match="outside the limits of 50 to 400 MHz"):
        narrow.frequency_mhz.check("frequency_mhz", 450)


def test_steps_only_get_smaller_and_slower() -> None:
    envelope = envelope_for("bitaxe-ultra", "BM1366")
    slow = envelope.narrowed({"voltage_step_mv_max": 5, "voltage_step_interval_s_min": 1})
    assert (slow.step_mv, slow.step_mv_interval_s) == (5, 1)
    for limits in ({"frequency_step_mhz_max": 12.5}, {"frequency_step_interval_s_min": 0.01}):
        with pytest.raises(UsageError, match="can only narrow"):
            envelope.narrowed(limits)


def test_a_limit_that_nothing_watches_is_refused() -> None:
    for key in ("voltage_mv_max", "temperature_c_max", "power_w_max", "fan_percent_min"):
        with pytest.raises(UsageError, match="would have no effect"):
            ENVELOPES["BM1366"].narrowed({key: 60.0})
    with pytest.raises(UsageError) as caught:
        ENVELOPES["BM1366"].narrowed({"frequency_max": 400.0})
    assert "frequency_mhz_max" in caught.value.hint


def test_limits_that_leave_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="leaves nothing between 400 and 300 MHz"):
        ENVELOPES["BM1366"].narrowed({"frequency_mhz_min": 400, "frequency_mhz_max": 300})


def test_widening_needs_the_flag_and_is_written_down() -> None:
    beyond = {"voltage_mv_max": 1300.0}
    without = allowed_envelope("bitaxe-gamma", "BM1370", beyond=beyond)
    assert without == envelope_for("bitaxe-gamma", "BM1370")
    wide = allowed_envelope(
        "bitaxe-gamma", "BM1370", {"frequency_mhz_max": 500.0}, beyond, allow_beyond=True, where="s.toml"
    )
    assert wide.voltage_mv is not None
    assert wide.voltage_mv.check("voltage_mv", 1300) == 1300
    assert wide.frequency_mhz.high == 500
    assert wide.as_json()["beyond_built_in"] == {"voltage_mv_max": 1250.0}
    assert wide.as_json()["limits"]["voltage_mv_max"] == 1300
    assert "widen_beyond_built_in of s.toml" in wide.source("voltage_mv_max")


def test_widening_is_for_widening_and_has_an_end() -> None:
    envelope = envelope_for("bitaxe-gamma", "BM1370")
    with pytest.raises(UsageError, match="does not go beyond 1250"):
        envelope.widened({"voltage_mv_max": 1200})
    for senseless in (12_000, math.inf, math.nan, -1):
        with pytest.raises(UsageError, match="makes no sense"):
            envelope.widened({"voltage_mv_max": senseless})
    with pytest.raises(UsageError, match="asks for nothing beyond"):
        allowed_envelope("bitaxe-gamma", "BM1370", allow_beyond=True)


def test_what_is_not_in_the_table_has_no_limits() -> None:
    assert envelope_for(None, "bm1366") is ENVELOPES["BM1366"]
    with pytest.raises(UsageError, match="board 'bitaxe-max'"):
        envelope_for("bitaxe-max", "BM1397")
    with pytest.raises(UsageError, match="BM1370 on the board bitaxe-ultra"):
        envelope_for("bitaxe-ultra", "BM1370")
    with pytest.raises(UsageError, match="BM1384 on a bare line"):
        envelope_for(None, "bm1384")
