"""What the messages hold. Whatever a broker brings is somebody else's: sizes are capped, fields checked."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

LARGEST_MESSAGE_BYTES = 4 << 20
"""Of a payload: the plan of a sweep of ten thousand points has room. A larger one is dropped unread."""
MOST_ROWS = 5_000
"""In one message."""

_Row = Annotated[int, Field(ge=0, le=(1 << 63) - 1)]
_Time = Annotated[int, Field(ge=-(1 << 62), le=1 << 62)]
_Word = Annotated[str, Field(max_length=64)]
_Text = Annotated[str, Field(max_length=1_000)]


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    format: Literal[1] = 1

    def payload(self) -> bytes:
        return json.dumps(dict(self), allow_nan=False, separators=(",", ":")).encode()


class About(Message):
    """Which capture a rig is sending. A collector answers it with what it has."""

    capture: _Word
    schema_version: int
    device: _Text
    asicrc_version: _Word


class Rows(Message):
    """Rows of a table that only grows. `after` is the number of the row before the first one here.

    `batch` counts the messages of this publisher, so that a person who listens sees whether one is missing.
    """

    batch: _Row
    after: _Row | None
    columns: Annotated[list[_Word], Field(max_length=64)]
    rows: Annotated[list[list[Any]], Field(min_length=1, max_length=MOST_ROWS)]


class Changes(Message):
    """Rows to be written in place of those with the same key: the table, then the cells.

    They are numbered from 1 in each session of the publisher, which begins with all rows that there are.
    """

    session: _Word
    first: Annotated[int, Field(ge=1, le=(1 << 62))]
    rows: Annotated[list[list[Any]], Field(min_length=1, max_length=MOST_ROWS)]


class End(Message):
    """The source is sealed. `last` has the highest row of each table, `changes` that of the session."""

    reason: Annotated[str, Field(max_length=100_000)]
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    last: Annotated[dict[_Word, _Row | None], Field(max_length=16)]
    session: _Word
    changes: _Row


class Acknowledgement(Message):
    """What a collector has on its disk: of each table the number up to which no row is missing.

    `missing`: something came that does not follow on it, so that the publisher has to go back. `sealed` is
    the digest of its sealed file. `trouble` says why it takes nothing more.
    """

    committed: Annotated[dict[_Word, _Row | None], Field(max_length=16)]
    session: _Word | None
    change: _Row
    sealed: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    missing: bool = False
    trouble: _Text | None = None


class ClockAsk(Message):
    id: _Row


class ClockAnswer(Message):
    """Both clocks of the rig, read together between the question and this answer."""

    id: _Row
    boot_id: _Word
    realtime_ns: _Time
    monotonic_ns: _Time


_M = TypeVar("_M", bound=Message)


def parsed(kind: type[_M], payload: bytes) -> _M:
    """Raises ValueError, in one line, for what is no such message."""
    if len(payload) > LARGEST_MESSAGE_BYTES:
        raise ValueError(f"{len(payload)} bytes are above the {LARGEST_MESSAGE_BYTES} that are taken")
    try:
        return kind.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:80]
        raise ValueError(f"{where}: {first['msg'][:200]}".lstrip(": ")) from None
