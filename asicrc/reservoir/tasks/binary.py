"""Tasks on random bits: parity of the last n bits, of which XOR is the case n = 2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asicrc.errors import UsageError
from asicrc.reservoir.tasks.task import Seed, Task, checked_count, seed_details, seed_sequence


def parity(n: int, seed: Seed, *, bits: int = 3, delays: int | Sequence[int] = 0) -> Task:
    """y[t] = u[t-d] XOR u[t-d-1] XOR ... over `bits` bits (Bertschinger and Natschlaeger 2004).

    u is 0 or 1 with equal chance. A column of y for each of several `delays`; the squared correlations of
    the columns add up to the parity capacity. Raises UsageError for less than two bits or a delay below 0.
    """
    checked_count("n", n)
    checked_count("bits", bits, 2)
    steps = (delays,) if isinstance(delays, int) else tuple(int(d) for d in delays)
    if not steps or min(steps) < 0:
        raise UsageError(f"the delays are {delays}", "a delay is 0 steps or more back")
    before = max(steps) + bits - 1
    u = np.random.default_rng(seed_sequence(seed)).integers(0, 2, before + n)
    columns = []
    for delay in steps:
        windows = np.lib.stride_tricks.sliding_window_view(u, bits)
        columns.append(windows[max(steps) - delay :][:n].sum(axis=1) % 2)
    y = np.stack(columns, axis=1).astype(np.float64)
    return Task(
        "xor" if bits == 2 else f"parity{bits}",
        u[before:].astype(np.float64),
        y[:, 0].copy() if isinstance(delays, int) else y,
        ", ".join("XOR of " + (f"u[t-{d}]" if d else "u[t]") + f" to u[t-{d + bits - 1}]" for d in steps),
        {
            "kind": "bits",
            "bits": bits,
            "delays": list(steps),
            "u_low": 0.0,
            "u_high": 1.0,
            **seed_details(seed),
        },
    )
