"""Shares as rows of the event table, packed one by one as they come: no object waits for the session."""

from __future__ import annotations

import struct

import numpy as np

from firmware_protocols.device import EVENT_DTYPE, NonceBatch

_CODES = {"u8": "Q", "u4": "I", "u2": "H", "u1": "B", "i8": "q", "i2": "h", "f8": "d", "b1": "?"}
_NAN = float("nan")


def packed(
    seq: int,
    t_ns: int,
    kernel_ns: int,
    sent_ns: int,
    n_in_read: int,
    job: int,
    nonce: int,
    version: int,
    ntime: int,
    extranonce2: bytes,
    verdict: int,
    reason: int,
) -> bytes:
    """One row; segment, difficulty and duplicate are the storage process's to fill in."""
    return _ROW.pack(
        seq, 0, t_ns, kernel_ns, sent_ns, n_in_read, job, nonce, version, ntime, extranonce2,
        len(extranonce2), -1, -1, -1, _NAN, verdict, reason, False, 0, False,
    )  # fmt: skip


def unpacked(rows: list[bytes]) -> NonceBatch:
    """The rows as events that can be written to."""
    return np.frombuffer(bytearray().join(rows), EVENT_DTYPE)


def _layout() -> struct.Struct:
    codes = "<"
    for name in EVENT_DTYPE.names or ():
        kind = EVENT_DTYPE[name]
        codes += f"{kind.itemsize}s" if kind.subdtype is not None else _CODES[kind.str[1:]]
    layout = struct.Struct(codes)
    if layout.size != EVENT_DTYPE.itemsize:
        raise TypeError(f"a row has {layout.size} bytes, an event {EVENT_DTYPE.itemsize}")
    return layout


_ROW = _layout()
