"""The loop of the dead time: whether a nonce is reported depends on the last one that was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.sha256d.compilation import cached_kernel


@cached_kernel
def mark(found_s: NDArray[np.float64], dead_time_s: float, last_s: float, keep: NDArray[np.bool_]) -> float:
    """Clear `keep` where a nonce is within the dead time; return when the last one was reported."""
    for k in range(len(found_s)):
        if found_s[k] - last_s < dead_time_s:
            keep[k] = False
        else:
            last_s = found_s[k]
    return last_s
