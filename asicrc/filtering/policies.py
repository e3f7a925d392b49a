"""Filters that look at nothing: what any filter has to be better than."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asicrc.filtering.accounting import FilterAccount, account


def baselines(
    hit: NDArray[np.bool_],
    *,
    continue_rate: float,
    seed: np.random.SeedSequence,
    rounds_before: int,
    rounds: int,
    hit_share: float | None = None,
    tried: int = 1,
) -> dict[str, FilterAccount]:
    """Accounts of `abort_all`, `random_abort` (at the filter's own continue rate), `continue_all` and
    `majority` (which does with all what is right for most), on the same candidates.
    """
    n = len(hit)
    share = float(np.mean(hit)) if hit_share is None else hit_share
    decisions = {
        "abort_all": np.zeros(n, bool),
        "random_abort": np.random.default_rng(seed).random(n) < continue_rate,
        "continue_all": np.ones(n, bool),
        "majority": np.full(n, share > 0.5),
    }
    return {
        name: account(
            continued, hit, rounds_before=rounds_before, rounds=rounds, hit_share=hit_share, tried=tried
        )
        for name, continued in decisions.items()
    }
