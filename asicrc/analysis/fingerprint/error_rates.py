"""How often a threshold takes one device for another, and how well that is known.

Pairs of devices are not independent: each device is in many of them. So a rate over pairs is worth as many
trials as would have its variance, which a jackknife over devices gives (Efron and Stein 1981). Its interval
is that of Clopper and Pearson for so many, or that of a bootstrap over devices where this is wider: without a
single error the exact one remains. In the worst case all pairs hang together as far as pairs can; n devices
are then n / 2 trials.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from asicrc.analysis.fingerprint.groups import Floats
from asicrc.evidence import Estimate, TestResult

REPLICATES, PERMUTATIONS = 399, 999
NEAREST = 0.1
"""Share of the impostors, the nearest, whose dependence is looked at too: it is they who are accepted."""
_AT_ONCE = 2_000_000
_POINTS_OF_ROC = 201


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Scores, small for alike. `own` (n, r): r further recordings of each of n devices against its template;
    `other` (n, n, r): those of device j against the template of i; NaN where there is none, and for i = j."""

    own: Floats
    other: Floats

    @property
    def devices(self) -> int:
        return len(self.own)

    def without(self, device: int) -> Trials:
        kept = np.delete(np.arange(self.devices), device)
        return Trials(self.own[kept], self.other[np.ix_(kept, kept)])


@dataclass(frozen=True, slots=True, eq=False)
class ErrorRates:
    """`eer` is the equal-error rate; its `high` counts pairs as far as they are independent, and
    `eer_worst_high` as if they were not. `far` and `frr` are those at `threshold`. `roc` is (k, 2): false
    accepts and false rejects by threshold. `alike` is the test that a device's own recordings are nearer to
    its template than those of others are."""

    eer: Estimate
    eer_worst_high: float
    threshold: float
    far: Estimate
    frr: Estimate
    auc: float
    alike: TestResult
    identified: Estimate
    roc: Floats
    trials_worth: tuple[float, float]
    """Independent trials that the own and the other pairs are worth."""
    own_quantiles: tuple[float, float, float]
    other_quantiles: tuple[float, float, float]

    def as_json(self) -> dict[str, Any]:
        names = ("low", "median", "high")
        return {
            "eer": self.eer.as_json(),
            "eer_worst_case_high": self.eer_worst_high,
            "auc": self.auc,
            "p_alike": self.alike.p_value,
            "threshold": self.threshold,
            "far": self.far.as_json(),
            "frr": self.frr.as_json(),
            "identified": self.identified.as_json(),
            "intra_score": dict(zip(names, self.own_quantiles, strict=True)),
            "inter_score": dict(zip(names, self.other_quantiles, strict=True)),
            "trials_worth": {"own": self.trials_worth[0], "other": self.trials_worth[1]},
            "roc": [[float(far), float(frr)] for far, frr in self.roc],
        }


def error_rates(
    trials: Trials, threshold: float, *, seed: int = 0, replicates: int = REPLICATES
) -> ErrorRates:
    """Raises ValueError without two devices, or without a score of either kind."""
    own, other = _known(trials.own), _known(trials.other)
    if trials.devices < 2 or not len(own) or not len(other):
        raise ValueError(f"{trials.devices} devices, {len(own)} own and {len(other)} other pairs")
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    worth = _worth(trials, "own"), _worth(trials, "other")
    eer, auc = equal_error_rate(own, other)
    resampled = np.concatenate(list(_resampled(trials, rng, replicates)))
    exact = [_clopper_pearson(eer * n, n) for n in worth]
    low = min(*(interval[0] for interval in exact), float(np.quantile(resampled, 0.025)))
    high = max(*(interval[1] for interval in exact), float(np.quantile(resampled, 0.975)))
    worst = max(_clopper_pearson(eer * n, n)[1] for n in (trials.devices, trials.devices / 2))
    return ErrorRates(
        eer=Estimate(
            eer,
            min(low, eer),
            max(high, eer),
            trials.devices,
            method="Clopper and Pearson for the trials that pairs are worth, bootstrap over devices",
        ),
        eer_worst_high=max(worst, high),
        threshold=threshold,
        far=_rate(float(np.mean(other <= threshold)), worth[1], len(other)),
        frr=_rate(float(np.mean(own > threshold)), worth[0], len(own)),
        auc=auc,
        alike=_permutation(trials, rng, PERMUTATIONS),
        identified=_identified(trials),
        roc=_roc(own, other),
        trials_worth=worth,
        own_quantiles=_quantiles(own),
        other_quantiles=_quantiles(other),
    )


def equal_error_rate(own: Floats, other: Floats) -> tuple[float, float]:
    """The rate at which false accepts and false rejects are the same, between thresholds by a straight line,
    and the area under the ROC curve. Both are (n,)."""
    scores = np.concatenate([own, other])
    of_own = np.concatenate([np.ones(len(own)), np.zeros(len(other))])
    order = np.argsort(scores, kind="stable")
    weights = of_own[order][None], (1 - of_own[order])[None]
    rate = float(_crossings(scores[order], *weights)[0])
    ranks = stats.rankdata(scores)
    below = float(ranks[len(own) :].sum()) - len(other) * (len(other) + 1) / 2
    return rate, below / (len(own) * len(other))


