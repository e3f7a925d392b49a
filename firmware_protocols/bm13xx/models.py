"""The chips of the family as data: everything in which they differ stands here, with where it is from.

Sources: E = bitaxeorg/ESP-Miner:components/asic and main/device_config.h;
M = 256foundation/mujina:mujina-miner/src/asic/bm13xx/REFERENCE.md;
S = skot/BM1397:protocol.md; "captures" = the wire logs of an S19k Pro, an S19 XP, an S21 and two Bitaxes in
the history of MoellerDi/ESP-Miner (components/bm1397/test/log), recomputed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from firmware_protocols.errors import LocalProtocolError

CLKI_HZ = 25_000_000
"""Reference clock of every board known: PLL, UART divider and HASH_COUNTING_NUMBER derive from it."""


@dataclass(frozen=True, slots=True)
class PllLimits:
    """What PLL0 accepts, and how its register encodes it (E:pll.c, M; the BM1397 from E:bm1397.c)."""

    fbdiv_min: int
    fbdiv_max: int
    refdivs: tuple[int, ...] = (2, 1)
    postdiv_max: int = 7
    minus_one: bool = True
    """Post-dividers are stored less one; the BM1397 stores them as they are."""
    flag_low: int = 0x40
    flag_high: int = 0x50
    vco_high_mhz: float = 2400.0
    """From this VCO frequency on, bits 31..24 are `flag_high`."""
    vco_min_mhz: float = 1600.0
    vco_max_mhz: float = 3200.0
    """VCO limits of the BM1370 in M:chip_config.rs, which the others' dividers keep at refdiv 2; for the
    BM1397 they are an assumption."""


@dataclass(frozen=True, slots=True)
class InitValues:
    """Register values of a bring-up, as E and the factory firmware in the captures write them."""

    misc_control_broadcast: int
    misc_control_chip: int
    soft_reset_broadcast: int
    soft_reset_chip: int
    mailbox_broadcast: tuple[int, ...]
    mailbox_chip: tuple[int, ...]
    """Clock select, clock delay, and for one chip the core enable."""
    io_driver: int
    analog_mux: int | None = None
    adc_control: int | None = None
    """Written before and after ANALOG_MUX, which then connects the temperature diode (M; E on the BM1370)."""
    mailbox_last: int | None = None
    """Switches the control of nonce bin overflow on (M)."""
    io_driver_domain_end: int | None = None
    """IO_DRIVER of the last chip of a voltage domain: its clock output at full strength."""
    pad_disable: int | None = None
    temperature_enable: tuple[int, ...] = ()
    """TEMPERATURE_CONTROL, 10 ms apart (M; the S21 capture)."""
    uart_relay: int | None = 0x007C0003
    """UART_RELAY of a single chip. On a chain it depends on the board's voltage domains."""
    fast_uart_flags: int = 0x11300000


@dataclass(frozen=True, slots=True)
class ChipModel:
    """One chip of the family."""

    name: str
    chip_id: int
    job_format: Literal["full", "midstate"]
    cores: int
    subcores: int
    """Versions that one sweep tests; on the BM1397 the midstates of a job."""
    small_cores: int
    """Hash units that work: cores * subcores, less those that the silicon leaves out."""
    response_size: int
    """Bytes of a response, preamble included, once version rolling is enabled."""
    register_response_sizes: tuple[int, ...]
    pll: PllLimits
    job_id_mask: int
    """Bits of a response's header byte that name the job."""
    job_id_shift: int
    """By how much they stand too far left of their place in the job's own header byte."""
    subcore_mask: int
    job_header_step: int
    nonce_start_shift: int | None
    """By how much the start of the sweep is shifted into the 25-bit counter: the chip address by 17, or
    the value of CHIP_NONCE_OFFSET by 9."""
    nonce_has_address: bool
    """The chip's address can be read from a nonce; otherwise only from the range that it lies in."""
    excess_unit_bits: float | None
    """Leading-zero bits above the ticket mask that one step of the excess byte stands for."""
    hcn_overrun_ticks: float | None
    """By how many ticks of 80 ns a sweep outlasts HASH_COUNTING_NUMBER; None where nothing is known."""
    scan_confidence: Literal["high", "medium", "medium-low", "low"]
    scan_evidence: str
    default_frequency_mhz: float
    frequency_range_mhz: tuple[float, float]
    """From the start of the ramp to the highest frequency that E offers for the chip (BM1362: to which the
    factory firmware of the S19j Pro ramps, M)."""
    init: InitValues | None
    """None where the bring-up is not known well enough to be sent to a chip."""


