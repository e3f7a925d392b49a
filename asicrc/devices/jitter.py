"""From round trips to the jitter floor that a capture states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firmware_protocols.device import JitterFloor

_REPLICATES = 400
_UPPER = 0.975


def floor_of(round_trips_ns: Sequence[int], method: str) -> JitterFloor:
    """Spread of at least two round trips.

    The tail of such times is long, so the standard deviation of a few dozen is itself uncertain by half:
    `rms_high_s` is the upper end of its 95 % bootstrap interval (Efron and Tibshirani 1993, percentile
    method) for round trips that are independent of each other. Those of a busy host are not: an analysis of
    the recorded line takes whole stretches of them.
    """
    trips_s = np.array(round_trips_ns) / 1e9
    rng = np.random.default_rng(np.random.SeedSequence(len(trips_s)))
    spreads_s = [rng.choice(trips_s, len(trips_s)).std(ddof=1) for _ in range(_REPLICATES)]
    rms_s = float(trips_s.std(ddof=1))
    return JitterFloor(
        rms_s=rms_s,
        rms_high_s=max(rms_s, float(np.quantile(spreads_s, _UPPER))),
        median_s=float(np.median(trips_s)),
        p99_s=float(np.quantile(trips_s, 0.99)),
        n=len(trips_s),
        method=method,
    )
