"""Parts of the proxy without a socket: how work is divided, which pool comes next, what is measured."""

from __future__ import annotations

from collections import deque
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicrc.work.proxy.extranonce_parts import MOST_MINERS, Prefixes
from asicrc.work.proxy.fail_over import FailOver
from asicrc.work.proxy.limits import ProxyLimits
from asicrc.work.proxy.measures import IdleMeter, WorkDone, hashes_of, milliseconds
from asicrc.work.proxy.share_rate import ShareRate
from asicrc.work.proxy.upstream import UpstreamLink
from asicrc.work.proxy.upstream_work import LATEST_NTIME_S, UpstreamWork
from firmware_protocols.stratum_v1 import SHA256D, Notify, StratumJob, counted_extranonce2

S = 1_000_000_000
NO_LINK = cast(UpstreamLink, None)
MASK = 0x1FFFE000


def job(extranonce2_size: int, *, version: int = 0x20000000, t_ns: int = 0) -> StratumJob:
    notify = Notify(
        "a7",
        bytes(range(32)),
        b"\1" * 43,
        b"\2" * 20,
        (b"\3" * 32,),
        version,
        0x17034219,
        1_700_000_000,
        True,
    )
    return StratumJob(1, notify, b"\xe1\xe2\xe3\xe4", extranonce2_size, 1.0, MASK, 1, None, t_ns)