_ADDRESS_BY_SUBCORE = "as the BM1366: 8 versions a batch, chip address << 17; no arrival times were checked"

_BM1362 = ChipModel(
    name="BM1362",
    chip_id=0x1362,
    job_format="full",
    cores=65,
    subcores=8,
    small_cores=514,
    response_size=11,
    register_response_sizes=(9, 11),
    pll=PllLimits(fbdiv_min=16, fbdiv_max=250, vco_min_mhz=2000.0),
    job_id_mask=0xF8,
    job_id_shift=0,
    subcore_mask=0x07,
    job_header_step=8,
    nonce_start_shift=17,
    nonce_has_address=True,
    excess_unit_bits=1.0,
    hcn_overrun_ticks=67.0,
    scan_confidence="medium-low",
    scan_evidence=_ADDRESS_BY_SUBCORE,
    default_frequency_mhz=525.0,
    frequency_range_mhz=(50.0, 525.0),
    init=InitValues(
        misc_control_broadcast=0xB000C100,
        misc_control_chip=0xB000C100,
        soft_reset_broadcast=0x00000000,
        soft_reset_chip=0x00000002,
        mailbox_broadcast=(0x80008540, 0x80008008),
        mailbox_chip=(0x80008540, 0x80008008, 0x800082AA),
        io_driver=0x00011111,
        analog_mux=0x00000003,
        uart_relay=None,
    ),
)

_BM1366 = ChipModel(
    name="BM1366",
    chip_id=0x1366,
    job_format="full",
    cores=112,
    subcores=8,
    small_cores=894,
    response_size=11,
    register_response_sizes=(9, 11),
    pll=PllLimits(fbdiv_min=144, fbdiv_max=235),
    job_id_mask=0xF8,
    job_id_shift=0,
    subcore_mask=0x07,
    job_header_step=8,
    nonce_start_shift=17,
    nonce_has_address=True,
    excess_unit_bits=1.0,
    hcn_overrun_ticks=67.0,
    scan_confidence="high",
    scan_evidence=(
        "120 stamped results of one chip at two addresses, 550 MHz, HASH_COUNTING_NUMBER 0xFFFFF, follow "
        "it within their 10 ms steps (residual 2.5 and 3.0 ms rms); the overrun is 67 +- 1.5 ticks, and the "
        "edge of the sweep seen in 13,460 nonces of an S19k Pro and 3,248 of an S19 XP gives 66.6 and 66.2"
    ),
    default_frequency_mhz=485.0,
    frequency_range_mhz=(50.0, 575.0),
    init=InitValues(
        misc_control_broadcast=0xFF0FC100,
        misc_control_chip=0xF000C100,
        soft_reset_broadcast=0x00070000,
        soft_reset_chip=0x000701F0,
        mailbox_broadcast=(0x80008540, 0x80008020),
        mailbox_chip=(0x80008540, 0x80008020, 0x800082AA),
        io_driver=0x02111111,
        analog_mux=0x00000003,
        io_driver_domain_end=0x0211F111,
    ),
)

