"""BM1387 and BM1397: registers, clock, jobs, bring-up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from bm13xx_frames import BM1366, BM1387, BM1397
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols.bitcoin import Header, hash_from_midstate, sha256d
from firmware_protocols.bm13xx import (
    MODELS,
    RESET_BAUD,
    Bm1387Register,
    ChainInactive,
    ExpectChips,
    I2cControl,
    MidstateJob,
    MiscControl,
    PulseReset,
    ReadRegister,
    Send,
    SetAddress,
    SetHostBaud,
    Step,
    TfPin,
    Wait,
    WriteRegister,
    baud_from_register,
    baud_register_value,
    decode_command,
    encode,
    initialisation,
    is_open_core,
    job_header_of,
    midstate_job,
    midstate_variant,
    next_job_header,
    nonce_fields,
    nonce_from_fields,
    open_core_job,
    pll_from_register,
    solve_pll,
    subcore_of,
    ticket_mask_register,
)
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

word = st.integers(0, 0xFFFFFFFF)
hash32 = st.binary(min_size=32, max_size=32)
HEADER: dict[str, Any] = {
    "version": 0x20000000,
    "prev_hash": bytes(range(32)),
    "merkle_root": bytes(range(32, 64)),
    "ntime": 0x5D0B7D52,
    "nbits": 0x1725FD03,
}
FACTORY_CLOCKS = [
    *[(100, 0x200241), (375, 0x780241), (400, 0x800241), (406.25, 0x410221), (533 + 1 / 3, 0x800231)],
    *[(404 + 1 / 6, 0x610231), (500, 0x500221), (525, 0x540221), (793.75, 0x7F0221), (800, 0x800221)],
    *[(825, 0x420211), (1150, 0x5C0211)],
]


@pytest.mark.parametrize(("mhz", "register"), FACTORY_CLOCKS)
def test_clocks_of_the_s9(mhz: float, register: int) -> None:
    setting = solve_pll(BM1387, mhz)
    assert setting.register == register
    assert setting.mhz == pytest.approx(mhz)
    assert pll_from_register(BM1387, register | 0x80000000) == setting


def test_clock_values_that_others_write_can_be_read() -> None:
    assert pll_from_register(BM1387, 0x003C0131).mhz == 500  # refdiv 1: xertSuns1/braiins searches it too
    assert pll_from_register(BM1397, 0xC0600161).mhz == 400  # what a BM1397 shows after reset (skot/BM1397)
    for value in (0x40500221, 0x00504021, 0x00500281, 0x00500220):
        with pytest.raises(RemoteProtocolError, match="no PLL setting of a BM1387"):
            pll_from_register(BM1387, value)
    for mhz in (20, 2000):
        with pytest.raises(LocalProtocolError, match="1 %"):
            solve_pll(BM1387, mhz)


def test_control_registers() -> None:
    assert Bm1387Register(0x1C) is Bm1387Register.MISC_CONTROL
    for_i2c = MiscControl(26, keep_baud=True, rf_is_i2c_data=True, tf_pin=TfPin.I2C_CLOCK)
    assert for_i2c.pack() == 0x40205AE0
    assert I2cControl(0x98, 0x01, go=True).pack() == 0x01980100
    assert I2cControl.unpack(0x81981234) == I2cControl(0x98, 0x12, 0x34, go=True, busy=True)
    with pytest.raises(LocalProtocolError, match="0 to 26, not 27"):
        MiscControl(27).pack()
    with pytest.raises(LocalProtocolError, match="register has 8 bits"):
        I2cControl(0, 256).pack()


@given(word)
def test_every_value_of_a_control_register_unpacks_or_is_refused(value: int) -> None:
    for kind in (MiscControl, I2cControl):
        for candidate in (value, value & 0x4021DFE0, value & 0x81FFFFFF):
            try:
                assert kind.unpack(candidate).pack() == candidate
            except RemoteProtocolError as error:
                assert "of a BM1387" in str(error)


@pytest.mark.parametrize("kind", [MiscControl, I2cControl])
@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_more_than_32_bits(kind: type[MiscControl], value: int) -> None:
    with pytest.raises(RemoteProtocolError, match="BM1387"):
        kind.unpack(value)


def test_baud_rates_in_misc_control() -> None:
    assert baud_register_value(BM1387, RESET_BAUD) == 0x00201A80
    assert baud_register_value(BM1387, 1_562_500) == 0x00200180
    assert baud_register_value(BM1397, RESET_BAUD) == 0x00007A31
    assert baud_register_value(BM1397, 3_125_000) == 0x00006031
    assert baud_from_register(BM1387, 0x40209A80) == baud_from_register(BM1397, 0x3A01) == 25e6 / 216
    with pytest.raises(LocalProtocolError, match="nearest is 115741"):
        baud_register_value(BM1387, 100_000)
    with pytest.raises(RemoteProtocolError, match="32 bits"):
        baud_from_register(BM1387, 1 << 32)


@pytest.mark.parametrize(("count", "mask", "step"), [(1, 0x7F, 1), (2, 0x7E, 2), (4, 0x7C, 4)])
def test_job_ids_of_the_bm1387_by_its_midstates(count: int, mask: int, step: int) -> None:
    model = midstate_variant(BM1387, count)
    assert (model.job_id_mask, model.subcores, model.subcore_mask) == (mask, count, count - 1)
    assert [next_job_header(model, header) for header in (0, 64, 128 - step)] == [step, 64 + step, 0]
    assert job_header_of(model, 0x6F) == 0x6F & mask
    assert subcore_of(model, 0x6F) == 0x6F & (count - 1)
    assert midstate_variant(model, 4) == BM1387
    assert midstate_variant(model, count) is model


def test_variants_that_are_none() -> None:
    assert midstate_variant(BM1397, 4) is BM1397
    single = midstate_variant(BM1397, 1)
    assert (single.subcores, single.job_id_mask, single.job_header_step) == (1, 0xFC, 4)
    with pytest.raises(LocalProtocolError, match="takes whole headers"):
        midstate_variant(BM1366, 1)
    with pytest.raises(LocalProtocolError, match="not 3"):
        midstate_variant(BM1387, 3)


@given(
    st.sampled_from((BM1387, BM1397)),
    st.sampled_from((1, 2, 4)),
    *[word] * 3,
    *[hash32] * 2,
    st.integers(0, 127),
)
def test_midstates_are_of_the_rolled_headers(
    base: Any, count: int, version: int, ntime: int, nbits: int, root: bytes, prev: bytes, header: int
) -> None:
    model, version = midstate_variant(base, count), version & ~0x6000
    job = midstate_job(
        model, header, version=version, prev_hash=prev, merkle_root=root, ntime=ntime, nbits=nbits
    )
    assert decode_command(encode(job, model), model) == job
    assert len(job.midstates) == count
    tail = job.merkle_tail + ntime.to_bytes(4, "little") + nbits.to_bytes(4, "little") + b"\x12\x34\x56\x78"
    for index, state in enumerate(job.midstates):
        rolled = Header(version | index << 13, prev, root, ntime, nbits, 0x78563412)
        assert hash_from_midstate(state, tail) == sha256d(rolled.pack())
    assert not is_open_core(job)


def test_midstate_jobs_that_cannot_be() -> None:
    for model, changed, text in (
        (BM1366, {}, "takes whole headers"),
        (BM1387, {"version": 0x20002000}, "no room for 4 midstates"),
        (midstate_variant(BM1387, 2), {"version": 0x20002000}, "no room for 2 midstates"),
        (BM1387, {"prev_hash": b""}, "32 bytes each"),
        (BM1387, {"ntime": 1 << 32}, "32 bits"),
    ):
        with pytest.raises(LocalProtocolError, match=text):
            midstate_job(model, 0, **{**HEADER, **changed})
    assert (
        len(midstate_job(midstate_variant(BM1387, 2), 0, **{**HEADER, "version": 0x20004000}).midstates) == 2
    )


def test_busy_work() -> None:
    job = open_core_job(5, 2)
    assert is_open_core(job)
    assert encode(job, BM1387)[:20].hex() == "2156050200000000" + "ff" * 12
    assert not is_open_core(replace(job, midstates=(bytes(32), bytes(31) + b"\1")))
    with pytest.raises(LocalProtocolError, match="not 3"):
        open_core_job(0, 3)


def test_nonces_of_the_bm1387_by_the_place_of_its_chips() -> None:
    nonce = int.from_bytes(bytes.fromhex("7203ea83"), "little")
    fields = nonce_fields(BM1387, nonce)
    assert (fields.chip, fields.core, fields.subcore) == (0x70, 3, -1)
    assert nonce_fields(BM1387, nonce, address_interval=64).chip == 0x40
    assert nonce_from_fields(BM1387, 3, 0x72 << 17 | 0x03EA83 >> 7) == nonce
    with pytest.raises(LocalProtocolError, match="4 to 256 apart, not 2"):
        nonce_fields(BM1387, nonce, address_interval=2)
    with pytest.raises(LocalProtocolError, match="0 to 127"):
        nonce_from_fields(BM1387, 128, 0)


def steps(model: Any, **changed: Any) -> list[Step]:
    usual = {
        "chips": 63,
        "frequency_mhz": 650.0,
        "ticket_difficulty": 64,
        "hcn": None,
        "fast_baud": 1_500_000,
    }
    return list(initialisation(model, **{**usual, **changed}))


def test_an_s9_chain_gets_what_its_open_firmware_sends() -> None:
    found = steps(BM1387)
    places = [4 * n for n in range(63)]
    assert found[:3] == [PulseReset(), Send(ReadRegister(0)), ExpectChips(0x1387, 63)]
    assert found[3:9] == [Send(ChainInactive()), Wait(0.1)] * 3
    assert found[9:72] == [Send(SetAddress(place)) for place in places]
    frames = [encode(step.frame, BM1387).hex() for step in found[72:] if isinstance(step, Send)]
    assert [frame[:-2] for frame in frames[:3]] == [
        "5809000c00680221",
        "5809001c00208180",
        "580900180000ffff",
    ]
    assert found[72:76] == [
        Send(WriteRegister(0x0C, 0x00680221)),
        Wait(0.1),
        Send(WriteRegister(0x1C, 0x00208180)),
        SetHostBaud(1_562_500.0),
    ]
    works = [step.frame for step in found if isinstance(step, Send) and isinstance(step.frame, MidstateJob)]
    assert len(works) == 114
    assert all(is_open_core(work) and len(work.midstates) == 4 and work.nbits & 1 for work in works)
    assert [work.job_header for work in works[:3] + works[-1:]] == [0, 4, 8, 113 * 4 % 128]
    assert found[-2:] == [Wait(0.1), Send(WriteRegister(0x18, ticket_mask_register(64)))]
    reads = [step for step in found if isinstance(step, Send) and isinstance(step.frame, ReadRegister)]
    assert len(reads) == 1  # nothing is read across the change of the baud rate


def test_a_gated_chain_may_stay_slow_and_its_clock_may_rise_in_steps() -> None:
    found = steps(midstate_variant(BM1387, 1), chips=2, fast_baud=None, start_frequency_mhz=637.5)
    assert Send(WriteRegister(0x1C, 0x40209A80)) in found
    assert not any(isinstance(step, SetHostBaud) for step in found)
    assert [
        step.frame for step in found if isinstance(step, Send) and isinstance(step.frame, SetAddress)
    ] == [
        SetAddress(0),
        SetAddress(128),
    ]
    clock = [step.frame.value for step in found if step_writes(step, 0x0C)]  # type: ignore[union-attr]
    assert clock == [0x00670221, 0x00680221]
    assert sum(isinstance(step, Send) and isinstance(step.frame, MidstateJob) for step in found) == 114


def step_writes(step: Step, register: int) -> bool:
    return (
        isinstance(step, Send) and isinstance(step.frame, WriteRegister) and step.frame.register == register
    )


def test_a_bm1397_gets_the_frames_of_the_open_firmware() -> None:
    found = steps(BM1397, chips=1, frequency_mhz=425.0, start_frequency_mhz=418.75, fast_baud=3_125_000)
    frames = [encode(step.frame, BM1397).hex()[4:-2] for step in found if isinstance(step, Send)]
    assert frames == [
        *["52050000", "53050000", "53050000", "53050000", "40050000"],
        *["5109008000000000", "5109008400000000", "5109002000000001", "5109003c80008074"],
        *["51090014000000fc", "51090068c0700111", "510900280600000f", "5109001800007a31"],
        *["510900700f0f0f00"] * 2,
        *[f"51090008{solve_pll(BM1397, 425).register:08x}"] * 2,
        "5109001800006031",
    ]
    assert found[-1] == SetHostBaud(3_125_000.0)
    assert not any(
        isinstance(step, SetHostBaud) for step in steps(BM1397, chips=1, fast_baud=None, frequency_mhz=425.0)
    )


def test_registers_by_role() -> None:
    for model in MODELS.values():
        registers = model.registers
        assert model.hcn_halts is (model.job_format == "full")
        assert (registers.version_mask is None) is (model.job_format == "midstate")
        assert model.baud.register in (registers.fast_uart, registers.misc_control)
        assert model.echoes_register is (model is not BM1387)
    assert (BM1387.registers.pll0, BM1387.registers.ticket_mask, BM1387.registers.misc_control) == (
        0x0C,
        0x18,
        0x1C,
    )
