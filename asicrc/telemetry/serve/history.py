"""Reading a capture from its beginning for the charts, a little at a time, while it is written.

Each step opens the file for a few milliseconds only. Where the bins become too many, the file is read once
more for wider ones, and the old ones stand until then.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.capture.opening import RowBudget, reading
from asicrc.capture.points import point_from_row
from asicrc.capture.record_rows import Anchor, Segment, anchor_from_row, segment_from_row
from asicrc.errors import BadFile
from asicrc.telemetry.serve.time_bins import CHANNELS, Floats, TimeBins, bin_width_s
from firmware_protocols.device import NO_TIME

ROWS_AT_ONCE = 20_000
_BACK_S = 60.0
"""A clock that goes back by more began anew, with a reboot."""
_ENDS = "SELECT t_ns, seq FROM events WHERE t_ns IS NOT NULL ORDER BY seq {} LIMIT 1"
_EVENTS = (
    "SELECT seq, segment, t_ns, verdict, synthetic, duplicate FROM events WHERE seq > ? "
    f"ORDER BY seq LIMIT {ROWS_AT_ONCE}"
)
_READINGS = (
    f"SELECT rowid, t_ns, channel, value FROM readings WHERE rowid > ? ORDER BY rowid LIMIT {ROWS_AT_ONCE}"
)
_ANCHORS = f"SELECT rowid, * FROM anchors WHERE rowid > ? ORDER BY rowid LIMIT {ROWS_AT_ONCE}"
_POINTS = "SELECT * FROM points WHERE t_start_ns IS NOT NULL ORDER BY id DESC LIMIT 200"
_SEGMENTS = "SELECT * FROM segments WHERE id > ? ORDER BY id LIMIT 1000"


class CaptureHistory:
    """Of one file. Call `read_on` until it says that there is no more for now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown: _Reader | None = None
        self._next: _Reader | None = None
        self.points_s: list[tuple[int, float]] = []
        """Number of the newest points, and when each began to be recorded."""

    def read_on(self) -> bool:
        """Whether more is to be read at once. Raises BadFile."""
        with reading(self._path) as (connection, budget):
            try:
                return self._read_on(connection, budget)
            except (ValueError, TypeError, OverflowError) as error:
                raise BadFile(
                    f"{self._path} holds a value that no asicrc writes: {error}",
                    "the file is damaged or was altered: get it again from where it was written",
                ) from None

    def _read_on(self, connection: sqlite3.Connection, budget: RowBudget) -> bool:
        reader = self._next or self._shown
        if reader is None:
            reader = self._next = _Reader(TimeBins(_likely_width_s(connection)))
        has_more = reader.step(connection, budget)
        if reader.bins.wanted_width_s > reader.bins.width_s:
            self._next = _Reader(TimeBins(reader.bins.wanted_width_s))
            return True
        if not has_more and self._next is not None:
            self._shown, self._next = self._next, None
        self.points_s = reader.points_s(connection)
        return has_more

    def series(self) -> dict[str, Any] | None:
        """See `TimeBins.series`; None until the file has been read once."""
        return None if self._shown is None else self._shown.bins.series()


