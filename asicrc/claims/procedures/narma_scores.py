"""The NARMA-10 table without a device: S01, S02, S03 and S23.

The published protocol states neither steps nor split; 400 to train and 100 to test are the published size,
the penalty is the published 1e-6. What needs no device is scored on the same rows: the input, its delay
lines, an echo state network, and a miner without any memory that counts shares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.planning import takes_in_words
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.deciding import COMPUTATION, COMPUTED, computed_in, holds, spread_of_runs
from asicrc.claims.registry import CLAIMS
from asicrc.evidence import Estimate, EvidenceVerdict
from asicrc.evidence.finding import POWER_80_SE
from asicrc.reservoir.baselines import quadratic_taps, taps
from asicrc.reservoir.benchmark import Split, Target, score
from asicrc.reservoir.benchmark.input_scores import echo_states
from asicrc.reservoir.benchmark.scoring import score_constant
from asicrc.reservoir.blas_threads import DECOMPOSITIONS, one_thread_up_to
from asicrc.reservoir.states import StateTable
from asicrc.reservoir.states.table import Floats
from asicrc.reservoir.tasks import narma

DIALOGUE, MONOLOGUE, CONSTANT = 0.8661, 0.9550, 1.0000
IMPROVEMENTS_PER_CENT = {"dialogue": 12.1, "monologue": 7.6}
IMPROVEMENT_MARGIN = 0.05
PENALTY = (1e-6,)
MARGIN = 0.01
PUBLISHED_SIZE = Split(200, 400, 100)
LARGER = Split(200, 2000, 1000)
SEEDS, SEEDS_LARGER, SLOW_SEEDS = 40, 20, 10
"""Slow are the products of the delay line and the network, which no claim rests on."""
UNITS = 100
SHARES_A_STEP = (6.0, 1000.0)
CAPTURES = 10
U_T, FED_BACK = "u(t) alone", "memoryless miner, dialogue"
BY_CLOCK = "memoryless miner, monologue"


@dataclass(frozen=True, slots=True)
class Scores:
    """NRMSE by what was scored, one for each seed."""

    split: Split
    by_name: dict[str, list[float]]

    def spread(self, name: str) -> Estimate:
        return spread_of_runs(self.by_name[name])


def dialogue(context: Context) -> ClaimOutcome:
    """S01: 0.8661, said to need the device."""
    return _one_mode("S01", DIALOGUE, FED_BACK, context)


def monologue(context: Context) -> ClaimOutcome:
    """S02: 0.9550."""
    return _one_mode("S02", MONOLOGUE, BY_CLOCK, context)


def _one_mode(claim: str, printed: float, mode: str, context: Context) -> ClaimOutcome:
    small, large = _scores(context)
    memoryless = [name for name in small.by_name if name.startswith(mode)]
    can = [U_T, *memoryless]
    spreads = {name: small.spread(name) for name in can}
    inside = [name for name, spread in spreads.items() if spread.low <= printed <= spread.high]
    paired = np.subtract(small.by_name[memoryless[0]], small.by_name[U_T])
    smallest = POWER_80_SE * float(paired.std(ddof=1)) / np.sqrt(CAPTURES)
    at_large = ", ".join(f"{name} {large.spread(name).estimate:.3f}" for name in can)
    return ClaimOutcome(
        claim,
        COMPUTED,
        holds(bool(inside)),
        EvidenceVerdict.NOT_TESTABLE_HERE,
        f"At the published size single runs of {U_T} score {spreads[U_T].low:.2f} to "
        f"{spreads[U_T].high:.2f}: {printed:g} lies {'inside' if inside else 'outside'} what needs no "
        f"device and no memory. With {LARGER.n_train:,} and {LARGER.n_test:,} steps: {at_large}.",
        _table(small, printed, can) + _table(large, printed, can),
        smallest_effect=smallest,
        effect_unit=f"NRMSE, paired over {CAPTURES} captures of the published size",
        needs=(
            f"{takes_in_words(CLAIMS[claim])}, in {CAPTURES} captures, each beside {U_T} and a miner "
            "without memory"
        ),
    )


def _table(scores: Scores, printed: float, printed_for: Sequence[str]) -> list[Reproduced]:
    size = f"{scores.split.n_train}/{scores.split.n_test} steps"
    return [
        Reproduced(f"{name}, {size}", printed if name in printed_for else None, scores.spread(name), "NRMSE")
        for name in scores.by_name
    ]


def improvements(context: Context) -> ClaimOutcome:
    """S03: what the printed scores give, and what 100 test steps can tell apart."""
    computed = {
        "dialogue": 100 * (1 - DIALOGUE / CONSTANT),
        "monologue": 100 * (1 - MONOLOGUE / CONSTANT),
    }
    follows = all(
        abs(computed[mode] - printed) <= IMPROVEMENT_MARGIN for mode, printed in IMPROVEMENTS_PER_CENT.items()
    )
    small, _ = _scores(context)
    constant = small.by_name["constant"]
    # two runs with series of their own: their difference scatters by the root of the sum of both variances
    unpaired = POWER_80_SE * float(np.hypot(np.std(constant, ddof=1), np.std(small.by_name[U_T], ddof=1)))
    implied = {
        "dialogue": DIALOGUE / (1 - IMPROVEMENTS_PER_CENT["dialogue"] / 100),
        "monologue": MONOLOGUE / (1 - IMPROVEMENTS_PER_CENT["monologue"] / 100),
    }
    resolved = unpaired <= CONSTANT - DIALOGUE
    return ClaimOutcome(
        "S03",
        COMPUTED,
        holds(follows),
        EvidenceVerdict.NOT_TESTABLE_HERE if resolved else EvidenceVerdict.NOT_RESOLVED,
        f"The printed scores give {computed['dialogue']:.1f} % and {computed['monologue']:.1f} %. The "
        f"printed improvements would take constants of {implied['dialogue']:.4f} and "
        f"{implied['monologue']:.4f}. {PUBLISHED_SIZE.n_test} test steps tell two single runs apart from a "
        f"difference of {unpaired:.2f} on.",
        [
            *(
                Reproduced(f"improvement, {mode}", IMPROVEMENTS_PER_CENT[mode], value, "%")
                for mode, value in computed.items()
            ),
            Reproduced("dialogue against monologue", None, 100 * (1 - DIALOGUE / MONOLOGUE), "%"),
            *(
                Reproduced(f"constant that the {mode} improvement implies", CONSTANT, value, "NRMSE")
                for mode, value in implied.items()
            ),
            Reproduced("constant at the published size", CONSTANT, small.spread("constant"), "NRMSE"),
        ],
        smallest_effect=unpaired,
        effect_unit="NRMSE between two single runs of the published size",
        needs="the scores of ten runs or more with their series, to be compared in pairs",
    )


def floor(context: Context) -> ClaimOutcome:
    """S23: how low the input alone comes, seed by seed, with no device in it."""
    small, large = _scores(context)
    lowest = {scores.split.n_test: min(scores.by_name[U_T]) for scores in (small, large)}
    spreads = [scores.spread(U_T) for scores in (small, large)]
    value = holds(any(one.low <= DIALOGUE <= one.high for one in spreads))
    signature = holds(all(low > DIALOGUE + MARGIN for low in lowest.values()))
    deviation = float(np.std(large.by_name[U_T], ddof=1))
    return ClaimOutcome(
        "S23",
        COMPUTED,
        value,
        signature,
        f"The input alone scores {spreads[1].estimate:.3f}, and {lowest[LARGER.n_test]:.3f} in the best of "
        f"{SEEDS_LARGER} seeds, with no device; {DIALOGUE:g} was printed. Without any device it scatters by "
        f"{deviation:.3f} from seed to seed, so that two devices would have to differ by more.",
        [
            Reproduced(f"{U_T}, {size.n_train}/{size.n_test} steps", DIALOGUE, one, "NRMSE")
            for size, one in zip((PUBLISHED_SIZE, LARGER), spreads, strict=True)
        ]
        + [
            Reproduced(f"lowest of the seeds, {steps} test steps", DIALOGUE, low, "NRMSE")
            for steps, low in lowest.items()
        ],
        smallest_effect=POWER_80_SE * deviation * np.sqrt(2 / CAPTURES),
        effect_unit=f"NRMSE between two devices, {CAPTURES} runs of each",
    )


def _scores(context: Context) -> tuple[Scores, Scores]:
    # of the root seed alone: the four claims are about the same runs
    return _scored(int(np.random.SeedSequence(context.seed.entropy).generate_state(1)[0]))


@lru_cache(maxsize=4)
def _scored(first_seed: int) -> tuple[Scores, Scores]:
    """At the published size and at a larger one; several claims rest on the same seeds."""
    with one_thread_up_to(DECOMPOSITIONS, UNITS):
        return (
            _over_seeds(PUBLISHED_SIZE, SEEDS, first_seed, slow_seeds=SLOW_SEEDS),
            _over_seeds(LARGER, SEEDS_LARGER, first_seed, slow_seeds=0),
        )


def _over_seeds(split: Split, seeds: int, first_seed: int, *, slow_seeds: int) -> Scores:
    found: dict[str, list[float]] = {}
    for number in range(seeds):
        seed = np.random.SeedSequence([first_seed, split.n_test, number])
        task = narma(10, split.steps, seed)
        target = Target(task.y, np.ones(split.steps, dtype=np.bool_), split, PENALTY)
        found.setdefault("constant", []).append(score_constant(target).nrmse)
        for name, table in _tables(task.u, split, seed, number < slow_seeds).items():
            found.setdefault(name, []).append(score(name, table(), target).nrmse)
    return Scores(split, found)


def _tables(
    u: Floats, split: Split, seed: np.random.SeedSequence, with_slow: bool
) -> dict[str, Callable[[], StateTable]]:
    rng = np.random.default_rng(seed.spawn(1)[0])
    tables: dict[str, Callable[[], StateTable]] = {
        U_T: partial(taps, u, 1),
        "delay line of 10": partial(taps, u, 10),
        "delay line of 20": partial(taps, u, 20),
    }
    for shares in SHARES_A_STEP:
        tables[f"{BY_CLOCK}, {shares:g} shares a step"] = partial(counted, u, shares, 0.0, rng)
        tables[f"{FED_BACK}, {shares:g} shares a step"] = partial(counted, u, shares, 0.5, rng)
    if with_slow:
        network_seed = int(seed.generate_state(1)[0])
        tables["delay line of 20 with products"] = partial(quadratic_taps, u, 20)
        tables[f"echo state network of {UNITS}"] = lambda: echo_states(
            u, UNITS, network_seed, split.test.start
        )
    return tables


def counted(u: Floats, shares: float, fed_back: float, rng: np.random.Generator) -> StateTable:
    """Shares counted in each step by a miner whose rate follows the work of the moment alone.

    The host divides the difficulty by u, so that the rate goes with u; in dialogue it also divides by a share
    `fed_back` of the last count: that memory is the host's. `shares` a step on average without it.
    """
    counts = np.empty(len(u))
    last = shares
    mean = float(u.mean())
    for step, value in enumerate(u.tolist()):
        rate = shares * value / mean * (1 - fed_back + fed_back * last / shares)
        last = float(rng.poisson(rate))
        counts[step] = last
    return StateTable.of(["count"], counts[:, None])


_SOURCE = frozenset({COMPUTATION})
PROCEDURES: tuple[Procedure, ...] = (
    Procedure("S01", _SOURCE, dialogue, computed_in(8.0), "NARMA-10 baselines"),
    Procedure("S02", _SOURCE, monologue, computed_in(8.0), "NARMA-10 baselines"),
    Procedure("S03", _SOURCE, improvements, computed_in(8.0), "NARMA-10 baselines"),
    Procedure("S23", _SOURCE, floor, computed_in(8.0), "NARMA-10 baselines"),
)
