"""When a pool's jobs are due, by the timer and by the handshake, and what is measured of it."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from asicrc.work import ChipJobs, HandshakeJobs, PoolJobs, PoolWork, jobs_for
from asicrc.work.pick_up import JOBS_WAITED_FOR, PickUpTimes
from firmware_protocols.device import Job, NonceBatch, WorkForm, drive_of, empty_events, with_drive

S = 10**9
NTIME = 1_700_000_000


def events(*shares: tuple[int, int]) -> NonceBatch:
    """(job, t_ns) of each."""
    batch = empty_events(len(shares))
    batch["job"], batch["t_ns"] = [job for job, _ in shares], [t_ns for _, t_ns in shares]
    return batch


def sent(job: Job, number: int, sent_ns: int, extranonce1: bytes = b"\0\0\0\1") -> Job:
    return replace(job, number=number, sent_ns=sent_ns, extranonce1=extranonce1)


def test_the_stream_keeps_its_times_and_counts_what_it_missed() -> None:
    jobs = PoolJobs(PoolWork(1), NTIME, 2.0)
    jobs.begin(5 * S)
    taken = jobs.take(5 * S)
    assert (taken.missed, jobs.due_ns, taken.job.ntime, taken.job.clean) == (0, 7 * S, NTIME, False)
    late = jobs.take(12 * S)  # those of 7 and 9 s are left out, that of 11 s goes now
    assert (late.missed, jobs.due_ns, late.job.ntime) == (2, 13 * S, NTIME + 7)
    assert late.job.coinbase2 != taken.job.coinbase2


def test_a_turn_of_the_handshake_ends_with_its_share() -> None:
    jobs = HandshakeJobs(PoolWork(1), NTIME, 30.0)
    jobs.begin(S)
    first = jobs.take(S).job
    assert first.clean
    assert jobs.due_ns == 31 * S
    assert jobs.sent([sent(first, 7, S + 100)]) == []
    assert jobs.arrived(events((3, 2 * S))) == []  # of another job
    assert jobs.due_ns == 31 * S
    (reading,) = jobs.arrived(events((3, 2 * S), (7, 3 * S), (7, 4 * S)))
    assert (reading.channel, reading.value) == ("job_first_share_s", (2 * S - 100) / 1e9)
    assert jobs.due_ns <= 3 * S
    second = jobs.take(3 * S + 500).job
    (dead,) = jobs.sent([sent(second, 8, 3 * S + 700)])
    assert (dead.channel, dead.value, dead.t_ns) == ("handshake_dead_time_s", 700 / 1e9, 3 * S + 700)
    jobs.arrived(events((7, 4 * S)))  # a late share of the turn before does not end this one
    assert jobs.due_ns == 33 * S + 500


def test_a_turn_without_a_share_times_out() -> None:
    jobs = HandshakeJobs(PoolWork(1), NTIME, 2.0)
    jobs.begin(0)
    jobs.sent([sent(jobs.take(0).job, 1, 10)])
    assert jobs.due_ns == 2 * S
    job = jobs.take(2 * S).job
    (timed_out,) = jobs.sent([sent(job, 2, 2 * S)])
    assert (timed_out.channel, timed_out.value) == ("handshake_timed_out_s", 2.0)
    assert job.ntime == NTIME + 2


def test_a_turn_with_nobody_there_is_no_time_out_and_who_comes_in_it_ends_it() -> None:
    jobs = HandshakeJobs(PoolWork(1), NTIME, 2.0)
    jobs.begin(0)
    assert jobs.sent([]) == [] and jobs.take(0).missed == 0
    assert jobs.sent([]) == []
    job = jobs.take(2 * S).job
    assert jobs.sent([]) == []
    assert jobs.sent([sent(job, 5, 3 * S)]) == []  # the server sent it to a newcomer
    jobs.arrived(events((5, 3 * S + 9)))
    assert jobs.due_ns == 0


def test_the_first_share_of_any_miner_ends_a_turn() -> None:
    jobs = HandshakeJobs(PoolWork(1), NTIME, 2.0)
    jobs.begin(0)
    job = jobs.take(0).job
    jobs.sent([sent(job, 1, 0, b"a"), sent(job, 2, 0, b"b")])
    jobs.arrived(events((2, S)))
    assert jobs.due_ns == 0


def test_pick_up_is_bounded_from_both_sides() -> None:
    times = PickUpTimes()
    job = PoolWork(1).next_job(NTIME, clean=False)
    times.sent([sent(job, 1, 0, b"a"), sent(job, 2, 0, b"b")])
    times.arrived(events((1, S), (2, S)))
    times.sent([sent(job, 3, 10 * S, b"a"), sent(job, 4, 10 * S, b"b")])
    readings = times.arrived(events((1, 11 * S), (1, 12 * S), (3, 13 * S), (1, 14 * S), (4, 15 * S)))
    assert [(r.channel, r.value) for r in readings] == [
        ("job_first_share_s", 3.0),
        ("old_job_last_share_s", 2.0),
        ("job_first_share_s", 5.0),  # of the other miner, which had none of its old job
    ]


def test_what_is_remembered_is_bounded() -> None:
    times = PickUpTimes()
    job = PoolWork(1).next_job(NTIME, clean=False)
    for number in range(1, JOBS_WAITED_FOR + 100):
        times.sent([sent(job, number, 0, number.to_bytes(4, "big"))])
    assert len(times._unanswered) == len(times._miner_of) == len(times._newest) == JOBS_WAITED_FOR
    assert times.arrived(events((1, S))) == []


@pytest.mark.parametrize(
    ("form", "mode", "kind"),
    [
        (WorkForm(), "stream", ChipJobs),
        (WorkForm(coinbase=True), "stream", PoolJobs),
        (WorkForm(coinbase=True, algorithm="lbry"), "handshake", HandshakeJobs),
    ],
)
def test_each_device_has_its_kind_of_work(form: WorkForm, mode: str, kind: type) -> None:
    jobs = jobs_for(form, mode=mode, seed=1, ntime=NTIME, interval_s=1.0, timeout_s=1.0)
    assert isinstance(jobs, kind)
    jobs.begin(0)
    job = jobs.take(0).job
    assert job.algorithm == form.algorithm
    assert (job.claimtrie is not None) == (form.algorithm == "lbry")
    assert (job.merkle_root is None) == form.coinbase


def test_work_of_a_coin_that_is_not_known() -> None:
    with pytest.raises(ValueError, match="no work for 'scrypt'"):
        PoolWork(1, "scrypt")


def test_a_drive_leaves_the_height_of_the_block_alone() -> None:
    job = PoolWork(1).next_job(NTIME, clean=True)
    assert drive_of(job) is None
    driven = with_drive(job, 0.25)
    height = b"\x03" + (840_000).to_bytes(3, "little")  # BIP 34
    assert driven.coinbase1.endswith(height + struct.pack(">f", 0.25))
    assert len(driven.coinbase1) == len(job.coinbase1)
