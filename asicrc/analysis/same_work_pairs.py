"""Two runs of the same work, proof by proof: which one found what, and what it should have found.

A proof is due in the other run when its scan reaches it within the life of the job there, less an allowance
at the end. Where the scan order cannot be relied on, it is due there as long after load as it came here, or
later by the ratio of the hash clocks where the other one is slower (and not at all where its sweeps then end
earlier, as a hash counting number makes them do).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.job_residuals import places_of
from asicrc.analysis.robust_fit import group_medians
from asicrc.analysis.same_work_runs import Header, Run
from asicrc.evidence.block_bootstrap import Floats
from firmware_protocols.bm13xx import NonceOrder
from firmware_protocols.device import Duplicate

LONGEST_ALLOWANCE_S = 0.05
ALLOWANCE_SHARE = 0.2
"""Of a job's life, where that is shorter: so long may an answer take at the end of a job."""
STRAYS = 0.1
"""Share of the arrivals that may lie further from their due times than the allowance."""
EDGE_TICKS = 30
"""Of 80 ns: how well the end of a sweep is known, where the runs do not share it."""
_TICK_S = 80e-9
_BY_ORDER = "due by the scan order of each run's settings"
_BY_TIME = "due as long after load as it came in the other run, later in proportion where the clock is slower"

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One run's distinct proofs of the common jobs, (n,) each; host seconds after load.

    `batch` counts on when the chip comes round its search space, `place` is the position within the batch and
    `due_s` when the scan order reaches it; without a scan order these are 0, 0 and NaN. `life_s` is by job.
    """

    job: NDArray[np.int64]
    nonce: NDArray[np.int64]
    version: NDArray[np.int64]
    batch: NDArray[np.int64]
    place: NDArray[np.int64]
    chip: NDArray[np.int64]
    core: NDArray[np.int64]
    after_load_s: Floats
    due_s: Floats
    life_s: Floats
    too_easy: int
    """Proofs that only this run's lower difficulty lets through; they are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """`match_a` and `match_b` are rows of the sides that are the same proof; `due_in_b` is for each row of
    side a, `due_in_a` for each of side b. `by_order` says whether the scan order decided, and `rule` how."""

    headers: list[Header]
    a: Side
    b: Side
    match_a: NDArray[np.int64]
    match_b: NDArray[np.int64]
    due_in_b: Flags
    due_in_a: Flags
    by_order: bool
    rule: str
    allowance_s: float

    @property
    def matched(self) -> int:
        return len(self.match_a)

    @property
    def missing_in_b(self) -> NDArray[np.int64]:
        """Rows of side a that b should have found and did not."""
        return np.flatnonzero(self.due_in_b & ~self._is_matched(self.a, self.match_a))

    @property
    def missing_in_a(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.due_in_a & ~self._is_matched(self.b, self.match_b))

    @property
    def not_comparable(self) -> int:
        """Proofs of either run that were not due in the other, or too easy for it."""
        alone_a = np.count_nonzero(~self.due_in_b & ~self._is_matched(self.a, self.match_a))
        alone_b = np.count_nonzero(~self.due_in_a & ~self._is_matched(self.b, self.match_b))
        return int(alone_a + alone_b) + self.a.too_easy + self.b.too_easy

    @staticmethod
    def _is_matched(side: Side, rows: NDArray[np.int64]) -> Flags:
        matched = np.zeros(len(side.job), bool)
        matched[rows] = True
        return matched


def pair_runs(a: Run, b: Run) -> Pairs:
    """Pair the proofs of all jobs whose header both runs were given once."""
    headers = [header for header in a.lives if header in b.lives]
    threshold = max(a.required_difficulty, b.required_difficulty) * (1 - 1e-12)
    reasons = [f"{run.path.name}: {run.order_unanswered}" for run in (a, b) if run.order is None]
    side_a = _side(a, headers, threshold, by_order=not reasons)
    side_b = _side(b, headers, threshold, by_order=not reasons)
    allowance_s = _allowance_s(np.concatenate([side_a.life_s, side_b.life_s]))
    if not reasons:
        reasons = [
            f"the arrivals in {run.path.name} do not follow the scan order that its settings give"
            for run, side in ((a, side_a), (b, side_b))
            if not _follows(side, allowance_s)
        ]
        if reasons:  # then nothing tells in which round a repeated proof was found
            side_a = _side(a, headers, threshold, by_order=False)
            side_b = _side(b, headers, threshold, by_order=False)
    keys_a, keys_b = _keys(side_a), _keys(side_b)
    _, match_a, match_b = np.intersect1d(keys_a, keys_b, assume_unique=True, return_indices=True)
    by_order = not reasons
    return Pairs(
        headers=headers,
        a=side_a,
        b=side_b,
        match_a=match_a,
        match_b=match_b,
        due_in_b=_due(side_a, a, side_b.life_s, b, allowance_s, by_order),
        due_in_a=_due(side_b, b, side_a.life_s, a, allowance_s, by_order),
        by_order=by_order,
        rule=_BY_ORDER if by_order else f"{_BY_TIME} ({'; '.join(reasons)})",
        allowance_s=allowance_s,
    )


def _allowance_s(lives_s: Floats) -> float:
    if not len(lives_s):
        return LONGEST_ALLOWANCE_S
    return min(LONGEST_ALLOWANCE_S, ALLOWANCE_SHARE * float(np.median(lives_s)))


def _side(run: Run, headers: list[Header], threshold: float, *, by_order: bool) -> Side:
    lives = [run.lives[header] for header in headers]
    index = {life.number: place for place, life in enumerate(lives)}
    events = run.proofs
    if not by_order:
        events = events[events["duplicate_reason"] != Duplicate.RESCAN]
    known = np.isin(events["job"], np.array(list(index), np.uint64))
    hard = events["difficulty"] >= threshold
    too_easy = int(np.count_nonzero(known & ~hard))
    events = events[known & hard]
    job = np.array([index[number] for number in events["job"].tolist()], np.int64)
    sent_ns = np.array([life.sent_ns for life in lives], np.int64)
    after_load_s = (events["t_ns"] - sent_ns[job]) / 1e9
    nonce, version = events["nonce"].astype(np.int64), events["version"].astype(np.int64)
    chip = events["chip"].astype(np.int64)
    batch, place = np.zeros((2, len(events)), np.int64)
    due_s = np.full(len(events), np.nan)
    if by_order and run.order is not None:
        order, scale = run.order, run.time_scale
        base = np.array([life.version for life in lives], np.int64)[job]
        bits = (version & ~base) >> 13 & 0xFFFF
        batch = order.batch_of(bits)
        address = np.where(chip < 0, order.chip_address, chip)
        place = order.position_of(nonce, places_of(order, address, run.identity.chips))
        due_s = _due_at(order, batch, place)
        if order.repeats:
            turn = np.rint((after_load_s / scale - due_s) / order.scan_period_s)
            batch = batch + np.maximum(0, turn).astype(np.int64) * order.batches
            due_s = _due_at(order, batch, place)
        due_s = due_s * scale
    first = _first_sightings(job, nonce, version, batch, after_load_s)
    return Side(
        job=job[first],
        nonce=nonce[first],
        version=version[first],
        batch=batch[first],
        place=place[first],
        chip=chip[first],
        core=events["core"].astype(np.int64)[first],
        after_load_s=after_load_s[first],
        due_s=due_s[first],
        life_s=np.array([(life.end_ns - life.sent_ns) / 1e9 for life in lives], np.float64),
        too_easy=too_easy,
    )


def _due_at(order: NonceOrder, batch: NDArray[np.int64], place: NDArray[np.int64]) -> Floats:
    """Chip seconds after load."""
    due_s: Floats = batch * order.batch_period_s + place * order.position_period_s
    return due_s


def _first_sightings(*columns: NDArray[Any]) -> NDArray[np.int64]:
    """Rows of the earliest among equal ones, in order; the last column is the time."""
    order = np.lexsort(columns[::-1])
    new = np.ones(len(order), bool)
    if len(order):
        new[1:] = np.any([column[order][1:] != column[order][:-1] for column in columns[:-1]], axis=0)
    return np.sort(order[new])


def _keys(side: Side) -> NDArray[np.void]:
    columns = {"job": side.job, "nonce": side.nonce, "version": side.version, "batch": side.batch}
    keys = np.empty(len(side.job), [(name, "i8") for name in columns])
    for name, column in columns.items():
        keys[name] = column
    return keys


def _follows(side: Side, allowance_s: float) -> bool:
    """Whether nine in ten arrivals lie about their due times, each job's offset taken out."""
    late_s = side.after_load_s - side.due_s
    about_s = late_s - group_medians(late_s, side.job, len(side.life_s))[side.job]
    return bool(np.count_nonzero(np.abs(about_s) > allowance_s) <= STRAYS * len(about_s))


def _due(side: Side, run: Run, life_there_s: Floats, there: Run, allowance_s: float, by_order: bool) -> Flags:
    """Which proofs of this side were due in the run `there`, within the lives that its jobs had."""
    inside = np.ones(len(side.job), bool)
    if by_order and run.order is not None and there.order is not None:
        order = there.order
        due_s = _due_at(order, side.batch, side.place) * there.time_scale
        if (order.frequency_hz, order.window) != (run.order.frequency_hz, run.order.window):
            inside = side.place < order.window - EDGE_TICKS * _TICK_S * order.frequency_hz
    else:
        clock, clock_there = run.settings.get("frequency_mhz"), there.settings.get("frequency_mhz")
        slower = max(1.0, clock / clock_there) if clock and clock_there else 1.0
        due_s = side.after_load_s * slower
        if slower > 1 and "hash_counting_number" in there.settings:
            inside[:] = False  # the slower sweep ends earlier, nobody knows where
    within: Flags = inside & (due_s + allowance_s <= life_there_s[side.job])
    return within
