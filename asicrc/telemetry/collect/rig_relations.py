"""How the clocks of several rigs stand to each other, from what `collect` left in its folder.

Two ways. By exchange: each answer bounds rig minus collector at one moment; a line with one offset and one
drift has to pass through all of the bounds, and the ends of what such lines can be are the interval. By
anchors: real time minus monotonic time of each capture; that needs both machines' time of day to be right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linprog

from asicrc.capture.reader import load
from asicrc.capture.record_rows import Anchor
from asicrc.errors import UsageError
from asicrc.telemetry.collect.clock_exchange import Exchange, exchanges_in
from asicrc.telemetry.mqtt.topics import is_rig_name

MOST_DRIFT = 500e-6
"""Of a computer's clock against another's; NTP corrects by no more (Linux, adjtimex)."""
FEWEST_ANCHORS = 4
SHORTEST_SPAN_S = 30.0
"""Of anchors that a drift is taken from: the two clocks are read some microseconds apart."""
MOST_EXCHANGES = 2_000
"""The newest of each rig and boot; more change little."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """An interval that holds whatever the delays were; the middle is no better than any other point."""

    low: float
    high: float

    def times(self, factor: float) -> Bounds:
        return Bounds(factor * self.low, factor * self.high)

    def __sub__(self, other: Bounds) -> Bounds:
        return Bounds(self.low - other.high, self.high - other.low)

    def as_json(self) -> dict[str, float]:
        return {"estimate": (self.low + self.high) / 2, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class ClockLine:
    """Rig's monotonic clock minus the collector's at `at_ns` of the latter (s), and its drift (s/s)."""

    at_ns: int
    offset_s: Bounds
    drift: Bounds
    n: int


@dataclass(frozen=True, slots=True)
class CaptureClock:
    """Of one capture: real minus monotonic time at its last anchor (s), and how that changes (s/s).

    Both intervals are of the straight lines that come as near to every anchor as the fitted one does. Of few
    anchors, or of a short time, there is no drift, and the offset is known to what the anchors differ by; of
    a single one there is none.
    """

    path: Path
    device: str
    sealed: bool
    boot_id: str | None
    anchors: int
    until_ns: int
    """Time of day of its last anchor; 0 without any."""
    offset_s: Bounds | None
    drift: Bounds | None


@dataclass(slots=True)
class RigRelations:
    captures: dict[str, list[CaptureClock]] = field(default_factory=dict)
    pairs: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "rigs": {
                rig: [
                    {
                        "path": str(c.path),
                        "device": c.device,
                        "sealed": c.sealed,
                        "boot_id": c.boot_id,
                        "anchors": c.anchors,
                        "realtime_minus_monotonic_s": None if c.offset_s is None else c.offset_s.as_json(),
                        "drift_ppm": None if c.drift is None else c.drift.times(1e6).as_json(),
                    }
                    for c in captures
                ]
                for rig, captures in self.captures.items()
            },
            "pairs": self.pairs,
        }

    def lines(self) -> list[str]:
        said = []
        for rig, captures in self.captures.items():
            said.append(f"{rig}")
            said += [
                f"  {c.path}  {c.device}  {'sealed' if c.sealed else 'not sealed'}, {c.anchors} anchors"
                for c in captures
            ]
        for pair in self.pairs:
            said.append(f"{pair['first']} minus {pair['second']}")
            found = pair["by_exchange"]
            if found is None:
                said.append(f"  by exchange: not known: {pair['why_no_exchange']}")
            else:
                said.append(
                    f"  by exchange: monotonic clocks {_in_words(found['monotonic_offset_s'], 6)} s, drift "
                    f"{_in_words(found['drift_ppm'], 2)} ppm"
                )
                said.append(f"               times of day {_in_words(found['realtime_offset_s'], 6)} s")
            anchored = pair["by_anchors"]
            if anchored is not None:
                offset, drift = anchored["monotonic_offset_s"], anchored["drift_ppm"]
                said.append(
                    f"  by anchors:  monotonic clocks {_in_words(offset, 6)} s, drift "
                    + ("-" if drift is None else f"{_in_words(drift, 2)} ppm")
                    + ", if both times of day are right"
                )
        return said


def _in_words(found: dict[str, float], digits: int) -> str:
    estimate, low, high = (f"{found[name]:.{digits}f}" for name in ("estimate", "low", "high"))
    return f"{estimate} [{low}, {high}]"


def relations_in(folder: Path) -> RigRelations:
    """Raises UsageError for a folder that holds no rigs, BadFile for a damaged file in it."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "the one that `asicrc collect -o` was given")
    found = RigRelations()
    exchanges: dict[str, list[Exchange]] = {}
    for rig in sorted(folder.iterdir()):
        if rig.is_dir() and is_rig_name(rig.name):
            clocks = [_capture_clock(path) for path in sorted(rig.glob("*.asicrc"))]
            found.captures[rig.name] = sorted(clocks, key=lambda clock: clock.until_ns)
            exchanges[rig.name] = exchanges_in(rig / "clock.jsonl")
    if not found.captures:
        raise UsageError(f"{folder} holds no rigs", "the one that `asicrc collect -o` was given")
    for first, second in combinations(found.captures, 2):
        by_exchange, why = _by_exchange(exchanges[first], exchanges[second])
        found.pairs.append(
            {
                "first": first,
                "second": second,
                "by_exchange": by_exchange,
                "why_no_exchange": why,
                "by_anchors": _by_anchors(found.captures[first], found.captures[second]),
            }
        )
    return found


