"""Dead time: for a while after a nonce was reported, further ones are lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.twins.randomness import Floats


class DeadTime:
    """Non-extending: a nonce that is lost does not begin another dead time."""

    def __init__(self, dead_time_s: float) -> None:
        self._dead_time_s = dead_time_s
        self._last_s = -np.inf
        if dead_time_s:
            from simulators.twins.dead_time_kernel import mark  # the compiler takes its time to load

            self._mark = mark

    def reported(self, found_s: Floats) -> NDArray[np.bool_]:
        """Which nonces of ascending times are reported, counting from those of the call before."""
        keep = np.ones(len(found_s), np.bool_)
        if self._dead_time_s and len(found_s):
            self._last_s = self._mark(found_s, self._dead_time_s, self._last_s, keep)
        return keep
