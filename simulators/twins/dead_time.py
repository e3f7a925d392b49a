"""Dead time: for a while after a nonce was reported, further ones are lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.sha256d.compilation import cached_kernel
from simulators.twins.randomness import Floats


class DeadTime:
    """Non-extending: a nonce that is lost does not begin another dead time."""

    def __init__(self, dead_time_s: float) -> None:
        self._dead_time_s = dead_time_s
        self._last_s = -np.inf

    def reported(self, found_s: Floats) -> NDArray[np.bool_]:
        """Which nonces of ascending times are reported, counting from those of the call before."""
        keep = np.ones(len(found_s), np.bool_)
        if self._dead_time_s and len(found_s):
            self._last_s = _mark(found_s, self._dead_time_s, self._last_s, keep)
        return keep


@cached_kernel
def _mark(found_s: Floats, dead_time_s: float, last_s: float, keep: NDArray[np.bool_]) -> float:
    """Clear `keep` where a nonce is within the dead time; return when the last one was reported."""
    for k in range(len(found_s)):
        if found_s[k] - last_s < dead_time_s:
            keep[k] = False
        else:
            last_s = found_s[k]
    return last_s
