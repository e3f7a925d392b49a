"""The observer on lines whose jobs or nonces do not say everything: announced headers, places of chips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bm13xx_frames import BM1368, BM1387, BM1397

from firmware_protocols.bm13xx import (
    ChainInactive,
    ChipModel,
    LineObserver,
    NonceResponse,
    RegisterResponse,
    SetAddress,
    WriteRegister,
    encode,
    frame_time_ns,
    midstate_job,
    midstate_variant,
    nonce_from_fields,
    nonce_offset,
    open_core_job,
    ticket_mask_register,
)
from firmware_protocols.device import NO_JOB, NO_TIME, Direction, Job, Reason, Stamp, WireChunk
from firmware_protocols.errors import LocalProtocolError

NONCE = int.from_bytes(bytes.fromhex("7203ea83"), "little")


def announced(ntime: int = 0x5D0B7D52, version: int = 0x20000000) -> Job:
    return Job(
        number=0,
        wire_id="",
        version=version,
        prev_hash=bytes(range(32)),
        ntime=ntime,
        nbits=0x1725FD03,
        target=0,
        merkle_root=bytes(range(32, 64)),
    )


def frame_of(job: Job, header: int, model: ChipModel = BM1387) -> bytes:
    assert job.merkle_root is not None
    return encode(
        midstate_job(
            model,
            header,
            version=job.version,
            prev_hash=job.prev_hash,
            merkle_root=job.merkle_root,
            ntime=job.ntime,
            nbits=job.nbits,
        ),
        model,
    )


def rx(data: bytes, t_ns: int = 1_000_000_000) -> WireChunk:
    return WireChunk(Direction.RX, Stamp(t_ns), data)


def answer(header: int, model: ChipModel = BM1387, nonce: int = NONCE) -> bytes:
    return encode(NonceResponse(nonce, 0, header), model)


@pytest.mark.parametrize("base", [BM1387, BM1397])
def test_an_announced_header_is_found_and_its_version_rolled_by_the_midstate(base: ChipModel) -> None:
    observer = LineObserver(base)
    observer.host_sent(encode(WriteRegister(base.registers.ticket_mask, ticket_mask_register(64)), base))
    job = announced()
    observer.expect_job(job)
    (sent,) = observer.host_sent(frame_of(job, 8, base), 77)
    target = (1 << 218) - 1
    assert sent == replace(
        job, number=1, wire_id="08", version_mask=0x6000, target=target, chip_target=target, sent_ns=77
    )
    events = observer.chip_sent([rx(b"".join(answer(8 | index, base) for index in range(4)))]).events
    assert events["job"].tolist() == [1] * 4
    assert events["version"].tolist() == [0x20000000 | index << 13 for index in range(4)]
    assert events["subcore"].tolist() == [0, 1, 2, 3]
    assert events["ntime"].tolist() == [0x5D0B7D52] * 4
    assert events["t_sent_ns"].tolist() == [77] * 4
    assert events["core"].tolist() == ([3] * 4 if base is BM1387 else [0x72 >> 1] * 4)


def test_an_answer_whose_job_is_unknown_keeps_its_midstate() -> None:
    events = LineObserver(BM1387).chip_sent([rx(answer(6))]).events
    assert (events["job"].tolist(), events["reason"].tolist()) == ([NO_JOB], [Reason.NO_JOB])
    assert events["version"].tolist() == [2 << 13]
    assert events["chip"].tolist() == [0x70]


def test_a_job_that_nobody_announced_is_a_damaged_one() -> None:
    observer = LineObserver(BM1387)
    (sent,) = observer.host_sent(frame_of(announced(), 4), 5)
    assert (sent.damaged, sent.merkle_root, sent.chip_target, sent.sent_ns) == (True, None, None, 5)
    assert observer.chip_sent([rx(answer(5))]).events["job"].tolist() == [sent.number]


def test_announcements_whose_frames_were_lost_are_passed_over() -> None:
    observer = LineObserver(BM1387)
    jobs = [announced(ntime) for ntime in range(5)]
    for job in jobs:
        observer.expect_job(job)
    (third,) = observer.host_sent(frame_of(jobs[2], 8))
    (unknown,) = observer.host_sent(frame_of(jobs[0], 12))
    (fifth,) = observer.host_sent(frame_of(jobs[4], 16))
    assert [third.ntime, unknown.damaged, fifth.ntime] == [2, True, 4]


def test_only_headers_that_have_a_merkle_root_are_announced_and_not_without_end() -> None:
    observer = LineObserver(BM1387)
    with pytest.raises(LocalProtocolError, match="no merkle root"):
        observer.expect_job(replace(announced(), merkle_root=None))
    for ntime in range(200):
        observer.expect_job(announced(ntime))
    assert observer.host_sent(frame_of(announced(71), 0))[0].damaged
    assert not observer.host_sent(frame_of(announced(72), 0))[0].damaged


def test_busy_work_is_no_job_and_takes_the_place_of_one() -> None:
    observer = LineObserver(BM1387)
    observer.expect_job(announced())
    observer.host_sent(frame_of(announced(), 8))
    assert observer.host_sent(encode(open_core_job(12, 4), BM1387)) == []
    assert observer.chip_sent([rx(answer(8))]).events["job"].tolist() == [1]
    assert observer.host_sent(encode(open_core_job(8, 4), BM1387)) == []
    assert observer.chip_sent([rx(answer(8) + answer(20) + answer(12))]).events["job"].tolist() == [NO_JOB]
    assert observer.busy_work_answers == 2
    observer.expect_job(announced())
    observer.host_sent(frame_of(announced(), 8))
    assert observer.chip_sent([rx(answer(8))]).events["job"].tolist() == [2]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_number_of_midstates_is_that_of_the_jobs(count: int) -> None:
    observer, model = LineObserver(BM1387), midstate_variant(BM1387, count)
    observer.expect_job(announced())
    (sent,) = observer.host_sent(frame_of(announced(), 0x31, model))
    assert observer.model == model
    assert sent.version_mask == count - 1 << 13
    events = observer.chip_sent([rx(answer(0x31))]).events
    assert events["job"].tolist() == [1]
    assert events["version"].tolist() == [0x20000000 | (0x31 & count - 1) << 13]


def test_a_damaged_midstate_job_leaves_its_id_unknown() -> None:
    observer = LineObserver(BM1387)
    observer.expect_job(announced())
    observer.host_sent(frame_of(announced(), 8))
    broken = bytearray(frame_of(announced(), 8))
    broken[60] ^= 1
    (unknown,) = observer.host_sent(bytes(broken))
    assert unknown.damaged
    assert observer.chip_sent([rx(answer(9))]).events["job"].tolist() == [unknown.number]


def test_the_stamps_follow_the_divider_in_misc_control_unless_it_is_held() -> None:
    observer = LineObserver(BM1387, baud=115_740)
    observer.host_sent(encode(WriteRegister(0x1C, 0x40208180), BM1387))
    assert observer.baud == 115_740
    observer.host_sent(encode(WriteRegister(0x1C, 0x00208180), BM1387))
    assert observer.baud == 1_562_500
    first, last = observer.chip_sent([rx(answer(0) * 2)]).events["t_ns"].tolist()
    assert last - first == frame_time_ns(7, 1_562_500)


def test_register_answers_name_neither_chip_nor_register() -> None:
    observer = LineObserver(BM1387)
    raw = encode(RegisterResponse(0x13879004, None, None), BM1387)
    assert observer.chip_sent([rx(raw, 4)]).registers == [(RegisterResponse(0x13879004, None, None, b""), 4)]
    with pytest.raises(LocalProtocolError, match="says which chip"):
        encode(RegisterResponse(0, None, None), BM1397)


def test_an_answer_that_waited_for_its_confirmation_keeps_its_stamp() -> None:
    observer = LineObserver(BM1387, baud=1_562_500)
    events = observer.chip_sent([rx(b"\xff" * 8 + answer(4), 1000), rx(answer(8), 900_000_000)]).events
    assert events["t_ns"].tolist() == [1000, 900_000_000]
    late = observer.chip_sent([rx(b"\xff" * 8 + answer(4), 2_000_000_000)]).events
    assert len(late) == 0
    assert observer.fell_silent(3_000_000_000).events["t_ns"].tolist() == [2_000_000_000]


def test_after_a_reset_nothing_is_known_of_the_chips() -> None:
    observer = LineObserver(BM1387, baud=1_562_500)
    for frame in (SetAddress(0), WriteRegister(0x18, ticket_mask_register(64)), open_core_job(16, 4)):
        observer.host_sent(encode(frame, BM1387))
    observer.expect_job(announced())
    observer.host_sent(frame_of(announced(), 8))
    observer.was_reset(115_740)
    assert (observer.baud, observer.ticket_difficulty, observer.registers_written) == (115_740, 1, {})
    events = observer.chip_sent([rx(answer(8) + answer(16))]).events
    assert events["job"].tolist() == [NO_JOB, NO_JOB]
    assert events["chip"].tolist() == [0x70, 0x70]  # the field of the nonce, not the address that was given
    assert observer.busy_work_answers == 0


def s21(observer: LineObserver, chips: int = 3) -> None:
    """Address and nonce offset of each chip, as its bring-up gives them."""
    observer.host_sent(encode(ChainInactive(), BM1368))
    for chip in range(chips):
        observer.host_sent(encode(SetAddress(2 * chip), BM1368))
    for chip in range(chips):
        offset = WriteRegister(BM1368.registers.nonce_offset or 0, nonce_offset(chip, chips), 2 * chip)
        observer.host_sent(encode(offset, BM1368))


def chips_of(observer: LineObserver, counters: list[int]) -> list[int]:
    nonces = nonce_from_fields(BM1368, np.full(len(counters), 5), counters).tolist()
    raw = b"".join(answer(0, BM1368, nonce) for nonce in nonces)
    chips: list[int] = observer.chip_sent([rx(raw, NO_TIME)]).events["chip"].tolist()
    return chips


def test_a_chip_with_a_nonce_offset_is_known_by_its_range() -> None:
    observer = LineObserver(BM1368)
    third = (nonce_offset(1, 3) & 0xFFFF) << 9
    counters = [0, third - 1, third, 2 * third + 7, (1 << 25) - 1]
    assert chips_of(observer, counters) == [-1] * 5
    s21(observer)
    assert chips_of(observer, counters) == [0, 0, 2, 4, 4]
    register = BM1368.registers.nonce_offset or 0
    observer.host_sent(encode(WriteRegister(register, 0, 2), BM1368))  # switched off: where it starts is open
    assert chips_of(observer, counters) == [0, 0, 0, 4, 4]
    observer.host_sent(encode(WriteRegister(register, 0x80000000), BM1368))
    assert chips_of(observer, counters) == [-1] * 5
    s21(observer, 1)
    assert chips_of(observer, counters) == [0] * 5
    observer.host_sent(encode(WriteRegister(register, 0x80000100), BM1368))
    assert chips_of(observer, counters) == [0] * 5
    observer.host_sent(encode(ChainInactive(), BM1368))
    assert chips_of(observer, counters) == [-1] * 5


def test_chips_of_a_bm1387_chain_by_their_addresses() -> None:
    observer = LineObserver(BM1387)
    for address in (0, 64, 128, 192):
        observer.host_sent(encode(SetAddress(address), BM1387))
    nonces = [int.from_bytes(bytes((first, 1, 2, 3)), "little") for first in (0, 63, 64, 200)]
    events = observer.chip_sent([rx(b"".join(answer(0, nonce=nonce) for nonce in nonces))]).events
    assert events["chip"].tolist() == [0, 0, 64, 192]
