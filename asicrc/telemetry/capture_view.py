"""How a running capture stands, read from its file by somebody else: nothing is locked, nothing is written.

Each look opens the file for as long as its few queries take, so that a writer that wants to seal is not held
up. What was counted once is not counted again: a look costs as much as what came since the one before.
"""

from __future__ import annotations

import math
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.point_numbers import cv_of, rate_of
from asicrc.capture.event_rows import SELECT_EVENTS, events_from_rows
from asicrc.capture.opening import RowBudget, reading
from asicrc.capture.points import PointRecord, PointState, point_from_row
from asicrc.capture.reader import load
from asicrc.capture.record_rows import (
    Anchor,
    Segment,
    anchor_from_row,
    log_line_from_row,
    reading_from_row,
    segment_from_row,
    setting_from_row,
)
from asicrc.capture.schema import END_REASON_KEY, SWEEP_KEY
from asicrc.clock import MACHINE_CLOCK
from asicrc.errors import BadFile
from asicrc.evidence import Estimate
from asicrc.evidence.binomial import clopper_pearson
from asicrc.telemetry.plan_times import PlanTimes, plan_times
from asicrc.telemetry.standing import PointStanding, Standing
from firmware_protocols.device import NO_TIME, Clock, NonceBatch, Setting, Verdict, empty_events

RECENT_S = 60.0
"""That rate, CV and errors are taken from, if there is so much of the point that runs."""
MOST_RECENT = 5_000
"""Events of that."""
READINGS_LOOKED_AT = 5_000
"""Rows from the end of the table in which the newest of each channel is looked for at first."""
ROWS_AT_ONCE = 20_000
MOST_SETTINGS = 100
"""Names, each with its newest entry."""
LOG_LINES = 3
_AFTER = SELECT_EVENTS.replace("ORDER BY", "WHERE seq > ? ORDER BY")
_NEWEST = SELECT_EVENTS.replace("ORDER BY seq", "ORDER BY seq DESC LIMIT ?")
_TALLY = "SELECT verdict, synthetic, duplicate, count(*) FROM events WHERE seq <= ? GROUP BY 1, 2, 3"
_NAMES: dict[int, str] = {
    int(verdict): verdict.name.lower() for verdict in Verdict if verdict is not Verdict.PENDING
}