_BM1368 = ChipModel(
    name="BM1368",
    chip_id=0x1368,
    job_format="full",
    cores=80,
    subcores=16,
    small_cores=1276,
    response_size=11,
    register_response_sizes=(9, 11),
    pll=PllLimits(fbdiv_min=144, fbdiv_max=235),
    job_id_mask=0xF0,
    job_id_shift=1,
    subcore_mask=0x0F,
    job_header_step=24,
    nonce_start_shift=9,
    nonce_has_address=False,
    excess_unit_bits=0.5,
    hcn_overrun_ticks=133.6,
    scan_confidence="medium",
    scan_evidence=(
        "16 versions a batch; the overrun is from the edge of the sweep on an S21 (HASH_COUNTING_NUMBER "
        "5540); no arrival times were checked"
    ),
    default_frequency_mhz=490.0,
    frequency_range_mhz=(50.0, 575.0),
    init=InitValues(
        misc_control_broadcast=0xFF0FC100,
        misc_control_chip=0xF000C100,
        soft_reset_broadcast=0x00070000,
        soft_reset_chip=0x000701F0,
        mailbox_broadcast=(0x80008B00, 0x80008018),
        mailbox_chip=(0x80008B00, 0x80008018, 0x800082AA),
        io_driver=0x02111111,
        io_driver_domain_end=0x0211F111,
        pad_disable=0x5AA55AA5,
        temperature_enable=(0x00020000, 0x01020000, 0x10020000),
        fast_uart_flags=0x01300000,
    ),
)

_BM1370 = ChipModel(
    name="BM1370",
    chip_id=0x1370,
    job_format="full",
    cores=128,
    subcores=16,
    small_cores=2040,
    response_size=11,
    register_response_sizes=(9, 11),
    pll=PllLimits(fbdiv_min=160, fbdiv_max=239),
    job_id_mask=0xF0,
    job_id_shift=1,
    subcore_mask=0x0F,
    job_header_step=24,
    nonce_start_shift=9,
    nonce_has_address=False,
    excess_unit_bits=0.5,
    hcn_overrun_ticks=133.6,
    scan_confidence="medium",
    scan_evidence=(
        "16 versions a batch as the BM1368, whose overrun stands here (M quotes 109 to 132 ticks for this "
        "chip); no arrival times were checked"
    ),
    default_frequency_mhz=525.0,
    frequency_range_mhz=(50.0, 625.0),
    init=InitValues(
        misc_control_broadcast=0xF000C100,
        misc_control_chip=0xF000C100,
        soft_reset_broadcast=0x00070000,
        soft_reset_chip=0x000701F0,
        mailbox_broadcast=(0x80008B00, 0x8000800C),
        mailbox_chip=(0x80008B00, 0x8000800C, 0x800082AA),
        io_driver=0x00011111,
        analog_mux=0x00000002,
        adc_control=0x00004480,
        mailbox_last=0x80008DEE,
        io_driver_domain_end=0x0001F111,
        pad_disable=0x5AA55AA5,
    ),
)

_BM1397 = ChipModel(
    name="BM1397",
    chip_id=0x1397,
    job_format="midstate",
    cores=168,
    subcores=4,
    small_cores=672,
    response_size=9,
    register_response_sizes=(9,),
    pll=PllLimits(fbdiv_min=60, fbdiv_max=200, minus_one=False, flag_high=0x40),
    job_id_mask=0xFC,
    job_id_shift=0,
    subcore_mask=0x03,
    job_header_step=4,
    nonce_start_shift=None,
    nonce_has_address=False,
    excess_unit_bits=None,
    hcn_overrun_ticks=None,
    scan_confidence="low",
    scan_evidence="the order of the four midstates within a sweep has not been measured",
    default_frequency_mhz=425.0,
    frequency_range_mhz=(50.0, 600.0),
    init=None,
)

MODELS: Mapping[str, ChipModel] = MappingProxyType(
    {model.name: model for model in (_BM1362, _BM1366, _BM1368, _BM1370, _BM1397)}
)


def model_by_name(name: str) -> ChipModel:
    """The model of this name, in upper or lower case. Raises LocalProtocolError for an unknown one."""
    model = MODELS.get(name.upper())
    if model is None:
        raise LocalProtocolError(f"no chip is called {name!r}; known are {', '.join(MODELS)}")
    return model


def model_by_chip_id(chip_id: int) -> ChipModel | None:
    """The model that answers with this id (bits 31..16 of CHIP_ID), or None."""
    return next((model for model in MODELS.values() if model.chip_id == chip_id), None)
