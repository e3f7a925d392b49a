"""The step of stamps, and the residual that the rounding alone leaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asicrc.evidence import Estimate

MIN_STAMPS = 20
MIN_QUANTUM_NS = 100_000
_DRAWS = 20_000_000
_FLOATS_AT_ONCE = 2_000_000


def stamp_quantum_s(t_ns: NDArray[np.int64]) -> float | None:
    """Greatest common divisor of the distances between stamps, s.

    None below 100 us, where it would be the resolution of a clock rather than a step worth modelling, and for
    fewer than 20 different stamps, which can share a divisor by chance.
    """
    stamps = np.unique(t_ns)
    if len(stamps) < MIN_STAMPS:
        return None
    divisor = int(np.gcd.reduce(np.diff(stamps)))
    return divisor / 1e9 if divisor >= MIN_QUANTUM_NS else None


def quantisation_rms_s(
    quantum_s: float,
    n: int,
    rng: np.random.Generator,
    *,
    fitted: int = 1,
    job: NDArray[np.int64] | None = None,
    load_rounded: bool = False,
) -> Estimate:
    """Rms that rounding to `quantum_s` leaves in n residuals; the interval holds 95 % of such samples.

    The error of a stamp is uniform, rms quantum / sqrt(12) (Bennett 1948). `fitted` parameters, an offset
    among them, were taken out. With `load_rounded` the load of each job was stamped with the same clock, so
    that all events of a job share a second uniform error.
    """
    replicates = int(np.clip(_DRAWS // n, 200, 4000))
    jobs, member = np.unique(np.zeros(n) if job is None else job, return_inverse=True)
    rms = np.empty(replicates)
    rows = max(1, _FLOATS_AT_ONCE // n)
    for first in range(0, replicates, rows):
        error = rng.random((min(rows, replicates - first), n))
        if load_rounded:
            error -= rng.random((len(error), len(jobs)))[:, member]
        rms[first : first + rows] = error.std(axis=1)
    rms *= quantum_s * np.sqrt((n - fitted) / (n - 1))
    low, high = np.quantile(rms, [0.025, 0.975])
    shared = load_rounded and len(jobs) > 1
    centre = np.sqrt(np.mean(rms**2)) if shared else quantum_s / np.sqrt(12)
    return Estimate(
        float(centre), float(low), float(high), n, method=f"{replicates} simulated samples of rounding errors"
    )
