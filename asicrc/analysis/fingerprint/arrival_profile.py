"""What arrivals alone tell: of cores by when their proofs come between others, of firmware and network.

On a network nobody knows when a proof was due. But the one before and the one after a proof have nothing to
do with its core: a core that is late by d makes the wait before its proofs longer by 2 d than the wait behind
them, on average, whatever the rate is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from asicrc.analysis.fingerprint.centres import group_of_centres
from asicrc.analysis.fingerprint.groups import Floats, Group
from asicrc.analysis.fingerprint.places import Places
from asicrc.analysis.robust_fit import huber_centres, mad_sigma
from asicrc.errors import NoAnswer
from firmware_protocols.device import NO_TIME, NonceBatch, Reading

ANSCOMBE = 3 / 8
MIN_INTERVALS = 100
BLOCKS = 12
"""Of time: a number's error is that of its mean over them."""
FEWEST_A_BLOCK = 8
SHORT = 0.1
"""Of the mean interval: shorter ones are few where there is a dead time, and many where proofs come in
batches."""
ROUNDING = 1e-9
"""Of a number: an error below it is of the arithmetic."""
SMALLEST_ERROR = 1e-12
NOT_OF_THE_DEVICE = ("drive_", "handshake_", "frequency_mhz", "fan_percent", "core_voltage_mv", "voltage_mv")
"""Readings that say what was set, or what the host did."""


def core_delays(proofs: NonceBatch, places: Places) -> Group:
    """Delay of each place, us: the Huber centre of (wait before - wait behind) / 2 of its proofs.

    Without a delay the two waits can be exchanged, so the law of their difference is symmetric.

    Raises NoAnswer for fewer than 100 proofs with one before and one behind them in the same segment.
    """
    t, segment = proofs["t_ns"], proofs["segment"]
    steps = np.diff(t)
    whole = (segment[2:] == segment[:-2]) & (steps[1:] >= 0) & (steps[:-1] >= 0)
    middle = np.flatnonzero(whole) + 1
    label = places.label[middle]
    middle, label = middle[label >= 0], label[label >= 0]
    if len(middle) < MIN_INTERVALS:
        raise NoAnswer(
            f"{len(middle)} proofs of known cores between two others; delays of cores take {MIN_INTERVALS}",
            "capture for longer, or lower the difficulty",
        )
    half_us = (steps[middle - 1] - steps[middle]) / 2e3
    scale = mad_sigma(half_us)
    if not scale > 0:
        raise NoAnswer("most waits are the same", "a host paces these arrivals: look at how they are stamped")
    centre = huber_centres(half_us, label, scale)
    return group_of_centres(places.names, label, centre, half_us - centre, scale, fitted=len(places.names))


def shares(places: Places) -> Group:
    """Root of the number of proofs of each place over the mean one: a core that misses some has less.

    Its variance hardly depends on the number (Anscombe 1948), none included.
    """
    counts = places.counts.astype(float)
    mean = float(counts.mean())
    error = 0.5 / np.sqrt(mean)
    return Group(
        names=places.names,
        values=np.sqrt((counts + ANSCOMBE) / mean),
        errors=np.full(len(counts), error),
        absent=(float(np.sqrt(ANSCOMBE / mean)), float(error)),
    )


def wrong_shares(wrong: Places, proofs: Places) -> Group:
    """Share of the answers of each place that do not hash (Agresti and Coull 1998: one more of either).

    Both are at one level. Places are those of either.
    """
    names = tuple(dict.fromkeys((*proofs.names, *wrong.names)))
    good, bad = (dict(zip(p.names, p.counts.tolist(), strict=True)) for p in (proofs, wrong))
    k = np.array([bad.get(name, 0) for name in names], float)
    n = k + np.array([good.get(name, 0) for name in names])
    share = (k + 1) / (n + 2)
    return Group(names, share, np.sqrt(share * (1 - share) / (n + 2)))


def arrivals(proofs: NonceBatch) -> Group:
    """Rate, shape and order of the intervals, and the latency after a job where its dispatch is known.

    Raises NoAnswer for fewer than 100 intervals.
    """
    t, segment = proofs["t_ns"], proofs["segment"]
    within = segment[1:] == segment[:-1]
    steps = np.diff(t)[within] / 1e9
    steps = steps[steps >= 0]
    if len(steps) < MIN_INTERVALS or not steps.any():
        raise NoAnswer(
            f"{len(steps)} intervals; a profile takes {MIN_INTERVALS} that are not all 0",
            "capture for longer",
        )
    short = SHORT * float(steps.mean())
    measures: dict[str, Callable[[Floats], float]] = {
        "interval_log_mean": lambda x: float(np.log(x.mean())),
        "interval_cv": lambda x: float(x.std(ddof=1) / x.mean()),
        "interval_short_share": lambda x: float(np.mean(x < short)),
        "interval_lag1": lambda x: float(np.corrcoef(x[1:], x[:-1])[0, 1]),
    }
    found = {name: _over_blocks(steps, measure) for name, measure in measures.items()}
    sent = proofs["t_sent_ns"]
    latency = (t - sent)[(sent != NO_TIME) & (t >= sent)] / 1e9
    if len(latency) >= MIN_INTERVALS:
        found["latency_mean_s"] = _over_blocks(latency, lambda x: float(x.mean()))
        found["latency_median_s"] = _over_blocks(latency, lambda x: float(np.median(x)))
    return _group(found)


def telemetry(readings: Sequence[Reading]) -> Group:
    """Mean of each channel that the device reports of itself. Raises NoAnswer where it reports nothing."""
    values: dict[str, list[float]] = {}
    for reading in readings:
        if np.isfinite(reading.value) and not reading.channel.startswith(NOT_OF_THE_DEVICE):
            values.setdefault(reading.channel, []).append(reading.value)
    found = {
        channel: _over_blocks(np.array(all_), lambda x: float(x.mean()))
        for channel, all_ in sorted(values.items())
        if len(all_) >= BLOCKS
    }
    group = _group(found)
    if not len(group):
        raise NoAnswer("the device reported nothing of itself that varies", "capture for longer")
    return group


def _over_blocks(x: Floats, measure: Callable[[Floats], float]) -> tuple[float, float]:
    """Mean over blocks of time, and its standard error."""
    blocks = int(np.clip(len(x) // FEWEST_A_BLOCK, 2, BLOCKS))
    with np.errstate(all="ignore"):
        each = np.array([measure(part) for part in np.array_split(x, blocks)])
    each = each[np.isfinite(each)]
    if len(each) < 2:
        return float("nan"), 0.0
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))


def _group(found: dict[str, tuple[float, float]]) -> Group:
    """Of those that have an error: what never varies says nothing of how well it is known."""
    held = {
        name: pair
        for name, pair in found.items()
        if np.isfinite(pair).all() and pair[1] > max(ROUNDING * abs(pair[0]), SMALLEST_ERROR)
    }
    return Group(
        tuple(held),
        np.array([value for value, _ in held.values()]),
        np.array([error for _, error in held.values()]),
    )
