"""How the rate at which nonces are found changes faster than the pieces that time is passed in.

A planted heartbeat, the ripple of a fan's pulses, and the gap that begins whenever the firmware renews its
work are factors of the rate. They are made by thinning (Lewis and Shedler 1979): candidates come at the
highest rate there can be, and each is kept with the probability that its moment has of it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulators.models import Effects
from simulators.twins.confounds import Confounds
from simulators.twins.randomness import CandidateColumns, Floats, Streams


class Modulation:
    """`most` is the highest factor. Times are seconds since the point began, which fixes all phases."""

    def __init__(
        self, effects: Effects, confounds: Confounds, streams: Streams, columns: CandidateColumns
    ) -> None:
        self._effects = effects
        self._confounds = confounds
        self._columns = columns
        self._ripple_phase, self._renewal_phase = streams.generator("phases").random(5)[3:]
        self.most = (1.0 + effects.heartbeat_depth) * (1.0 + confounds.fan_pwm_depth)
        self._is_on = self.most > 1.0 or confounds.renewal_gap_s > 0.0

    def factor(self, t_s: Floats) -> Floats:
        """Of the rate, at these moments."""
        factor = self._effects.heartbeat(t_s)
        c = self._confounds
        if c.fan_pwm_depth:
            angle = 2 * math.pi * (c.fan_pwm_hz * t_s + self._ripple_phase)
            factor = factor * (1.0 + c.fan_pwm_depth * np.sin(angle))
        if c.renewal_gap_s:
            since_s = np.mod(t_s / c.renewal_s - self._renewal_phase, 1.0) * c.renewal_s
            factor = factor * (since_s >= c.renewal_gap_s)
        return factor

    def kept(self, t_s: Floats, numbers: NDArray[np.int64], first: int) -> NDArray[np.bool_] | None:
        """Which candidates are nonces; None for all of them."""
        if not self._is_on:
            return None
        draws = self._columns.take("thinning", numbers, first)
        kept: NDArray[np.bool_] = draws * self.most < self.factor(t_s)
        return kept
