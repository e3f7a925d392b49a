"""What time it is with a rig: questions, answers, and the bounds that each answer gives.

The rig read its clock after the question left and before the answer came, on the collector's own monotonic
clock (Cristian 1989): that is an interval without any assumption about how long the ways there and back took.
"""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from asicrc.clock import boot_id
from asicrc.errors import BadFile, StorageError
from asicrc.telemetry.collect.limits import CollectLimits
from asicrc.telemetry.mqtt.messages import ClockAnswer, ClockAsk, parsed
from firmware_protocols.device import Clock

KEEP_EVERY_NS = 60 * 10**9
"""The exchange that was quickest in a minute is kept."""
LONGEST_NS = 5 * 10**9
"""A slower one says nothing worth keeping."""
_MOST_OPEN = 16
_MOST_LINES = 1_000_000


class Exchange(BaseModel):
    """The rig's clocks, read between `after_ns` and `before_ns` of the collector's monotonic clock."""

    model_config = ConfigDict(extra="forbid", strict=True)

    boot_id: str
    realtime_ns: int
    monotonic_ns: int
    collector_boot_id: str
    after_ns: int
    before_ns: int

    @property
    def width_ns(self) -> int:
        return self.before_ns - self.after_ns


class ClockExchange:
    """With one rig. Answers to questions that were not asked are passed over. `take` raises StorageError."""

    def __init__(self, path: Path, clock: Clock, limits: CollectLimits) -> None:
        self._path = path
        self._clock = clock
        self._most_bytes = limits.clock_bytes_of_rig
        self._boot_id = _this_boot()
        self._asked: dict[int, int] = {}
        self._next = 0
        self._best: Exchange | None = None
        self._kept_at_ns: int | None = None

    def question(self) -> bytes:
        while len(self._asked) >= _MOST_OPEN:
            del self._asked[next(iter(self._asked))]
        self._next += 1
        payload = ClockAsk(id=self._next).payload()
        self._asked[self._next] = self._clock.now_ns()
        return payload

    def take(self, payload: bytes, arrived_ns: int) -> None:
        try:
            answer = parsed(ClockAnswer, payload)
        except ValueError:
            return  # whoever sent it did not want to say the time
        asked_ns = self._asked.pop(answer.id, None)
        if asked_ns is None or arrived_ns - asked_ns > LONGEST_NS:
            return
        found = Exchange(
            boot_id=answer.boot_id,
            realtime_ns=answer.realtime_ns,
            monotonic_ns=answer.monotonic_ns,
            collector_boot_id=self._boot_id,
            after_ns=asked_ns,
            before_ns=arrived_ns,
        )
        first = self._kept_at_ns is None
        if self._best is None or found.width_ns < self._best.width_ns or self._best.boot_id != found.boot_id:
            self._best = found
        if first or arrived_ns - (self._kept_at_ns or 0) >= KEEP_EVERY_NS:
            self._keep(self._best)
            self._best, self._kept_at_ns = None, arrived_ns

    def _keep(self, exchange: Exchange) -> None:
        try:
            self._path.parent.mkdir(exist_ok=True)
            if self._path.exists() and self._path.stat().st_size > self._most_bytes:
                return
            with self._path.open("a") as file:
                file.write(exchange.model_dump_json() + "\n")
        except OSError as error:  # no fault of the broker, and a new connection would not mend it
            raise StorageError(
                f"cannot write {self._path}: {error.strerror or error}", "free space, or mend its permissions"
            ) from None


@cache
def _this_boot() -> str:
    """Where the machine does not name its boots, a name of this process: its times go with no others."""
    return boot_id() or f"unknown-{secrets.token_hex(8)}"


def exchanges_in(path: Path) -> list[Exchange]:
    """Those that were kept; none where there is no such file. Raises BadFile."""
    if not path.exists():
        return []
    found = []
    with path.open() as file:
        for number, text in enumerate(file, 1):
            if number > _MOST_LINES:
                break
            try:
                found.append(Exchange.model_validate_json(text))
            except ValidationError:
                if not text.endswith("\n"):  # cut off by a kill
                    break
                raise BadFile(f"{path}: line {number} is no exchange of clocks", "remove that line") from None
    return found
