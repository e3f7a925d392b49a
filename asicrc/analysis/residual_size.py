"""Is the residual against the scan order larger than the jitter floor?

The host makes stamps late, never early. So whatever it does, the prompt stamps lie as close together as line
and reader allow, while a chip whose own timing spreads has no prompt stamps: its spread is in all of them.
Both the rms and the spread of the prompt ones have to be above the floor before the residual is said to be.
"""

from __future__ import annotations

import numpy as np

from asicrc.analysis.robust_fit import densest_sigma, group_medians
from asicrc.analysis.time_blocks import TimeBlocks
from asicrc.evidence import Estimate
from asicrc.evidence.block_bootstrap import Floats, block_bootstrap_interval, block_length

MIN_EVENTS = 20


def size_against_floor(
    in_time_ms: Floats, floor_ms: float | None, blocks: TimeBlocks, rng: np.random.Generator
) -> Estimate | None:
    """Rms of the residuals, in the order of their time, over the floor; None without a floor, or for fewer
    than 20 events. The blocks of the bootstrap are as long as the stretches of `blocks`."""
    n = len(in_time_ms)
    if not floor_ms or n < MIN_EVENTS or not in_time_ms.any():
        return None
    squares = (in_time_ms / floor_ms)[:, None] ** 2
    return block_bootstrap_interval(
        squares,
        lambda m: np.sqrt(m[..., 0]),
        lambda m: 0.5 / np.sqrt(np.maximum(m, 1e-300)),
        rng,
        length=max(block_length(n), n // blocks.stretches),
    )


def prompt_ms(scaled_ms: Floats, blocks: TimeBlocks, fitted_scale_ms: float) -> float:
    """Spread of the densest quarter of the residuals within jobs, as the sigma of a normal law.

    The smaller one of that about the clock's fit and that about the middle of each job: when a job was loaded
    is known to the host only to its own jitter, which is no property of the chip.
    """
    within = scaled_ms - group_medians(scaled_ms, blocks.job, blocks.jobs)[blocks.job]
    return min(fitted_scale_ms, densest_sigma(within))


def size_statement(
    rms_ms: float,
    prompt: float,
    rounding: Estimate | None,
    floor_ms: float | None,
    ratio: Estimate | None,
    no_floor: str | None,
) -> str:
    """What the size says, in words. `no_floor`: why the jitter of the stamps is not known, or None."""
    if floor_ms is None:
        return f"{no_floor}: the residual describes, it proves nothing"
    if ratio is None:
        return (
            f"too few events to hold the residual of {rms_ms:.3g} ms against the floor of {floor_ms:.3g} ms"
        )
    if ratio.low <= 1 or (rounding is not None and rms_ms <= rounding.high):
        return f"nothing above the floor of {floor_ms:.3g} ms"
    if no_floor is not None:
        return (
            f"the residual of {rms_ms:.3g} ms is above the rounding of {floor_ms:.3g} ms, but {no_floor}: "
            "it proves nothing"
        )
    if prompt > floor_ms:
        return f"the residual exceeds the floor of {floor_ms:.3g} ms {ratio.estimate:.3g} times"
    return (
        f"nothing above the floor of {floor_ms:.3g} ms in the prompt stamps (they spread by {prompt:.3g} ms "
        "within jobs); others, or whole jobs, are later, which the host alone can explain"
    )
