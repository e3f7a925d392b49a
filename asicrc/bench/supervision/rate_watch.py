"""Whether the events still come as often as they should, judged so that few events never cry wolf.

Counts in windows that do not overlap, each as long as it has to be to tell. A window is a collapse where the
highest rate that its count is compatible with (the upper bound of its Poisson interval, Garwood 1936) is
below the allowed share of the rate that should be. Where no rate is known, it is that of the beginning, and
the bound is that of the ratio of two Poisson rates (Przyborowski and Wilenski 1940).

So a device at exactly the allowed share is taken for a collapsed one in at most LEVEL of the windows,
whatever its rate; one at its full rate practically never. Arrivals in bunches (batching, a held line) are
more dispersed than Poisson ones: that is what the distance to the allowed share, and windows of at least
SHORTEST_S, are for.
"""

from __future__ import annotations

from dataclasses import dataclass

from asicrc.bench.supervision.exact_tails import (
    binomial_at_most,
    highest_mean,
    highest_share,
    poisson_at_most,
)

LEVEL = 1e-6
SHORTEST_S = 10.0
EVENTS_EXPECTED = 60.0
"""In a window, before it is judged: none at all, or a tenth, then is a finding at any allowed share."""
REFERENCE_EVENTS = 100
"""That the rate at the beginning is taken from."""


@dataclass(frozen=True, slots=True)
class Collapse:
    """`expected` is how many should have come in `seconds`; `at_most` the upper bound of what comes, as a
    share of it."""

    events: int
    expected: float
    seconds: float
    at_most: float

    def __str__(self) -> str:
        return (
            f"the hash rate has collapsed: {self.events} events came in {self.seconds:.0f} s where "
            f"{self.expected:.0f} were to be expected, so it is at {self.at_most:.0%} at most"
        )


class RateWatch:
    """`share` is the lowest allowed. `expected_hz` None: the rate at the beginning is what should be.

    A window, and the beginning, are `shortest_s` at least.
    """

    def __init__(
        self,
        share: float,
        *,
        expected_hz: float | None = None,
        level: float = LEVEL,
        shortest_s: float = SHORTEST_S,
    ) -> None:
        self._share = share
        self._shortest_s = shortest_s
        self._level = level
        self._expected_hz = expected_hz
        self._reference = _Count()
        self._window = _Count()

    @property
    def expected_hz(self) -> float | None:
        """What should come; None as long as that is being learned."""
        if self._expected_hz is not None:
            return self._expected_hz
        return self._reference.hz if self._is_learned else None

    def begin(self, expected_hz: float | None = None) -> None:
        """Other settings, so another rate: known, or to be learned anew."""
        self._expected_hz = expected_hz
        self._reference = _Count()
        self._window = _Count()

    def leave_out(self) -> None:
        """The window that runs is of no use: the device was away."""
        self._window = _Count()
        if not self._is_learned:
            self._reference = _Count()

    def add(self, events: int, seconds: float) -> Collapse | None:
        """So many came in the time since the last call."""
        expected_hz = self.expected_hz
        if expected_hz is None:
            self._reference.add(events, seconds)
            return None
        window = self._window
        window.add(events, seconds)
        expected = expected_hz * window.seconds
        if window.seconds < self._shortest_s or expected < EVENTS_EXPECTED:
            return None
        self._window = _Count()
        if self._chance(window) >= self._level:
            return None
        return Collapse(window.events, expected, window.seconds, self._highest_ratio(window))

    @property
    def _is_learned(self) -> bool:
        """Whether a rate can be taken from the beginning."""
        return self._reference.events >= REFERENCE_EVENTS and self._reference.seconds >= self._shortest_s

    def _chance(self, window: _Count) -> float:
        """Of so few events, at exactly the allowed share of the rate."""
        if self._expected_hz is not None:
            return poisson_at_most(window.events, self._share * self._expected_hz * window.seconds)
        both = window.events + self._reference.events
        at_share_s = self._share * window.seconds
        return binomial_at_most(window.events, both, at_share_s / (at_share_s + self._reference.seconds))

    def _highest_ratio(self, window: _Count) -> float:
        if self._expected_hz is not None:
            return highest_mean(window.events, self._level) / (self._expected_hz * window.seconds)
        both = window.events + self._reference.events
        share = highest_share(window.events, both, self._level)
        return share / (1 - share) * self._reference.seconds / window.seconds


@dataclass(slots=True)
class _Count:
    events: int = 0
    seconds: float = 0.0

    @property
    def hz(self) -> float:
        return self.events / self.seconds

    def add(self, events: int, seconds: float) -> None:
        self.events += events
        self.seconds += seconds
