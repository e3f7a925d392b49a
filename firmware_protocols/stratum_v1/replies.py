"""What both sides send and receive: replies, errors, and what became of bytes that are neither."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from firmware_protocols.stratum_v1.json_lines import JsonValue

Id: TypeAlias = int | float | str | None
"""Numbers as a rule; strings come from bfgminer. None: nobody waits for a reply. No two shares are told apart
by it: pooler's cpuminer and cpuminer-opt give the same to all of theirs."""


class ErrorCode(IntEnum):
    """Codes of the Slush pool's documentation, which all others took over."""

    OTHER = 20
    JOB_NOT_FOUND = 21
    DUPLICATE = 22
    LOW_DIFFICULTY = 23
    UNAUTHORIZED = 24
    NOT_SUBSCRIBED = 25

    @property
    def text(self) -> str:
        return usual_text(self)


def usual_text(code: int) -> str:
    """What pools say with a code; empty for one that is not theirs."""
    return _TEXTS.get(code, "")


@dataclass(frozen=True, slots=True)
class StratumError:
    """Third element of a reply: on the wire [code, text, traceback]."""

    code: int
    message: str
    traceback: JsonValue = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to the request with this id."""

    id: Id
    result: JsonValue = None
    error: StratumError | None = None

    @property
    def accepted(self) -> bool:
        return self.error is None and self.result is not None and self.result is not False


@dataclass(frozen=True, slots=True)
class UnknownMethod:
    """A message of a method that this side does not know. Answer it with an error; never hang up for it."""

    method: str
    params: JsonValue = None
    id: Id = None


@dataclass(frozen=True, slots=True)
class Malformed:
    """A JSON object that is no message, or lacks what its method needs. `reason` quotes no value."""

    method: str
    reason: str
    id: Id = None


@dataclass(frozen=True, slots=True)
class Damaged:
    """A line that is no JSON object, is too long, or was cut. `raw` is its beginning, at most 256 bytes.

    It may hold a password, so `repr` leaves it out.
    """

    reason: str
    raw: bytes = field(default=b"", repr=False)


_MessageT_co = TypeVar("_MessageT_co", covariant=True)


class Received(NamedTuple, Generic[_MessageT_co]):
    """One message off the line."""

    message: _MessageT_co
    t_ns: int
    """Stamp of the read that completed it."""
    n_in_read: int
    """How many messages, damaged ones included, that read completed."""


_TEXTS: dict[int, str] = {
    ErrorCode.OTHER: "Other/Unknown",
    ErrorCode.JOB_NOT_FOUND: "Job not found",
    ErrorCode.DUPLICATE: "Duplicate share",
    ErrorCode.LOW_DIFFICULTY: "Low difficulty share",
    ErrorCode.UNAUTHORIZED: "Unauthorized worker",
    ErrorCode.NOT_SUBSCRIBED: "Not subscribed",
}
