"""The chip without a line: registers, addressing, and what it makes of junk."""

from __future__ import annotations

import pytest
from bm1366_host import CHAIN_INACTIVE, WireJob, crc5, crc16, read_register, set_address, write_register
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_protocols.bm13xx import ChipDecoder, Damaged, encode, model_by_name
from simulators.bm13xx.chain import Chain

MODEL = model_by_name("bm1366")


class Line:
    """A chain fed with bytes, answering with bytes."""

    def __init__(self, chips: int = 1, chip_id: int = 0x1366) -> None:
        self.chain = Chain(MODEL, chips=chips, chip_id=chip_id, time_scale=1.0)
        self.decoder = ChipDecoder(MODEL)

    def send(self, data: bytes, t_ns: int = 0) -> list[bytes]:
        answers = []
        for received in self.decoder.receive_data(data, t_ns):
            if not isinstance(received.frame, Damaged):
                answers += self.chain.receive(received.frame, t_ns)
        return [encode(answer.response, MODEL, short=answer.short) for answer in answers]


def test_the_test_host_computes_the_published_checksums() -> None:
    assert crc5(bytes.fromhex("52050000")) == 0x0A
    assert crc5(bytes.fromhex("40050400")) == 0x03
    assert crc16(bytes.fromhex("21360001") + bytes(48)) == 0x9899


def test_chip_id_answer_has_the_bytes_of_a_real_chip() -> None:
    line = Line()
    assert line.send(bytes.fromhex("55AA520500000A")) == [bytes.fromhex("AA551366000000000C")]
    line.send(bytes.fromhex("55AA510900A49000FFFF1C"))
    assert line.send(bytes.fromhex("55AA520500000A")) == [
        bytes.fromhex("AA5513660000000000 0005".replace(" ", ""))
    ]


def test_another_chip_id_is_answered_as_asked() -> None:
    assert Line(chip_id=0x1368).send(read_register(0))[0][2:4] == b"\x13\x68"


def test_unaddressed_chips_answer_as_zero_and_take_addresses_in_turn() -> None:
    line = Line(chips=3)
    assert [answer[6] for answer in line.send(read_register(0))] == [0, 0, 0]
    line.send(CHAIN_INACTIVE)
    for address in (0, 2, 4):
        line.send(set_address(address))
    assert [answer[5] for answer in line.send(read_register(0))] == [0, 2, 4]
    assert [answer[6] for answer in line.send(read_register(0, 2))] == [2]
    line.send(set_address(6))  # surplus, as the factory firmware sends them
    assert [answer[6] for answer in line.send(read_register(0))] == [0, 2, 4]
    line.send(CHAIN_INACTIVE)
    assert [answer[6] for answer in line.send(read_register(0))] == [0, 0, 0]


def test_a_single_chip_can_be_moved_without_chain_inactive() -> None:
    line = Line()
    line.send(set_address(0))
    line.send(set_address(0x80))
    assert [answer[6] for answer in line.send(read_register(0))] == [0x80]


def test_registers_keep_what_one_or_all_were_told() -> None:
    line = Line(chips=2)
    line.send(CHAIN_INACTIVE + set_address(0) + set_address(2))
    line.send(write_register(0x18, 0xF000C100) + write_register(0x18, 0x12345678, 2))
    assert [answer[2:6].hex() for answer in line.send(read_register(0x18))] == ["f000c100", "12345678"]


def test_reset_values_and_registers_that_are_not_there() -> None:
    line = Line()
    assert line.send(read_register(0x18))[0][2:6].hex() == "0000c100"
    assert line.send(read_register(0x28))[0][2:6].hex() == "01301a00"
    assert line.chain.baud == pytest.approx(115740, abs=1)
    assert line.send(read_register(0x8C)) == []
    line.send(write_register(0x28, 0x11300200))
    assert line.chain.baud == pytest.approx(1041667, abs=1)


def test_damaged_frames_are_ignored() -> None:
    line = Line()
    frame = bytearray(read_register(0))
    frame[-1] ^= 1
    assert line.send(bytes(frame)) == []


