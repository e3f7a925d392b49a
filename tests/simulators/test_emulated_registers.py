"""What each emulated chip answers and what makes it hash, byte by byte and without a line."""

from __future__ import annotations

import pytest
from bm1366_host import CHAIN_INACTIVE, WireJob, read_register, set_address, write_register
from hypothesis import given, settings
from hypothesis import strategies as st
from midstate_host import (
    BM1387_CLOCK_500_MHZ,
    BM1387_CLOCK_650_MHZ,
    BM1387_INACTIVE,
    BM1397_CLOCK_425_MHZ,
    FASTER,
    GATE_BLOCK,
    MULTI_MIDSTATE,
    MidstateJob,
    bm1387_read,
    bm1387_set_address,
    bm1387_write,
    busy_work,
)

from firmware_protocols.bm13xx import ChipDecoder, Damaged, encode, model_by_name
from simulators.bm13xx.chain import Chain, MidstateOrder
from simulators.bm13xx.chip import clock_hz, zero_bits_of_mask
from simulators.bm13xx.silicon import SILICON
from simulators.bm13xx.sweep import Sweep
from simulators.bm13xx.turns import Turns

FULL = ("bm1362", "bm1366", "bm1368", "bm1370")
CORES = write_register(0x3C, 0x800082AA)


class Line:
    """A chain of any chip fed with bytes, answering with bytes."""

    def __init__(
        self, chip: str, chips: int = 1, *, seed: int = 1, order: MidstateOrder = "interleaved"
    ) -> None:
        self.model = model_by_name(chip)
        self.chain = Chain(self.model, chips=chips, time_scale=1.0, seed=seed, midstate_order=order)
        self.decoder = ChipDecoder(self.model)

    def send(self, data: bytes, t_ns: int = 0) -> list[bytes]:
        answers = []
        for received in self.decoder.receive_data(data, t_ns):
            assert not isinstance(received.frame, Damaged)
            answers += self.chain.receive(received.frame, t_ns)
        return [encode(answer.response, self.model, short=answer.short) for answer in answers]

    @property
    def sweeps(self) -> list[Sweep]:
        assert self.chain.work is not None
        return [sweep for sweep in self.chain.work.sweeps if isinstance(sweep, Sweep)]

    @property
    def turns(self) -> list[Turns]:
        assert self.chain.work is not None
        return [turns for turns in self.chain.work.sweeps if isinstance(turns, Turns)]


def s9(
    chips: int = 63,
    *,
    gate: int = GATE_BLOCK,
    busy_works: int = 114,
    order: MidstateOrder = "interleaved",
) -> Line:
    """A chain of BM1387 after its bring-up, ready for work."""
    line = Line("bm1387", chips, order=order)
    line.send(BM1387_INACTIVE)
    for chip in range(chips):
        line.send(bm1387_set_address(4 * chip))
    line.send(bm1387_write(0x0C, BM1387_CLOCK_650_MHZ))
    line.send(bm1387_write(0x1C, FASTER | gate | MULTI_MIDSTATE))
    for number in range(busy_works):
        line.send(busy_work(number))
    return line


@pytest.mark.parametrize(
    ("chip", "answer"),
    [
        ("bm1362", "1362 03 00"),
        ("bm1366", "1366 00 00"),
        ("bm1368", "1368 00 00"),
        ("bm1370", "1370 00 00"),
        ("bm1397", "1397 18 00"),
    ],
)
def test_chips_say_which_they_are(chip: str, answer: str) -> None:
    assert Line(chip).send(read_register(0))[0][2:6] == bytes.fromhex(answer)


def test_a_bm1387_answers_in_seven_bytes_that_name_no_register() -> None:
    """Frames of the FPGA's test bench (xertSuns1/braiins:axi_bm13xx_tb.sv)."""
    line = Line("bm1387", 62)
    line.send(bytes.fromhex("5505000010"))
    for chip in range(62):
        line.send(bm1387_set_address(4 * chip))
    assert bm1387_set_address(0xF4) == bytes.fromhex("4105F40010")
    answers = line.send(bytes.fromhex("5405000019"))
    assert len(answers) == 62
    assert answers[1] == bytes.fromhex("13879004000010")
    assert answers[58] == bytes.fromhex("138790E8000016")
    assert answers[60] == bytes.fromhex("138790F000000B")
    line.send(bytes.fromhex("4809E80C0068022103"))
    assert [answer[:4].hex() for answer in line.send(bm1387_read(0x0C, 0xE8))] == ["80680221"]
    assert [answer[:4].hex() for answer in line.send(bm1387_read(0x0C, 0xEC))] == ["80000000"]


