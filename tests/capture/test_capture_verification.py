"""Verdicts on proofs whose truth is known from a plain hashlib loop."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from capture_samples import EASY, easy_job, events_for, hash_of, nonces_where
from hypothesis import given
from hypothesis import strategies as st

from asicrc.capture import Verifier, verification
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.device import EVENT_DTYPE, NO_TIME, Duplicate, Job, NonceBatch, Reason, Verdict

ALL = (1 << 256) - 1
PERIOD_NS = 687 * 10**9


def judged(jobs: list[Job], events: NonceBatch, scan_period_ns: int | None = None) -> Verifier:
    verifier = Verifier(scan_period_ns)
    for job in jobs:
        verifier.add_job(job)
    verifier.judge(events)
    return verifier


def verdicts(events: NonceBatch) -> list[tuple[Verdict, Reason]]:
    return [(Verdict(e["verdict"]), Reason(e["reason"])) for e in events]


def test_threshold_of_the_chip_parts_weak_proofs_from_no_proofs() -> None:
    job = easy_job(1, chip_target=EASY << 3)
    events = events_for(
        job,
        nonces_where(job, 1, 0, EASY)
        + nonces_where(job, 1, EASY + 1, EASY << 3)
        + nonces_where(job, 1, (EASY << 3) + 1, ALL),
    )
    counters = judged([job], events).counters
    assert verdicts(events) == [
        (Verdict.VALID, Reason.NONE),
        (Verdict.LOW, Reason.BELOW_TARGET),
        (Verdict.LOW, Reason.DOES_NOT_HASH),
    ]
    expected = [DIFFICULTY_1_TARGET / hash_of(job, int(n)) for n in events["nonce"]]
    assert events["difficulty"].tolist() == expected
    assert (counters.events, counters.valid, counters.low) == (3, 1, 2)
    assert counters.min_difficulty == expected[0]


def test_without_a_chip_target_difficulty_1_is_the_threshold() -> None:
    job = easy_job(1)
    events = events_for(job, nonces_where(job, 1, EASY + 1, ALL))
    judged([job], events)
    assert verdicts(events) == [(Verdict.LOW, Reason.DOES_NOT_HASH)]


@pytest.mark.parametrize(("off", "verdict"), [(0, Verdict.VALID), (-1, Verdict.LOW)])
def test_integers_decide_where_the_float_cannot(off: int, verdict: Verdict) -> None:
    value = hash_of(easy_job(1), 99)
    job = replace(easy_job(1), target=value + off, chip_target=value)
    events = events_for(job, [99])
    judged([job], events)
    assert events["verdict"][0] == verdict
    assert events["reason"][0] == (Reason.BELOW_TARGET if off else Reason.NONE)


def test_proof_for_the_job_replaced_under_the_same_id_is_stale() -> None:
    old, new, foreign = easy_job(1), easy_job(2), easy_job(3, wire_id="8")
    nonce = next(
        n for n in nonces_where(old, 20, 0, EASY) if min(hash_of(new, n), hash_of(foreign, n)) > EASY
    )
    events = events_for(new, [nonce, nonce])
    events["ntime"] = old.ntime
    new, foreign = replace(new, ntime=old.ntime), replace(foreign, ntime=old.ntime)
    if min(hash_of(new, nonce), hash_of(foreign, nonce)) <= EASY:  # depends on the seeds alone
        pytest.fail("choose other seeds")
    events["job"][1] = foreign.number
    counters = judged([old, new, foreign], events).counters
    assert verdicts(events) == [
        (Verdict.STALE, Reason.EARLIER_JOB),
        (Verdict.LOW, Reason.DOES_NOT_HASH),
    ]
    assert events["difficulty"][0] == DIFFICULTY_1_TARGET / hash_of(old, nonce)
    assert (counters.stale, counters.valid) == (1, 0)
    assert counters.min_difficulty is None


def test_a_stale_answer_of_a_chip_is_hashed_with_its_own_jobs_ntime_and_version() -> None:
    """A chip answers with rolled bits alone; base version and ntime were filled in from the newer job."""
    bits = 0x1234 << 13
    old = easy_job(1)
    new = replace(easy_job(2), version=0x20000004)
    nonce = nonces_where(replace(old, version=old.version | bits), 1, 0, EASY)[0]
    assert hash_of(replace(new, version=new.version | bits), nonce) > EASY
    events = events_for(new, [nonce])
    events["version"] = new.version | bits
    judged([old, new], events)
    assert verdicts(events) == [(Verdict.STALE, Reason.EARLIER_JOB)]


def test_damaged_job_frame_leaves_the_chip_with_what_it_had() -> None:
    old, damaged = easy_job(1), replace(easy_job(2), damaged=True, prev_hash=b"cut")
    new = replace(easy_job(3), ntime=old.ntime)
    nonce = next(n for n in nonces_where(old, 20, 0, EASY) if hash_of(new, n) > EASY)
    events = events_for(old, [nonce, nonce])
    events["job"] = [damaged.number, new.number]
    judged([old, damaged, new], events)
    assert verdicts(events) == [
        (Verdict.UNKNOWN_JOB, Reason.DAMAGED_JOB),
        (Verdict.STALE, Reason.EARLIER_JOB),
    ]
    assert np.isnan(events["difficulty"][0])


def test_events_without_a_job() -> None:
    job = easy_job(1)
    events = events_for(job, [1, 2, 3])
    events["job"] = [0, 0, 77]
    events["reason"][1] = Reason.DAMAGED_JOB
    assert judged([job], events).counters.unknown_job == 3
    assert verdicts(events) == [
        (Verdict.UNKNOWN_JOB, Reason.NO_JOB),
        (Verdict.UNKNOWN_JOB, Reason.DAMAGED_JOB),
        (Verdict.UNKNOWN_JOB, Reason.NO_JOB),
    ]


def test_malformed_and_synthetic_events_stay_and_claims_are_not_believed() -> None:
    job = easy_job(1)
    (bad,) = nonces_where(job, 1, EASY + 1, ALL)
    (good,) = nonces_where(job, 1, 0, EASY)
    events = events_for(job, [good, good, bad, good])
    events["verdict"] = [Verdict.MALFORMED, Verdict.VALID, Verdict.VALID, Verdict.PENDING]
    events["reason"][0] = Reason.BAD_FIELDS
    events["synthetic"][1] = True
    counters = judged([job], events).counters
    assert verdicts(events) == [
        (Verdict.MALFORMED, Reason.BAD_FIELDS),
        (Verdict.VALID, Reason.NONE),
        (Verdict.LOW, Reason.DOES_NOT_HASH),
        (Verdict.VALID, Reason.NONE),
    ]
    assert np.isnan(events["difficulty"][:2]).all()
    assert counters.as_dict() | {"min_difficulty": None} == {
        "events": 3, "valid": 1, "low": 1, "stale": 0, "unknown_job": 0, "malformed": 1,
        "duplicate": 0, "synthetic": 1, "min_difficulty": None,
    }  # fmt: skip


def test_extranonce2_beyond_its_field_is_malformed() -> None:
    events = events_for(easy_job(1), [1])
    events["extranonce2_len"] = 17
    judged([easy_job(1)], events)
    assert verdicts(events) == [(Verdict.MALFORMED, Reason.BAD_FIELDS)]


@given(
    coinbase1=st.binary(max_size=80),
    extranonce1=st.binary(max_size=8),
    coinbase2=st.binary(max_size=80),
    extranonce2=st.lists(st.binary(max_size=16), min_size=1, max_size=4),
    branch=st.lists(st.binary(min_size=32, max_size=32), max_size=4),
)
def test_header_from_coinbase_parts(
    coinbase1: bytes, extranonce1: bytes, coinbase2: bytes, extranonce2: list[bytes], branch: list[bytes]
) -> None:
    job = replace(
        easy_job(1), merkle_root=None, coinbase1=coinbase1, extranonce1=extranonce1, coinbase2=coinbase2,
        branch=tuple(branch), target=ALL,
    )  # fmt: skip
    events = events_for(job, list(range(len(extranonce2))))
    expected = []
    for i, value in enumerate(extranonce2):
        events["extranonce2"][i, : len(value)] = list(value)
        events["extranonce2_len"][i] = len(value)
        root = coinbase1 + extranonce1 + value + coinbase2
        root = hashlib.sha256(hashlib.sha256(root).digest()).digest()
        for sibling in branch:
            root = hashlib.sha256(hashlib.sha256(root + sibling).digest()).digest()
        expected.append(DIFFICULTY_1_TARGET / hash_of(job, i, root))
    judged([job], events)
    assert events["difficulty"].tolist() == expected
    assert not events["duplicate"].any()


@pytest.mark.parametrize(
    ("elapsed_ns", "reason"),
    [
        (1_000_000, Duplicate.RESENT),
        (PERIOD_NS // 2 - 1, Duplicate.RESENT),
        (PERIOD_NS, Duplicate.RESCAN),
        (round(1.049 * PERIOD_NS), Duplicate.RESCAN),
        (round(1.06 * PERIOD_NS), Duplicate.RESENT),
        (round(2.96 * PERIOD_NS), Duplicate.RESCAN),
        (round(3.5 * PERIOD_NS), Duplicate.RESENT),
    ],
)
def test_why_a_proof_is_here_twice(elapsed_ns: int, reason: Duplicate) -> None:
    job = easy_job(1)
    events = events_for(job, nonces_where(job, 1, 0, EASY) * 2)
    events["t_ns"] = [-5, -5 + elapsed_ns]
    verifier = judged([job], events, PERIOD_NS)
    assert events["verdict"].tolist() == [Verdict.VALID] * 2
    assert events["duplicate"].tolist() == [False, True]
    assert events["duplicate_reason"].tolist() == [0, reason]
    assert (verifier.counters.valid, verifier.counters.duplicate) == (2, 1)


def test_short_periods_have_an_absolute_tolerance() -> None:
    job = easy_job(1)
    events = events_for(job, nonces_where(job, 1, 0, EASY) * 3)
    events["t_ns"] = [0, 10**9 + 99_000_000, 10**9 + 101_000_000]
    judged([job], events, 10**9)
    assert events["duplicate_reason"].tolist() == [0, Duplicate.RESCAN, Duplicate.RESENT]


@pytest.mark.parametrize("change", ["segment", "no first stamp", "no second stamp", "no period"])
def test_rescan_needs_an_interval_that_can_be_measured(change: str) -> None:
    job = easy_job(1)
    events = events_for(job, nonces_where(job, 1, 0, EASY) * 2)
    events["t_ns"] = [7, 7 + PERIOD_NS]
    if change == "segment":
        events["segment"] = [0, 1]
    elif change != "no period":
        events["t_ns"][int("second" in change)] = NO_TIME
    judged([job], events, None if change == "no period" else PERIOD_NS)
    assert events["duplicate_reason"].tolist() == [0, Duplicate.RESENT]


@pytest.mark.parametrize("field", ["job", "version", "ntime", "extranonce2"])
def test_same_nonce_of_other_work_is_no_duplicate(field: str) -> None:
    jobs = [replace(easy_job(number), target=ALL) for number in (1, 2)]
    events = events_for(jobs[0], [5, 5])
    if field == "extranonce2":
        events["extranonce2_len"] = [1, 2]  # both all zero
    else:
        events[field][1] += 1
    verifier = judged(jobs, events)
    assert (verifier.counters.valid, verifier.counters.duplicate) == (2, 0)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "SIGHTINGS_KEPT", 10)
    monkeypatch.setattr(verification, "JOBS_WITH_SIGHTINGS", 3)
    monkeypatch.setattr(verification, "JOBS_KEPT", 5)
    verifier = Verifier()
    for number in range(1, 9):
        job = replace(easy_job(number, wire_id=str(number)), target=ALL)
        verifier.add_job(job)
        verifier.judge(events_for(job, list(range(30 if number == 1 else 6))))
        kept = sum(map(len, verifier._sightings.values()))
        assert kept == verifier._n_sightings <= 10
    assert len(verifier._sightings) <= 3
    assert len(verifier._works) == len(verifier._holder) == 5
    old = events_for(easy_job(1), [1])
    verifier.judge(old)
    assert old["reason"][0] == Reason.NO_JOB


def test_a_job_without_a_header_is_refused() -> None:
    with pytest.raises(ValueError, match="job 1: prev_hash has 5 bytes"):
        Verifier().add_job(replace(easy_job(1), prev_hash=b"short"))


def test_events_may_be_any_view_of_the_dtype() -> None:
    job = easy_job(1)
    whole = events_for(job, nonces_where(job, 6, 0, EASY))
    judged([job], whole[::2])
    assert whole["verdict"].tolist() == [Verdict.VALID, 0] * 3
    judged([job], np.empty(0, EVENT_DTYPE))
