"""What a job is bound to, and what becomes of its shares: every code, and who gets it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stratum_samples import EASY, a_job

from asicrc.capture.verification import Verifier
from firmware_protocols.bitcoin import (
    DIFFICULTY_1_TARGET,
    Header,
    hash_value,
    merkle_root_from_branch,
    sha256d,
    target_from_difficulty,
)
from firmware_protocols.device import Job, Verdict, empty_events
from firmware_protocols.errors import LocalProtocolError
from firmware_protocols.stratum_v1 import (
    SHA256D,
    ErrorCode,
    ExtranonceSplit,
    JobBook,
    ServerJobs,
    ShareJudge,
    StratumJob,
    Submit,
    counted_extranonce2,
    notify_from_job,
    rolled,
)
from firmware_protocols.stratum_v1.share_judge import SHARES_REMEMBERED

EN1 = bytes.fromhex("4128064f")
MASK = 0x1FFFE000


def jobs(*, difficulty: float = EASY, mask: int = MASK, kept: int = 256) -> ServerJobs:
    book = ServerJobs(difficulty=difficulty, version_mask=mask, kept=kept)
    book.set_extranonce(EN1, 4)
    return book


def share(job: StratumJob, nonce: int = 0, **changes: object) -> Submit:
    submit = Submit("w", job.job_id, "00000000", job.notify.ntime, nonce, None)
    return replace(submit, **changes)  # type: ignore[arg-type]


def hard_nonce(job: StratumJob, low: float, high: float = float("inf")) -> int:
    """A nonce whose hash has a difficulty from low to high."""
    for nonce in range(1 << 20):
        value = hash_value(job.header(bytes(4), nonce))
        if target_from_difficulty(high) < value <= target_from_difficulty(low):
            return nonce
    raise AssertionError("no such nonce")


def test_a_header_is_put_together() -> None:
    job = jobs().bind(a_job())
    coinbase = b"\1" * 43 + EN1 + bytes.fromhex("17000000") + b"\2" * 50
    root = sha256d(sha256d(sha256d(coinbase) + b"\3" * 32) + b"\4" * 32)
    header = Header.unpack(job.header(bytes.fromhex("17000000"), 5, ntime=7, version_bits=0x6000))
    assert header == Header(0x20006000, job.notify.prev_hash, root, 7, 0x1703255B, 5)
    assert Header.unpack(job.header(bytes(4), 0)).ntime == job.notify.ntime
    assert job.coinbase(bytes.fromhex("17000000")) == coinbase
    assert job.target() == target_from_difficulty(EASY)


def test_what_is_in_force_is_bound_to_the_jobs_after_it() -> None:
    book = jobs(difficulty=4, mask=0)
    first = book.bind(a_job("1"), at_ns=5)
    book.difficulty = 8
    book.version_mask = MASK
    book.set_extranonce(b"\xaa", 8)
    assert book.find("1") is first is book.current
    assert (first.number, first.t_ns, first.difficulty, first.version_mask) == (1, 5, 4, 0)
    assert (first.extranonce1, first.extranonce2_size, first.previous_difficulty) == (EN1, 4, None)
    second = book.bind(a_job("2", clean=False), number=9)
    assert (second.number, second.difficulty, second.version_mask) == (9, 8, MASK)
    assert (second.extranonce1, second.extranonce2_size, second.previous_difficulty) == (b"\xaa", 8, 4)
    third = book.bind(a_job("3", clean=False))
    assert (third.number, third.previous_difficulty) == (10, None)
    assert not any(book.is_stale(job) for job in (first, second, third))
    fourth = book.bind(a_job("4"))
    assert [book.is_stale(job) for job in (first, second, third, fourth)] == [True, True, True, False]


def test_jobs_are_forgotten_in_turn() -> None:
    book = jobs(kept=3)
    for number in range(6):
        book.bind(a_job(f"{number:x}"))
    assert [book.find(f"{number:x}") is not None for number in range(6)] == [False] * 3 + [True] * 3
    with pytest.raises(ValueError, match="at least 1 job"):
        JobBook(kept=0)


def test_a_foreign_pool_may_use_an_id_again() -> None:
    book = JobBook(difficulty=1, kept=2)
    book.set_extranonce(b"", 32)
    book.bind(a_job("some long name"))
    again = book.bind(a_job("some long name", ntime=5, version=0x3FFFE000))
    assert book.find("some long name") is again
    book.bind(a_job("b"))
    book.bind(a_job("c"))
    assert book.find("some long name") is None


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (a_job("1"), "has been given out"),
        (a_job("123456789"), "not 1 to 8 small hex"),
        (a_job("A"), "not 1 to 8 small hex"),
        (a_job("2", version=0x20002000), "bits in the mask"),
    ],
)
def test_jobs_that_a_miner_would_misread(work: object, reason: str) -> None:
    book = jobs()
    first = book.bind(a_job("1"))
    with pytest.raises(LocalProtocolError, match=reason):
        book.bind(work)  # type: ignore[arg-type]
    assert book.current is first
    assert not book.is_stale(first)


def test_jobs_before_their_time() -> None:
    book = ServerJobs()
    with pytest.raises(LocalProtocolError, match="needs an extranonce"):
        book.bind(a_job())
    for size in (0, 17):
        with pytest.raises(LocalProtocolError, match="1 to 16 bytes"):
            book.set_extranonce(b"", size)
    with pytest.raises(LocalProtocolError, match="at most 64 bytes, not 65"):
        book.set_extranonce(bytes(65), 4)
    book.set_extranonce(b"", 16)
    with pytest.raises(LocalProtocolError, match="needs a difficulty"):
        book.bind(a_job())


def test_every_code_and_who_gets_it() -> None:
    book = jobs()
    judge = ShareJudge(book)
    job = book.bind(a_job("1"))
    good = share(job)
    assert judge.judge(good, authorized=False, subscribed=False).code is ErrorCode.UNAUTHORIZED
    assert judge.judge(good, subscribed=False).code is ErrorCode.NOT_SUBSCRIBED
    unknown = judge.judge(replace(good, job_id="2"))
    assert (unknown.code, unknown.job, unknown.stale) == (ErrorCode.JOB_NOT_FOUND, None, False)
    accepted = judge.judge(good)
    assert accepted.accepted
    assert (accepted.job, accepted.version, accepted.extranonce2) == (job, 0x20000000, bytes(4))
    assert accepted.hash_value == hash_value(job.header(bytes(4), 0))
    assert not accepted.by_grace
    again = judge.judge(replace(good, id=99))
    assert (again.code, again.hash_value) == (ErrorCode.DUPLICATE, None)
    book.difficulty = 1e9
    hard = book.bind(a_job("3", clean=False))
    later = book.bind(a_job("4", clean=False))
    low = judge.judge(share(later))
    assert (low.code, low.hash_value) == (ErrorCode.LOW_DIFFICULTY, hash_value(later.header(bytes(4), 0)))
    assert judge.judge(share(later)).code is ErrorCode.LOW_DIFFICULTY  # what was refused is not remembered
    assert hard.previous_difficulty == EASY
    book.bind(a_job("5"))
    stale = judge.judge(share(job, 1, version_bits=0x2000))
    assert (stale.code, stale.stale, stale.job) == (ErrorCode.JOB_NOT_FOUND, True, job)
    assert (stale.version, stale.extranonce2) == (0x20002000, bytes(4))
    assert not stale.accepted


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"extranonce2": "0" * 9}, "extranonce2 is not 4 bytes"),
        ({"version_bits": 0x1000}, "outside the mask 1fffe000"),
        ({"version_bits": 0x20000000}, "outside the mask"),
        ({"ntime": 1_699_999_999}, "within 7200 s"),
        ({"ntime": 1_700_007_201}, "within 7200 s"),
    ],
)
def test_fields_that_cannot_be(changes: dict[str, object], reason: str) -> None:
    book = jobs()
    job = book.bind(a_job())
    verdict = ShareJudge(book).judge(share(job, **changes))
    assert verdict.code is ErrorCode.OTHER
    assert reason in verdict.text
    assert verdict.job is job
    assert (verdict.extranonce2 is None) == ("extranonce2" in changes)
    assert (verdict.version is None) == ("version_bits" in changes)


def test_fields_that_just_can_be() -> None:
    book = jobs()
    job = book.bind(a_job())
    judge = ShareJudge(book)
    for changes in (
        {"ntime": 1_700_000_000},
        {"ntime": 1_700_007_200},
        {"version_bits": MASK},
        {"extranonce2": "1"},
        {"extranonce2": "ffffffff"},
    ):
        assert judge.judge(share(job, **changes)).accepted, changes
    assert judge.judge(share(job, extranonce2="1", nonce=1)).extranonce2 == b"\0\0\0\1"
    assert judge.judge(share(job, extranonce2="", nonce=1)).extranonce2 == bytes(4)


def test_no_share_is_accepted_twice_whatever_is_written() -> None:
    book = jobs()
    job = book.bind(a_job("1"))
    judge = ShareJudge(book)
    assert judge.judge(share(job)).accepted
    for same in ({"version_bits": 0}, {"extranonce2": "0"}, {"worker": "other"}, {"id": 5}):
        assert judge.judge(share(job, **same)).code is ErrorCode.DUPLICATE
    for other in (
        {"version_bits": 0x2000},
        {"extranonce2": "01000000"},
        {"ntime": job.notify.ntime + 1},
        {"nonce": 1},
    ):
        assert judge.judge(share(job, **other)).accepted
    second = book.bind(a_job("2", clean=False))
    assert judge.judge(share(second)).accepted


def test_shares_are_forgotten_in_turn() -> None:
    book = jobs()
    judge = ShareJudge(book, remembered=2)
    job = book.bind(a_job())
    for nonce in range(3):
        assert judge.judge(share(job, nonce)).accepted
    assert judge.judge(share(job, 2)).code is ErrorCode.DUPLICATE
    assert judge.judge(share(job, 0)).accepted
    assert SHARES_REMEMBERED > 1000
    with pytest.raises(ValueError, match="at least 1 share"):
        ShareJudge(book, remembered=0)


def test_a_new_mask_and_an_old_one_are_both_right() -> None:
    book = jobs(mask=0x6000)
    job = book.bind(a_job())
    judge = ShareJudge(book)
    book.version_mask = 0x18000
    assert judge.judge(share(job, version_bits=0x6000)).version == 0x20006000
    assert judge.judge(share(job, version_bits=0x18000)).version == 0x20018000
    assert judge.judge(share(job, version_bits=0x1E000)).code is ErrorCode.OTHER


def test_grace_is_for_the_first_job_of_another_difficulty() -> None:
    high = 2.0**-26
    book = jobs(difficulty=2.0**-30)
    book.bind(a_job("1"))
    book.difficulty = high
    first = book.bind(a_job("2", clean=False))
    second = book.bind(a_job("3", clean=False))
    between = share(first, hard_nonce(first, 2.0**-30, high * 0.99))
    strict, kind = ShareJudge(book, grace=False), ShareJudge(book)
    assert strict.judge(between).code is ErrorCode.LOW_DIFFICULTY
    assert (kind.judge(between).accepted, kind.judge(between).code) == (True, ErrorCode.DUPLICATE)
    below = share(first, hard_nonce(first, 1e-15, 2.0**-30 * 0.99))
    assert kind.judge(below).code is ErrorCode.LOW_DIFFICULTY
    late = share(second, hard_nonce(second, 2.0**-30, high * 0.99))
    assert kind.judge(late).code is ErrorCode.LOW_DIFFICULTY
    fine = kind.judge(share(first, hard_nonce(first, high)))
    assert (fine.accepted, fine.by_grace) == (True, False)
    graced = ShareJudge(book).judge(between)
    assert (graced.accepted, graced.by_grace) == (True, True)


class OneTarget:
    """SHA-256d with one target for every difficulty."""

    name, header, hash_value = SHA256D.name, SHA256D.header, SHA256D.hash_value

    def __init__(self, target: int) -> None:
        self._target = target

    def target(self, difficulty: float | Fraction) -> int:
        return self._target


def test_a_hash_that_is_the_target_is_enough() -> None:
    book = jobs(difficulty=1)
    job = book.bind(a_job("1"))
    value = hash_value(job.header(bytes(4), 0))
    for missed, code in ((0, None), (1, ErrorCode.LOW_DIFFICULTY)):
        verdict = ShareJudge(book, algorithm=OneTarget(value - missed)).judge(share(job, 0))
        assert (verdict.code, verdict.hash_value, verdict.by_grace) == (code, value, False)


def test_a_difficulty_that_fell_needs_no_grace() -> None:
    book = jobs(difficulty=2.0**-26)
    book.bind(a_job("1"))
    book.difficulty = 2.0**-30
    job = book.bind(a_job("2"))
    verdict = ShareJudge(book).judge(share(job, hard_nonce(job, 2.0**-30, 2.0**-27)))
    assert (verdict.accepted, verdict.by_grace) == (True, False)


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_versions_roll_within_the_mask(version: int, bits: int, mask: int) -> None:
    result = rolled(version, bits, mask)
    assert result & ~mask == version & ~mask
    assert result & mask == bits & mask
    if not version & mask and not bits & ~mask:
        assert result == version | bits == version ^ bits  # the BM1366's, and ESP-Miner's


def test_the_verification_of_captures_comes_to_the_same() -> None:
    difficulty = 2.0**-28
    book = jobs(difficulty=difficulty)
    judge = ShareJudge(book, grace=False)
    verifier = Verifier()
    work = [book.bind(a_job(f"{n}", clean=False, ntime=1_700_000_000 + n), number=n) for n in (7, 8)]
    for job in work:
        verifier.add_job(job.device_job(chip_target=(1 << 256) - 1))
    shares = [
        share(job, nonce, version_bits=bits, extranonce2=f"{extra:08x}")
        for job in work
        for nonce in range(20)
        for bits in (None, 0x2000)
        for extra in (0, 0x17000000)
    ]
    events = empty_events(len(shares))
    verdicts = [judge.judge(one) for one in shares]
    for event, one, verdict in zip(events, shares, verdicts, strict=True):
        assert verdict.job is not None
        assert verdict.extranonce2 is not None
        event["job"], event["nonce"], event["ntime"] = verdict.job.number, one.nonce, one.ntime
        event["version"], event["extranonce2_len"] = verdict.version, len(verdict.extranonce2)
        event["extranonce2"][: len(verdict.extranonce2)] = np.frombuffer(verdict.extranonce2, np.uint8)
    verifier.judge(events)
    for event, verdict in zip(events, verdicts, strict=True):
        assert event["difficulty"] == DIFFICULTY_1_TARGET / (verdict.hash_value or 0)
        assert event["verdict"] == (Verdict.VALID if verdict.accepted else Verdict.LOW)
    assert 0 < verifier.counters.valid < len(shares)


def test_a_job_goes_to_a_capture_and_back() -> None:
    notify = a_job()
    bound = jobs(difficulty=512).bind(notify, number=3, at_ns=77)
    job = bound.device_job(chip_target=5)
    assert job == Job(
        number=3,
        wire_id="1",
        version=0x20000000,
        prev_hash=notify.prev_hash,
        ntime=notify.ntime,
        nbits=notify.nbits,
        target=target_from_difficulty(512),
        coinbase1=notify.coinbase1,
        extranonce1=EN1,
        coinbase2=notify.coinbase2,
        branch=notify.branch,
        version_mask=MASK,
        chip_target=5,
        sent_ns=77,
        clean=True,
    )
    assert notify_from_job(job, clean_jobs=True) == notify
    assert notify_from_job(job, clean_jobs=False, job_id="ab") == a_job("ab", clean=False)
    root = merkle_root_from_branch(bound.coinbase(bytes(4)), notify.branch)
    with pytest.raises(LocalProtocolError, match="job 3 has a fixed merkle root"):
        notify_from_job(replace(job, merkle_root=root), clean_jobs=True)


def test_claim_tries_are_not_bitcoins() -> None:
    book = jobs()
    job = book.bind(replace(a_job(), claimtrie=bytes(32)))
    with pytest.raises(LocalProtocolError, match="not of the coin of sha256d"):
        job.device_job()
    with pytest.raises(LocalProtocolError, match="LBRY's, not Bitcoin's"):
        ShareJudge(book).judge(share(job))
    assert SHA256D.name == "sha256d"


@given(st.binary(max_size=8), st.integers(1, 16), st.binary(max_size=15), st.data())
def test_a_miners_part_of_the_extranonce(
    extranonce1: bytes, size: int, prefix: bytes, data: st.DataObject
) -> None:
    if len(prefix) >= size:
        with pytest.raises(LocalProtocolError, match="leaves nothing"):
            ExtranonceSplit(extranonce1, size, prefix)
        return
    split = ExtranonceSplit(extranonce1, size, prefix)
    mine = data.draw(st.binary(min_size=split.miner_extranonce2_size, max_size=split.miner_extranonce2_size))
    above, below = JobBook(difficulty=1), JobBook(difficulty=1)
    above.set_extranonce(extranonce1, size)
    below.set_extranonce(split.miner_extranonce1, split.miner_extranonce2_size)
    upstream = split.upstream(mine)
    assert len(upstream) == size
    assert above.bind(a_job()).header(upstream, 5) == below.bind(a_job()).header(mine, 5)
    with pytest.raises(LocalProtocolError, match="extranonce2 has"):
        split.upstream(mine + b"\0")


def test_counting_wraps() -> None:
    assert counted_extranonce2(256, 1) == b"\0"
    assert counted_extranonce2(0x0102, 3) == b"\2\1\0"
    assert counted_extranonce2(5, 0) == b""
