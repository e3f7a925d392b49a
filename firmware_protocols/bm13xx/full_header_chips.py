"""The chips that take whole headers: BM1362, BM1366, BM1368, BM1370.

"Captures" are the wire logs of an S19k Pro, an S19 XP, an S21 and two Bitaxes in the history of
MoellerDi/ESP-Miner (components/bm1397/test/log), recomputed.
"""

from __future__ import annotations

from firmware_protocols.bm13xx.chip_model import (
    BaudField,
    ChipModel,
    Framing,
    InitValues,
    PllLimits,
    RegisterMap,
)

PREAMBLED = Framing(
    host_preamble=b"\x55\xaa",
    chip_preamble=b"\xaa\x55",
    set_address=0x40,
    write_one=0x41,
    write_all=0x51,
    read_one=0x42,
    read_all=0x52,
    chain_inactive=0x53,
)
"""All chips from the BM1397 on. Bits 7..5 of a type byte are the kind (1 job, 2 command), bit 4 says to all
chips, bits 3..0 the command."""

_REGISTERS = RegisterMap(
    chip_id=0x00,
    pll0=0x08,
    nonce_offset=0x0C,
    hash_counting_number=0x10,
    ticket_mask=0x14,
    misc_control=0x18,
    fast_uart=0x28,
    version_mask=0xA4,
)
_BAUD = BaudField(register=0x28, base=0x11300000, shift=8, mask=0xFF, most=0xFF)
_ADDRESS_BY_SUBCORE = "as the BM1366: 8 versions a batch, chip address << 17; no arrival times were checked"

BM1362 = ChipModel(
    name="BM1362",
    chip_id=0x1362,
    framing=PREAMBLED,
    registers=_REGISTERS,
    baud=_BAUD,
    job_format="full",
    cores=65,
    core_numbers=65,
    subcores=8,
    small_cores=514,
    response_size=11,
    register_response_sizes=(9, 11),
    echoes_register=True,
    pll=PllLimits(fbdiv_min=16, fbdiv_max=250, vco_min_mhz=2000.0),
    job_id_mask=0xF8,
    job_id_shift=0,
    subcore_mask=0x07,
    job_header_step=8,
    core_shift=25,
    nonce_start_shift=17,
    nonce_has_address=True,
    address_interval_min=2,
    excess_unit_bits=1.0,
    hcn_halts=True,
    hcn_overrun_ticks=67.0,
    scan_kind="sweeps",
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

BM1366 = ChipModel(
    name="BM1366",
    chip_id=0x1366,
    framing=PREAMBLED,
    registers=_REGISTERS,
    baud=_BAUD,
    job_format="full",
    cores=112,
    core_numbers=112,
    subcores=8,
    small_cores=894,
    response_size=11,
    register_response_sizes=(9, 11),
    echoes_register=True,
    pll=PllLimits(fbdiv_min=144, fbdiv_max=235),
    job_id_mask=0xF8,
    job_id_shift=0,
    subcore_mask=0x07,
    job_header_step=8,
    core_shift=25,
    nonce_start_shift=17,
    nonce_has_address=True,
    address_interval_min=2,
    excess_unit_bits=1.0,
    hcn_halts=True,
    hcn_overrun_ticks=67.0,
    scan_kind="sweeps",
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

BM1368 = ChipModel(
    name="BM1368",
    chip_id=0x1368,
    framing=PREAMBLED,
    registers=_REGISTERS,
    baud=BaudField(register=0x28, base=0x01300000, shift=8, mask=0xFF, most=0xFF),
    job_format="full",
    cores=80,
    core_numbers=80,
    subcores=16,
    small_cores=1276,
    response_size=11,
    register_response_sizes=(9, 11),
    echoes_register=True,
    pll=PllLimits(fbdiv_min=144, fbdiv_max=235),
    job_id_mask=0xF0,
    job_id_shift=1,
    subcore_mask=0x0F,
    job_header_step=24,
    core_shift=25,
    nonce_start_shift=9,
    nonce_has_address=False,
    address_interval_min=2,
    excess_unit_bits=0.5,
    hcn_halts=True,
    hcn_overrun_ticks=133.6,
    scan_kind="sweeps",
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
    ),
)

BM1370 = ChipModel(
    name="BM1370",
    chip_id=0x1370,
    framing=PREAMBLED,
    registers=_REGISTERS,
    baud=_BAUD,
    job_format="full",
    cores=128,
    core_numbers=128,
    subcores=16,
    small_cores=2040,
    response_size=11,
    register_response_sizes=(9, 11),
    echoes_register=True,
    pll=PllLimits(fbdiv_min=160, fbdiv_max=239),
    job_id_mask=0xF0,
    job_id_shift=1,
    subcore_mask=0x0F,
    job_header_step=24,
    core_shift=25,
    nonce_start_shift=9,
    nonce_has_address=False,
    address_interval_min=2,
    excess_unit_bits=0.5,
    hcn_halts=True,
    hcn_overrun_ticks=133.6,
    scan_kind="sweeps",
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