def clock_line(exchanges: list[Exchange], at_ns: int) -> ClockLine | None:
    """What a line through all bounds can be; None where there is none: the clock was set, or slept."""
    middle_s = np.array([((e.after_ns - at_ns) + (e.before_ns - at_ns)) / 2e9 for e in exchanges])
    # That the rig read its clock at another moment than the middle moves its line by as much as it drifts.
    slack_s = np.array([MOST_DRIFT * e.width_ns / 2e9 for e in exchanges])
    base_ns = exchanges[-1].monotonic_ns - exchanges[-1].after_ns  # keeps the numbers small
    low_s = np.array([(e.monotonic_ns - e.before_ns - base_ns) / 1e9 for e in exchanges]) - slack_s
    high_s = np.array([(e.monotonic_ns - e.after_ns - base_ns) / 1e9 for e in exchanges]) + slack_s
    # Unknowns: offset in us, drift in ppm, so that both are of one size.
    line = np.column_stack([np.ones_like(middle_s), middle_s])
    conditions = np.vstack([line, -line])
    limits = np.concatenate([high_s, -low_s]) * 1e6
    ends = []
    for objective in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        found = linprog(
            objective,
            A_ub=conditions,
            b_ub=limits,
            bounds=[(None, None), (-MOST_DRIFT * 1e6, MOST_DRIFT * 1e6)],
        )
        if not found.success:
            return None
        ends.append(float(found.fun or 0.0))
    offset = Bounds(ends[0] / 1e6 + base_ns / 1e9, -ends[1] / 1e6 + base_ns / 1e9)
    return ClockLine(at_ns, offset, Bounds(ends[2] / 1e6, -ends[3] / 1e6), len(exchanges))


def _by_exchange(first: list[Exchange], second: list[Exchange]) -> tuple[dict[str, Any] | None, str | None]:
    """At the newest moment of both, on one boot of the collector and of each rig."""
    newest = [_newest_boot(first), _newest_boot(second)]
    if not newest[0] or not newest[1]:
        return None, "`collect` did not run while both published from a capture on their own clock"
    if newest[0][-1].collector_boot_id != newest[1][-1].collector_boot_id:
        return None, "the machine of `collect` was started anew between the two"
    at_ns = min(newest[0][-1].before_ns, newest[1][-1].before_ns)
    lines = [clock_line(exchanges, at_ns) for exchanges in newest]
    if lines[0] is None or lines[1] is None:
        return None, "no constant drift fits: a machine slept, or its clock was corrected on the way"
    offset, drift = lines[0].offset_s - lines[1].offset_s, lines[0].drift - lines[1].drift
    real = [_realtime_minus_monotonic_s(exchanges[-1]) for exchanges in newest]
    difference = real[0] - real[1]
    return {
        "at_collector_ns": at_ns,
        "monotonic_offset_s": offset.as_json(),
        "drift_ppm": drift.times(1e6).as_json(),
        "realtime_offset_s": Bounds(offset.low + difference, offset.high + difference).as_json(),
        "n": [lines[0].n, lines[1].n],
    }, None


