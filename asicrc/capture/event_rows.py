"""Between the structured array of events and the rows of the table `events`, column by column."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from asicrc.capture.schema import EVENT_COLUMNS
from firmware_protocols.device import (
    EVENT_DTYPE,
    NO_TIME,
    Duplicate,
    NonceBatch,
    Reason,
    Verdict,
    empty_events,
)

_STAMPS = ("t_ns", "t_kernel_ns", "t_sent_ns")
_MAX_SIGNED = int(np.iinfo(np.int64).max)
_HIGHEST = {
    "seq": _MAX_SIGNED,
    "job": _MAX_SIGNED,
    "extranonce2_len": 16,
    "verdict": max(Verdict),
    "reason": max(Reason),
    "duplicate": 1,
    "duplicate_reason": max(Duplicate),
    "synthetic": 1,
}
"""Highest value of a column where its dtype would allow more than has a meaning."""

SELECT_EVENTS = "SELECT {} FROM events ORDER BY seq".format(
    ", ".join(f"coalesce({name}, {NO_TIME + 1} - 1)" if name in _STAMPS else name for name in EVENT_COLUMNS)
)
"""Rows that `events_from_rows` takes. (SQL has no literal for the smallest 64-bit integer.)"""


def rows_from_events(events: NonceBatch) -> Iterator[tuple[Any, ...]]:
    """Rows in the order of `EVENT_COLUMNS`. Bytes of extranonce2 beyond its length are not kept.

    Raises ValueError for a seq or job beyond 63 bits.
    """
    columns: list[Sequence[Any]] = []
    for name in EVENT_COLUMNS:
        column = events[name]
        if name in ("seq", "job") and int(column.max(initial=0)) > _MAX_SIGNED:
            raise ValueError(f"an event has a {name} above 2**63 - 1, which SQLite cannot hold")
        if name == "extranonce2":
            raw = column.tobytes()
            columns.append(
                [raw[16 * i : 16 * i + n] for i, n in enumerate(events["extranonce2_len"].tolist())]
                if events["extranonce2_len"].any()
                else [b""] * len(events)
            )
        elif name in _STAMPS and (column == NO_TIME).any():
            columns.append([None if t == NO_TIME else t for t in column.tolist()])
        else:
            columns.append(column.tolist())  # NaN is bound as NULL by sqlite3 itself
    return zip(*columns, strict=True)


def events_from_rows(rows: Sequence[tuple[Any, ...]]) -> NonceBatch:
    """Inverse of `rows_from_events` for rows of `SELECT_EVENTS`.

    Raises ValueError, naming the column, for a value of the wrong type or out of range: the
    rows may come from a file that someone else made.
    """
    events = empty_events(len(rows))
    if not rows:
        return events
    for name, column in zip(EVENT_COLUMNS, zip(*rows, strict=True), strict=True):
        try:
            if name == "extranonce2":
                events[name] = _padded(column)
            elif name == "difficulty":
                events[name] = array("d", [_NAN if value is None else value for value in column])
            else:
                events[name] = _integers(name, column)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"column {name}: {error}") from None
    return events


def _integers(name: str, column: Sequence[Any]) -> array[int]:
    values = array("q", column)
    kind = EVENT_DTYPE[name]
    lowest, highest = (0, 1) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)
    highest = _HIGHEST.get(name, highest)
    if min(values) < lowest or max(values) > highest:
        raise ValueError(f"out of the range {lowest} to {highest}")
    return values


def _padded(column: Sequence[Any]) -> Any:
    if any(type(value) is not bytes or len(value) > 16 for value in column):
        raise ValueError("not a blob of at most 16 bytes")
    return np.frombuffer(b"".join([value.ljust(16, b"\0") for value in column]), np.uint8).reshape(-1, 16)


_NAN = float("nan")
