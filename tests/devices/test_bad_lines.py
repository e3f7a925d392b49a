"""Answers that a bad line spoils are asked for again: a chip is neither missed nor left at work for one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from virtual_device import VirtualClock

from asicrc.bench.limits import ENVELOPES
from asicrc.devices.chain_opening import find_chips
from asicrc.devices.chip_line import ChipLine
from asicrc.devices.chip_settings import RESET_BAUD, ChipSettings, fast_baud
from asicrc.transports.transport import LatencyTimer
from firmware_protocols.bm13xx import (
    ReadRegister,
    RegisterResponse,
    WriteRegister,
    baud_from_register,
    baud_register_value,
    encode,
    model_by_name,
    solve_pll,
)
from firmware_protocols.bm13xx.parsing import decode_command
from firmware_protocols.device import DeviceLost, Direction, Stamp, WireChunk

MODEL = model_by_name("BM1366")
ENVELOPE = ENVELOPES["BM1366"]
CHIP_ID = MODEL.registers.chip_id
CHIPS = 3
ANSWER_NS = 1_000_000

Spoils = Callable[[int, int], bool]
"""Whether an answer is spoilt, by the number of the read and of the chip."""


class Chips:
    """Three chips that answer reads, each at the baud rate that was written last, over a line that spoils."""

    path = "virtual"
    descriptor = None
    latency_timer = LatencyTimer(None, None)

    def __init__(self, spoils: Spoils = lambda read, chip: False) -> None:
        self.clock = VirtualClock()
        self.baud = RESET_BAUD
        self.reads: list[int] = []
        self.registers = {CHIP_ID: 0x1366_0000}
        self.registers[MODEL.registers.pll0] = solve_pll(MODEL, 200.0).register
        self.registers[MODEL.baud.register] = baud_register_value(MODEL, RESET_BAUD)
        self.spoils = spoils
        self._waiting: list[bytes] = []

    def set_baud(self, baud: int) -> None:
        self.baud = baud

    def write(self, data: bytes) -> Stamp:
        stamp = Stamp(self.clock.now_ns())
        if self._hears():
            frame = decode_command(data, MODEL)
            if isinstance(frame, WriteRegister):
                self.registers[frame.register] = frame.value
            elif isinstance(frame, ReadRegister):
                self._answer(frame)
        return stamp

    def _hears(self) -> bool:
        theirs = baud_from_register(MODEL, self.registers[MODEL.baud.register])
        return abs(self.baud / theirs - 1.0) < 0.02

    def _answer(self, frame: ReadRegister) -> None:
        self.reads.append(frame.register)
        value = self.registers.get(frame.register, 0)
        for chip in range(CHIPS):
            data = bytearray(encode(RegisterResponse(value, 2 * chip, frame.register), MODEL))
            if self.spoils(len(self.reads) - 1, chip):
                data[-1] ^= 1
            self._waiting.append(bytes(data))

    def read(self, until_ns: int) -> list[WireChunk]:
        if not self._waiting:
            self.clock.t_ns = max(self.clock.t_ns, until_ns)
            return []
        self.clock.t_ns += ANSWER_NS
        return [WireChunk(Direction.RX, Stamp(self.clock.t_ns), self._waiting.pop(0))]

    def close(self) -> None:
        pass


def line_to(chips: Chips) -> ChipLine:
    return ChipLine(chips, MODEL, 12, ENVELOPE.frequency_mhz)


def settings_of(chips: Chips, log: list[str]) -> ChipSettings:
    return ChipSettings(line_to(chips), CHIPS, ENVELOPE, 0.0, log)


def four_of_five(read: int, chip: int) -> bool:
    """Of every five reads the first four are spoilt, for all chips."""
    return read % 5 < 4


def test_chips_are_counted_again_where_an_answer_was_spoilt() -> None:
    chips = Chips(lambda read, chip: read == 0 and chip == 1)
    answers = find_chips(line_to(chips), (RESET_BAUD, fast_baud(MODEL)))
    assert [answer.address for answer in answers] == [0, 2, 4]
    assert len(chips.reads) == 2, "and asked no oftener than that"


def test_a_clear_line_is_asked_once() -> None:
    chips, log = Chips(), list[str]()
    assert len(find_chips(line_to(chips), (RESET_BAUD,))) == CHIPS
    assert len(chips.reads) == 1
    settings = settings_of(chips, log)
    found = [setting for setting in settings.originals() if setting.name != "host_baud"]
    assert len(chips.reads) == 1 + len(found)


def test_what_was_found_is_known_though_most_answers_are_spoilt() -> None:
    chips, log = Chips(four_of_five), list[str]()
    found = {setting.name: setting.read_back for setting in settings_of(chips, log).originals()}
    assert None not in found.values() and log == []
    assert found["pll0_register"] == chips.registers[MODEL.registers.pll0]


@pytest.mark.parametrize("baud", [RESET_BAUD, fast_baud(MODEL)])
def test_a_device_is_put_back_though_most_answers_are_spoilt(baud: int) -> None:
    chips, log = Chips(), list[str]()
    found = dict(chips.registers)
    settings = settings_of(chips, log)
    settings.originals()
    chips.registers[MODEL.registers.pll0] = solve_pll(MODEL, 400.0).register
    chips.registers[MODEL.baud.register] = baud_register_value(MODEL, baud)  # which the host may not know of
    chips.reads.clear()
    chips.spoils = four_of_five
    done = settings.restore()
    assert all(setting.came_true for setting in done), log
    assert log == []
    assert chips.baud == RESET_BAUD
    for register, value in found.items():
        assert chips.registers[register] & ~MODEL.baud.hold == value & ~MODEL.baud.hold, hex(register)


def test_chips_that_are_gone_are_told_so_in_a_few_seconds() -> None:
    chips, log = Chips(), list[str]()
    settings = settings_of(chips, log)
    settings.originals()
    chips.spoils = lambda read, chip: True
    begun_ns = chips.clock.now_ns()
    with pytest.raises(DeviceLost, match="no chip answers any more"):
        settings.restore()
    assert chips.clock.now_ns() - begun_ns < 5e9
