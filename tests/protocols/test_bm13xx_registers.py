"""Register values: layouts, clock, line speed, ticket mask."""

from __future__ import annotations

from functools import cache

import pytest
from bm13xx_frames import BM1366, BM1368, BM1370, BM1397, FULL_MODELS
from hypothesis import example, given
from hypothesis import strategies as st

from firmware_protocols.bm13xx import (
    MODELS,
    RESET_BAUD,
    ChipId,
    ChipModel,
    CoreMailbox,
    Register,
    Temperature,
    VersionMask,
    VoltageReading,
    baud_from_register,
    baud_register_value,
    difficulty_from_ticket_mask,
    floor_ticket_difficulty,
    frame_time_ns,
    frequency_ramp,
    pll_from_register,
    solve_pll,
    ticket_mask_register,
    version_mask_register,
)
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

word = st.integers(0, 0xFFFFFFFF)
NUMBERS = """
CHIP_ID 00 HASH_RATE 04 PLL0 08 CHIP_NONCE_OFFSET 0C HASH_COUNTING_NUMBER 10 TICKET_MASK 14 MISC_CONTROL 18
FAST_UART 28 UART_RELAY 2C CORE_MAILBOX 3C CORE_VALUE 40 EXTERNAL_TEMPERATURE 44 ERROR_FLAG 48
NONCE_ERROR_COUNT 4C NONCE_OVERFLOW_COUNT 50 ANALOG_MUX 54 IO_DRIVER 58 PLL1 60 PLL2 64
PLL3_OR_PAD_DISABLE 68 PLL0_DIVIDER 70 PLL1_DIVIDER 74 PLL2_DIVIDER 78 PLL3_DIVIDER 7C DOMAIN0_HASHES 88
DOMAIN1_HASHES 89 DOMAIN2_HASHES 8A DOMAIN3_HASHES 8B TOTAL_HASHES 8C VERSION_MASK A4 SOFT_RESET A8
TEMPERATURE_CONTROL B0 TEMPERATURE B4 ADC_CONFIG B8 ADC_CONTROL1 B9 ADC_CONTROL2 BA ADC_CONTROL3 BB
ADC_UNKNOWN BC ADC_RESULT BD
"""
"""By hand from skot/BM1397:protocol.md, ESP-Miner's asic_common.h and mujina's REFERENCE.md."""


def test_registers_have_the_numbers_of_the_sources() -> None:
    words = NUMBERS.split()
    numbers = dict(zip(words[::2], (int(number, 16) for number in words[1::2]), strict=True))
    assert {register.name: register.value for register in Register} == numbers


def test_values_of_the_captures() -> None:
    assert ChipId.unpack(0x13660000) == ChipId(0x1366, 0, 0)
    assert ChipId.unpack(0x13620304) == ChipId(0x1362, 3, 4)
    assert VersionMask(0xFFFF).pack() == version_mask_register(0x1FFFE000) == 0x9000FFFF
    assert VersionMask.unpack(0x9000FFFF).pool_mask == 0x1FFFE000
    assert CoreMailbox.unpack(0x800082AA) == CoreMailbox(register=2, value=0xAA)
    assert CoreMailbox.unpack(0x80008540) == CoreMailbox(register=5, value=0x40)
    assert CoreMailbox(2, 0, core=5, write=False).pack() == 0x00054200
    assert Temperature.unpack(0x80000783).celsius == pytest.approx(30.0, abs=0.05)
    assert VoltageReading.unpack(0xC33E5F5D).volts(0.6) == pytest.approx(0.294, abs=0.001)
    assert VoltageReading.unpack(0xC33E5F5D).volts() == pytest.approx(0.490, abs=0.001)
    assert Register(0xA4) is Register.VERSION_MASK


@given(word)
def test_every_32_bit_value_unpacks_or_is_refused(value: int) -> None:
    assert ChipId.unpack(value).pack() == value
    assert Temperature.unpack(value).pack() == value & 0x8000FFFF
    assert VoltageReading.unpack(value).pack() == value & 0x80007FFF
    for kind, refused in ((VersionMask, "bits 27..16"), (CoreMailbox, "no core mailbox")):
        try:
            assert kind.unpack(value).pack() == value  # type: ignore[attr-defined]
        except RemoteProtocolError as error:
            assert refused in str(error)


