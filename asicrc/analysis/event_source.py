"""From a capture, or from somebody's table of stamps, to a stream of events and what is known of it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asicrc.analysis.event_stream import EventStream
from asicrc.analysis.spectra.host_periods import HostPeriod, regular_period, usual_periods
from asicrc.capture.point_capture import load_point
from asicrc.capture.schema import END_REASON_KEY
from asicrc.errors import BadFile, NoAnswer, UsageError
from asicrc.evidence.block_bootstrap import Floats
from firmware_protocols.device import NO_TIME, NonceBatch, Verdict

if TYPE_CHECKING:
    from asicrc.capture.reader import Capture

SQLITE_MAGIC = b"SQLite format 3\x00"
STAMP_COLUMNS = {"t_ns": 1.0, "t_us": 1e3, "t_ms": 1e6, "t_s": 1e9, "timestamp": 1e9}
"""Columns of a table that can be stamps, and how many ns their unit has."""
MOST_ROWS = 20_000_000


@dataclass(frozen=True, slots=True)
class EventSource:
    """`events` are those of the stream before the order, None for a table. `latency_s` are times from the
    newest job to an event, empty where they are not known. `hosts` are periods that a host may have brought.
    """

    name: str
    stream: EventStream
    meta: Mapping[str, Any]
    events: NonceBatch | None = None
    latency_s: Floats = field(default_factory=lambda: np.empty(0))
    jobs: int = 0
    hosts: tuple[HostPeriod, ...] = ()
    synthetic: bool = False


def read_event_source(
    path: Path, *, include_duplicates: bool = False, seed: int = 1, point: int | None = None
) -> EventSource:
    """A capture, or a CSV with a column t_ns, t_us, t_ms, t_s or timestamp (s).

    `point` is one of a sweep, by its row. Raises BadFile for what is neither, UsageError for a sweep without
    one and for a CSV with one, NoAnswer where no event has a stamp.
    """
    if not is_capture(path):
        if point is not None or include_duplicates:
            option = "--include-duplicates" if point is None else "--point"
            raise UsageError(
                f"{path} is a table of stamps: it has no points or duplicates", f"leave out {option}"
            )
        return _of_table(path)
    with load_point(path, point) as capture:
        return source_of_capture(capture, include_duplicates=include_duplicates, seed=seed)


def is_capture(path: Path) -> bool:
    """By its first bytes. Raises BadFile for what cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}", "is it a file of yours?") from None


def source_of_capture(capture: Capture, *, include_duplicates: bool = False, seed: int = 1) -> EventSource:
    """Valid events of a capture, distinct ones unless told otherwise; synthetic ones only without others.

    Raises NoAnswer where none of them has a stamp, or stamps are out of order.
    """
    events = analysed(capture.events())
    synthetic = bool(len(events)) and bool(np.all(events["synthetic"]))
    if not include_duplicates:
        events = events[~events["duplicate"]]
    known = events[events["t_ns"] != NO_TIME]
    if not len(known):
        raise NoAnswer(f"{capture.path.name} has no event with an arrival time", "capture for longer")
    meta = capture.meta
    imported = "source" in meta
    quantum_ns = capture.number("clock", "quantum_ns")
    jobs_ns = [job.sent_ns for job in capture.iter_jobs() if job.sent_ns != NO_TIME]
    stream = EventStream.of(
        known["t_ns"],
        known["segment"],
        sort=imported,
        quantum_s=None if quantum_ns is None else quantum_ns / 1e9,
        floor_s=_floor_s(capture, known, seed),
        problems=_problems(capture, len(events)),
    )
    sent = known[known["t_sent_ns"] != NO_TIME]
    identity = capture.identity
    hosts = usual_periods("" if identity is None else identity.model, stream.quantum_s)
    looked_ns = [reading.t_ns for reading in capture.readings() if reading.t_ns != NO_TIME]
    for name, moments in (("jobs that are renewed", jobs_ns), ("readings that are polled", looked_ns)):
        period = regular_period(name, moments)
        if period is not None:
            hosts.append(period)
    return EventSource(
        capture.path.name,
        stream,
        meta,
        events,
        (sent["t_ns"] - sent["t_sent_ns"]) / 1e9,
        len(jobs_ns),
        tuple(hosts),
        synthetic,
    )


def analysed(events: NonceBatch) -> NonceBatch:
    """Valid ones; of a statistical model only where there are no others."""
    valid = events[events["verdict"] == Verdict.VALID]
    real = ~valid["synthetic"]
    found: NonceBatch = valid[real] if real.any() or not len(valid) else valid
    return found


def _problems(capture: Capture, events: int) -> dict[str, str]:
    from asicrc.analysis.arrivals.fitness import early_end

    meta = capture.meta
    why = early_end(
        meta, sealed=capture.sealed, events=events, end_reason=str(meta.get(END_REASON_KEY, "not ended"))
    )
    return {} if why is None else {"early": why}


def _floor_s(capture: Capture, events: NonceBatch, seed: int) -> float | None:
    from asicrc.analysis.jitter_floor import floor_of_capture

    try:
        return floor_of_capture(capture, events["t_ns"], seed).high
    except NoAnswer:
        return None


def _of_table(path: Path) -> EventSource:
    stamps = _stamps(path)
    if not len(stamps):
        raise NoAnswer(f"{path.name} has no row with a stamp", "one event a row")
    stream = EventStream.of(stamps, sort=True)
    hosts = usual_periods("", stream.quantum_s)
    return EventSource(path.name, stream, {"source": {"name": path.name}}, hosts=tuple(hosts))


def _stamps(path: Path) -> np.ndarray:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(line for line in file if not line.lstrip().startswith("#"))
            header = [name.strip().lower() for name in next(rows, [])]
            found = [name for name in STAMP_COLUMNS if name in header]
            if not found:
                raise BadFile(
                    f"{path} is no capture, and no table with a column of stamps",
                    f"a column called {', '.join(STAMP_COLUMNS)}; or `asicrc import` first",
                )
            place, unit_ns = header.index(found[0]), STAMP_COLUMNS[found[0]]
            texts = [row[place] for row in islice(rows, MOST_ROWS) if row]
            if next(rows, None) is not None:
                raise BadFile(f"{path} has more than {MOST_ROWS:,} rows", "analyse its parts on their own")
        if unit_ns == 1.0:
            return np.array([int(text) for text in texts], np.int64)
        seconds = np.array([float(text) for text in texts])
        # the first stamp may be seconds since 1970: what is left of a float there is finer than its rounding
        stamps: np.ndarray = np.round((seconds - seconds[:1]) * unit_ns).astype(np.int64)
        return stamps
    except (OSError, UnicodeDecodeError, ValueError, IndexError, csv.Error, OverflowError) as error:
        raise BadFile(f"{path} is no table of stamps: {error}", "one number in each row") from None
