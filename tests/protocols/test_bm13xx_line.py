"""The observer of a line: jobs by id, stamps, what is said of nonces without a job."""

from pathlib import Path

import numpy as np

from firmware_protocols.bm13xx import (
    ChainInactive,
    FullJob,
    LineObserver,
    NonceResponse,
    Register,
    RegisterResponse,
    SetAddress,
    WriteRegister,
    baud_register_value,
    encode,
    frame_time_ns,
    model_by_name,
    nonce_from_fields,
    ticket_mask_register,
    version_mask_register,
)
from firmware_protocols.device import NO_JOB, NO_TIME, Direction, Reason, Stamp, WireChunk

MODEL = model_by_name("BM1366")


def job(header: int, version: int = 0x20000000) -> FullJob:
    return FullJob(
        job_header=header,
        nbits=0x17034219,
        ntime=0x6626F694,
        merkle_root=bytes(range(32)),
        prev_hash=bytes(range(32, 64)),
        version=version,
    )


def rx(data: bytes, t_ns: int = 1_000_000_000) -> WireChunk:
    return WireChunk(Direction.RX, Stamp(t_ns), data)


def nonce(header: int, value: int = 0x4A80D4AC, bits: int = 0x47) -> bytes:
    return encode(NonceResponse(value, 1, header, bits), MODEL)


def test_a_nonce_finds_the_job_last_sent_under_its_id() -> None:
    observer = LineObserver(MODEL)
    (first,) = observer.host_sent(encode(job(8), MODEL), 5)
    (second,) = observer.host_sent(encode(job(8, 0x20400000), MODEL), 9)
    events = observer.chip_sent([rx(nonce(8 | 7), 20)]).events
    assert (first.number, second.number) == (1, 2)
    assert events["job"].tolist() == [2]
    assert events["version"].tolist() == [0x20400000 | 0x47 << 13]
    assert events["t_ns"].tolist() == [20]
    assert events["t_sent_ns"].tolist() == [9]
    assert events["ntime"].tolist() == [0x6626F694]
    assert events["core"].tolist() == [86]
    assert events["chip"].tolist() == [106]
    assert events["subcore"].tolist() == [7]


def test_a_nonce_without_a_job_says_so_and_keeps_its_fields() -> None:
    events = LineObserver(MODEL).chip_sent([rx(nonce(16))]).events
    assert events["job"].tolist() == [NO_JOB]
    assert events["reason"].tolist() == [Reason.NO_JOB]
    assert events["core"].tolist() == [86]


def test_the_chip_is_the_addressed_one_whose_range_the_nonce_is_in() -> None:
    observer = LineObserver(MODEL)
    counter = 106 << 17 | 99  # the field says 106
    value = int(nonce_from_fields(MODEL, 3, counter))

    def chip() -> list[int]:
        return observer.chip_sent([rx(nonce(0, value))]).events["chip"].tolist()

    observer.host_sent(encode(job(0), MODEL))
    assert chip() == [106]  # nothing is known of addresses: as in a factory chain
    observer.host_sent(encode(ChainInactive(), MODEL) + encode(SetAddress(0), MODEL))
    assert chip() == [0]
    observer.host_sent(encode(SetAddress(170), MODEL) + encode(SetAddress(85), MODEL))
    assert chip() == [85]
    observer.host_sent(encode(ChainInactive(), MODEL) + encode(SetAddress(200), MODEL))
    assert chip() == [200]  # one chip counts through everything, starting at its own address


def test_a_damaged_job_frame_leaves_its_id_unknown() -> None:
    observer = LineObserver(MODEL)
    observer.host_sent(encode(job(8), MODEL))
    damaged = bytearray(encode(job(8), MODEL))
    damaged[40] ^= 1
    (unknown,) = observer.host_sent(bytes(damaged))
    assert unknown.damaged
    assert observer.chip_sent([rx(nonce(8))]).events["job"].tolist() == [unknown.number]


def test_the_ticket_mask_on_the_wire_sets_the_target() -> None:
    observer = LineObserver(MODEL)
    assert observer.chip_target == (1 << 224) - 1
    observer.host_sent(encode(WriteRegister(Register.TICKET_MASK, ticket_mask_register(256)), MODEL))
    assert observer.ticket_difficulty == 256
    (sent,) = observer.host_sent(encode(job(0), MODEL))
    assert sent.target == sent.chip_target == (1 << 216) - 1


def test_an_emulator_has_fewer_zero_bits() -> None:
    assert LineObserver(MODEL, zero_bits=16).chip_target == (1 << 240) - 1