def _newest_boot(exchanges: list[Exchange]) -> list[Exchange]:
    if not exchanges:
        return []
    newest = exchanges[-1]
    same = [
        e
        for e in exchanges
        if (e.boot_id, e.collector_boot_id) == (newest.boot_id, newest.collector_boot_id)
        and 0 <= e.width_ns < 1 << 40
    ]
    return same[-MOST_EXCHANGES:]


def _realtime_minus_monotonic_s(exchange: Exchange) -> float:
    return (exchange.realtime_ns - exchange.monotonic_ns) / 1e9


def _capture_clock(path: Path) -> CaptureClock:
    capture = load(path)
    segments = capture.segments()
    newest = segments[-1] if segments else None
    anchors = [a for a in capture.anchors() if newest is not None and a.segment == newest.id]
    offset_s, drift = _line_through(anchors)
    device = str(capture.meta.get("device_url", "imported"))
    boot_id = None if newest is None else newest.boot_id
    until_ns = anchors[-1].realtime_ns if anchors else 0
    return CaptureClock(path, device, capture.sealed, boot_id, len(anchors), until_ns, offset_s, drift)


def _line_through(anchors: list[Anchor]) -> tuple[Bounds | None, Bounds | None]:
    """Real minus monotonic time at the last anchor, and its change: see `CaptureClock`."""
    if not anchors:
        return None, None
    last = anchors[-1]
    base_ns = last.realtime_ns - last.monotonic_ns
    at_s = np.array([(a.monotonic_ns - last.monotonic_ns) / 1e9 for a in anchors])
    apart_s = np.array([(a.realtime_ns - a.monotonic_ns - base_ns) / 1e9 for a in anchors])
    span_s = float(at_s[-1] - at_s[0])
    if len(anchors) < FEWEST_ANCHORS or span_s < SHORTEST_SPAN_S:
        if len(anchors) < 2:  # how far apart the two clocks were read is not known
            return None, None
        spread_s = float(np.abs(apart_s).max())
        return Bounds(base_ns / 1e9 - spread_s, base_ns / 1e9 + spread_s), None
    slope, there = np.polyfit(at_s, apart_s, 1)
    worst_s = float(np.abs(apart_s - (slope * at_s + there)).max())
    middle_s = base_ns / 1e9 + float(there)
    turn = 2 * worst_s / span_s
    return Bounds(middle_s - worst_s, middle_s + worst_s), Bounds(float(slope) - turn, float(slope) + turn)


def _by_anchors(first: list[CaptureClock], second: list[CaptureClock]) -> dict[str, Any] | None:
    """Of the newest capture of each with anchors of a machine's clock."""
    found = [next((c for c in reversed(cs) if c.offset_s and c.boot_id), None) for cs in (first, second)]
    if found[0] is None or found[1] is None or found[0].offset_s is None or found[1].offset_s is None:
        return None
    drift = None
    if found[0].drift is not None and found[1].drift is not None:
        # Both against real time: where that is the same, the difference is between the rigs.
        drift = (found[1].drift - found[0].drift).times(1e6).as_json()
    return {
        "monotonic_offset_s": (found[1].offset_s - found[0].offset_s).as_json(),
        "drift_ppm": drift,
        "captures": [str(found[0].path), str(found[1].path)],
        "assumes": "the time of day of both machines is the same",
    }
