"""The bring-up, frame by frame."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from bm13xx_frames import BM1366, BM1368, BM1370, BM1387, BM1397, FULL_MODELS

from firmware_protocols.bm13xx import (
    MODELS,
    ChipModel,
    ExpectChips,
    PulseReset,
    ReadRegister,
    Register,
    Send,
    SetHostBaud,
    Step,
    Wait,
    WriteRegister,
    addresses,
    encode,
    initialisation,
    nonce_offset,
    pll_from_register,
)
from firmware_protocols.errors import LocalProtocolError

USUAL: dict[str, Any] = {
    "chips": 1,
    "frequency_mhz": 485.0,
    "ticket_difficulty": 256,
    "hcn": 0x151C,
    "fast_baud": 1_000_000,
}
SINGLE_BM1366 = [
    *["55aa510900a49000ffff1c"] * 3,
    "55aa520500000a",
    "55aa510900a80007000003",
    "55aa51090018ff0fc10000",
    "55aa5305000003",
    "55aa400500001c",
    "55aa5109003c800085400c",
    "55aa5109003c8000802019",
    "55aa51090014000000ff08",
    "55aa51090054000000031d",
    "55aa510900580211111106",
    "55aa4109002c007c000303",
    "55aa410900a8000701f015",
    "55aa41090018f000c1000c",
    "55aa4109003c8000854004",
    "55aa4109003c8000802011",
    "55aa4109003c800082aa05",
]


def steps(model: ChipModel, **changed: Any) -> list[Step]:
    return list(initialisation(model, **{**USUAL, **changed}))


def sent(found: list[Step]) -> list[Any]:
    return [step.frame for step in found if isinstance(step, Send)]


def writes(found: list[Step], register: Register) -> list[WriteRegister]:
    return [f for f in sent(found) if isinstance(f, WriteRegister) and f.register == register]


def test_a_single_bm1366_gets_the_frames_of_the_open_firmware() -> None:
    found = steps(BM1366)
    frames = [encode(frame, BM1366).hex() for frame in sent(found)]
    assert frames[: len(SINGLE_BM1366)] == SINGLE_BM1366
    assert frames[-3:] == ["55aa510900100000151c02", "55aa510900a49000ffff1c", "55aa510900281130020003"]
    assert isinstance(found[0], PulseReset)
    assert found[found.index(Send(ReadRegister(Register.CHIP_ID))) + 1] == ExpectChips(0x1366, 1)
    last = found[-1]
    assert isinstance(last, SetHostBaud)
    assert last.baud == pytest.approx(1_041_667, abs=1)


def test_the_clock_rises_by_6_25_mhz_every_100_ms() -> None:
    found = steps(BM1366)
    clock = [
        (pll_from_register(BM1366, step.frame.value).mhz, after)
        for step, after in pairwise(found)
        if isinstance(step, Send)
        and isinstance(step.frame, WriteRegister)
        and step.frame.register == Register.PLL0
    ]
    rates = [mhz for mhz, _ in clock]
    assert rates[0] == 56.25
    assert rates[-1] == 485
    assert len(rates) == 70
    assert all(0 < b - a <= 6.25 + 1.5 for a, b in pairwise(rates))
    assert {after for _, after in clock} == {Wait(0.1)}


def test_a_chain_gets_what_a_hash_board_got_from_its_own_firmware(s19kpro_wire: Path) -> None:
    """Up to the ramp, without what depends on the board (UART_RELAY, IO_DRIVER at its domains) and without
    VERSION_MASK, which that firmware writes once before and twice after it reads CHIP_ID."""
    board = [line.split()[1] for line in s19kpro_wire.read_text().splitlines() if line.startswith("tx")]
    ours = [encode(frame, BM1366).hex() for frame in sent(steps(BM1366, chips=77, address_interval=2))]

    def before_the_ramp(frames: list[str]) -> list[str]:
        end = next(n for n, text in enumerate(frames) if text.startswith("55aa51090008"))
        return [text for text in frames[:end] if text[10:12] not in ("2c", "58", "a4")]

    def is_address(text: str) -> bool:
        return text.startswith("55aa4005")

    mine, theirs = before_the_ramp(ours), before_the_ramp(board)
    assert [t for t in mine if not is_address(t)] == [t for t in theirs if not is_address(t)]
    assert [t for t in mine if is_address(t)] == [t for t in theirs if is_address(t)][:77]
    assert len(mine) == 77 + 5 * 77 + 8


def test_chains_have_no_relay_of_a_single_chip() -> None:
    assert writes(steps(BM1366, chips=3), Register.UART_RELAY) == []
    assert [w.address for w in writes(steps(BM1366, chips=3), Register.MISC_CONTROL)] == [None, 0, 85, 170]


def test_chains_without_addresses_in_their_nonces_get_offsets() -> None:
    assert writes(steps(BM1366, chips=2), Register.CHIP_NONCE_OFFSET) == []
    assert [(w.address, w.value) for w in writes(steps(BM1370), Register.CHIP_NONCE_OFFSET)] == [
        (0, 0x80000000)
    ]
    offsets = writes(steps(BM1368, chips=108, address_interval=2), Register.CHIP_NONCE_OFFSET)
    assert [(w.address, w.value) for w in offsets[:3]] == [(0, 0x80000000), (2, 0x8000025F), (4, 0x800004BE)]
    assert nonce_offset(1, 65) == 0x800003F1
    assert all(nonce_offset(n - 1, n) & 0x7FFFFFFF < 0x10000 for n in range(1, 129))


def test_what_each_model_wants() -> None:
    bm1368, bm1370 = steps(BM1368), steps(BM1370)
    assert [w.value for w in writes(bm1368, Register.TEMPERATURE_CONTROL)] == [0x20000, 0x1020000, 0x10020000]
    assert [w.value for w in writes(bm1370, Register.ADC_CONTROL1)] == [0x4480, 0x4480]
    assert [w.value for w in writes(bm1370, Register.ANALOG_MUX)] == [2]
    assert writes(bm1370, Register.CORE_MAILBOX)[-1] == WriteRegister(0x3C, 0x80008DEE)
    assert writes(bm1368, Register.ANALOG_MUX) == []
    bm1362 = steps(MODELS["BM1362"])
    assert [w.value for w in writes(bm1362, Register.SOFT_RESET)] == [0, 2]
    assert writes(bm1362, Register.PLL3_OR_PAD_DISABLE) == writes(bm1362, Register.UART_RELAY) == []


@pytest.mark.parametrize("model", FULL_MODELS)
def test_the_line_may_stay_slow(model: ChipModel) -> None:
    found = steps(model, fast_baud=None)
    assert not any(isinstance(step, SetHostBaud) for step in found)
    assert writes(found, Register.FAST_UART) == []
    assert writes(found, Register.HASH_COUNTING_NUMBER) == [WriteRegister(0x10, 0x151C)]
    assert writes(found, Register.TICKET_MASK) == [WriteRegister(0x14, 0xFF)]


@pytest.mark.parametrize(
    ("model", "changed", "text"),
    [
        (replace(BM1366, init=None), {}, "not known well enough"),
        (BM1366, {"hcn": None}, "for a chip to hash"),
        (BM1397, {}, "what HASH_COUNTING_NUMBER does on a BM1397"),
        (BM1387, {"hcn": 0}, "what HASH_COUNTING_NUMBER does on a BM1387"),
        (BM1387, {"hcn": None, "chips": 65}, "in steps from 4 on"),
        (BM1387, {"hcn": None, "frequency_mhz": 50}, "100 to 1175 MHz, not at 50"),
        (BM1387, {"hcn": None, "fast_baud": 90_000}, "nearest is 115741"),
        (BM1366, {"frequency_mhz": 600}, "50 to 575 MHz, not at 600"),
        (BM1366, {"hcn": 0}, "for a chip to hash"),
        (BM1366, {"ticket_difficulty": 300}, "next lower one is 256"),
        (BM1366, {"fast_baud": 2_000_000}, "nearest is"),
        (BM1366, {"version_mask": 1 << 16}, "16 bits"),
        (BM1366, {"chips": 0}, "1 to 128 chips"),
    ],
)
def test_nothing_is_sent_before_everything_is_right(
    model: ChipModel, changed: dict[str, Any], text: str
) -> None:
    with pytest.raises(LocalProtocolError, match=text):
        initialisation(model, **{**USUAL, **changed})


def test_addresses() -> None:
    assert addresses(1) == [0]
    assert addresses(6) == [0, 42, 84, 126, 168, 210]
    assert addresses(77, 2) == list(range(0, 154, 2))
    assert addresses(128)[-1] == 254
    for chips, interval in ((129, None), (0, None), (10, 1), (4, 86)):
        with pytest.raises(LocalProtocolError, match="chips"):
            addresses(chips, interval)