@given(st.integers(0, 0xFF), st.integers(0, 0x1F), st.none() | st.integers(0, 0xFF), st.booleans())
def test_mailbox_round_trip(value: int, register: int, core: int | None, write: bool) -> None:
    mailbox = CoreMailbox(register, value, core, write)
    assert CoreMailbox.unpack(mailbox.pack()) == mailbox


@given(st.integers(0, 0xFFFF), st.booleans(), st.booleans(), st.integers(0, 3))
def test_version_mask_round_trip(mask: int, automatic: bool, fixed: bool, generator: int) -> None:
    value = VersionMask(mask, automatic, fixed, generator)
    assert VersionMask.unpack(value.pack()) == value


@pytest.mark.parametrize("kind", [ChipId, VersionMask, CoreMailbox, Temperature, VoltageReading])
@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_more_than_32_bits(kind: type[ChipId], value: int) -> None:
    with pytest.raises(RemoteProtocolError, match="32 bits"):
        kind.unpack(value)


def test_fields_out_of_range() -> None:
    for wrong in (ChipId(1 << 16, 0, 0), VersionMask(1 << 16), CoreMailbox(32, 0), Temperature(-1)):
        with pytest.raises(LocalProtocolError, match="bits, not"):
            wrong.pack()
    with pytest.raises(LocalProtocolError, match=r"bits 28\.\.13"):
        version_mask_register(0x20000000)


def test_readings_that_are_no_measurement() -> None:
    with pytest.raises(RemoteProtocolError, match="not valid yet; enable the sensor"):
        _ = Temperature.unpack(0x783).celsius
    with pytest.raises(RemoteProtocolError, match="wait 60 ms"):
        VoltageReading.unpack(0x5F5D).volts()


PUBLISHED_PLL = {
    **{62.5: 0x40960254, 100: 0x40900252, 200: 0x40A00241, 300: 0x40900250, 400: 0x40A00240},
    **{425: 0x40AA0240, 450: 0x40900230, 475: 0x40980230, 485: 0x50C20240, 500: 0x40A00230},
    **{525: 0x40A80230, 550: 0x40B00230, 575: 0x40B80230, 600: 0x40900220},
}


@pytest.mark.parametrize(("mhz", "register"), PUBLISHED_PLL.items())
def test_pll_settings_of_the_open_firmware(mhz: float, register: int) -> None:
    setting = solve_pll(BM1366, mhz)
    assert setting.register == register
    assert setting.mhz == mhz
    assert pll_from_register(BM1366, register) == setting


@cache
def clocks_of_bm1387() -> list[float]:
    """All that its dividers give. Below 152 MHz some of them lie more than 2 % apart."""
    limits = MODELS["BM1387"].pll
    assert limits.postdivs is not None
    vcos_mhz = {25 * n / d for d in limits.refdivs for n in range(limits.fbdiv_min, limits.fbdiv_max + 1)}
    within = [vco for vco in vcos_mhz if limits.vco_min_mhz <= vco <= limits.vco_max_mhz]
    return [vco / by for vco in within for by in limits.postdivs]


@given(st.sampled_from(sorted(MODELS)), st.floats(100, 625))
@example("BM1387", 129.5)
def test_a_pll_setting_is_the_nearest_and_reads_back(name: str, mhz: float) -> None:
    model = MODELS[name]
    if name == "BM1387" and min(abs(mhz - other) for other in clocks_of_bm1387()) > 0.01 * mhz:
        with pytest.raises(LocalProtocolError, match="within 1 %"):
            solve_pll(model, mhz)
        return
    setting = solve_pll(model, mhz)
    assert abs(setting.mhz - mhz) <= 0.01 * mhz
    assert setting.mhz == pytest.approx(
        25 * setting.fbdiv / (setting.refdiv * setting.postdiv1 * setting.postdiv2)
    )
    assert pll_from_register(model, setting.register) == setting
    assert model.pll.fbdiv_min <= setting.fbdiv <= model.pll.fbdiv_max
    for other in (100.0, 156.25, 485.0, 600.0):
        assert abs(setting.mhz - mhz) <= abs(solve_pll(model, other).mhz - mhz)


def test_the_factory_firmware_may_use_equal_post_dividers() -> None:
    assert pll_from_register(BM1366, 0x40A20255).mhz == 56.25
    assert solve_pll(BM1366, 56.25).mhz == 56.25


def test_the_bm1397_stores_post_dividers_as_they_are() -> None:
    setting = solve_pll(BM1397, 425)
    assert setting.register & 0xFF == setting.postdiv1 << 4 | setting.postdiv2
    assert setting.register >> 24 == 0x40


