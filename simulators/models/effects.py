"""Effects to plant: what the claims say that devices do, each of a known size, and all off unless set.

- memory: the rate is 1 + gain (m - centre), where m is the fading mean of the drive u that came before,
  m_k = a m_{k-1} + (1 - a) u_k with a = exp(-1/tau) for each step, or exp(-dt/tau) for one of dt seconds;
- heartbeat: the rate is 1 + depth sin(2 pi f t + phase);
- leak: an event whose proof is among the best `leak_share` of all (hash value / target below it) comes after
  an interval that is longer by A / (1 - A) than that of the others, with the mean kept: exponential
  intervals then tell the two apart with an area under the ROC curve of exactly A;
- fingerprint: each core's nonces come later by a time of its own, of standard deviation `fingerprint_s`;
- rate change: the rate is 1 + share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import Self

import numpy as np
from numpy.typing import NDArray

from simulators.models.population import Variation

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effects:
    """Sizes. Raises ValueError for one that no device could have."""

    memory_gain: float = 0.0
    """Change of the rate, as a share, for each unit of the fading mean above `memory_centre`."""
    memory_tau: float = 3.0
    """In steps of the drive, or in seconds with `memory_in_s`."""
    memory_in_s: float = 0.0
    """1: `memory_tau` is in seconds."""
    memory_centre: float = 0.25
    """Mean of the drive, at which the rate is as without memory (0.25: of an input from 0 to 0.5)."""
    heartbeat_hz: float = 2.4
    heartbeat_depth: float = 0.0
    heartbeat_phase: float = 0.0
    """Radians."""
    leak_auc: float = 0.5
    leak_share: float = 0.25
    fingerprint_s: float = 0.0
    rate_change: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not math.isfinite(getattr(self, field.name)):
                raise ValueError(f"{field.name} = {getattr(self, field.name)} is no size of an effect")
        held = (
            ("memory_tau", self.memory_tau > 0, "above 0"),
            ("memory_in_s", self.memory_in_s in (0.0, 1.0), "0 or 1"),
            ("heartbeat_hz", self.heartbeat_hz > 0, "above 0"),
            ("heartbeat_depth", 0 <= self.heartbeat_depth < 1, "from 0 to below 1"),
            ("leak_auc", 0.5 <= self.leak_auc < 1, "from 0.5 (none) to below 1"),
            ("leak_share", 0 < self.leak_share < 1, "between 0 and 1"),
            ("fingerprint_s", self.fingerprint_s >= 0, "0 or more"),
            ("rate_change", self.rate_change > -1, "above -1"),
        )
        for name, good, range_text in held:
            if not good:
                raise ValueError(f"{name} = {getattr(self, name)}: it has to be {range_text}")

    @classmethod
    def from_mapping(cls, sizes: Mapping[str, float]) -> Self:
        """From names and sizes, as a URL gives them. Raises ValueError for a name that is none."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(sizes) - set(known))
        if unknown:
            raise ValueError(f"no effect is named {', '.join(unknown)}; they are {', '.join(known)}")
        return cls(**{name: float(size) for name, size in sizes.items()})

    @property
    def has_memory(self) -> bool:
        return self.memory_gain != 0.0

    @property
    def has_heartbeat(self) -> bool:
        return self.heartbeat_depth != 0.0

    @property
    def has_leak(self) -> bool:
        return self.leak_auc != 0.5

    @property
    def has_fingerprint(self) -> bool:
        return self.fingerprint_s != 0.0

    @property
    def nothing(self) -> bool:
        """Whether a device with these is one without any."""
        planted = self.has_memory or self.has_heartbeat or self.has_leak or self.has_fingerprint
        return not planted and self.rate_change == 0.0

    # of the drive

    def remember(self, memory: float, drive: float, step_s: float) -> float:
        """The fading mean after one more step of the drive; it begins at `memory_centre`."""
        kept = math.exp(-(step_s if self.memory_in_s else 1.0) / self.memory_tau)
        return kept * memory + (1.0 - kept) * drive

    def rate_factor(self, memory: float) -> float:
        """Of the rate over a step, from memory and rate change. Exactly 1 without both."""
        factor = 1.0 + self.rate_change
        if self.has_memory:
            factor *= max(0.0, 1.0 + self.memory_gain * (memory - self.memory_centre))
        return factor

    # of the time

    def heartbeat(self, t_s: Floats) -> Floats:
        """Factor of the rate at times of the device."""
        if not self.has_heartbeat:
            return np.ones_like(t_s)
        beat = np.sin(2 * np.pi * self.heartbeat_hz * t_s + self.heartbeat_phase)
        factor: Floats = 1.0 + self.heartbeat_depth * beat
        return factor

    # of the event

    def interval_factors(self) -> tuple[float, float]:
        """Of the interval before an event: of one that does not leak, and of one that does; mean 1."""
        if not self.has_leak:
            return 1.0, 1.0
        longer = self.leak_auc / (1.0 - self.leak_auc)
        mean = 1.0 + self.leak_share * (longer - 1.0)
        return 1.0 / mean, longer / mean

    def interval_factor(self, depth: Floats) -> Floats:
        """Of the interval before each event, from its hash value over its target, 0 to 1."""
        plain, longer = self.interval_factors()
        factors: Floats = np.where(depth < self.leak_share, longer, plain)
        return factors

    def leak_shift_s(self, jitter_s: float) -> float:
        """By how much an event that leaks comes later where stamps scatter normally by `jitter_s`.

        For a line whose load times are known, on which the residual against the scan order is looked at and
        not the interval: sqrt(2) jitter Phi^-1(A).
        """
        return math.sqrt(2.0) * jitter_s * NormalDist().inv_cdf(self.leak_auc) if self.has_leak else 0.0

    def fingerprint(self, variation: Variation) -> Floats:
        """(chips, cores) seconds by which a core's nonces come later; each device's own, mean near 0."""
        return self.fingerprint_s * variation.silicon