@pytest.mark.parametrize(
    ("chip", "register", "mhz"),
    [
        ("bm1387", 0x00450221, 431.25),
        ("bm1387", 0x00700231, 1400 / 3),
        ("bm1387", 0x00680221, 650.0),
        ("bm1387", 0x00500211, 1000.0),
        ("bm1387", 0x40680221, None),
        ("bm1397", 0x40880241, 425.0),
        ("bm1397", 0x40880240, None),
        ("bm1366", 0x50C20240, 485.0),
        ("bm1366", 0x40C20240, None),
        ("bm1366", 0x40A20255, 56.25),
        ("bm1366", 0x40A20355, None),
        ("bm1366", 0x00000000, None),
        ("bm1370", 0x50C00230, 600.0),
    ],
)
def test_clocks_are_those_of_the_published_settings(chip: str, register: int, mhz: float | None) -> None:
    assert clock_hz(SILICON[chip], register) == (None if mhz is None else pytest.approx(mhz * 1e6))


@pytest.mark.parametrize(
    ("mask", "bits"), [(0xFC, 6), (0xFF, 8), (0x80FF, 9), (0xE0FF, 11), (0, 0), (0xA5, None), (0x3F, None)]
)
def test_ticket_masks_have_their_bits_reversed_in_each_byte(mask: int, bits: int | None) -> None:
    assert zero_bits_of_mask(mask) == bits


@pytest.mark.parametrize(
    ("chip", "register", "value", "baud"),
    [
        ("bm1366", 0x28, 0x11300200, 1_041_667),
        ("bm1370", 0x28, 0x11300000, 3_125_000),
        ("bm1397", 0x18, 0x00006031, 3_125_000),
        ("bm1397", 0x28, 0x0600000F, 115_740),
    ],
)
def test_the_speed_follows_its_register(chip: str, register: int, value: int, baud: float) -> None:
    line = Line(chip)
    assert line.chain.baud == pytest.approx(115_740, abs=1)
    line.send(write_register(register, value))
    assert line.chain.baud == pytest.approx(baud, abs=1)


def test_a_bm1387_leaves_its_speed_when_told_so() -> None:
    line = Line("bm1387")
    line.send(bm1387_write(0x1C, 0x40209A80 & ~0x1F00 | 0x100))
    assert line.chain.baud == pytest.approx(115_740, abs=1)
    line.send(bm1387_write(0x1C, FASTER))
    assert line.chain.baud == 1_562_500
    assert line.send(bm1387_read(0x1C))[0][:4] == FASTER.to_bytes(4, "big")


@pytest.mark.parametrize("chip", FULL)
@pytest.mark.parametrize("missing", ["pll", "hcn", "cores", "nothing"])
def test_full_header_chips_need_clock_counter_and_cores(chip: str, missing: str) -> None:
    line = Line(chip)
    steps = {"pll": write_register(0x08, 0x50C20240), "hcn": write_register(0x10, 4325), "cores": CORES}
    line.send(b"".join(frame for name, frame in steps.items() if name != missing))
    line.send(WireJob.example(1).frame())
    assert (line.chain.work is not None) == (missing == "nothing")


@pytest.mark.parametrize(
    ("chip", "hcn", "ticks"), [("bm1362", 4809, 67.0), ("bm1368", 5540, 133.6), ("bm1370", 5540, 133.6)]
)
def test_sweeps_outlast_their_counter_by_the_overrun_of_the_chip(chip: str, hcn: int, ticks: float) -> None:
    line = Line(chip)
    line.send(write_register(0x08, 0x50C20240) + write_register(0x10, hcn) + CORES)
    line.send(WireJob.example(1).frame())
    assert line.sweeps[0].settings.sweep_s == pytest.approx((hcn + ticks) * 80e-9, rel=1e-12)


def test_sweeps_of_a_bm1368_start_at_its_offset_or_anywhere() -> None:
    line, other = Line("bm1368", 2, seed=5), Line("bm1368", 2, seed=6)
    start = write_register(0x08, 0x40900250) + write_register(0x10, 4325) + CORES
    for each in (line, other):
        each.send(CHAIN_INACTIVE + set_address(0) + set_address(2) + start)
    floating = []
    for number in range(3):
        for each in (line, other):
            each.send(WireJob.example(number).frame())
            floating += [sweep.start_counter for sweep in each.sweeps]
    assert len(set(floating)) == 12
    again = Line("bm1368", 2, seed=5)
    again.send(CHAIN_INACTIVE + set_address(0) + set_address(2) + start + WireJob.example(0).frame())
    assert [sweep.start_counter for sweep in again.sweeps] == floating[:2]
    line.send(write_register(0x0C, 1 << 31, 0) + write_register(0x0C, 1 << 31 | 0x25F, 2))
    for number in range(3):
        line.send(WireJob.example(number).frame())
        assert [sweep.start_counter for sweep in line.sweeps] == [0, 0x25F << 9]


