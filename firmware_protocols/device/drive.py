"""The input of a reservoir inside the work: a number written into the bytes that are hashed.

The published code packs u(t) as a big-endian float32 into the end of the first half of the coinbase; chips
that take whole headers have it in the last bytes of the merkle root instead. Nothing marks it: whoever reads
it has to know from the plan that the job carries one.
"""

from __future__ import annotations

import math
import struct
from dataclasses import replace

from firmware_protocols.device.types import Job

DRIVE_BYTES = 4
"""Length of the drive: one IEEE 754 binary32, big endian."""
NO_DRIVE = struct.pack(">f", math.nan)
"""Stands where a drive would, in work that has none: `drive_of` gives None."""


def with_drive(job: Job, value: float) -> Job:
    """Return the job with `value` in the last 4 bytes of its merkle root or, with a coinbase, of `coinbase1`.

    Raises ValueError for a value that is no finite float32, and for a job without room for it.
    """
    try:
        packed = struct.pack(">f", value)
    except OverflowError:
        raise ValueError(f"a drive of {value} does not fit into a float32: scale the input") from None
    if not math.isfinite(value):
        raise ValueError(f"a drive has to be a finite number, not {value}")
    if job.merkle_root is not None and len(job.merkle_root) >= DRIVE_BYTES:
        return replace(job, merkle_root=job.merkle_root[:-DRIVE_BYTES] + packed)
    if job.merkle_root is None and len(job.coinbase1) >= DRIVE_BYTES:
        return replace(job, coinbase1=job.coinbase1[:-DRIVE_BYTES] + packed)
    raise ValueError(
        f"job {job.number} has no room for a drive: its merkle root or first half of a coinbase "
        f"needs {DRIVE_BYTES} bytes"
    )


def drive_of(job: Job) -> float | None:
    """Return the value that `with_drive` wrote, rounded to float32; None where none can stand.

    That is a job without room for it, or whose bytes there are no finite number. A job without a drive that
    has other bytes in that place gives a number without meaning.
    """
    held = job.coinbase1 if job.merkle_root is None else job.merkle_root
    if len(held) < DRIVE_BYTES:
        return None
    value = float(struct.unpack(">f", held[-DRIVE_BYTES:])[0])
    return value if math.isfinite(value) else None
