"""The hash rate as a firmware reports it: counted and smoothed, or guessed from the proofs that are found."""

from __future__ import annotations

import math
from collections import deque


class CountedRate:
    """From hash counters that are read now and then; a change takes `time_constant_s` to show."""

    def __init__(self, time_constant_s: float) -> None:
        self.smoothed = 0.0
        """Hashes a second."""
        self._time_constant_s = time_constant_s
        self._samples: deque[tuple[float, float]] = deque(maxlen=3700)

    def sample(self, now_s: float, hashes: float) -> None:
        """`hashes` is a counter that only grows."""
        if self._samples:
            last_s, last = self._samples[-1]
            rate = (hashes - last) / max(now_s - last_s, 1e-6)
            fading = math.exp(-(now_s - last_s) / self._time_constant_s) if len(self._samples) > 1 else 0.0
            self.smoothed = rate + (self.smoothed - rate) * fading
        self._samples.append((now_s, hashes))

    def mean(self, seconds: float) -> float:
        """Over the newest `seconds`, or as many as there are."""
        if len(self._samples) < 2:
            return 0.0
        end_s, end = self._samples[-1]
        start_s, start = next(
            (sample for sample in self._samples if sample[0] >= end_s - seconds), self._samples[0]
        )
        if end_s <= start_s:
            start_s, start = self._samples[-2]
        return (end - start) / max(end_s - start_s, 1e-6)

    def forget(self) -> None:
        self._samples.clear()
        self.smoothed = 0.0


class GuessedRate:
    """As bitaxeorg/ESP-Miner at v2.1.8 (main/system.c: SYSTEM_notify_found_nonce): from the times of the last
    100 proofs, which is noisy, and stands still while none is found."""

    _KEPT = 100

    def __init__(self) -> None:
        self.value = 0.0
        """Hashes a second."""
        self._times_s: deque[float] = deque(maxlen=self._KEPT)
        self._begin_s = 0.0

    def start(self, now_s: float) -> None:
        self.value, self._begin_s = 0.0, now_s
        self._times_s.clear()

    def found(self, now_s: float, hashes_each: float) -> None:
        full = len(self._times_s) == self._KEPT
        self._times_s.append(now_s)
        begin_s = self._times_s[0] if full else self._begin_s
        rolling = len(self._times_s) * hashes_each / max(now_s - begin_s, 1e-6)
        self.value = (self.value * 9 + rolling) / 10 if full else rolling
