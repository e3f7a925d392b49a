"""Reading a capture: sealed, being written, or left behind by a process that was killed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from asicrc.capture.event_rows import SELECT_EVENTS, events_from_rows
from asicrc.capture.identity import identity_from_json
from asicrc.capture.opening import reading
from asicrc.capture.points import PointRecord, point_from_row
from asicrc.capture.record_rows import (
    Anchor,
    LogLine,
    Segment,
    anchor_from_row,
    job_from_row,
    log_line_from_row,
    meta_from_row,
    reading_from_row,
    segment_from_row,
    setting_from_row,
    wire_chunk_from_row,
)
from asicrc.capture.schema import SEALED_KEY, SWEEP_KEY
from asicrc.capture.verification import Counters
from asicrc.errors import BadFile, UsageError
from firmware_protocols.device import (
    DeviceIdentity,
    Job,
    NonceBatch,
    Reading,
    Setting,
    WireChunk,
    empty_events,
)

if TYPE_CHECKING:
    import pandas
    import xarray

_ROWS_AT_ONCE = 20_000
_T = TypeVar("_T")


def load(path: str | os.PathLike[str]) -> Capture:
    """Open a capture. Raises BadFile, with what is wrong and what to do, for anything else."""
    return Capture(path)


class Capture:
    """What a capture file holds. Every method reads the file anew, so a live one can be followed.

    Missing stamps are `NO_TIME`, missing numbers NaN (settings: None). All methods raise BadFile when
    the file turns out to be damaged or forged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._sealed_meta: dict[str, Any] | None = None
        self._closed = False
        _ = self.meta

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing stays open between two readings; this only makes further ones an error."""
        self._closed = True

    @property
    def sealed(self) -> bool:
        """Whether the capture was ended for good. If not, it is live, or its writer was killed."""
        return self.meta.get(SEALED_KEY) is True

    @property
    def meta(self) -> dict[str, Any]:
        """The table `capture`: identity, versions, station, plan, seed, clock, ..."""
        if self._sealed_meta is None:
            meta = dict(self._records("capture", "key", meta_from_row))
            if meta.get(SEALED_KEY) is not True:
                return meta
            self._sealed_meta = meta
        return dict(self._sealed_meta)

    @property
    def identity(self) -> DeviceIdentity | None:
        """What the device said it is; None for data that no device is known for."""
        stated = self.meta.get("identity")
        if stated is None:
            return None
        try:
            return identity_from_json(stated)
        except ValueError as error:
            raise BadFile(
                f"{self.path}: {error}", "the file is damaged, or it was not written by asicrc"
            ) from None

    def number(self, key: str, name: str) -> float | None:
        """A finite number `name` in the object `key` of `meta`; None where it is not stated."""
        entry = self.meta.get(key)
        value = entry.get(name) if isinstance(entry, dict) else entry
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1 << 63:
            raise BadFile(f"{self.path}: {name} of {key} is no number", "the file is damaged or forged")
        return value

    def events(self, distinct: bool = False) -> NonceBatch:
        """All events by `seq`, a structured array of `EVENT_DTYPE`; `distinct` leaves duplicates out."""
        events = np.concatenate([empty_events(), *self.event_chunks()])
        return events[~events["duplicate"]] if distinct else events

    def event_chunks(self) -> Iterator[NonceBatch]:
        """All events by `seq`, at most 20,000 at a time."""
        for rows in self._chunks(SELECT_EVENTS):
            try:
                events = events_from_rows(rows)
            except ValueError as error:
                raise self._bad_value("events", error) from None
            yield events

    def jobs(self) -> list[Job]:
        """All jobs by number."""
        return list(self.iter_jobs())

    def iter_jobs(self) -> Iterator[Job]:
        """All jobs by number, one at a time."""
        return self._records("jobs", "number", job_from_row)

    def wire(self) -> Iterator[WireChunk]:
        """The raw bytes in the order in which they passed."""
        return self._records("wire", "seq", wire_chunk_from_row)

    def readings(self) -> list[Reading]:
        return list(self._records("readings", "rowid", reading_from_row))

    def settings(self) -> list[Setting]:
        return list(self._records("settings", "rowid", setting_from_row))

    def segments(self) -> list[Segment]:
        return list(self._records("segments", "id", segment_from_row))

    def anchors(self) -> list[Anchor]:
        return list(self._records("anchors", "rowid", anchor_from_row))

    def points(self) -> list[PointRecord]:
        """In the order in which they were taken; `point.holds(events)` says which events are a point's."""
        return list(self._records("points", "id", point_from_row))

    def sweep_points(self) -> list[PointRecord] | None:
        """The points of a sweep; None for a capture of one."""
        points = self.points()
        return points if len(points) > 1 or SWEEP_KEY in self.meta else None

    def log(self) -> list[LogLine]:
        return list(self._records("log", "rowid", log_line_from_row))

    def counters(self) -> Counters:
        """Counts of the verdicts as stored; `asicrc.capture.verify` judges anew."""
        counters = Counters()
        for events in self.event_chunks():
            counters.add(events)
        return counters

    def to_pandas(self) -> pandas.DataFrame:
        """Events as a DataFrame: missing stamps are <NA>, verdicts and reasons words, extranonce2 hex; of a
        sweep `point`, the row of the point, <NA> for none.

        Raises UsageError when pandas is not installed.
        """
        from asicrc.capture.frames import events_to_pandas

        return events_to_pandas(self.events(), self.sweep_points())

    def to_xarray(self) -> xarray.Dataset:
        """Events as a Dataset along `event`; codes carry their meanings as CF flag attributes.

        Raises UsageError when xarray is not installed.
        """
        from asicrc.capture.frames import events_to_xarray

        return events_to_xarray(self.events(), self.meta, self.sweep_points())

    def _records(self, table: str, order: str, make: Callable[[tuple[Any, ...]], _T]) -> Iterator[_T]:
        for rows in self._chunks(f"SELECT * FROM {table} ORDER BY {order}"):
            try:
                made = [make(row) for row in rows]
            except ValueError as error:
                raise self._bad_value(table, error) from None
            yield from made

    def _bad_value(self, table: str, error: ValueError) -> BadFile:
        return BadFile(
            f"{self.path} holds a value in table {table} that no asicrc writes: {error}",
            "the file is damaged or was altered: get it again from where it was written",
        )

    def _chunks(self, query: str) -> Iterator[list[tuple[Any, ...]]]:
        if self._closed:
            raise UsageError(f"the capture {self.path} was closed", "load it again")
        with reading(self.path) as (connection, budget):
            cursor = connection.execute(query)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                budget.spend(len(rows))
                yield rows
