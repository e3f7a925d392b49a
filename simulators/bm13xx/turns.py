"""The order of the BM1387: midstates tested in turn, once over the core's space, and then nothing more.

Each core owns 2**19 candidates on a chain of 63 chips (25 bits less those of the chip's number), and a core
tests one a clock whatever the number of midstates: the firmware of the S9 reckons with n * 2**19 / f for a
work of n midstates (xertSuns1/braiins: bosminer-am1-s9). That the counter starts at 0 and counts upwards, and
that midstates alternate from clock to clock, are conjectures; nobody has published timed results of a BM1387.
The option `midstate_order=sequential` takes the midstates one after the other instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from simulators.bm13xx.sweep import COUNTER_SIZE, HashSettings


@dataclass(frozen=True, slots=True)
class Turns:
    """One chip's way through one work. Its batches are the midstates.

    Candidate number k of a core is position k // n of midstate k % n, or in sequence position k % space of
    midstate k // space.
    """

    settings: HashSettings
    start_counter: int
    time_scale: float
    start_ns: int
    midstates: int
    space: int
    """Positions of a core."""
    interleaved: bool = True
    start_candidate: float = 0.0
    """Where the core stands at `start_ns`."""

    def due_ns(self, batch: int, position: int) -> int:
        """Real time at which the chip reaches a position of a midstate."""
        number = position * self.midstates + batch if self.interleaved else batch * self.space + position
        return self._due_ns(number)

    def cursor(self) -> TurnsCursor:
        return TurnsCursor(self)

    @property
    def candidates(self) -> int:
        """Of one core, in all."""
        return self.midstates * self.space

    def candidate_at(self, t_ns: int) -> int:
        """First candidate that is due at `t_ns` or later; `candidates` when all were before."""
        guess = math.ceil(self._candidate(t_ns))
        low = math.ceil(self.start_candidate - _ROUNDING)
        number = min(max(guess, low), self.candidates)
        while number > low and self._due_ns(number - 1) >= t_ns:
            number -= 1
        while number < self.candidates and self._due_ns(number) < t_ns:
            number += 1
        return number

    def changed(self, t_ns: int, settings: HashSettings) -> Turns:
        """The same work from `t_ns` on under other settings. Raises ValueError before `start_ns`."""
        if t_ns < self.start_ns:
            raise ValueError("a work cannot change before it starts")
        return replace(self, settings=settings, start_ns=t_ns, start_candidate=self._candidate(t_ns))

    def counting_from(self, start_counter: int) -> Turns:
        return replace(self, start_counter=start_counter)

    def _candidate(self, t_ns: int) -> float:
        since_s = (t_ns - self.start_ns) / (self.time_scale * 1e9)
        return self.start_candidate + since_s * self.settings.frequency_hz

    def _due_ns(self, number: int) -> int:
        device_s = (number - self.start_candidate) / self.settings.frequency_hz
        return self.start_ns + round(device_s * self.time_scale * 1e9)


class TurnsCursor:
    """How far a work was taken."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._next = turns.candidate_at(turns.start_ns)

    @property
    def ended(self) -> bool:
        return self._next >= self._turns.candidates

    def ranges(self, until_ns: int) -> Iterator[tuple[int, int, int]]:
        """(midstate, first, stop position) of what is due before `until_ns` and was not given yet."""
        first, stop = self._next, self._turns.candidate_at(until_ns)
        self._next = stop
        for midstate in range(self._turns.midstates):
            low, high = self._positions(first, midstate), self._positions(stop, midstate)
            if high > low:
                yield midstate, low, high

    def _positions(self, candidate: int, midstate: int) -> int:
        """How many positions of a midstate come before a candidate."""
        turns = self._turns
        if turns.interleaved:
            return max(0, -(-(candidate - midstate) // turns.midstates))
        return min(max(candidate - midstate * turns.space, 0), turns.space)


def space_of(chips: int) -> int:
    """Positions of a core when the counter's 25 bits are shared among so many chips."""
    return COUNTER_SIZE >> (chips - 1).bit_length()


_ROUNDING = 1e-6
"""Candidates: far below one."""