@pytest.mark.parametrize("mhz", [0, -1, float("nan"), float("inf"), 5, 5000])
def test_frequencies_that_cannot_be_set(mhz: float) -> None:
    with pytest.raises(LocalProtocolError, match="MHz"):
        solve_pll(BM1366, mhz)


@pytest.mark.parametrize(
    "value", [0, -1, 1 << 32, 0x40A20355, 0x40A20277, 0x50A20255, 0x40F20255, 0x40000255]
)
def test_values_that_are_no_pll_setting(value: int) -> None:
    with pytest.raises(RemoteProtocolError, match="PLL"):
        pll_from_register(BM1366, value)


def test_ramps_go_both_ways_and_end_exactly() -> None:
    assert frequency_ramp(BM1366, 50, 68) == [56.25, 62.5, 68]
    assert frequency_ramp(BM1366, 68, 50) == [61.75, 55.5, 50]
    assert frequency_ramp(BM1366, 50, 62.5) == [56.25, 62.5]
    assert frequency_ramp(BM1366, 100, 100) == [100]
    down = frequency_ramp(MODELS["BM1387"], 586, 132)  # 148.5 and 136 have no dividers
    assert down[-5:] == [154.75, 150.0, 142.25, 137.5, 132]
    assert frequency_ramp(BM1366, 50, 550) == [50 + 6.25 * n for n in range(1, 81)]
    with pytest.raises(LocalProtocolError, match="above 0"):
        frequency_ramp(BM1366, 50, 60, 0)
    with pytest.raises(LocalProtocolError, match="1 %"):
        frequency_ramp(BM1366, 50, 9000)


def test_ticket_masks() -> None:
    assert [ticket_mask_register(1 << n) for n in (0, 1, 8, 9, 10, 32)] == [
        *(0, 0x80, 0xFF, 0x80FF, 0xC0FF, 0xFFFFFFFF),
    ]
    for n in range(33):
        assert difficulty_from_ticket_mask(ticket_mask_register(1 << n)) == 1 << n
    with pytest.raises(LocalProtocolError, match="next lower one is 512"):
        ticket_mask_register(1000)
    for wrong in (0, -4, 1 << 33):
        with pytest.raises(LocalProtocolError, match="1 to 2"):
            ticket_mask_register(wrong)
    for value in (0x01, 0x7F, 0x100, -1, 1 << 32):
        with pytest.raises(RemoteProtocolError, match="ticket mask"):
            difficulty_from_ticket_mask(value)


def test_the_hardest_mask_that_lets_a_difficulty_pass() -> None:
    assert [floor_ticket_difficulty(d) for d in (1, 1.9, 256, 1000.5, 2**32, 1e30)] == [
        *(1, 1, 256, 512, 2**32, 2**32),
    ]
    for wrong in (0.99, 0, -1, float("nan")):
        with pytest.raises(LocalProtocolError, match="easier than difficulty 1"):
            floor_ticket_difficulty(wrong)


@pytest.mark.parametrize(
    ("model", "baud", "value"),
    [(BM1366, 1e6, 0x11300200), (BM1370, 1_041_667, 0x11300200), (BM1368, 3_125_000, 0x01300000)],
)
def test_baud_rates_of_the_captures(model: ChipModel, baud: float, value: int) -> None:
    assert baud_register_value(model, baud) == value


def test_baud_rates() -> None:
    assert int(baud_from_register(BM1366, 0x01301A00)) == RESET_BAUD
    for model in FULL_MODELS:
        assert baud_from_register(model, baud_register_value(model, RESET_BAUD)) == pytest.approx(
            RESET_BAUD, abs=1
        )
    for model, baud, text in (
        (BM1366, 2e6, "nearest is"),
        (BM1366, 0, "above 0"),
    ):
        with pytest.raises(LocalProtocolError, match=text):
            baud_register_value(model, baud)
    with pytest.raises(RemoteProtocolError, match="32 bits"):
        baud_from_register(BM1366, 1 << 32)


def test_time_on_the_line() -> None:
    assert frame_time_ns(11, RESET_BAUD) == pytest.approx(950_000, rel=1e-3)
    assert frame_time_ns(11, 1_000_000) == 110_000
    assert frame_time_ns(88, 1_000_000) == 880_000
    for n, baud in ((1, 0.0), (-1, 9600.0)):
        with pytest.raises(LocalProtocolError, match="no time"):
            frame_time_ns(n, baud)
