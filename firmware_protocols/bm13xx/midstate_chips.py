"""The chips that take midstates: BM1387 (Antminer S9) and BM1397.

BM1387 facts: xertSuns1/braiins:open/bosminer/bosminer-am1-s9/src/bm1387.rs and lib.rs (B), and the test bench
of its FPGA core (open/hw/zynq-io-am1-s9, axi_bm13xx_tb.sv), whose frames the tests decode. The BM1397 is from
E:bm1397.c and S alone: none of its register traffic has been seen on a wire.
"""

from __future__ import annotations

from dataclasses import replace

from firmware_protocols.bm13xx.chip_model import (
    BaudField,
    ChipModel,
    Framing,
    GatedInitValues,
    MidstateInitValues,
    PllLimits,
    RegisterMap,
)
from firmware_protocols.bm13xx.full_header_chips import PREAMBLED
from firmware_protocols.errors import LocalProtocolError

MIDSTATE_COUNTS = (1, 2, 4)
_BM1387_ID_BITS = 0x7F

_BM1387_FRAMING = Framing(
    host_preamble=b"",
    chip_preamble=b"",
    set_address=0x41,
    write_one=0x48,
    write_all=0x58,
    read_one=0x44,
    read_all=0x54,
    chain_inactive=0x55,
)

BM1387 = ChipModel(
    name="BM1387",
    chip_id=0x1387,
    framing=_BM1387_FRAMING,
    registers=RegisterMap(
        chip_id=0x00,
        hash_rate=0x08,
        pll0=0x0C,
        hash_counting_number=0x14,
        ticket_mask=0x18,
        misc_control=0x1C,
        i2c_control=0x20,
    ),
    # inv_clock and mmen, as every firmware of the S9 sets them; the gate is not part of a change of rate.
    baud=BaudField(register=0x1C, base=0x00200080, shift=8, mask=0x1F, most=26, hold=1 << 30),
    job_format="midstate",
    cores=114,
    core_numbers=128,
    subcores=4,
    small_cores=114,
    response_size=7,
    register_response_sizes=(7,),
    echoes_register=False,
    # The factory's table (ckolivas/cgminer:driver-btm-soc.h): refdiv 2, postdiv1 4 up to 400 MHz, 2 up to 800
    # and 1 above, and 3 where that alone meets the frequency.
    pll=PllLimits(
        fbdiv_min=32,
        fbdiv_max=128,
        refdivs=(2,),
        postdivs=(4, 2, 3, 1),
        minus_one=False,
        flag_low=0,
        flag_high=0,
        vco_min_mhz=400.0,
        vco_max_mhz=1600.0,
        read_refdiv_max=63,
        read_flags=0x80000000,
    ),
    job_id_mask=_BM1387_ID_BITS & ~3,
    job_id_shift=0,
    subcore_mask=3,
    job_header_step=4,
    core_shift=0,
    nonce_start_shift=17,
    nonce_has_address=True,
    address_interval_min=4,
    excess_unit_bits=None,
    hcn_halts=False,
    hcn_overrun_ticks=None,
    scan_kind="midstates",
    scan_confidence="low",
    scan_evidence=(
        "a conjecture: each core counts its share of the nonces upward from 0, one a clock. The 33 nonces "
        "that one owner of two chips printed lie where that has them, with one midstate a job; no timed "
        "results are published, and whether several midstates are taken in turn or one after the other is "
        "not known"
    ),
    default_frequency_mhz=650.0,
    frequency_range_mhz=(100.0, 1175.0),
    init=GatedInitValues(open_core_works=114),
)

BM1397 = ChipModel(
    name="BM1397",
    chip_id=0x1397,
    framing=PREAMBLED,
    registers=RegisterMap(
        chip_id=0x00,
        hash_rate=0x04,
        pll0=0x08,
        hash_counting_number=0x10,
        ticket_mask=0x14,
        misc_control=0x18,
        fast_uart=0x28,
    ),
    baud=BaudField(register=0x18, base=0x00006031, shift=8, mask=0x1F, most=31),
    job_format="midstate",
    cores=168,
    core_numbers=128,
    subcores=4,
    small_cores=672,
    response_size=9,
    register_response_sizes=(9,),
    echoes_register=True,
    pll=PllLimits(fbdiv_min=60, fbdiv_max=200, minus_one=False, flag_high=0x40, read_flags=0x80000000),
    job_id_mask=0xFC,
    job_id_shift=0,
    subcore_mask=0x03,
    job_header_step=4,
    core_shift=25,
    nonce_start_shift=None,
    nonce_has_address=False,
    address_interval_min=2,
    excess_unit_bits=None,
    hcn_halts=False,
    hcn_overrun_ticks=None,
    scan_kind=None,
    scan_confidence="low",
    scan_evidence="the order of the four midstates within a sweep has not been measured",
    default_frequency_mhz=425.0,
    frequency_range_mhz=(50.0, 600.0),
    init=MidstateInitValues(
        before_ticket_mask=((0x80, 0), (0x84, 0), (0x20, 1), (0x3C, 0x80008074)),
        after_ticket_mask=((0x68, 0xC0700111), (0x28, 0x0600000F)),
        before_pll=(0x70, 0x0F0F0F00),
    ),
)


def midstate_variant(model: ChipModel, count: int) -> ChipModel:
    """The model when its jobs carry `count` midstates (1, 2 or 4).

    On the BM1387 the ids of the jobs are then `count` apart and the low bits of a response's id name the
    midstate (B:bm1387.rs). The BM1397 always keeps two bits for that. Raises LocalProtocolError for another
    number and for a chip that takes whole headers.
    """
    if model.job_format != "midstate":
        raise LocalProtocolError(f"the {model.name} takes whole headers, not midstates")
    if count not in MIDSTATE_COUNTS:
        raise LocalProtocolError(f"a job has 1, 2 or 4 midstates, not {count}")
    if count == model.subcores:
        return model
    if model.chip_id == BM1397.chip_id:
        return replace(model, subcores=count)
    mask = count - 1
    return replace(
        model,
        subcores=count,
        subcore_mask=mask,
        job_id_mask=_BM1387_ID_BITS & ~mask,
        job_header_step=count,
    )