class CaptureView:
    """Of one file. `look` as often as wanted; it raises BadFile for what is no capture."""

    def __init__(self, path: Path, clock: Clock = MACHINE_CLOCK, log_lines: int = LOG_LINES) -> None:
        self._path = path
        self._log_lines = log_lines
        self._clock = clock
        self._capture = load(path)
        self._seen_seq: int | None = None
        self._counts = dict.fromkeys(("events", *_NAMES.values(), "duplicate", "synthetic"), 0)
        self._recent = empty_events()
        self._reading_row: int | None = None
        self._readings: dict[str, float] = {}
        self._setting_row: int | None = None
        self._settings: dict[str, Setting] = {}
        self._intervals_s: NDArray[np.float64] = np.empty(0)
        self._plan_times: PlanTimes | None = None
        self._boot_segment = 0
        """The first segment of the boot that the newest one is of."""
        self._begun: Anchor | None = None
        """The first one, where the machine was started anew since."""
        self._anchor: Anchor | None = None
        """The newest one, of this boot."""
        self._first_ns: int | None = None
        self._newest_ns: int | None = None

    def look(self) -> Standing:
        try:
            return self._look()
        except (ValueError, ArithmeticError) as error:
            raise BadFile(
                f"{self._path} holds a value that no asicrc writes: {error}",
                "the file is damaged or was altered: get it again from where it was written",
            ) from None

    def _look(self) -> Standing:
        meta = self._capture.meta
        ended = str(meta.get(END_REASON_KEY, "")) or None if self._capture.sealed else None
        with reading(self._path) as (connection, budget):
            # The writer goes on between two queries: what says how late it is comes before the events,
            # so that none of the time is without them.
            segments = [segment_from_row(row) for row in _rows(connection, budget, _SEGMENT)]
            self._take_boot(connection, budget, segments)
            self._take_readings(connection, budget)
            for row in _rows(connection, budget, _ANCHOR):
                self._take_anchor(anchor_from_row(row))
            self._take_events(connection, budget)
            self._take_settings(connection, budget)
            points = [point_from_row(row) for row in _rows(connection, budget, _POINTS)]
            log = [log_line_from_row(row) for row in _rows(connection, budget, _LOG, self._log_lines)]
        of_point = self._of_point(points[-1] if points else None)
        self._intervals_s = _intervals_s(of_point)
        begun_ns = self._first_ns  # of this boot, or before any event: when its segment began
        if segments and (self._boot_segment or begun_ns is None):
            begun_ns = None if segments[0].t_start_ns == NO_TIME else segments[0].t_start_ns
        recent, window_s = self._window(of_point, points[-1] if points else None, begun_ns)
        good = recent[_is_good(recent)]
        return Standing(
            path=self._path,
            device=str(meta.get("device_url", "imported")),
            ended=ended,
            commit_age_s=None if ended is not None else self._commit_age_s(),
            duration_s=self._duration_s(),
            counts=dict(self._counts),
            window_s=window_s,
            rate_per_s=rate_of(len(good), window_s),
            cv=cv_of(good["t_ns"], good["segment"]),
            invalid_share=_invalid_share(recent),
            readings=dict(self._readings),
            settings=list(self._settings.values()),
            point=self._point(points, meta, segments, ended is not None),
            log=[f"{line.level}: {line.text}" for line in reversed(log)],
        )

    @property
    def intervals_s(self) -> NDArray[np.float64]:
        """Between the newest good events of the point that runs, as the last look found them."""
        return self._intervals_s

    def _take_boot(self, connection: sqlite3.Connection, budget: RowBudget, segments: list[Segment]) -> None:
        """Stamps of an earlier boot are of another clock, and say nothing of what time it is now."""
        if not segments:
            return
        (earlier,) = connection.execute(_OTHER_BOOT, (segments[0].boot_id,)).fetchone()
        first = 0 if earlier is None else int(earlier) + 1
        if first == self._boot_segment:
            return
        self._boot_segment, self._newest_ns = first, None
        if self._begun is None:
            found = _rows(connection, budget, _FIRST_ANCHOR)
            self._begun = anchor_from_row(found[0]) if found else None

    def _take_anchor(self, anchor: Anchor) -> None:
        if anchor.segment >= self._boot_segment:
            self._anchor = anchor
            self._note_time(np.array([anchor.monotonic_ns], np.int64))

    def _take_events(self, connection: sqlite3.Connection, budget: RowBudget) -> None:
        if self._seen_seq is None:
            newest = events_from_rows(_rows(connection, budget, _NEWEST, MOST_RECENT)[::-1])
            self._seen_seq = int(newest["seq"][-1]) if len(newest) else -1
            for verdict, synthetic, duplicate, count in _rows(connection, budget, _TALLY, self._seen_seq):
                self._count(verdict, bool(synthetic), bool(duplicate), count)
            first = connection.execute("SELECT t_ns FROM events ORDER BY seq LIMIT 1").fetchone()
            self._first_ns = first[0] if first and isinstance(first[0], int) else None
            self._recent = newest
        while rows := _rows(connection, budget, f"{_AFTER} LIMIT {ROWS_AT_ONCE}", self._seen_seq):
            events = events_from_rows(rows)
            self._seen_seq = int(events["seq"][-1])
            kinds, counts = np.unique(events[["verdict", "synthetic", "duplicate"]], return_counts=True)
            for kind, count in zip(kinds, counts.tolist(), strict=True):
                self._count(int(kind["verdict"]), bool(kind["synthetic"]), bool(kind["duplicate"]), count)
            self._recent = np.concatenate([self._recent, events])[-MOST_RECENT:]
            if self._first_ns is None and events["t_ns"][0] != NO_TIME:
                self._first_ns = int(events["t_ns"][0])
        self._note_time(self._recent["t_ns"][self._recent["segment"] >= self._boot_segment])

    def _count(self, verdict: int, synthetic: bool, duplicate: bool, count: int) -> None:
        """As `Counters` does: synthetic events are counted as such and nowhere else."""
        if synthetic:
            self._counts["synthetic"] += count
            return
        if verdict not in _NAMES:
            raise ValueError(f"{verdict} is no verdict")
        self._counts["events"] += count
        self._counts[_NAMES[verdict]] += count
        if duplicate and verdict == Verdict.VALID:
            self._counts["duplicate"] += count

    def _take_readings(self, connection: sqlite3.Connection, budget: RowBudget) -> None:
        if self._reading_row is None:
            last = connection.execute("SELECT max(rowid) FROM readings").fetchone()[0] or 0
            self._reading_row = max(0, int(last) - READINGS_LOOKED_AT)
        while rows := _rows(connection, budget, _READINGS, self._reading_row):
            self._reading_row = int(rows[-1][0])
            for row in rows:
                found = reading_from_row(row[1:])
                if math.isfinite(found.value):
                    self._readings[found.channel] = found.value
            if not self._boot_segment:  # of which boot they are they do not say
                newest = [row[1] for row in rows if isinstance(row[1], int)]
                self._note_time(np.array(newest, np.int64))

    def _take_settings(self, connection: sqlite3.Connection, budget: RowBudget) -> None:
        query = _NEWEST_SETTINGS if self._setting_row is None else f"{_SETTINGS} > {self._setting_row}"
        for row in _rows(connection, budget, f"{query} ORDER BY rowid LIMIT {ROWS_AT_ONCE}"):
            self._setting_row = int(row[0])
            found = setting_from_row(row[1:])
            self._settings.pop(found.name, None)  # the one that was set last stands last
            if len(self._settings) < MOST_SETTINGS:
                self._settings[found.name] = found

    def _note_time(self, t_ns: Any) -> None:
        known = t_ns[t_ns != NO_TIME]
        if len(known):
            self._newest_ns = max(int(known.max()), self._newest_ns or int(known.max()))

    def _of_point(self, point: PointRecord | None) -> NonceBatch:
        """The newest events of the point that runs."""
        recent = self._recent
        if not len(recent):
            return recent
        if point is not None:
            recent = recent[point.holds(recent)]
        inside: NonceBatch = recent[recent["segment"] == self._recent["segment"][-1]]
        return inside

    def _window(
        self, recent: NonceBatch, point: PointRecord | None, begun_ns: int | None
    ) -> tuple[NonceBatch, float]:
        """Those of the last minute, and how much time they are of."""
        if self._newest_ns is None or (begun_ns is None and not len(self._recent)):
            return empty_events(), 0.0
        begins_ns = max(
            self._newest_ns - round(RECENT_S * 1e9),
            begun_ns or 0,
            point.t_start_ns if point is not None and point.t_start_ns != NO_TIME else 0,
        )
        if len(self._recent) == MOST_RECENT and self._recent["segment"][0] >= self._boot_segment:
            begins_ns = max(begins_ns, int(self._recent["t_ns"][0]))
        ends_ns = self._newest_ns
        if point is not None and point.t_end_ns != NO_TIME:
            ends_ns = min(ends_ns, point.t_end_ns)
        recent = recent[(recent["t_ns"] >= begins_ns) & (recent["t_ns"] <= ends_ns)]
        return recent, max(0.0, (ends_ns - begins_ns) / 1e9)

    def _duration_s(self) -> float | None:
        if self._first_ns is None or self._newest_ns is None:
            return None
        if self._boot_segment:  # two boots have their time of day in common
            if self._begun is None or self._anchor is None:
                return None
            wall_ns = self._anchor.realtime_ns - self._begun.realtime_ns
            since_ns = self._newest_ns - self._anchor.monotonic_ns + self._begun.monotonic_ns - self._first_ns
            return max(0.0, (wall_ns + since_ns) / 1e9)
        return max(0.0, (self._newest_ns - self._first_ns) / 1e9)

    def _point(
        self, points: list[PointRecord], meta: dict[str, Any], segments: list[Segment], is_over: bool
    ) -> PointStanding | None:
        """None for a capture that is no sweep."""
        sweep = meta.get(SWEEP_KEY)
        planned = sweep.get("points") if isinstance(sweep, dict) else None
        if not points or not isinstance(planned, list):
            return None
        if self._plan_times is None:
            self._plan_times = plan_times(meta, self._path)
        newest, now_ns = points[-1], self._newest_ns
        left_s = share_left = None
        if not is_over and now_ns is not None:
            left_s = self._plan_times.left_s(points, segments, now_ns)
            share_left = self._plan_times.share_left(points, segments, now_ns)
        return PointStanding(
            number=newest.id,
            taken=len({point.key for point in points if point.state is PointState.DONE}),
            planned=len(planned),
            state=newest.state.value,
            requested=newest.requested,
            repeat=newest.key[1],
            left_s=left_s,
            share_left=share_left,
            is_virtual=self._plan_times.is_virtual,
        )

    def _commit_age_s(self) -> float:
        """By the time at which file or log was last written. An empty log may be of a reader."""
        try:
            found = [self._path.stat()]
        except FileNotFoundError:
            raise BadFile(f"there is no file {self._path} any more", "check the path") from None
        with suppress(FileNotFoundError):  # it goes as the file is sealed
            log = Path(f"{self._path}-wal").stat()
            if log.st_size:
                found.append(log)
        written_ns = max(status.st_mtime_ns for status in found)
        return max(0.0, (self._clock.realtime_ns() - written_ns) / 1e9)


