"""Recorded lines that a driver talks to once more: what it asks is answered as it was answered then.

The driver of today need not write what the one of the recording wrote, nor as often, nor at the same times:
what a board measures is asked for once a second, whatever else happens. So every write is answered by what it
means (`Language`), and each line has its own place in the recording:

- a command goes forward to the next equal one, and what was asked between is passed over; where none follows,
  the last one is acknowledged again;
- a question gets the recorded answers to it in their order, as far as no command lies between, the last one
  again and again; else the nearest one before whose place nothing else was written;
- what came while there was work comes at its time, asked for or not. Work itself is not given;
- a write that was never made ends the replay, naming it.

Time is the recording's: it goes on while the driver waits, and to a command's time when that is ahead, so
neither the speed of this machine nor the length of the replay plays a part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asicrc.transports.dialogue import Dialogue, Exchange, Kind, Language, PlainLanguage
from asicrc.transports.recording import RecordedChunk
from asicrc.transports.transport import LatencyTimer
from firmware_protocols.device import Clock, DeviceLost, Stamp, WireChunk

PATIENCE_NS = 1_000_000_000
"""For commands before recorded work that the driver does not give: then what came of the work comes."""

NEVER_NS = 1 << 63


class RecordedClock:
    """Stands where the recording stands, and moves on while its reader waits."""

    def __init__(self, start_ns: int, realtime_offset_ns: int) -> None:
        self._now_ns = start_ns
        self._offset_ns = realtime_offset_ns

    def now_ns(self) -> int:
        return self._now_ns

    def realtime_ns(self) -> int:
        return self._now_ns + self._offset_ns

    def advance_to(self, t_ns: int) -> None:
        self._now_ns = max(self._now_ns, t_ns)


class RecordedLines:
    """The lines of one device with their common clock. `line` gives the transport of a channel."""

    def __init__(
        self,
        chunks: Sequence[RecordedChunk],
        realtime_offset_ns: int,
        languages: Mapping[str, Language] | None = None,
    ) -> None:
        self._chunks = chunks
        self._languages = languages or {}
        start_ns = chunks[0].chunk.stamp.t_ns if chunks else 0
        self.clock = RecordedClock(start_ns, realtime_offset_ns)

    def line(self, channel: str, path: str, baud: int) -> RecordedTransport:
        """From the beginning of the recording."""
        language = self._languages.get(channel) or PlainLanguage()
        own = [recorded.chunk for recorded in self._chunks if recorded.channel == channel]
        return RecordedTransport(Dialogue(own, language), self.clock, path, baud)


class RecordedTransport:
    """Implements `Transport` for one line of a recording."""

    def __init__(self, dialogue: Dialogue, clock: RecordedClock, path: str, baud: int) -> None:
        self.path = path
        self.clock: Clock = clock
        self._recorded_clock = clock
        self._dialogue = dialogue
        self._baud = baud
        self._late_ns = 0
        """How far the replay is behind the recording, as of the last command."""
        self._arriving: list[WireChunk] = []
        """Answers with the times at which they come, the earliest first."""
        self._next_of_work = 0

    @property
    def baud(self) -> int:
        return self._baud

    @property
    def descriptor(self) -> int | None:
        return None

    @property
    def latency_timer(self) -> LatencyTimer:
        return LatencyTimer(None, None)

    @property
    def passed_over(self) -> int:
        """Recorded commands that the driver did not give."""
        return self._dialogue.passed_over

    def set_baud(self, baud: int) -> None:
        self._baud = baud

    def write(self, data: bytes) -> Stamp:
        before = self._dialogue.stands
        exchange = self._dialogue.find(data)
        if exchange is None:
            raise DeviceLost(
                f"{self.path}: the driver writes {data.hex(' ')} here, which the recording does not have; "
                "a replay answers what was asked then, so use the settings of then"
            )
        if self._dialogue.stands != before:
            self._go_on_to(exchange)
        now_ns = self.clock.now_ns()
        for chunk, answer in zip(exchange.answers, self._dialogue.answers(exchange, data), strict=True):
            if exchange.meaning.kind is not Kind.WORK:
                after_ns = max(0, chunk.stamp.t_ns - exchange.t_ns)
                self._arriving.append(WireChunk(chunk.direction, Stamp(now_ns + after_ns), answer))
        self._arriving.sort(key=_time_of)
        return Stamp(now_ns)

    def read(self, until_ns: int) -> list[WireChunk]:
        """What came on the line up to a moment; returns as soon as there is something, as a port does."""
        comes_ns = min([self._next_work_ns(), *(chunk.stamp.t_ns for chunk in self._arriving[:1])])
        if comes_ns > until_ns:
            self._recorded_clock.advance_to(until_ns)
            return []
        self._recorded_clock.advance_to(comes_ns)
        self._let_work_come(self.clock.now_ns())
        return self._due()

    def close(self) -> None:
        """Nothing is held open."""

    def _go_on_to(self, command: Exchange) -> None:
        """What had come by now is there; what came later, before the command, is not."""
        of_work, now_ns = self._dialogue.of_work, self.clock.now_ns()
        while self._next_of_work < len(of_work) and of_work[self._next_of_work][0].index < command.index:
            chunk = self._shifted(of_work[self._next_of_work][1])
            if chunk.stamp.t_ns <= now_ns:
                self._arriving.append(chunk)
            self._next_of_work += 1
        self._recorded_clock.advance_to(command.t_ns)
        self._late_ns = self.clock.now_ns() - command.t_ns

    def _next_work_ns(self) -> int:
        """When the next bytes of work come."""
        if self._next_of_work == len(self._dialogue.of_work):
            return NEVER_NS
        exchange, chunk = self._dialogue.of_work[self._next_of_work]
        patience_ns = 0 if self._dialogue.is_reached(exchange) else PATIENCE_NS
        return self._shifted(chunk).stamp.t_ns + patience_ns

    def _let_work_come(self, until_ns: int) -> None:
        while self._next_work_ns() <= until_ns:
            exchange, chunk = self._dialogue.of_work[self._next_of_work]
            self._dialogue.pass_to(exchange)
            self._arriving.append(self._shifted(chunk))
            self._next_of_work += 1
        self._arriving.sort(key=_time_of)

    def _shifted(self, chunk: WireChunk) -> WireChunk:
        return WireChunk(chunk.direction, Stamp(chunk.stamp.t_ns + self._late_ns), chunk.data)

    def _due(self) -> list[WireChunk]:
        now_ns = self.clock.now_ns()
        due = [chunk for chunk in self._arriving if chunk.stamp.t_ns <= now_ns]
        del self._arriving[: len(due)]
        return due


def _time_of(chunk: WireChunk) -> int:
    return chunk.stamp.t_ns
