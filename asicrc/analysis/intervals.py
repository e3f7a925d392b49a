"""Statistics of the intervals between events: CV, CV2, LV, Fano factor, each with its interval.

All are 1 for a Poisson process. CV: standard deviation over mean. CV2: Holt, Softky, Koch, Douglas 1996.
LV: Shinomoto, Shima, Tanji 2003. Fano factor: variance over mean of the counts in windows (Fano 1947);
for a renewal process it tends to CV squared in long windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate
from asicrc.evidence.block_bootstrap import Floats, block_bootstrap_interval
from firmware_protocols.device import NO_TIME

MIN_INTERVALS = 20
MIN_WINDOWS = 20
HEADLINE_WINDOW_INTERVALS = 10.0
_WINDOW_INTERVALS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


@dataclass(frozen=True, slots=True)
class FanoPoint:
    window_s: float
    fano: Estimate
    """n is the number of windows."""


@dataclass(frozen=True, slots=True)
class IntervalStatistics:
    """Of `n` intervals; none of them crosses a segment.

    `zero_intervals` were kept: events with the same stamp (several frames in one read, or a quantised
    clock). `zero_pairs` are neighbours that both are zero, for which CV2 and LV are not defined; only these
    two leave them out. `fano` is None where no window length gives enough windows, and `fano_note` says so.
    """

    n: int
    segments: int
    zero_intervals: int
    zero_pairs: int
    sorted_here: bool
    intervals_s: Floats
    mean_s: Estimate
    cv: Estimate
    cv2: Estimate
    lv: Estimate
    fano: Estimate | None
    fano_window_s: float | None
    fano_curve: tuple[FanoPoint, ...]
    fano_note: str

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "segments": self.segments,
            "zero_intervals": self.zero_intervals,
            "zero_pairs": self.zero_pairs,
            "mean_s": self.mean_s.as_json(),
            "cv": self.cv.as_json(),
            "cv2": self.cv2.as_json(),
            "lv": self.lv.as_json(),
            "fano": None if self.fano is None else self.fano.as_json(),
            "fano_window_s": self.fano_window_s,
            "fano_curve": [{"window_s": p.window_s, **p.fano.as_json()} for p in self.fano_curve],
            "fano_note": self.fano_note,
        }


@dataclass(frozen=True, slots=True)
class LatencyStatistics:
    n: int
    mean_s: Estimate
    cv: Estimate

    def as_json(self) -> dict[str, Any]:
        return {"n": self.n, "mean_s": self.mean_s.as_json(), "cv": self.cv.as_json()}


def interval_statistics(
    t_ns: ArrayLike,
    segment: ArrayLike | None = None,
    seed: int = 0,
    *,
    sort: bool = False,
    windows_s: Sequence[float] | None = None,
    replicates: int = 999,
) -> IntervalStatistics:
    """Statistics of the intervals of events at `t_ns`.

    Parameters
    ----------
    t_ns : (events,) integer stamps, ns
    segment : (events,) segment of each event; None: one segment
    seed : of the bootstrap
    sort : put the stamps of each segment in order first; for imports, whose files have no promise of order
    windows_s : window lengths of the Fano curve, s; the first is the headline. None: 1 to 100 mean
        intervals, the headline being 10 (or the longest that still gives 20 windows)

    Raises NoAnswer for missing or unordered stamps and for fewer than 20 intervals.
    """
    t, s = ordered_stamps(np.asarray(t_ns), segment, sort)
    same = s[1:] == s[:-1]
    steps = np.diff(t)[same] / 1e9
    if len(steps) < MIN_INTERVALS:
        raise NoAnswer(
            f"{len(steps)} intervals between {len(t)} events; interval statistics need {MIN_INTERVALS}",
            "capture for longer, or lower the difficulty",
        )
    if not steps.any():
        raise NoAnswer(
            f"all {len(t)} events have the same stamp within their segment",
            "the stamps were taken at one moment: look for a stamp taken earlier on the line",
        )
    rng = np.random.default_rng(seed)
    pairs, zero_pairs = _contrasts(t, s)
    if len(pairs) < MIN_INTERVALS:
        raise NoAnswer(
            f"{len(pairs)} pairs of neighbouring intervals; CV2 and LV need {MIN_INTERVALS}",
            "capture longer segments",
        )
    curve = _fano_curve(t, s, _window_lengths(steps, windows_s), rng, replicates)
    headline = _headline(curve, float(steps.mean()), windows_s)
    return IntervalStatistics(
        n=len(steps),
        segments=len(np.unique(s)),
        zero_intervals=int(np.count_nonzero(steps == 0)),
        zero_pairs=zero_pairs,
        sorted_here=sort,
        intervals_s=steps,
        mean_s=_mean(steps, rng, replicates),
        cv=coefficient_of_variation(steps, rng, replicates),
        cv2=_mean(2 * pairs, rng, replicates),
        lv=_mean(3 * pairs**2, rng, replicates),
        fano=headline.fano if headline else None,
        fano_window_s=headline.window_s if headline else None,
        fano_curve=curve,
        fano_note="" if headline else f"no window length gives {MIN_WINDOWS} windows of varying count",
    )


def latency_statistics(latency_s: ArrayLike, seed: int = 0, *, replicates: int = 999) -> LatencyStatistics:
    """Mean and CV of the times from dispatch to answer, s.

    Raises NoAnswer for fewer than 20, for missing ones and for negative ones.
    """
    x = np.asarray(latency_s, float)
    unknown, negative = int(np.count_nonzero(~np.isfinite(x))), int(np.count_nonzero(x < 0))
    if unknown or negative:
        raise NoAnswer(
            f"of {len(x)} latencies {unknown} are missing and {negative} are negative",
            "leave out events without a dispatch stamp; an answer before its job names another job",
        )
    if len(x) < MIN_INTERVALS or not x.any():
        raise NoAnswer(f"{len(x)} latencies; mean and CV need {MIN_INTERVALS} that are not all zero")
    rng = np.random.default_rng(seed)
    return LatencyStatistics(len(x), _mean(x, rng, replicates), coefficient_of_variation(x, rng, replicates))


def ordered_stamps(
    t: NDArray[Any], segment: ArrayLike | None, sort: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Stamps and segments in order, or NoAnswer."""
    if t.ndim != 1 or not np.issubdtype(t.dtype, np.integer):
        raise ValueError(f"t_ns is a one-dimensional array of integers, not {t.dtype} of shape {t.shape}")
    t = t.astype(np.int64)
    s = np.zeros(len(t), np.int64) if segment is None else np.asarray(segment).astype(np.int64)
    if s.shape != t.shape:
        raise ValueError(f"{len(t)} stamps but {len(s)} segment numbers")
    missing = int(np.count_nonzero(t == NO_TIME))
    if missing:
        raise NoAnswer(f"{missing} of {len(t)} events have no stamp", "choose the stamp that was taken")
    if sort:
        order = np.lexsort((t, s))
        return t[order], s[order]
    back = np.flatnonzero((s[1:] == s[:-1]) & (t[1:] < t[:-1]))
    if len(back):
        raise NoAnswer(
            f"{len(back)} of {len(t)} stamps are earlier than the one before them, first at event "
            f"{back[0] + 1} by {t[back[0]] - t[back[0] + 1]} ns",
            "events of one segment come in the order of their stamps; sort=True is for imported files",
        )
    if np.any(s[1:] < s[:-1]):
        raise NoAnswer("the segments are not in order", "a segment that has ended does not begin again")
    return t, s