def test_a_bm1387_opens_a_core_with_each_busy_work_while_its_gate_is_set() -> None:
    assert [chip.open_cores for chip in s9(2, busy_works=3).chain.chips] == [3, 3]
    assert [chip.open_cores for chip in s9(1, gate=0, busy_works=3).chain.chips] == [0]
    assert [chip.open_cores for chip in s9(1, busy_works=200).chain.chips] == [114]
    line = s9(1, busy_works=2)
    line.send(MidstateJob.example(1, 0).body())
    assert line.chain.chips[0].open_cores == 2
    assert line.turns[0].settings.cores == 2


def test_a_bm1387_without_open_cores_or_clock_loses_its_work() -> None:
    line = s9(1, busy_works=0)
    line.send(MidstateJob.example(1, 0).body())
    assert line.chain.work is None
    assert line.chain.frequency_mhz == 0.0
    line.send(busy_work(1) + bm1387_write(0x0C, 0) + MidstateJob.example(1, 0).body())
    assert line.chain.work is None
    line.send(bm1387_write(0x0C, BM1387_CLOCK_500_MHZ) + MidstateJob.example(1, 0).body())
    assert line.chain.frequency_mhz == 500.0


@pytest.mark.parametrize(("chips", "bits"), [(1, 25), (2, 24), (3, 23), (32, 20), (63, 19)])
def test_each_core_of_a_bm1387_owns_what_the_chip_number_leaves(chips: int, bits: int) -> None:
    line = s9(chips)
    line.send(MidstateJob.example(1, 0x20).body())
    assert {turns.space for turns in line.turns} == {1 << bits}
    assert [turns.start_counter for turns in line.turns] == [chip << 19 for chip in range(chips)]


@pytest.mark.parametrize("midstates", [1, 2, 4])
def test_a_bm1387_takes_several_midstates_when_mmen_is_set(midstates: int) -> None:
    line = s9(1)
    line.send(MidstateJob.example(1, 0x20, midstates).body())
    assert line.turns[0].midstates == midstates
    line.send(bm1387_write(0x1C, FASTER) + MidstateJob.example(1, 0x20, midstates).body())
    assert line.turns[0].midstates == 1


def test_the_hash_counting_number_means_nothing_to_midstate_chips() -> None:
    line = s9(1)
    line.send(bm1387_write(0x14, 0) + MidstateJob.example(1, 0).body())
    work = line.chain.work
    line.send(bm1387_write(0x14, 77))
    assert line.chain.work is work is not None
    newer = Line("bm1397")
    newer.send(write_register(0x08, BM1397_CLOCK_425_MHZ) + b"\x55\xaa" + MidstateJob.example(1, 4).body())
    assert newer.chain.work is not None
    assert newer.sweeps[0].settings.sweep_s == pytest.approx((1 << 25) / 425e6)


def test_a_clock_change_lets_a_bm1387_go_on_from_where_it_is() -> None:
    line = s9(2)
    line.send(MidstateJob.example(1, 0).body(), 1000)
    line.send(bm1387_write(0x0C, BM1387_CLOCK_500_MHZ, 4), 1000 + 200_000)
    unchanged, changed = line.turns
    assert (unchanged.start_ns, unchanged.start_candidate) == (1000, 0.0)
    assert (changed.start_ns, changed.start_candidate) == (201_000, pytest.approx(130_000.0))
    assert changed.settings.frequency_hz == 500e6


MIDSTATE_FRAMES = st.one_of(
    st.builds(bm1387_write, st.integers(0, 255), st.integers(0, 2**32 - 1), st.none() | st.integers(0, 255)),
    st.builds(bm1387_read, st.integers(0, 255), st.none() | st.integers(0, 255)),
    st.builds(bm1387_set_address, st.integers(0, 255)),
    st.builds(busy_work, st.integers(0, 255)),
    st.just(BM1387_INACTIVE),
    st.builds(
        lambda n, m: MidstateJob.example(n, n, m).body(), st.integers(0, 127), st.sampled_from([1, 2, 4])
    ),
    st.sampled_from([bm1387_write(0x0C, BM1387_CLOCK_650_MHZ), bm1387_write(0x1C, FASTER | GATE_BLOCK)]),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=200), MIDSTATE_FRAMES), max_size=30), st.sampled_from([1, 3]))
def test_no_bytes_stop_a_bm1387(pieces: list[bytes], chips: int) -> None:
    model = model_by_name("bm1387")
    chain, decoder = Chain(model, chips=chips, time_scale=1.0), ChipDecoder(model)
    answers = []
    for t_ns, piece in enumerate([*pieces, bytes(200), bm1387_read(0)]):
        answers = [
            answer
            for received in decoder.receive_data(piece, t_ns)
            if not isinstance(received.frame, Damaged)
            for answer in chain.receive(received.frame, t_ns)
        ]
    assert [answer.response.value >> 8 for answer in answers] == [0x138790] * chips