class _Reader:
    """Puts all rows from the first on into bins of one width."""

    def __init__(self, bins: TimeBins) -> None:
        self.bins = bins
        self._axis = _Axis()
        self._seq = -1
        self._reading_row = 0
        self._anchor_row = 0
        self._segment = -1

    def step(self, connection: sqlite3.Connection, budget: RowBudget) -> bool:
        """Read a part of what is new; whether there is more."""
        segments = connection.execute(_SEGMENTS, (self._segment,)).fetchall()
        anchors = connection.execute(_ANCHORS, (self._anchor_row,)).fetchall()
        events = connection.execute(_EVENTS, (self._seq,)).fetchall()
        rows = connection.execute(_READINGS, (self._reading_row,)).fetchall()
        budget.spend(len(segments) + len(anchors) + len(events) + len(rows))
        for row in segments:
            segment = segment_from_row(row)
            self._segment = segment.id
            self._axis.add_segment(segment)
        for row in anchors:
            self._anchor_row = int(row[0])
            anchor = anchor_from_row(row[1:])
            self._axis.add_anchor(anchor)
            self.bins.note(anchor.segment, self._axis.of(anchor.segment, anchor.monotonic_ns))
        if events:
            self._add_events(
                np.array([[NO_TIME if v is None else v for v in row] for row in events], np.int64)
            )
        if rows:
            self._add_readings(rows)
        return max(map(len, (events, rows, anchors))) >= ROWS_AT_ONCE

    def points_s(self, connection: sqlite3.Connection) -> list[tuple[int, float]]:
        """At most 200; a plain capture has one."""
        found = [point_from_row(row) for row in reversed(connection.execute(_POINTS).fetchall())]
        return [(p.id, self._axis.of(p.plan.get("segment", 0), p.t_start_ns)) for p in found]

    def _add_events(self, columns: Any) -> None:
        self._seq = int(columns[-1, 0])
        _, segment, t_ns, verdict, synthetic, duplicate = columns[columns[:, 2] != NO_TIME].T
        if len(t_ns):
            t_s = self._axis.of_many(segment, t_ns)
            self.bins.add_events(t_s, t_ns, segment, verdict, synthetic.astype(bool), duplicate.astype(bool))

    def _add_readings(self, rows: list[tuple[Any, ...]]) -> None:
        self._reading_row = int(rows[-1][0])
        found: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for _, t_ns, channel, value in rows:
            if channel in CHANNELS and t_ns is not None and value is not None:
                found[channel].append((self._axis.of_reading(int(t_ns)), float(value)))
        for channel, pairs in found.items():
            t_s, values = np.array(pairs, np.float64).T
            is_finite = np.isfinite(values)
            if is_finite.any():
                self.bins.add_readings(t_s[is_finite], channel, values[is_finite])


class _Axis:
    """Seconds since the capture began, by the clock anchors: monotonic stamps begin anew with each boot."""

    def __init__(self) -> None:
        self._boot_of: dict[int, int] = {}
        """By segment."""
        self._last: Segment | None = None
        self._zero_ns: dict[int, int] = {}
        """What the monotonic clock of a boot would have shown as the capture began."""
        self._begun_ns: int | None = None
        """Wall time at second 0."""
        self._reading_boot, self._reading_ns = 0, NO_TIME

    def add_segment(self, segment: Segment) -> None:
        last, self._last = self._last, segment
        boot = 0 if last is None else self._boot_of[last.id] + (segment.boot_id != last.boot_id)
        self._boot_of[segment.id] = boot

    def add_anchor(self, anchor: Anchor) -> None:
        if NO_TIME in (anchor.realtime_ns, anchor.monotonic_ns):
            return
        boot = self._boot_of.get(anchor.segment, 0)
        if self._begun_ns is None:
            self._begun_ns = anchor.realtime_ns
        if boot not in self._zero_ns:
            self._zero_ns[boot] = anchor.monotonic_ns - (anchor.realtime_ns - self._begun_ns)

    def of(self, segment: int, t_ns: int) -> float:
        return self._seconds(self._boot_of.get(segment, 0), t_ns)

    def of_many(self, segment: Any, t_ns: Any) -> Floats:
        """(n,) arrays."""
        names, which = np.unique(segment, return_inverse=True)
        first_ns = [int(t_ns[which == i].min()) for i in range(len(names))]
        boots = [self._boot_of.get(name, 0) for name in names.tolist()]
        zeros_ns = np.array(list(map(self._zero, boots, first_ns)), np.int64)
        seconds: Floats = np.maximum((t_ns - zeros_ns[which]) / 1e9, 0.0)
        return seconds

    def of_reading(self, t_ns: int) -> float:
        """Readings do not say of which segment they are; they come in order."""
        if self._reading_ns != NO_TIME and t_ns < self._reading_ns - _BACK_S * 1e9:
            self._reading_boot = min(self._reading_boot + 1, max(self._boot_of.values(), default=0))
        self._reading_ns = t_ns
        return max(0.0, self._seconds(self._reading_boot, t_ns))

    def _seconds(self, boot: int, t_ns: int) -> float:
        return (t_ns - self._zero(boot, t_ns)) / 1e9

    def _zero(self, boot: int, t_ns: int) -> int:
        """Of a file without anchors the first stamp is second 0."""
        return self._zero_ns.setdefault(boot, t_ns)


def _likely_width_s(connection: sqlite3.Connection) -> float:
    """By the first and the newest event; what turns out too fine is read anew."""
    ends = [connection.execute(_ENDS.format(order)).fetchone() for order in ("", "DESC")]
    if None in ends:
        return 1.0
    (first_ns, first), (last_ns, last) = ends
    span_s = max(0.0, (last_ns - first_ns) / 1e9)
    return bin_width_s(span_s, (last - first + 1) / span_s if span_s else 0.0)
