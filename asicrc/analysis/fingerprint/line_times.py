"""Answers on a serial line against the scan order: the crystal, and how much later each core comes.

A nonce is due at load + scale * expected. What is left is fitted by an intercept for each job (its load is
stamped once), one slope (the crystal) and one centre for each place, all with the weights of Huber 1964, from
a start that late stamps cannot move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.fingerprint.centres import group_of_centres
from asicrc.analysis.fingerprint.groups import Floats, Group
from asicrc.analysis.fingerprint.places import Places
from asicrc.analysis.fingerprint.recording import Recording
from asicrc.analysis.job_residuals import places_of
from asicrc.analysis.robust_fit import HUBER, densest_sigma, huber_centres, numbered
from asicrc.analysis.robust_slopes import robust_slopes
from asicrc.analysis.time_blocks import TimeBlocks, time_blocks
from asicrc.devices.scan_settings import scan_order_of, time_scale_of
from asicrc.errors import NoAnswer
from firmware_protocols.device import NO_TIME, NonceBatch

MIN_EVENTS = 100
CLOCK_LIMIT = 500e-6
"""A crystal that is further off is none: the settings are others than stated."""
_ROUNDS = 4
_LATE = 3.0
"""In robust sigmas: beyond it a stamp counts as late."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LineTimes:
    """Of the events at `rows` of the recording's proofs, host seconds: by how much later than due they came
    after the load of their job, and when they were due. `later_periods` were left out: the scan came round.
    """

    rows: Ints
    delay_s: Floats
    due_s: Floats
    blocks: TimeBlocks
    later_periods: int

    @property
    def intercept(self) -> Ints:
        """One for each job, or one in all where jobs have hardly an answer each."""
        job = self.blocks.job
        return job if self.blocks.jobs <= len(job) / 2 else np.zeros_like(job)


@dataclass(frozen=True, slots=True, eq=False)
class LineFit:
    """`cores` are delays by place, us of the host, none where there are no places; `crystal` is ppm."""

    cores: Group | None
    crystal: Group | None
    line: Group


def line_times(recording: Recording, proofs: NonceBatch) -> LineTimes:
    """Raises NoAnswer where nothing says when a nonce was due, or fewer than 100 have their times."""
    identity = recording.identity
    order = None if identity.family != "bm13xx" else scan_order_of(identity, list(recording.settings))
    if order is None or bool(len(proofs) and proofs["synthetic"].all()):
        raise NoAnswer(
            "it is not known when a nonce was due: that takes a chip on a serial line, with one clock",
            "capture from a serial line, or compare the arrivals",
        )
    sent = {j.number: j for j in recording.jobs if j.sent_ns != NO_TIME and not j.damaged}
    rows = np.flatnonzero(np.isin(proofs["job"], list(sent)))
    events = proofs[rows]
    jobs = events["job"].tolist()
    load_ns = np.array([sent[number].sent_ns for number in jobs], np.int64)
    base = np.array([sent[number].version for number in jobs], np.int64)
    bits = (events["version"].astype(np.int64) & ~base) >> 13 & 0xFFFF
    address = places_of(order, events["chip"].astype(np.int64), identity.chips)
    scale = time_scale_of(identity)
    due_s = np.asarray(order.expected_s(events["nonce"], bits, address), float) * scale
    delay_s = (events["t_ns"] - load_ns) / 1e9 - due_s
    if len(rows) < MIN_EVENTS:
        raise NoAnswer(
            f"{len(rows)} answers with the time of their job; a profile takes {MIN_EVENTS}",
            "capture for longer, or lower the difficulty",
        )
    period_s = order.scan_period_s * scale if order.repeats else np.inf
    first = np.abs(delay_s - np.median(delay_s)) < min(period_s / 4, 1e6)
    used = np.flatnonzero(first)
    if len(used) < MIN_EVENTS:
        raise NoAnswer(
            f"{len(rows) - len(used)} of {len(rows)} answers are far from their place in the scan",
            "check the settings of the capture; jobs are to be renewed within one scan",
        )
    blocks = time_blocks(due_s[used], numbered(events["job"][used]))
    return LineTimes(rows[used], delay_s[used], due_s[used], blocks, len(rows) - len(used))


