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
    """`40 s`, `3 min 20 s`, `12 min`, `3.5 h`, `2.1 d`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 600:
        return "{} min {} s".format(*divmod(round(seconds), 60)).replace(" 0 s", "")
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.3g} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} d"