def test_frames_of_one_read_are_a_frame_time_apart_and_never_before_the_read_before() -> None:
    observer = LineObserver(MODEL, baud=1_000_000)
    observer.host_sent(encode(job(0), MODEL), 0)
    frame_ns = frame_time_ns(11, 1_000_000)
    late = 10 * frame_ns
    events = observer.chip_sent([rx(nonce(0), 100), rx(nonce(0) * 3, late)]).events
    assert events["t_ns"].tolist() == [100, late - 2 * frame_ns, late - frame_ns, late]
    assert events["n_in_read"].tolist() == [1, 3, 3, 3]
    close = observer.chip_sent([rx(nonce(0) * 2, late + 1)]).events
    assert close["t_ns"].tolist() == [late, late + 1]


def test_without_times_there_are_none() -> None:
    observer = LineObserver(MODEL, baud=1_000_000)
    observer.host_sent(encode(job(0), MODEL))
    events = observer.chip_sent([rx(nonce(0) * 2, NO_TIME)]).events
    assert (events["t_ns"] == NO_TIME).all()


def test_sequence_numbers_run_on() -> None:
    observer = LineObserver(MODEL)
    first = observer.chip_sent([rx(nonce(0) * 2)]).events
    second = observer.chip_sent([rx(nonce(0))]).events
    assert np.concatenate([first["seq"], second["seq"]]).tolist() == [0, 1, 2]


def test_short_answers_are_taken_when_the_line_falls_silent() -> None:
    observer = LineObserver(MODEL)
    short = encode(RegisterResponse(0x13660000, 0, 0, b""), MODEL, short=True)
    assert observer.chip_sent([rx(short)]).registers == []
    assert [(answer.value, t) for answer, t in observer.fell_silent(2).registers] == [(0x13660000, 2)]
    assert observer.fell_silent(3).registers == []
    # from here on they are expected
    assert len(observer.chip_sent([rx(short)]).registers) == 1


def test_enabling_version_rolling_makes_answers_long_again() -> None:
    observer = LineObserver(MODEL)
    observer.chip_sent([rx(encode(RegisterResponse(0x13660000, 0, 0, b""), MODEL, short=True))])
    observer.fell_silent(2)
    observer.host_sent(encode(WriteRegister(Register.VERSION_MASK, version_mask_register(0x1FFFE000)), MODEL))
    observer.host_sent(encode(job(0), MODEL))
    assert len(observer.chip_sent([rx(nonce(0))]).events) == 1


def test_the_stamps_follow_the_speed_that_the_host_writes() -> None:
    observer = LineObserver(MODEL, baud=115_740)
    observer.host_sent(encode(job(0), MODEL))
    fast = encode(WriteRegister(Register.FAST_UART, baud_register_value(MODEL, 1_000_000)), MODEL)
    observer.host_sent(fast)
    first, last = observer.chip_sent([rx(nonce(0) * 2, 10**9)]).events["t_ns"].tolist()
    assert observer.baud == 25e6 / 24
    assert last - first == frame_time_ns(11, 25e6 / 24)


def test_a_damaged_answer_is_no_event_and_still_takes_its_time_on_the_line() -> None:
    observer = LineObserver(MODEL, baud=1_000_000)
    observer.host_sent(encode(job(0), MODEL))
    damaged = bytearray(nonce(0))
    damaged[4] ^= 1
    answers = observer.chip_sent([rx(nonce(0) + bytes(damaged), 10**9)])
    assert answers.registers == []
    assert answers.events["t_ns"].tolist() == [10**9 - frame_time_ns(11, 1_000_000)]
    assert observer.wire_counters()["damaged_frames"] == 1


def test_silence_in_the_middle_of_a_frame_is_a_damaged_frame() -> None:
    observer = LineObserver(MODEL)
    observer.chip_sent([rx(nonce(0)[:6])])
    observer.fell_silent(2)
    assert observer.wire_counters()["skipped_bytes"] == 6


def test_a_whole_board_line_by_line(s19kpro_wire: Path) -> None:
    observer = LineObserver(MODEL)
    counts = {"jobs": 0, "damaged": 0, "events": 0, "no job": 0}
    for line in s19kpro_wire.read_text().splitlines():
        direction, data = line.split()
        if direction == "tx":
            jobs = observer.host_sent(bytes.fromhex(data))
            counts["jobs"] += len(jobs)
            counts["damaged"] += sum(job.damaged for job in jobs)
        else:
            events = observer.chip_sent([rx(bytes.fromhex(data), NO_TIME)]).events
            counts["events"] += len(events)
            counts["no job"] += int(np.count_nonzero(events["reason"] == Reason.NO_JOB))
    assert counts == {"jobs": 199, "damaged": 3, "events": 13_824, "no job": 75}
    assert observer.ticket_difficulty == 256
