"""Expected nonces that did not come.

On real hardware all candidates of a minute are 10^13 hashes: nobody enumerates them, and the instrument is
the Poisson expectation of the hash rate. On a scaled-down emulator whole batches can be hashed again, and
then every single nonce is known that should have come.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate, TestResult
from asicrc.evidence.binomial import clopper_pearson
from asicrc.evidence.finding import POWER_80_SE
from firmware_protocols.bitcoin import Header
from firmware_protocols.bm13xx import ScanOrder, rolled_version
from firmware_protocols.bm13xx.nonce import COUNTER_BITS, COUNTER_SPAN
from firmware_protocols.device import NO_TIME, Job, NonceBatch

ChipOrderScan = Callable[[bytes, int, int, int], NDArray[np.uint32]]
"""(header80, start, count, target) -> the N in [start, start + count) whose hash meets the target, where N is
the big-endian word of header bytes 76..79: the order in which a core counts."""


@dataclass(frozen=True, slots=True)
class RateDeficit:
    """Observed against expected count. `deficit` is 1 - observed / expected, below 0 for a surplus."""

    observed: int
    expected: float
    deficit: Estimate
    test: TestResult
    smallest_deficit: float

    def as_json(self) -> dict[str, Any]:
        return {
            "observed": self.observed,
            "expected": self.expected,
            "deficit": self.deficit.as_json(),
            "test": self.test.as_json(),
            "smallest_deficit": self.smallest_deficit,
        }


@dataclass(frozen=True, slots=True)
class MissingNonce:
    """Found by the enumeration, not reported by the device. `expected_s` is device time after load."""

    job: int
    nonce: int
    version: int
    expected_s: float


@dataclass(frozen=True, slots=True)
class EnumeratedMissing:
    """What whole batches should have given, and gave.

    `extra` counts distinct events of the same batches that the enumeration does not know: below the target,
    or outside the sweep.
    """

    batches: int
    hashes: int
    expected: int
    matched: int
    extra: int
    missing_fraction: Estimate
    missing: tuple[MissingNonce, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "batches": self.batches,
            "hashes": self.hashes,
            "expected": self.expected,
            "matched": self.matched,
            "missing": len(self.missing),
            "extra": self.extra,
            "missing_fraction": self.missing_fraction.as_json(),
        }


def missing_by_rate(
    observed: int,
    *,
    chips: int,
    cores: int,
    subcores: float,
    frequency_hz: float,
    target: int,
    observation_s: float,
    dead_time_s: float = 0.0,
) -> RateDeficit:
    """Deficit of a count of distinct nonces against one hash a clock in chips * cores * subcores units.

    `target` is what the chip applies; `observation_s` is the time over which new candidates were scanned, in
    seconds of the chip's clock (no second period of a job), `dead_time_s` what of it was lost to loading.
    Units that the silicon leaves out (894 of 896 work on a BM1366) are taken off `subcores`, which need not
    be whole. The interval is that of the Poisson count (Garwood 1936); the rate itself is taken as exact.
    Raises NoAnswer when less than one nonce is expected, ValueError for impossible times and counts.
    """
    scanning_s = observation_s - dead_time_s
    if observed < 0 or not (scanning_s > 0 and dead_time_s >= 0 and frequency_hz > 0):
        raise ValueError("counts and dead times are not negative, clocks and scanning times are above 0")
    expected = chips * cores * subcores * frequency_hz * scanning_s * ((target + 1) / (1 << 256))
    if expected < 1:
        raise NoAnswer(
            f"{expected:.3g} nonces are expected in {scanning_s:g} s; a deficit needs at least 1",
            "observe for longer, or lower the chip's ticket mask",
        )
    low = float(stats.chi2.ppf(0.025, 2 * observed)) / 2 if observed else 0.0
    high = float(stats.chi2.ppf(0.975, 2 * observed + 2)) / 2
    below, above = stats.poisson.cdf(observed, expected), stats.poisson.sf(observed - 1, expected)
    return RateDeficit(
        observed=observed,
        expected=expected,
        deficit=Estimate(
            1 - observed / expected,
            1 - high / expected,
            1 - low / expected,
            observed,
            method="exact Poisson interval (Garwood 1936)",
        ),
        test=TestResult(
            "exact Poisson, two-sided",
            float(observed),
            float(min(1.0, 2 * min(below, above))),
            observed,
            f"Poisson count of mean {expected:.6g}",
        ),
        smallest_deficit=POWER_80_SE / math.sqrt(expected),
    )


def missing_by_enumeration(
    jobs: Sequence[Job],
    events: NonceBatch,
    scan_order: ScanOrder,
    chips: Sequence[int],
    cores: int,
    target: int,
    scan: ChipOrderScan,
    budget_hashes: int,
    *,
    until_ns: int,
    time_scale: float = 1.0,
    latency_s: float = 0.0,
) -> EnumeratedMissing:
    """Hash whole batches again and look for each nonce among the events.

    Parameters
    ----------
    jobs : with `sent_ns`, in the order of sending; a job lives until the next one is sent
    events : structured array of `EVENT_DTYPE`, of any verdict
    scan_order : order of one chip; its sub-cores say how many versions a batch has
    chips : address of each chip
    cores : cores that hash
    target : what the chip applies
    scan : engine, see `ChipOrderScan`
    budget_hashes : hashes to spend; the first batches of all jobs come before the second ones
    until_ns : end of the observation, clock of `sent_ns`
    time_scale : host seconds per chip second
    latency_s : host seconds that an answer may take; a batch counts only if it ended that long before its job

    Raises NoAnswer when no whole batch fits the budget, or none ended within the life of its job.
    """
    order = {address: replace(scan_order, chip_address=address) for address in chips}
    cost = len(chips) * cores * scan_order.versions_per_batch * scan_order.window
    if not cost:
        raise NoAnswer(
            "nothing hashes without chips and cores", "the capture does not say how many there are"
        )
    found = set(zip(*(events[field].tolist() for field in ("job", "nonce", "version")), strict=True))
    expected: dict[tuple[int, int, int], float] = {}
    in_scope: set[tuple[int, int]] = set()
    batches = 0
    most = budget_hashes // cost
    for job, batch in _reached_batches(jobs, scan_order, until_ns, time_scale, latency_s, most):
        batches += 1
        for bits in scan_order.versions_of_batch(batch):
            version = rolled_version(job.version, bits)
            in_scope.add((job.number, version))
            for address in chips:
                for nonce in _sweep(job, version, order[address], cores, target, scan):
                    due_s = float(order[address].expected_s(nonce, bits))
                    expected[job.number, nonce, version] = due_s
    if not batches:
        raise NoAnswer(
            f"no batch could be enumerated: one takes {cost} hashes of a budget of {budget_hashes}, and has "
            f"to end within the life of its job ({scan_order.batch_period_s * time_scale:g} s of host time)",
            "raise the budget, scale the emulator down, or send jobs less often",
        )
    if not expected:
        raise NoAnswer(
            f"{batches} batches of {cost} hashes hold no nonce that meets the target",
            "raise the budget or lower the ticket mask",
        )
    missing = tuple(MissingNonce(*key, due) for key, due in expected.items() if key not in found)
    extra = sum(key not in expected and (key[0], key[2]) in in_scope for key in found)
    return EnumeratedMissing(
        batches=batches,
        hashes=batches * cost,
        expected=len(expected),
        matched=len(expected) - len(missing),
        extra=extra,
        missing_fraction=clopper_pearson(len(missing), len(expected)),
        missing=missing,
    )


def _reached_batches(
    jobs: Sequence[Job], order: ScanOrder, until_ns: int, time_scale: float, latency_s: float, most: int
) -> Iterator[tuple[Job, int]]:
    """Up to `most` batches that ended within the life of their job, batch 0 of every job first."""
    unsent = [job.number for job in jobs if job.sent_ns == NO_TIME or job.merkle_root is None]
    if unsent:
        raise NoAnswer(
            f"{len(unsent)} jobs have no dispatch stamp or no merkle root, first job {unsent[0]}",
            "enumeration needs whole headers and the moment of their dispatch: a direct serial link",
        )
    ends = [job.sent_ns for job in jobs[1:]] + [until_ns]
    batch_s = order.batch_period_s * time_scale
    lives = [
        min(order.batches, max(0, int(((end - job.sent_ns) / 1e9 - latency_s) // batch_s)))
        for job, end in zip(jobs, ends, strict=True)
    ]
    alive = list(zip(jobs, lives, strict=True))
    left = most
    for batch in range(max(lives, default=0)):
        alive = [(job, life) for job, life in alive if batch < life]
        for job, _ in alive[:left]:
            yield job, batch
        left -= len(alive)
        if left <= 0:
            return


def _sweep(
    job: Job, version: int, order: ScanOrder, cores: int, target: int, scan: ChipOrderScan
) -> Iterator[int]:
    """Header integers of the nonces of one chip under one version."""
    header = Header(version, job.prev_hash, job.merkle_root or b"", job.ntime, job.nbits, 0).pack()
    first = int(order.counter_at(0))
    before_wrap = min(order.window, COUNTER_SPAN - first)
    for core in range(cores):
        base = core << COUNTER_BITS
        for start, count in ((base + first, before_wrap), (base, order.window - before_wrap)):
            if count:
                yield from (int(n) for n in scan(header, start, count, target).astype(np.uint32).byteswap())
