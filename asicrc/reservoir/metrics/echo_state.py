"""Does the state depend on the drive alone, or still on what was before it?

On a device the same drive is replayed after different preambles, several times after each: what differs
between preambles beyond what differs between runs after the same one is a memory of the start. That the
echo-state property holds is an equivalence, shown by an interval inside a margin and never by a test that
found nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import Estimate, EvidenceVerdict, Finding, TestResult, judge
from asicrc.evidence.finding import POWER_80_SE
from asicrc.reservoir.metrics.checking import Floats, replay_stack, spread_of_features

SHARE_MARGIN = 0.05
LEAST_RUNS = 3


@dataclass(frozen=True, slots=True)
class EchoState:
    """`finding` is about the claim that the preamble still shows: refuted means that the property holds.

    share_of_step : (T,) share of the variance that the preamble makes in each step, from the first; unbiased,
        so it may be below 0
    """

    finding: Finding
    share_of_step: Floats
    washout: int

    @property
    def holds(self) -> bool | None:
        """None where the runs do not resolve it."""
        verdict = self.finding.verdict
        return {EvidenceVerdict.REFUTED: True, EvidenceVerdict.SUPPORTED: False}.get(verdict)

    def as_json(self) -> dict[str, Any]:
        return {**self.finding.as_json(), "holds": self.holds, "washout": self.washout}


def echo_state(
    replays: ArrayLike,
    preambles: Sequence[object],
    *,
    washout: int,
    margin: float = SHARE_MARGIN,
    replicates: int = 999,
    seed: int = 0,
) -> EchoState:
    """Share of the states' variance that the preamble makes after `washout` steps of the same drive.

    Parameters
    ----------
    replays : (R, T, k) states of R runs, which are independent of each other and in random order
    preambles : R labels, what each run began with; each at least 3 times
    margin : a share below it is called none; to be fixed before the data are seen

    Features are scaled to variance 1. The interval is a jackknife over runs, for a run as a whole may be
    warmer than the next; the p-value is from permuting the labels, so four runs of each of two preambles are
    the fewest that can reach 0.05. Raises UsageError for labels that do not fit, NoAnswer for fewer than two
    preambles or three runs of one, no steps after the washout, or constant states.
    """
    x = replay_stack(replays, least=2 * LEAST_RUNS)
    groups = _groups(preambles, len(x))
    if not 0 <= washout < x.shape[1] - 1:
        raise NoAnswer(
            f"a washout of {washout} leaves nothing of {x.shape[1]} steps", "replay a longer drive"
        )
    if not margin > 0:
        raise UsageError(f"the margin is {margin:g}", "a margin is a share above 0, such as 0.05")
    x = _scaled(x, washout)
    products = np.einsum("atk,btk->tab", x, x, optimize=True) / x.shape[2]
    after = products[washout:].mean(axis=0)
    effect = _jackknife_over_runs(after, groups)
    test = _permutation_test(after, groups, effect.estimate, replicates, seed)
    se = (effect.high - effect.low) / 2 / float(stats.t.ppf(0.975, len(x) - groups.max() - 1))
    finding = Finding(
        question=f"Do the states still show the preamble {washout} steps into the same drive?",
        effect=effect,
        nulls=[test],
        smallest_effect=POWER_80_SE * se,
        verdict=judge(effect, test.p_value, margin=margin),
        note=f"effect: share of the states' variance; margin {margin:g}; refuted means that it is forgotten",
        p_corrected=test.p_value,
    )
    return EchoState(finding, np.array([_share(step, groups) for step in products]), washout)


def echo_state_index(states: ArrayLike, *, washout: int) -> float:
    """Mean distance |x_i(t) - x_0(t)| after the washout over R - 1 other starts (Gallicchio 2019).

    For a simulation: noise adds to it, so on a device use `echo_state`. `states` are (R, T, k) from R starts.
    """
    x = replay_stack(states)
    if not 0 <= washout < x.shape[1]:
        raise NoAnswer(f"a washout of {washout} leaves nothing of {x.shape[1]} steps", "run for longer")
    return float(np.linalg.norm(x[1:, washout:] - x[0, washout:], axis=2).mean())


def _groups(preambles: Sequence[object], runs: int) -> NDArray[np.int64]:
    if len(preambles) != runs:
        raise UsageError(f"{len(preambles)} preambles for {runs} replays", "label every replay")
    names = list(dict.fromkeys(preambles))
    groups = np.array([names.index(label) for label in preambles])
    counts = np.bincount(groups)
    if len(names) < 2 or counts.min() < LEAST_RUNS:
        raise NoAnswer(
            f"{len(names)} preambles with {counts.min()} runs at the fewest",
            f"replay after two preambles or more, {LEAST_RUNS} times or more after each",
        )
    return groups


def _scaled(x: Floats, washout: int) -> Floats:
    """Features of mean 0 and variance 1 over runs and steps after the washout; constant ones are left out."""
    after = x[:, washout:]
    scale, keep = spread_of_features(after)
    scaled: Floats = (x - after.mean(axis=(0, 1)))[:, :, keep] / scale[keep]
    return scaled


def _share(products: Floats, groups: NDArray[np.int64]) -> float:
    """Unbiased variance between the means of the groups, from the (R, R) products of runs."""
    members = np.eye(groups.max() + 1)[groups]
    counts = members.sum(axis=0)
    sums = members.T @ products @ members
    own = (np.diag(sums) - np.diag(products) @ members) / (counts * (counts - 1))
    means = sums / np.outer(counts, counts)
    np.fill_diagonal(means, own)
    return float(np.mean(own) - np.mean(means))


def _jackknife_over_runs(products: Floats, groups: NDArray[np.int64]) -> Estimate:
    value, runs = _share(products, groups), len(groups)
    variance = 0.0
    for group in range(groups.max() + 1):
        own = np.flatnonzero(groups == group)
        left_out = []
        for run in own:
            rest = np.delete(np.arange(runs), run)
            left_out.append(_share(products[np.ix_(rest, rest)], groups[rest]))
        variance += (len(own) - 1) / len(own) * float(np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    half = float(stats.t.ppf(0.975, runs - groups.max() - 1) * np.sqrt(variance))
    return Estimate(value, value - half, value + half, runs, method="jackknife over runs")


def _permutation_test(
    products: Floats, groups: NDArray[np.int64], observed: float, replicates: int, seed: int
) -> TestResult:
    rng = np.random.default_rng(seed)
    permuted = np.array([_share(products, rng.permutation(groups)) for _ in range(replicates)])
    # relabelled groups give the same share up to rounding
    reached = int(np.count_nonzero(permuted >= observed - 1e-9 * abs(observed)))
    return TestResult(
        name="permutation of the preambles",
        statistic=observed,
        p_value=(1 + reached) / (1 + replicates),
        n=len(groups),
        null="runs are the same whatever preamble they began with",
        replicates=replicates,
    )
