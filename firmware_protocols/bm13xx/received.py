"""What the decoders return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from firmware_protocols.bm13xx.frames import Command, Response


@dataclass(frozen=True, slots=True)
class Damaged:
    """A frame whose start, type and length were right, and that still cannot be used.

    `kind` is "job", "command" or "response"; `reason` is "checksum", "fields" (a byte that is always zero is
    not) or "cut" (the line fell silent in the middle). `raw` is what stood where the frame should have been:
    good frames that follow a cut one may overlap it.
    """

    kind: str
    raw: bytes
    reason: str = "checksum"
    job_header: int | None = field(default=None, compare=False)
    """The id byte of a damaged job, itself perhaps wrong: what is now under that id is not known."""


_FrameT = TypeVar("_FrameT", Command, Response)


class Received(NamedTuple, Generic[_FrameT]):
    """One frame off the line: a Response from a HostDecoder, a Command from a ChipDecoder, or a Damaged."""

    frame: _FrameT | Damaged
    t_ns: int
    """Stamp of the read that completed it."""
    n_in_read: int
    """How many frames, damaged ones included, that read completed."""
    raw: bytes
