"""Tasks that ask what is left of earlier inputs, plain or through a nonlinear function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from asicrc.errors import UsageError
from asicrc.reservoir.tasks.task import Floats, Seed, Task, checked_count, seed_details, seed_sequence

Distribution = Literal["uniform", "gaussian", "binary"]


def short_term_memory(
    n: int, seed: Seed, *, max_delay: int = 20, distribution: Distribution = "uniform"
) -> Task:
    """Column k-1 of y is u[t-k], k = 1 to `max_delay` (Jaeger 2001).

    u is uniform on [-1, 1), Gaussian of variance 1, or -1 and 1 with equal chance. Raises UsageError for
    another distribution or a delay below 1.
    """
    checked_count("n", n)
    checked_count("max_delay", max_delay)
    u = _iid(distribution, max_delay + n, seed)
    y = np.lib.stride_tricks.sliding_window_view(u[:-1], max_delay)[:, ::-1]
    bounds = {} if distribution == "gaussian" else {"u_low": -1.0, "u_high": 1.0}
    return Task(
        "short_term_memory",
        u[max_delay:].copy(),
        np.ascontiguousarray(y),
        f"u[t-1], ... u[t-{max_delay}]",
        {
            "kind": "bits" if distribution == "binary" else "regression",
            "max_delay": max_delay,
            "distribution": distribution,
            **bounds,
            **seed_details(seed),
        },
    )


def nonlinear_memory(
    n: int,
    seed: Seed,
    *,
    strengths: Sequence[float] = (0.1, 1.0, 2.0, 3.0, 5.0, 10.0),
    delays: Sequence[int] = (0, 1, 2, 3, 4, 5, 7, 10),
) -> Task:
    """y = sin(nu u[t - tau]) on the grid of `strengths` nu and `delays` tau (Inubushi and Yoshimura 2017).

    Columns run over the delays of the first strength, then of the next; u is uniform on [-1, 1). Raises
    UsageError for an empty grid, a delay below 0, or a strength that is 0 or no number.
    """
    checked_count("n", n)
    if not strengths or not delays or min(delays) < 0:
        raise UsageError(
            f"the grid has strengths {list(strengths)} and delays {list(delays)}",
            "give one strength or more, and delays of 0 or more",
        )
    if not all(np.isfinite(nu) and nu != 0 for nu in strengths):
        raise UsageError(f"the strengths are {list(strengths)}", "a strength is a number other than 0")
    before = max(delays)
    u = _iid("uniform", before + n, seed)
    columns = [np.sin(nu * u[before - tau : before - tau + n]) for nu in strengths for tau in delays]
    return Task(
        "nonlinear_memory",
        u[before:].copy(),
        np.stack(columns, axis=1),
        ", ".join(f"sin({nu:g} {_past(tau)})" for nu in strengths for tau in delays),
        {
            "kind": "regression",
            "strengths": [float(nu) for nu in strengths],
            "delays": [int(tau) for tau in delays],
            "u_low": -1.0,
            "u_high": 1.0,
            **seed_details(seed),
        },
    )


def _past(delay: int) -> str:
    return f"u[t-{delay}]" if delay else "u[t]"


def _iid(distribution: Distribution, steps: int, seed: Seed) -> Floats:
    rng = np.random.default_rng(seed_sequence(seed))
    if distribution == "uniform":
        return rng.uniform(-1.0, 1.0, steps)
    if distribution == "gaussian":
        return rng.normal(0.0, 1.0, steps)
    if distribution == "binary":
        return rng.choice(np.array([-1.0, 1.0]), steps)
    raise UsageError(f"there is no distribution {distribution!r}", "uniform, gaussian or binary")