def fit_line(times: LineTimes, places: Places | None) -> LineFit:
    """Raises NoAnswer for times that do not follow the scan order."""
    job = times.intercept
    label = np.zeros(len(times.rows), np.int64) if places is None else places.label[times.rows]
    known = label >= 0
    group = np.where(known, label, label.max() + 1)
    by_place, weights = np.zeros(len(label)), np.ones(len(label))
    slope = _prompt_slope(times)
    for _ in range(_ROUNDS):
        left = times.delay_s - slope * times.due_s
        scale = densest_sigma(left - by_place - huber_centres(left - by_place, job, 0.0))
        by_job = huber_centres(left - by_place, job, scale)
        if places is not None:
            by_place = huber_centres(left - by_job, group, scale)
        residual = left - by_job - by_place
        size = np.abs(residual)
        weights = np.divide(HUBER * scale, size, out=np.ones(len(size)), where=size > HUBER * scale)
        x, power = _centred(times, weights)
        if power > 0:
            slope += float(np.sum(weights * x * residual)) / power
    if abs(slope) > CLOCK_LIMIT:
        raise NoAnswer(
            f"a clock {slope * 1e6:.4g} ppm off is no crystal: the frequency is another one than stated",
            "check the settings of the capture",
        )
    return LineFit(
        cores=None if places is None else _cores(places, label, residual, by_place, job, scale),
        crystal=_crystal(times, residual, slope, weights),
        line=_line(times, left, residual, scale),
    )


def _cores(places: Places, label: Ints, residual: Floats, by_place: Floats, job: Ints, scale: float) -> Group:
    """Part of each job's intercept was taken from the same events."""
    return group_of_centres(
        places.names,
        label,
        by_place * 1e6,
        residual * 1e6,
        scale * 1e6,
        fitted=int(job.max()) + 1 + len(places.names),
        worth=1 - 1 / np.bincount(job)[job],
    )


def _prompt_slope(times: LineTimes) -> float:
    """A slope that late stamps do not move, for a start; with the rounding of a line it is a rough one."""
    try:
        return float(robust_slopes(times.delay_s, times.due_s[:, None], times.intercept).slopes[0])
    except ValueError:
        return 0.0


def _centred(times: LineTimes, weights: Floats) -> tuple[Floats, float]:
    """Due times about the middle of their job, and the sum of their weighted squares."""
    job = times.intercept
    total = np.bincount(job, weights)
    x: Floats = times.due_s - (np.bincount(job, weights * times.due_s) / total)[job]
    return x, float(np.sum(weights * x * x))


def _crystal(times: LineTimes, residual: Floats, slope: float, weights: Floats) -> Group | None:
    """How fast the crystal runs: an answer comes early where it is fast.

    Its error is that of independent answers (White 1980), or that of a jackknife over stretches of time where
    this is larger: so few stretches do not know their own spread well.
    """
    stretch = times.blocks.stretch
    x, power = _centred(times, weights)
    moments = weights * x * residual
    moment, of_stretch = np.bincount(stretch, moments), np.bincount(stretch, weights * x * x)
    rest = power - of_stretch
    k = len(rest)
    if k < 3 or not np.all(rest > 0):
        return None
    without = (moment.sum() - moment) / rest
    jackknife = float(np.sqrt((k - 1) / k * np.sum((without - without.mean()) ** 2)))
    free = max(len(x) - int(times.intercept.max()) - 2, 1)
    independent = float(np.sqrt(np.sum(moments**2) * len(x) / free)) / power
    error = max(jackknife, independent)
    if not error > 0:
        return None
    return Group(("ppm",), np.array([-slope * 1e6]), np.array([error * 1e6]))


def _line(times: LineTimes, left: Floats, residual: Floats, scale: float) -> Group:
    """Latency, spread and late stamps, by stretch of time: what line, firmware and host make of the times."""
    stretch, k = times.blocks.stretch, times.blocks.stretches
    columns = {
        "latency_ms": left * 1e3,
        "spread_ms": np.abs(residual) * 1e3,
        "late_share": (residual > _LATE * scale).astype(float),
    }
    counts = np.bincount(stretch, minlength=k)
    names, values, errors = [], [], []
    for name, column in columns.items():
        means = np.bincount(stretch, column, k) / counts
        error = float(means.std(ddof=1)) / np.sqrt(k) if k > 1 else 0.0
        if error > 0:
            names.append(name)
            values.append(float(column.mean()))
            errors.append(error)
    return Group(tuple(names), np.array(values), np.array(errors))