_POINTS = "SELECT * FROM points ORDER BY id"
_ANCHOR = "SELECT * FROM anchors ORDER BY rowid DESC LIMIT 1"
"""Of a device that brings nothing any more it is the newest time there is."""
_FIRST_ANCHOR = "SELECT * FROM anchors ORDER BY rowid LIMIT 1"
_SEGMENT = "SELECT * FROM segments ORDER BY id DESC LIMIT 1"
_OTHER_BOOT = "SELECT max(id) FROM segments WHERE boot_id IS NOT ?"
_SETTINGS = "SELECT rowid, * FROM settings WHERE rowid"
_NEWEST_SETTINGS = f"{_SETTINGS} IN (SELECT max(rowid) FROM settings GROUP BY name)"
_LOG = "SELECT * FROM log ORDER BY rowid DESC LIMIT ?"
_READINGS = f"SELECT rowid, * FROM readings WHERE rowid > ? ORDER BY rowid LIMIT {ROWS_AT_ONCE}"


def _rows(
    connection: sqlite3.Connection, budget: RowBudget, query: str, *values: int
) -> list[tuple[Any, ...]]:
    rows = connection.execute(query, values).fetchall()
    budget.spend(len(rows))
    return rows


def _is_good(events: NonceBatch) -> Any:
    """Distinct proofs that hold, and events of a statistical model."""
    return ((events["verdict"] == Verdict.VALID) | events["synthetic"]) & ~events["duplicate"]


def _intervals_s(events: NonceBatch) -> NDArray[np.float64]:
    """Of events of one segment, whatever order they were stored in."""
    t_ns = np.sort(events["t_ns"][_is_good(events)])
    steps_s: NDArray[np.float64] = np.diff(t_ns[t_ns != NO_TIME]) / 1e9
    return steps_s


def _invalid_share(events: NonceBatch) -> Estimate | None:
    real = events[~events["synthetic"]]
    if not len(real):
        return None
    bad = (real["verdict"] == Verdict.LOW) | (real["verdict"] == Verdict.MALFORMED)
    return clopper_pearson(int(np.count_nonzero(bad)), len(real))
