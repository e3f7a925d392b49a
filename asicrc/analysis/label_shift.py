"""Does some core, or some chip, come later than the others? Which core finds a nonce is decided by its hash.

So under the null the labels are exchangeable within a job, whatever the host does to the stamps: heavy tails,
bursts and the error that a job's load shares are the same for every order of the labels. Permuting them is an
exact test, and the largest shift over all labels corrects for their number (maxT: Westfall and Young 1993).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.robust_fit import (
    HUBER,
    Groups,
    densest_sigma,
    huber_centres,
    numbered,
)
from asicrc.errors import NoAnswer
from asicrc.evidence.block_bootstrap import Floats

MIN_PAIRS = 20
MIN_PAIRS_A_LABEL = 5
MOST_PERMUTATIONS, FEWEST_PERMUTATIONS = 1999, 199
LEVEL = 0.98
"""Of the permutations. The centres of jobs and of the middle label are estimated too, which the permutations
do not move: 0.98 leaves the 95 % that the intervals promise, measured down to jobs of 2.5 values."""
_VALUES_PERMUTED = 20_000_000
_VALUES_AT_ONCE = 2_000_000
_ROUNDS = 6
_HALVINGS = 50
_POWER_80 = 0.8416
"""Normal quantile of 80 %."""


@dataclass(frozen=True, slots=True)
class LabelShift:
    """How much later a label's values are than those of the middle label, with `n` values.

    The intervals of all labels hold at once with 95 %; `p_corrected` is corrected for the number of labels.
    """

    label: int
    n: int
    shift: float
    low: float
    high: float
    p_corrected: float


@dataclass(frozen=True, slots=True, eq=False)
class LabelShifts:
    """`shifts` of the labels with at least 5 values; `left_out` counts the others.

    `smallest` is the shift of a label with a middling number of values that would be found with a power of
    80 %. `residual` has the centres of jobs and labels taken out, `scale` is its robust sigma; both in the
    unit of the values.
    """

    shifts: list[LabelShift]
    left_out: int
    smallest: float
    residual: Floats
    scale: float
    permutations: int
    method: str


def label_shifts(
    values: Floats, label: Groups, job: Groups, rng: np.random.Generator, *, permutations: int | None = None
) -> LabelShifts:
    """Shift of each label against the middle one, jobs' own offsets taken out.

    Parameters
    ----------
    values : (n,) what may be shifted
    label, job : (n,) numbers of label and job of each value
    permutations : of the labels within jobs; None: up to 1,999, fewer for more than 10,000 values

    Test: Huber scores about the job's centre, averaged by label, against the median of all labels. (Of two
    labels nobody can say which one moved: each is half of the difference from the middle.) Estimate: Huber
    centres of jobs and labels in turn; its interval holds the shifts at which the same scores would not be
    found too large, and has no end where a label has too few values.

    Raises NoAnswer for fewer than 20 values in jobs of two or more, for fewer than two labels with 5 of them,
    and for values that do not vary within jobs.
    """
    jobs, labels, names = _checked(values, label, job)
    shared = np.bincount(jobs)[jobs] > 1
    kept = np.flatnonzero(shared)
    jobs, labels, y = numbered(jobs[kept]), labels[kept], values[kept]
    counts = np.bincount(labels, minlength=len(names))
    tested = np.flatnonzero(counts >= MIN_PAIRS_A_LABEL)
    n = len(y)
    if n < MIN_PAIRS or len(tested) < 2:
        raise NoAnswer(
            f"{n} pairs in jobs of two or more, {len(tested)} cores or chips with {MIN_PAIRS_A_LABEL} of "
            f"them; a shift between cores or chips needs {MIN_PAIRS} pairs and 2 of these",
            "capture for longer, or lower the difficulty",
        )
    freedom = float(np.sqrt(n / (n - jobs.max() - 1)))
    centred = y - huber_centres(y, jobs, _within_sigma(y, jobs))
    scale = densest_sigma(centred) * freedom
    if not scale > 0:
        raise NoAnswer("more than half of the stamps do not vary within their jobs", "capture for longer")
    scores = _scores(centred, scale)
    most = int(np.clip(_VALUES_PERMUTED // n, FEWEST_PERMUTATIONS, MOST_PERMUTATIONS))
    rounds = most if permutations is None else permutations
    observed, largest = _permuted(scores, labels, jobs, counts, tested, rounds, rng)
    p_values = (1 + (largest[None, :] >= np.abs(observed)[:, None]).sum(axis=1)) / (rounds + 1)
    # The order statistic that holds the level for any number of permutations.
    quantile = float(np.sort(largest)[min(rounds, int(np.ceil(LEVEL * (rounds + 1)))) - 1])

    shift, about_label, residual = _two_way(y, labels, jobs, counts, tested, scale)
    left = n - int(jobs.max()) - 1 - len(tested)
    score_sigma = float(np.sqrt(np.sum(_scores(residual, scale) ** 2) / max(left, 1)))
    known = np.bincount(labels, 1 - 1 / np.bincount(jobs)[jobs], len(names))[tested]
    place = _places(counts, tested)[labels]
    within = place < len(tested)
    low, high = _reached(
        about_label[within], place[within], scale, quantile * score_sigma / np.sqrt(known), len(tested)
    )
    unclipped = float(np.mean(np.abs(residual) < HUBER * scale))
    errors = score_sigma * scale / max(unclipped, 0.1) / np.sqrt(known)
    return LabelShifts(
        shifts=[
            LabelShift(int(names[k]), int(counts[k]), float(s), float(s + down), float(s + up), float(p))
            for k, s, down, up, p in zip(tested, shift, low, high, p_values, strict=True)
        ],
        left_out=len(names) - len(tested),
        smallest=(quantile + _POWER_80) * float(np.median(errors)),
        residual=residual,
        scale=scale,
        permutations=rounds,
        method=f"Huber centres, score intervals; maxT over {len(tested)} labels, {rounds} permutations "
        "within jobs (Westfall and Young 1993)",
    )


def _checked(values: Floats, label: Groups, job: Groups) -> tuple[Groups, Groups, Groups]:
    if not len(values) == len(label) == len(job):
        raise ValueError(f"{len(values)} values, {len(label)} labels and {len(job)} jobs")
    names, labels = np.unique(label, return_inverse=True)
    return numbered(job), labels.reshape(-1).astype(np.int64), names


def _scores(values: Floats, scale: float) -> Floats:
    return np.clip(values / scale, -HUBER, HUBER)


def _within_sigma(y: Floats, jobs: Groups) -> float:
    return densest_sigma(y - huber_centres(y, jobs, 0.0))


def _permuted(
    scores: Floats,
    labels: Groups,
    jobs: Groups,
    counts: Groups,
    tested: Groups,
    rounds: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """The standardised shift of each tested label, and the largest of them in each permutation."""
    order = np.argsort(jobs, kind="stable")
    scores, labels, jobs = scores[order], labels[order], jobs[order]
    n, n_labels = len(scores), len(counts)
    sizes = counts[tested].astype(float)
    sigma = float(np.sqrt(np.mean(scores**2)))

    def standardised(sums: NDArray[Any]) -> Floats:
        means = sums[..., tested] / sizes
        middle = np.median(means, axis=-1, keepdims=True)
        shifted: Floats = (means - middle) * np.sqrt(sizes) / sigma
        return shifted

    observed = standardised(np.bincount(labels, scores, n_labels))
    largest = np.empty(rounds)
    rows = max(1, _VALUES_AT_ONCE // n)
    one_job = jobs[-1] == 0
    for first in range(0, rounds, rows):
        count = min(rows, rounds - first)
        if one_job:
            drawn = rng.permuted(np.broadcast_to(scores, (count, n)), axis=1)
        else:
            drawn = scores[np.argsort(jobs + rng.random((count, n)), axis=1)]
        place = (labels + n_labels * np.arange(count)[:, None]).ravel()
        sums = np.bincount(place, drawn.ravel(), count * n_labels).reshape(count, n_labels)
        largest[first : first + count] = np.abs(standardised(sums)).max(axis=1)
    return observed, largest


def _places(counts: Groups, tested: Groups) -> Groups:
    """Number of each label among the tested ones; the others share the number behind them."""
    place = np.full(len(counts), len(tested))
    place[tested] = np.arange(len(tested))
    return place


def _two_way(
    y: Floats, labels: Groups, jobs: Groups, counts: Groups, tested: Groups, scale: float
) -> tuple[Floats, Floats, Floats]:
    """Shift of each tested label, each value about the centres of its job and its label, and the residual.

    The centres are fitted in turn: a job with few values would else hide half of a shift.
    """
    group = _places(counts, tested)[labels]
    by_label = np.zeros(len(y))
    for _ in range(_ROUNDS):
        by_job = huber_centres(y - by_label, jobs, scale, steps=4)
        by_label = huber_centres(y - by_job, group, scale, steps=4)
    centre = np.zeros(len(tested) + 1)
    centre[group] = by_label
    shift = centre[:-1] - np.median(centre[:-1])
    about = y - by_job - by_label
    return shift, about, y - by_label - huber_centres(y - by_label, jobs, scale)


def _reached(
    values: Floats, group: Groups, scale: float, tolerance: Floats, n_groups: int
) -> tuple[Floats, Floats]:
    """How far each group's centre can move until its mean score is `tolerance` off, below and above."""
    counts = np.bincount(group, minlength=n_groups)
    ends = []
    for sign in (-1.0, 1.0):
        # Beyond the outermost value by HUBER all scores are at their bound, on either side.
        near, far = np.zeros(n_groups), np.zeros(n_groups)
        np.maximum.at(far, group, np.abs(values) + HUBER * scale)
        near = -far
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            mean = np.bincount(group, _scores(values - sign * middle[group], scale), n_groups) / counts
            inside = -sign * mean < tolerance
            near, far = np.where(inside, middle, near), np.where(inside, far, middle)
        ends.append(np.where(tolerance < HUBER, sign * far, sign * np.inf))
    return ends[0], ends[1]