def _contrasts(t: NDArray[np.int64], s: NDArray[np.int64]) -> tuple[Floats, int]:
    """|a-b| / (a+b) of neighbouring intervals, and the number of pairs with a = b = 0."""
    whole = s[2:] == s[:-2]
    a, b = np.diff(t)[:-1][whole].astype(float), np.diff(t)[1:][whole].astype(float)
    total = a + b
    defined = total > 0
    contrasts: Floats = np.abs(a - b)[defined] / total[defined]
    return contrasts, int(np.count_nonzero(~defined))


def _mean(x: Floats, rng: np.random.Generator, replicates: int) -> Estimate:
    if not x.any():  # equal intervals all through: CV2 and LV are exactly 0
        return Estimate(0.0, 0.0, 0.0, len(x), method="constant series")
    return block_bootstrap_interval(
        x[:, None], lambda m: m[..., 0], lambda m: np.ones_like(m), rng, replicates=replicates
    )


def coefficient_of_variation(x: Floats, rng: np.random.Generator, replicates: int) -> Estimate:
    """Standard deviation (n - 1) over mean of positive intervals or latencies."""
    z = x / x.mean()
    if not np.ptp(z):
        return Estimate(0.0, 0.0, 0.0, len(x), method="constant series")
    bessel = len(z) / (len(z) - 1)

    def cv(m: Floats) -> Floats:
        value: Floats = np.sqrt(np.maximum(m[..., 1] / m[..., 0] ** 2 - 1, 0.0) * bessel)
        return value

    def gradient(m: Floats) -> Floats:
        half = bessel / (2 * np.maximum(cv(m), np.finfo(float).tiny))
        return np.stack([-2 * m[..., 1] / m[..., 0] ** 3 * half, half / m[..., 0] ** 2], axis=-1)

    moments = np.stack([z, z**2], axis=1)
    return block_bootstrap_interval(moments, cv, gradient, rng, replicates=replicates)