def _crossings(ordered: Floats, own: Floats, other: Floats) -> Floats:
    """Equal-error rate of each row of weights (B, N) over scores in ascending order."""
    last = np.append(ordered[1:] != ordered[:-1], True)
    accepted = [np.cumsum(weights, axis=1)[:, last] for weights in (own, other)]
    begin = np.zeros((len(own), 1))
    frr = 1 - np.hstack([begin, accepted[0]]) / accepted[0][:, -1:]
    far = np.hstack([begin, accepted[1]]) / accepted[1][:, -1:]
    gap = far - frr  # rises from -1 to 1
    row = np.arange(len(gap))
    after = np.argmax(gap >= 0, axis=1)
    before = after - 1
    share = -gap[row, before] / (gap[row, after] - gap[row, before])
    crossing: Floats = far[row, before] + share * (far[row, after] - far[row, before])
    return crossing


def _resampled(trials: Trials, rng: np.random.Generator, replicates: int) -> Iterator[Floats]:
    """Equal-error rates of populations drawn anew from the devices; a device is no impostor of itself."""
    n = trials.devices
    i, _ = np.nonzero(np.isfinite(trials.own))
    a, b, _ = np.nonzero(np.isfinite(trials.other))
    scores = np.concatenate([_known(trials.own), _known(trials.other)])
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    for first in range(0, replicates, step := max(1, _AT_ONCE // len(scores))):
        times = rng.multinomial(n, np.full(n, 1 / n), min(step, replicates - first)).astype(float)
        own = np.zeros((len(times), len(scores)))
        other = np.zeros_like(own)
        own[:, : len(i)] = times[:, i]
        other[:, len(i) :] = times[:, a] * times[:, b]
        usable = (own.sum(axis=1) > 0) & (other.sum(axis=1) > 0)
        yield _crossings(ordered, own[usable][:, order], other[usable][:, order])


def _worth(trials: Trials, kind: str) -> float:
    """Independent trials that would know the mean as well: of the scores, and of the nearest impostors."""
    values = trials.own if kind == "own" else trials.other
    known = np.isfinite(values)
    count, n = int(known.sum()), trials.devices
    if count < 2:
        return float(count)
    least = n if kind == "own" else n / 2
    ranked = np.zeros(values.shape)
    ranked[known] = stats.rankdata(values[known]) / (count + 1)
    near = np.where(known, ranked <= NEAREST, False).astype(float)
    found = []
    for column in (np.where(known, stats.norm.ppf(np.where(known, ranked, 0.5)), 0.0), near):
        variance = float(np.var(column[known], ddof=1))
        without = np.empty(n)
        for device in range(n):
            kept = known.copy()
            kept[device] = False
            if kind == "other":
                kept[:, device] = False
            without[device] = column[kept].mean() if kept.any() else np.nan
        without = without[np.isfinite(without)]
        jackknife = (len(without) - 1) / len(without) * float(np.sum((without - without.mean()) ** 2))
        found.append(variance / jackknife if jackknife > 0 else count)
    return float(np.clip(min(found), min(least, count), count))


def _identified(trials: Trials) -> Estimate:
    """Share of the devices all of whose further recordings are nearer to their own template than to any."""
    right = np.zeros(trials.devices, bool)
    for device in range(trials.devices):
        own = trials.own[device]
        others = np.delete(trials.other[:, device], device, axis=0)
        known = np.isfinite(own)
        nearest = np.where(np.isfinite(others), others, np.inf).min(axis=0)
        right[device] = bool(known.any() and np.all(own[known] < nearest[known]))
    return _rate(float(right.mean()), trials.devices, trials.devices)


def _permutation(trials: Trials, rng: np.random.Generator, replicates: int) -> TestResult:
    """Are recordings nearer to their own template than to another's? Templates are handed out anew."""
    full = trials.other.copy()
    row = np.arange(trials.devices)
    full[row, row] = trials.own
    known = np.isfinite(full)
    ranked = np.zeros(full.shape)
    ranked[known] = stats.rankdata(full[known]) / known.sum()

    def own_rank(template: np.ndarray) -> float:
        ranks = ranked[template, row][known[template, row]]
        return float(ranks.mean()) if len(ranks) else float("nan")

    observed = own_rank(row)
    drawn = np.array([own_rank(rng.permutation(row)) for _ in range(replicates)])
    p = (1 + int(np.count_nonzero(drawn <= observed))) / (1 + replicates)
    return TestResult(
        "mean rank of a device's own pairs, templates handed out anew",
        observed,
        p,
        trials.devices,
        "recordings are no nearer to the template of their own device",
        replicates,
    )


def _rate(share: float, worth: float, n: int) -> Estimate:
    low, high = _clopper_pearson(share * worth, worth)
    method = f"Clopper and Pearson 1934 for {worth:.4g} trials"
    return Estimate(share, min(low, share), max(high, share), n, method=method)


def _clopper_pearson(k: float, n: float) -> tuple[float, float]:
    """Of k errors in n trials, neither of which need be whole."""
    low = float(stats.beta.ppf(0.025, k, n - k + 1)) if k > 0 else 0.0
    high = float(stats.beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0
    return low, high


def _roc(own: Floats, other: Floats) -> Floats:
    thresholds = np.unique(np.concatenate([own, other]))
    if len(thresholds) > _POINTS_OF_ROC:
        # Where either rate still changes; evenly over the scores of both kinds.
        each = [np.quantile(s, np.linspace(0, 1, _POINTS_OF_ROC // 2)) for s in (own, other)]
        thresholds = np.unique(np.concatenate(each))
    far = np.searchsorted(np.sort(other), thresholds, side="right") / len(other)
    frr = 1 - np.searchsorted(np.sort(own), thresholds, side="right") / len(own)
    return np.vstack([[0.0, 1.0], np.column_stack([far, frr])])


def _quantiles(scores: Floats) -> tuple[float, float, float]:
    low, middle, high = np.quantile(scores, [0.05, 0.5, 0.95])
    return float(low), float(middle), float(high)


def _known(scores: Floats) -> Floats:
    return scores[np.isfinite(scores)]
