from __future__ import annotations

import itertools

import numpy as np
import pytest

from asicrc.analysis.missing import missing_by_enumeration, missing_by_rate
from asicrc.errors import NoAnswer
from firmware_protocols.bitcoin import hash_value, target_from_zero_bits
from firmware_protocols.bm13xx import ScanOrder, model_by_name, rolled_version
from firmware_protocols.device import Job, empty_events

BM1366 = model_by_name("BM1366")
TARGET = target_from_zero_bits(4)
ORDER = ScanOrder(BM1366, 6.25e6, 1, subcores=2)
CHIPS = (0, 2)
CORES = 3
HOST_PER_CHIP = 1e5  # a batch of 5.4 us takes 0.54 s of host time


def _scan(header: bytes, start: int, count: int, target: int) -> np.ndarray:
    """The engine's contract, by hashlib."""
    hits = [
        n for n in range(start, start + count) if hash_value(header[:76] + n.to_bytes(4, "big")) <= target
    ]
    return np.array(hits, np.uint32)


def _job(number: int, sent_ns: int) -> Job:
    return Job(number, str(number), 0x20000000, bytes(32), 1_700_000_000, 0x1D00FFFF, TARGET,
               merkle_root=bytes([number]) * 32, sent_ns=sent_ns)  # fmt: skip


JOBS = [_job(1, 0), _job(2, 2_000_000_000)]
UNTIL_NS = 4_000_000_000


def _events(batches: int) -> np.ndarray:
    """What a flawless device reports: computed nonce by nonce from the header, not from the scan order."""
    rows = []
    for job, batch, sub in itertools.product(JOBS, range(batches), range(2)):
        version = rolled_version(job.version, 2 * batch + sub)
        for chip, core, p in itertools.product(CHIPS, range(CORES), range(ORDER.window)):
            n = core << 25 | ((chip << 17) + p)
            head = version.to_bytes(4, "little") + bytes(32) + (job.merkle_root or b"")
            head += job.ntime.to_bytes(4, "little") + job.nbits.to_bytes(4, "little") + n.to_bytes(4, "big")
            if hash_value(head) <= TARGET:
                rows.append((job.number, int.from_bytes(n.to_bytes(4, "big"), "little"), version))
    events = empty_events(len(rows))
    events["job"], events["nonce"], events["version"] = np.array(rows).T
    return events


def _enumerated(events: np.ndarray, budget: int = 10**6, **changes: object) -> object:
    arguments = {"until_ns": UNTIL_NS, "time_scale": HOST_PER_CHIP} | changes
    return missing_by_enumeration(JOBS, events, ORDER, CHIPS, CORES, TARGET, _scan, budget, **arguments)


def test_a_flawless_device_misses_nothing() -> None:
    found = _enumerated(_events(3))
    assert found.batches == 6  # three whole batches end within the 2 s of each job
    assert found.hashes == 6 * 2 * 2 * CORES * ORDER.window
    assert found.expected == found.matched > 50
    assert (found.missing, found.extra) == ((), 0)
    assert found.missing_fraction.low == 0
    assert found.missing_fraction.high < 0.1


def test_what_did_not_come_is_named() -> None:
    events = _events(3)
    gone = events[::10]
    found = _enumerated(np.delete(events, np.s_[::10]))
    assert {(m.job, m.nonce, m.version) for m in found.missing} == {
        (int(e["job"]), int(e["nonce"]), int(e["version"])) for e in gone
    }
    assert found.missing_fraction.low < len(gone) / len(events) < found.missing_fraction.high
    assert all(0 <= m.expected_s < 3 * ORDER.batch_period_s for m in found.missing)


def test_events_that_no_enumeration_knows_are_extra() -> None:
    events = np.concatenate([_events(3), empty_events(1)])
    events[-1]["job"], events[-1]["version"], events[-1]["nonce"] = 1, JOBS[0].version, 0xFFFFFFFF
    assert _enumerated(events).extra == 1


def test_the_budget_is_kept_and_spread_over_the_jobs() -> None:
    batch_hashes = 2 * 2 * CORES * ORDER.window
    found = _enumerated(empty_events(), budget=2 * batch_hashes + 5)
    assert (found.batches, found.hashes) == (2, 2 * batch_hashes)
    assert {m.job for m in found.missing} == {1, 2}
    with pytest.raises(NoAnswer, match="no batch could be enumerated"):
        _enumerated(empty_events(), budget=batch_hashes - 1)
    with pytest.raises(NoAnswer, match="no batch"):
        _enumerated(empty_events(), latency_s=1.9)


def test_a_sweep_wraps_inside_its_core() -> None:
    asked: list[tuple[int, int]] = []

    def scan(header: bytes, start: int, count: int, target: int) -> np.ndarray:
        asked.append((start, count))
        return np.array([start], np.uint32)

    order = ScanOrder(BM1366, 550e6, 0xFFFFF, subcores=1)
    found = missing_by_enumeration(
        JOBS[:1], empty_events(), order, [2], 2, TARGET, scan, 2 * order.window, until_ns=100_000_000
    )
    first = 2 << 17
    assert asked == [
        (first, 2**25 - first),
        (0, first),
        (2**25 + first, 2**25 - first),
        (2**25, first),
    ]
    assert [m.nonce for m in found.missing][:2] == [0x00000400, 0]  # header integers: bytes reversed
    assert found.missing[0].expected_s == 0


def test_jobs_without_dispatch_are_no_answer() -> None:
    with pytest.raises(NoAnswer, match="1 jobs have no dispatch stamp"):
        missing_by_enumeration(
            [_job(1, np.iinfo(np.int64).min)],
            empty_events(),
            ORDER,
            CHIPS,
            CORES,
            TARGET,
            _scan,
            10**6,
            until_ns=1,
        )


RIG = {
    "chips": 1,
    "cores": 112,
    "subcores": 894 / 112,
    "frequency_hz": 550e6,
    "target": target_from_zero_bits(40),
}


def test_the_rate_of_a_bm1366() -> None:
    found = missing_by_rate(447, **RIG, observation_s=1010.0, dead_time_s=10.0)
    assert found.expected == pytest.approx(894 * 550e6 * 1000 / 2**40)
    assert found.deficit.low < 0 < found.deficit.high
    assert found.test.p_value > 0.5
    assert found.smallest_deficit == pytest.approx(2.8016 / np.sqrt(found.expected))


def test_the_poisson_interval_covers_a_planted_deficit() -> None:
    rng = np.random.default_rng(51)
    expected = missing_by_rate(0, **RIG, observation_s=200.0).expected
    covered = 0
    for count in rng.poisson(0.8 * expected, 200):
        found = missing_by_rate(int(count), **RIG, observation_s=200.0)
        covered += found.deficit.low <= 0.2 <= found.deficit.high
    assert covered >= 183  # exact intervals cover at least 190 on average


def test_no_nonce_at_all_and_too_few_to_expect() -> None:
    none = missing_by_rate(0, **RIG, observation_s=20.0)
    assert none.deficit.estimate == none.deficit.high == 1
    assert none.deficit.low == pytest.approx(1 - 3.6889 / none.expected, abs=1e-4)
    with pytest.raises(NoAnswer, match="a deficit needs at least 1"):
        missing_by_rate(0, **RIG, observation_s=1.0)
    with pytest.raises(ValueError, match="not negative"):
        missing_by_rate(0, **RIG, observation_s=1.0, dead_time_s=2.0)