def _window_lengths(steps: Floats, windows_s: Sequence[float] | None) -> list[float]:
    if windows_s is None:
        return [k * float(steps.mean()) for k in _WINDOW_INTERVALS]
    if any(w <= 0 for w in windows_s):
        raise ValueError("window lengths are above 0 s")
    return list(windows_s)


def _fano_curve(
    t: NDArray[np.int64],
    s: NDArray[np.int64],
    windows_s: list[float],
    rng: np.random.Generator,
    replicates: int,
) -> tuple[FanoPoint, ...]:
    points = []
    for window_s in windows_s:
        counts = segment_counts(t, s, window_s)
        if len(counts) < MIN_WINDOWS or not np.ptp(counts):
            continue
        points.append(FanoPoint(window_s, _fano(counts, rng, replicates)))
    return tuple(points)


def segment_counts(t: NDArray[np.int64], s: NDArray[np.int64], window_s: float) -> Floats:
    """Counts in the whole windows of all segments `s` of ordered stamps `t`."""
    return np.concatenate([_counts(t[s == k], window_s * 1e9) for k in np.unique(s)])


def _counts(t: NDArray[np.int64], window_ns: float) -> Floats:
    """Counts in the whole windows of one segment; they begin at its first event, which is not counted."""
    since = (t[1:] - t[0]).astype(float)
    windows = int(since[-1] // window_ns) if len(since) else 0
    # an event on the edge belongs to the window that it ends: the last window then holds the last event
    index = np.ceil(since / window_ns).astype(np.int64) - 1
    return np.bincount(np.maximum(index, 0), minlength=windows)[:windows].astype(float)


def _fano(counts: Floats, rng: np.random.Generator, replicates: int) -> Estimate:
    bessel = len(counts) / (len(counts) - 1)

    def fano(m: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):  # a replicate without any event
            value: Floats = np.maximum(m[..., 1] / m[..., 0] - m[..., 0], 0.0) * bessel
        return value

    def gradient(m: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return bessel * np.stack([-m[..., 1] / m[..., 0] ** 2 - 1, 1 / m[..., 0]], axis=-1)

    return block_bootstrap_interval(
        np.stack([counts, counts**2], axis=1), fano, gradient, rng, replicates=replicates
    )


def _headline(
    curve: tuple[FanoPoint, ...], mean_s: float, windows_s: Sequence[float] | None
) -> FanoPoint | None:
    if windows_s is not None:
        return next((p for p in curve if p.window_s == windows_s[0]), None)
    short = [p for p in curve if p.window_s <= HEADLINE_WINDOW_INTERVALS * mean_s * (1 + 1e-9)]
    return short[-1] if short else None
