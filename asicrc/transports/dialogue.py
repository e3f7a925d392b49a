"""What was written on a recorded line, with what came back, and where a driver stands in it."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from firmware_protocols.device import Direction, WireChunk


class Kind(Enum):
    QUESTION = auto()
    """Changes nothing, and may be asked at any time."""
    COMMAND = auto()
    WORK = auto()
    """Bytes come back for as long as it lasts."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """Of a write: equal ones ask the same. `place` is what is read or written, None where that is nothing."""

    kind: Kind
    asked: Hashable
    place: Hashable = None


class Language(Protocol):
    def meaning(self, data: bytes) -> Meaning: ...

    def readdressed(self, answer: bytes, recorded: bytes, written: bytes) -> bytes:
        """The answer to the write `recorded` as one to `written`, which means the same; as long as before."""


class PlainLanguage:
    """Of a line of which nothing is known: every write is a command, and no answer names it."""

    def meaning(self, data: bytes) -> Meaning:
        return Meaning(Kind.COMMAND, data)

    def readdressed(self, answer: bytes, recorded: bytes, written: bytes) -> bytes:
        return answer


@dataclass(slots=True)
class Exchange:
    """One write and what came until the next. Number 0 is what came before any."""

    index: int
    data: bytes
    t_ns: int
    meaning: Meaning
    commands: int
    """Commands on the line up to here."""
    at_work: bool
    answers: list[WireChunk] = field(default_factory=list)


class Dialogue:
    """The exchanges of one line. `stands` is the index of the last command that was found."""

    def __init__(self, chunks: Sequence[WireChunk], language: Language) -> None:
        self.stands = 0
        self.passed_over = 0
        """Commands that were not given."""
        self._language = language
        self._by_meaning: dict[Meaning, list[int]] = defaultdict(list)
        self._written: dict[Hashable, list[int]] = defaultdict(list)
        """By place, the commands to it."""
        self._answered_to: dict[Meaning, int] = {}
        """By question, which exchange answered last."""
        self._exchanges = self._read(chunks)
        self.of_work = [
            (exchange, chunk)
            for exchange in self._exchanges
            if exchange.at_work
            for chunk in exchange.answers
        ]
        """What came while there was work, or before anything was written."""

    def find(self, data: bytes) -> Exchange | None:
        """The exchange that answers a write; None for one that was never made. A command moves on to it."""
        meaning = self._language.meaning(data)
        same = self._by_meaning.get(meaning)
        if not same:
            return None
        if meaning.kind is Kind.QUESTION:
            found = self._answering(meaning, same)
            self._answered_to[meaning] = found.index
            return found
        following = bisect_right(same, self.stands)
        found = self._exchanges[same[following] if following < len(same) else same[-1]]
        if meaning.kind is Kind.COMMAND and found.index > self.stands:
            self.passed_over += found.commands - 1 - self._exchanges[self.stands].commands
            self.stands = found.index
        return found

    def answers(self, exchange: Exchange, written: bytes) -> list[bytes]:
        """What came in the exchange, chunk by chunk, as answers to the write of now."""
        whole = b"".join(chunk.data for chunk in exchange.answers)
        whole = self._language.readdressed(whole, exchange.data, written)
        parts, start = [], 0
        for chunk in exchange.answers:
            parts.append(whole[start : start + len(chunk.data)])
            start += len(chunk.data)
        return parts

    def is_reached(self, exchange: Exchange) -> bool:
        """Whether all commands before it were given or passed over."""
        return exchange.commands <= self._exchanges[self.stands].commands

    def pass_to(self, exchange: Exchange) -> None:
        """The commands before it are not waited for any longer."""
        if not self.is_reached(exchange):
            self.passed_over += exchange.commands - self._exchanges[self.stands].commands
            self.stands = exchange.index

    def _answering(self, question: Meaning, same: list[int]) -> Exchange:
        commands = self._exchanges[self.stands].commands
        last = max(self.stands, self._answered_to.get(question, 0))
        following = bisect_right(same, last)
        if following < len(same):
            next_one = self._exchanges[same[following]]
            if next_one.commands == commands and not next_one.at_work:
                return next_one
        candidates = [self._exchanges[index] for index in same]
        writes = self._written[question.place]
        now = bisect_right(writes, self.stands)

        def rank(exchange: Exchange) -> tuple[bool, bool, int, bool, int]:
            overwritten = bisect_right(writes, exchange.index) != now
            away = abs(exchange.commands - commands)
            return not exchange.answers, overwritten, away, exchange.at_work, abs(exchange.index - last)

        return min(candidates, key=rank)

    def _read(self, chunks: Sequence[WireChunk]) -> list[Exchange]:
        start_ns = chunks[0].stamp.t_ns if chunks else 0
        current = Exchange(0, b"", start_ns, Meaning(Kind.WORK, None), 0, at_work=True)
        exchanges = [current]
        for chunk in chunks:
            if chunk.direction is not Direction.TX:
                current.answers.append(chunk)
                continue
            meaning = self._language.meaning(chunk.data)
            index, commands = len(exchanges), current.commands
            at_work = current.at_work and current.index > 0
            if meaning.kind is Kind.COMMAND:
                commands, at_work = commands + 1, False
                self._written[meaning.place].append(index)
            elif meaning.kind is Kind.WORK:
                at_work = True
            current = Exchange(index, chunk.data, chunk.stamp.t_ns, meaning, commands, at_work)
            exchanges.append(current)
            self._by_meaning[meaning].append(index)
        return exchanges
