"""What a chip of the family is described by. The descriptions: `full_header_chips`, `midstate_chips`.

E, M, S, B and G in this package's texts: bitaxeorg/ESP-Miner:components/asic,
256foundation/mujina:mujina-miner/src/asic/bm13xx, skot/BM1397, xertSuns1/braiins:open/bosminer, and
kanoi/cgminer:driver-gekko.c.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

CLKI_HZ = 25_000_000
"""Reference clock of every board known: PLL, UART divider and HASH_COUNTING_NUMBER derive from it."""


@dataclass(frozen=True, slots=True)
class Framing:
    """How frames begin: the preambles, empty on the BM1387, and the type byte of each command.

    Jobs have type 0x21 on every chip. The length byte counts what follows the preamble, checksum included.
    """

    host_preamble: bytes
    chip_preamble: bytes
    set_address: int
    write_one: int
    write_all: int
    read_one: int
    read_all: int
    chain_inactive: int
    command_lengths: Mapping[int, int] = field(init=False, compare=False)
    """Length byte of each command, by its type byte."""

    def __post_init__(self) -> None:
        lengths = dict.fromkeys((self.set_address, self.read_one, self.read_all, self.chain_inactive), 5)
        lengths |= dict.fromkeys((self.write_one, self.write_all), 9)
        object.__setattr__(self, "command_lengths", lengths)


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """Register numbers by what they do; None where the chip has no such register, or none that is known."""

    chip_id: int
    pll0: int
    ticket_mask: int
    misc_control: int
    hash_counting_number: int
    hash_rate: int | None = None
    nonce_offset: int | None = None
    fast_uart: int | None = None
    version_mask: int | None = None
    i2c_control: int | None = None


@dataclass(frozen=True, slots=True)
class BaudField:
    """Where the line's divider stands: baud = 25 MHz / (8 (divider + 1))."""

    register: int
    base: int
    """The rest of the register, as the known firmware writes it with a new rate."""
    shift: int
    mask: int
    """Of the divider, before it is shifted."""
    most: int
    """The largest divider that the chip takes."""
    hold: int = 0
    """The bit of the register that, when set, leaves the rate as it is."""


@dataclass(frozen=True, slots=True)
class PllLimits:
    """What the clock register accepts, and how it encodes it (E:pll.c, M; the BM1397 from E:bm1397.c)."""

    fbdiv_min: int
    fbdiv_max: int
    refdivs: tuple[int, ...] = (2, 1)
    postdiv_max: int = 7
    postdivs: tuple[int, ...] | None = None
    """First post-dividers to use, the second being 1: of equally near settings the one that is named first
    here. None uses all pairs, and of equally near settings the one with the lowest VCO."""
    minus_one: bool = True
    """Post-dividers are stored less one; the BM1387 and BM1397 store them as they are."""
    flag_low: int = 0x40
    flag_high: int = 0x50
    vco_high_mhz: float = 2400.0
    """From this VCO frequency on, bits 31..24 are `flag_high`."""
    vco_min_mhz: float = 1600.0
    vco_max_mhz: float = 3200.0
    """VCO limits of the BM1370 in M:chip_config.rs, which the others' dividers keep at refdiv 2; for the
    BM1397 they are an assumption."""
    read_refdiv_max: int = 2
    read_flags: int = 0
    """Bits that the chip itself sets in what is read back."""


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


@dataclass(frozen=True, slots=True)
class MidstateInitValues:
    """Register writes of a BM1397 bring-up, in the order of E:bm1397.c; all to the whole chain."""

    before_ticket_mask: tuple[tuple[int, int], ...]
    after_ticket_mask: tuple[tuple[int, int], ...]
    before_pll: tuple[int, int]
    """Sent, as the setting itself, twice for each step of the clock."""


@dataclass(frozen=True, slots=True)
class GatedInitValues:
    """What a BM1387 needs beyond clock and baud: its cores are opened one by one (B:lib.rs)."""

    open_core_works: int


@dataclass(frozen=True, slots=True)
class ChipModel:
    """One chip of the family."""

    name: str
    chip_id: int
    framing: Framing
    registers: RegisterMap
    baud: BaudField
    job_format: Literal["full", "midstate"]
    cores: int
    core_numbers: int
    """The core field of a nonce is below this: on the BM1387 it is not known which 114 of 128 exist."""
    subcores: int
    """Versions that one sweep tests; on midstate chips the midstates of a job (`midstate_variant`)."""
    small_cores: int
    """Hash units that work: cores * subcores, less those that the silicon leaves out. On the BM1387 the
    cores, which take the midstates in turn."""
    response_size: int
    """Bytes of a response, preamble included, once version rolling is enabled."""
    register_response_sizes: tuple[int, ...]
    echoes_register: bool
    """A register response names its chip and its register."""
    pll: PllLimits
    job_id_mask: int
    """Bits of a response's header byte that name the job."""
    job_id_shift: int
    """By how much they stand too far left of their place in the job's own header byte."""
    subcore_mask: int
    job_header_step: int
    core_shift: int
    """Where the 7 bits of the core stand in the big-endian nonce: highest, or on the BM1387 lowest."""
    nonce_start_shift: int | None
    """By how much the start of the sweep is shifted into the 25-bit counter: the chip address by 17, or
    the value of CHIP_NONCE_OFFSET by 9."""
    nonce_has_address: bool
    """The chip's address can be read from a nonce; otherwise only from the range that it lies in."""
    address_interval_min: int
    """Chip addresses are a multiple of this apart, or bits of them are lost in the nonce."""
    excess_unit_bits: float | None
    """Leading-zero bits above the ticket mask that one step of the excess byte stands for."""
    hcn_halts: bool
    """Writing 0 to HASH_COUNTING_NUMBER stops the hashing."""
    hcn_overrun_ticks: float | None
    """By how many ticks of 80 ns a sweep outlasts HASH_COUNTING_NUMBER; None where nothing is known."""
    scan_kind: Literal["sweeps", "midstates"] | None
    """Which order of nonces the chip follows: `ScanOrder`, `MidstateOrder`, or none that is known."""
    scan_confidence: Literal["high", "medium", "medium-low", "low"]
    scan_evidence: str
    default_frequency_mhz: float
    frequency_range_mhz: tuple[float, float]
    """From the start of the ramp to the highest frequency that E offers for the chip (BM1362: to which the
    factory firmware of the S19j Pro ramps, M; BM1387: what the factory's table of settings spans)."""
    init: InitValues | MidstateInitValues | GatedInitValues | None
    """None where the bring-up is not known well enough to be sent to a chip."""