@pytest.mark.parametrize("missing", ["pll", "hcn", "cores", "nothing"])
def test_a_chip_hashes_only_when_clock_counter_and_cores_are_set(missing: str) -> None:
    line = Line()
    steps = {
        "pll": write_register(0x08, 0x50C20240),
        "hcn": write_register(0x10, 4325),
        "cores": write_register(0x3C, 0x800082AA),
    }
    line.send(b"".join(frame for name, frame in steps.items() if name != missing))
    line.send(WireJob.example(1).frame())
    assert (line.chain.work is not None) == (missing == "nothing")
    assert line.chain.frequency_mhz == (485.0 if missing == "nothing" else 0.0)


@pytest.mark.parametrize(
    "halt", [write_register(0x10, 0), write_register(0xA8, 0x00070000), write_register(0x08, 0)]
)
def test_halting_ends_the_work_until_another_job(halt: bytes) -> None:
    line = Line()
    start = write_register(0x08, 0x50C20240) + write_register(0x10, 4325) + write_register(0x3C, 0x800082AA)
    line.send(start + WireJob.example(1).frame())
    assert line.chain.work is not None
    line.send(halt)
    assert line.chain.work is None
    line.send(start)
    assert line.chain.work is None
    line.send(WireJob.example(2).frame())
    assert line.chain.work is not None


def test_a_ticket_mask_that_is_no_run_of_ones_stops_the_chip() -> None:
    line = Line()
    line.send(
        write_register(0x08, 0x50C20240) + write_register(0x10, 4325) + write_register(0x3C, 0x800082AA)
    )
    line.send(write_register(0x14, 0x000000A5) + WireJob.example(1).frame())
    assert line.chain.work is None


def test_ticket_mask_bits_are_reversed_within_bytes() -> None:
    line = Line()
    line.send(
        write_register(0x08, 0x50C20240) + write_register(0x10, 4325) + write_register(0x3C, 0x800082AA)
    )
    line.send(write_register(0x14, 0x0000E0FF) + WireJob.example(1).frame())
    assert line.chain.work is not None
    assert line.chain.work.sweeps[0].settings.ticket_bits == 11


def test_every_chip_starts_a_job_anew_at_its_own_address() -> None:
    line = Line(chips=3)
    line.send(CHAIN_INACTIVE + set_address(0) + set_address(2) + set_address(4))
    line.send(
        write_register(0x08, 0x50C20240) + write_register(0x10, 4325) + write_register(0x3C, 0x800082AA)
    )
    line.send(WireJob.example(1).frame(), 1000)
    line.send(WireJob.example(2).frame(), 5000)
    assert line.chain.work is not None
    assert [sweep.start_counter >> 17 for sweep in line.chain.work.sweeps] == [0, 2, 4]
    assert all(
        (s.start_ns, s.start_batch, s.start_position) == (5000, 0, 0.0) for s in line.chain.work.sweeps
    )


FRAMES = st.one_of(
    st.builds(
        write_register, st.integers(0, 255), st.integers(0, 2**32 - 1), st.none() | st.integers(0, 255)
    ),
    st.builds(read_register, st.integers(0, 255), st.none() | st.integers(0, 255)),
    st.builds(set_address, st.integers(0, 255)),
    st.just(CHAIN_INACTIVE),
    st.builds(lambda n: WireJob.example(n).frame(), st.integers(0, 1000)),
    st.sampled_from([write_register(0x08, 0x50C20240), write_register(0x3C, 0x800082AA)]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=200), FRAMES), max_size=40), st.sampled_from([1, 3]))
def test_no_bytes_stop_a_chip(pieces: list[bytes], chips: int) -> None:
    line = Line(chips=chips)
    for t_ns, piece in enumerate(pieces):
        line.send(piece, t_ns)
    line.send(bytes(200))  # ends whatever frame was begun
    assert len(line.send(read_register(0))) == chips
