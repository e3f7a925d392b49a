"""The nonce event: one row of a structured array, the same from the wire to the export."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_TIME = int(np.iinfo(np.int64).min)
"""Stands for "this stamp was not taken"; readers turn it into NaT or None."""

NO_JOB = 0
"""Job number of an event whose job is not known. Jobs count from 1."""


class Verdict(IntEnum):
    """What the proof of work is. `PENDING` exists only between the wire and the storage process."""

    PENDING = 0
    VALID = 1
    LOW = 2
    STALE = 3
    UNKNOWN_JOB = 4
    MALFORMED = 5


class Reason(IntEnum):
    """Why an event is not plainly valid."""

    NONE = 0
    NO_JOB = 1
    """No job was sent under the id that the answer names."""
    DAMAGED_JOB = 2
    """The last job frame under that id failed its checksum, so the header is not known."""
    DOES_NOT_HASH = 3
    """The rebuilt header misses even the chip's own threshold (difficulty 1 on real silicon)."""
    BELOW_TARGET = 4
    """A proof of work, but easier than what was asked for."""
    BAD_FIELDS = 5
    """A field is out of range for the chip, the job or the file it was read from."""
    EARLIER_JOB = 6
    """Hashes against a job that had already been replaced under the same id."""
    CLEANED = 7
    """Hashes against the job that it names, but a clean job had come since. Said by the server."""


class Duplicate(IntEnum):
    """Why a proof is here twice."""

    NONE = 0
    RESENT = 1
    RESCAN = 2
    """The chip came round its search space and found the same proof again."""


EVENT_DTYPE = np.dtype(
    [
        ("seq", "<u8"),  # running number within the capture, from 0
        ("segment", "<u4"),  # no interval crosses a segment boundary
        ("t_ns", "<i8"),  # host stamp at the read, in the capture's own clock
        ("t_kernel_ns", "<i8"),  # CLOCK_REALTIME stamp of the kernel, or NO_TIME
        ("t_sent_ns", "<i8"),  # dispatch of the newest job before this event, or NO_TIME
        ("n_in_read", "<u2"),  # frames that the same read returned
        ("job", "<u8"),
        ("nonce", "<u4"),  # header integer: little-endian read of header bytes 76..79
        ("version", "<u4"),  # as hashed, rolled bits included
        ("ntime", "<u4"),
        ("extranonce2", "u1", (16,)),
        ("extranonce2_len", "u1"),
        ("chip", "<i2"),  # chip address on the chain, -1 where the protocol does not say
        ("core", "<i2"),
        ("subcore", "<i2"),
        ("difficulty", "<f8"),  # recomputed from the rebuilt header; NaN while unknown
        ("verdict", "u1"),  # Verdict
        ("reason", "u1"),  # Reason
        ("duplicate", "?"),
        ("duplicate_reason", "u1"),  # Duplicate
        ("synthetic", "?"),  # made by a statistical model: never counts as verified
    ]
)

NonceBatch = NDArray[Any]
"""Structured array of `EVENT_DTYPE`."""


_ROW = np.dtype((np.void, EVENT_DTYPE.itemsize))


def joined_events(parts: Sequence[NonceBatch]) -> NonceBatch:
    """A copy of all parts, one after the other.

    As whole rows: numpy compares the fields of structured parts anew for each, which takes longer.
    """
    if not parts:
        return empty_events()
    return np.concatenate([part.view(_ROW) for part in parts]).view(EVENT_DTYPE)


def empty_events(n: int = 0) -> NonceBatch:
    """Return `n` events with every field at its "not known" value."""
    events = np.zeros(n, EVENT_DTYPE)
    events["t_ns"] = events["t_kernel_ns"] = events["t_sent_ns"] = NO_TIME
    events["chip"] = events["core"] = events["subcore"] = -1
    events["difficulty"] = np.nan
    return events