@given(st.integers(3, 8), st.integers(1, 40), st.integers(0, 2**32 - 1), st.binary(min_size=2, max_size=2))
def test_a_piece_is_the_pools_job(size: int, pieces: int, nonce: int, extranonce2: bytes) -> None:
    """The header of the miner's job is that of the pool's with the extranonce2 that goes back to it."""
    theirs = job(size, version=0x3FFFE123)
    work = UpstreamWork(NO_LINK, theirs)
    headers = set()
    for number in range(pieces):
        piece = work.piece_for(b"\x5a", number * S // 10, 600)
        assert piece is not None
        told = piece.notify("1", MASK, clean=False)
        mine = StratumJob(1, told, b"\x5a", 2, 1.0, MASK, 1)
        back = piece.split.upstream(extranonce2)
        assert len(back) == size
        header = mine.header(extranonce2, nonce, version_bits=0x00012000)
        assert header == theirs.header(back, nonce, ntime=told.ntime, version_bits=0x00012000)
        headers.add(header)
    assert len(headers) == pieces


def test_pieces_roll_the_extranonce_first_and_the_time_after_it() -> None:
    work = UpstreamWork(NO_LINK, job(4))
    begun = job(4).notify.ntime
    ahead = [piece.ntime - begun for piece in (work.piece_for(b"\0", 0, 600) for _ in range(600)) if piece]
    assert ahead == [0] * 256 + [1] * 256 + [2] * 88
    other = work.piece_for(b"\1", 5 * S, 600)
    assert other is not None and other.ntime == begun + 5  # what has passed, at least


def test_there_is_an_end_to_what_can_be_rolled() -> None:
    """With three bytes nothing is left but the time: one piece a second, and `ntime_ahead_s` beforehand."""
    work = UpstreamWork(NO_LINK, job(3))
    assert [work.piece_for(b"\0", 0, 2) is not None for _ in range(4)] == [True, True, True, False]
    assert work.piece_for(b"\0", 1 * S, 2) is not None
    assert work.piece_for(b"\0", 1 * S, 2) is None
    late = UpstreamWork(NO_LINK, job(3))
    assert late.piece_for(b"\0", 9_000 * S, 600) is not None
    assert late.piece_for(b"\0", 9_000 * S, 600) is None
    assert LATEST_NTIME_S < 7_200


def test_a_miner_that_rolls_nothing_gets_the_pools_version() -> None:
    piece = UpstreamWork(NO_LINK, job(4, version=0x20042000)).piece_for(b"\0", 0, 600)
    assert piece is not None
    assert piece.notify("1", 0, clean=True).version == 0x20042000
    assert piece.notify("1", MASK, clean=True).version == 0x20000000


def test_every_miner_has_a_byte_of_its_own() -> None:
    prefixes = Prefixes()
    taken = [prefixes.take() for _ in range(MOST_MINERS)]
    assert len(set(taken)) == 256 and prefixes.take() is None
    prefixes.give_back(b"\7")
    assert prefixes.take() == b"\7"
    assert counted_extranonce2(1, 2) == b"\1\0"


LIMITS = ProxyLimits(retry_s=1.0, longest_retry_s=8.0, steady_s=60.0, return_after_s=5.0, patience_s=3.0)


def test_the_next_pool_is_tried_when_the_one_before_has_failed() -> None:
    pools = FailOver(3, LIMITS)
    assert pools.to_try(0) == [0]
    pools.trying(0, 0)
    assert pools.to_try(1 * S) == []
    assert pools.failed(0, 1 * S) == 1.0
    assert pools.to_try(1 * S) == [1]
    pools.trying(1, 1 * S)
    pools.works(1, 2 * S)
    assert pools.choice(2 * S) == 1
    pools.active = 1
    assert pools.to_try(2 * S) == [0]  # it is always looked for; the third never while the second works


def test_a_slow_pool_does_not_hold_up_the_next() -> None:
    pools = FailOver(2, LIMITS)
    pools.trying(0, 0)
    assert pools.to_try(3 * S) == []
    assert pools.to_try(3 * S + 1) == [1]


def test_the_way_back_waits_until_the_better_pool_is_steady() -> None:
    pools = FailOver(2, LIMITS)
    pools.failed(0, 0)
    pools.trying(1, 0)
    pools.works(1, 0)
    pools.active = pools.choice(0)
    pools.trying(0, 1 * S)
    pools.works(0, 2 * S)
    assert pools.choice(6 * S) == 1
    assert pools.choice(7 * S) == 0
    pools.active = 0
    pools.retired(1)
    pools.failed(0, 8 * S)
    assert pools.active is None
    assert pools.to_try(8 * S) == [1]  # at once: it had not failed


def test_back_off_grows_and_is_forgotten_by_a_pool_that_works_for_long() -> None:
    pools = FailOver(1, LIMITS)
    waits = []
    for number in range(5):
        pools.trying(0, number * S)
        waits.append(pools.failed(0, number * S))
    assert waits == [1.0, 2.0, 4.0, 8.0, 8.0]
    pools.trying(0, 100 * S)
    pools.works(0, 100 * S)
    assert pools.failed(0, 130 * S) == 8.0  # 30 s are not enough
    pools.trying(0, 200 * S)
    pools.works(0, 200 * S)
    assert pools.failed(0, 260 * S) == 1.0


def test_idle_time_is_from_the_end_of_valid_work_to_the_next_job() -> None:
    durations: deque[int] = deque()
    meter = IdleMeter(durations)
    meter.without_work(5)
    meter.without_work(9)  # it was already
    assert meter.total_ns(11) == 6
    meter.with_work(15)
    meter.with_work(30)  # further work, before it was out of it
    assert list(durations) == [10, 0]
    assert (meter.jobs, meter.total_ns(99), meter.is_idle) == (2, 10, False)
    assert milliseconds(durations)["max"] == 1e-5
    assert milliseconds(deque())["p50"] is None


def test_the_rate_has_the_interval_of_a_count() -> None:
    done = WorkDone()
    assert done.rate_ghs(10.0).low == 0.0
    for _ in range(400):
        done.add(hashes_of(SHA256D, 256.0))
    rate = done.rate_ghs(1000.0)
    assert rate.estimate == pytest.approx(400 * 256 * 2**32 / 1e12, rel=1e-4)
    assert (rate.high - rate.estimate) / rate.estimate == pytest.approx(1.96 / 20)
    for _ in range(100):
        done.add(hashes_of(SHA256D, 25_600.0))
    heavy = done.rate_ghs(1000.0)  # a hundred shares count for nearly all of it
    assert (heavy.high - heavy.estimate) / heavy.estimate == pytest.approx(1.96 / 10, rel=0.05)


def test_a_miner_is_asked_for_more_and_for_less_again() -> None:
    rate = ShareRate(10.0, 0)
    raised = [rate.share(number * S // 40) for number in range(1, 41)]
    assert raised.count(True) == 1 and rate.factor == 4.0  # from 40 a second to 10
    assert rate.before_a_job(2 * S) == 4.0
    assert [rate.before_a_job(at * S) for at in (60, 80, 100)] == [2.0, 1.0, 1.0]
    calm = ShareRate(10.0, 0)
    assert not any(calm.share(number * S) for number in range(100))
