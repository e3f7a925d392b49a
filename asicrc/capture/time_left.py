"""How long a plan still takes: by its estimates, by how they came true, and by the time within its point."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """`seconds` are left at `said_ns`, `after_point_s` of them after the point that runs then."""

    seconds: float
    after_point_s: float
    said_ns: int

    def at(self, now_ns: int) -> float:
        """A point that takes longer than it should holds the time, and does not eat that of the others."""
        return max(self.after_point_s, self.seconds - (now_ns - self.said_ns) / 1e9)


def time_left(
    usual_s: Sequence[float], done: Collection[int], running: int | None, pace: float, begun_ns: int
) -> TimeLeft:
    """`usual_s` is what each point of the plan was estimated to take, `done` and `running` are positions in
    it. `pace` is the time that points took over the time that they were to take, `begun_ns` when the running
    one began."""
    after_s = sum(s for i, s in enumerate(usual_s) if i not in done and i != running)
    now_s = usual_s[running] if running is not None and running not in done else 0.0
    return TimeLeft(pace * (after_s + now_s), pace * after_s, begun_ns)


@dataclass(frozen=True, slots=True)
class PlanStanding:
    """What a person is told of a plan while it runs; the time left is put in as it then is."""

    text: str
    left: TimeLeft | None = None
    last: str = ""

    def words(self, now_ns: int) -> str:
        """`now_ns` is of the clock that the time left is of."""
        left = "" if self.left is None else f", {in_words(self.left.at(now_ns))} left"
        return f"{self.text}{left}{self.last}"


def in_words(seconds: float) -> str:
    """`40 s`, `12 min`, `3.5 h`, `2.1 d`."""
    for unit, length_s, most in (("s", 1.0, 90.0), ("min", 60.0, 5400.0), ("h", 3600.0, 172_800.0)):
        if seconds < most:
            return f"{seconds / length_s:.3g} {unit}" if unit == "h" else f"{seconds / length_s:.0f} {unit}"
    return f"{seconds / 86_400:.1f} d"
