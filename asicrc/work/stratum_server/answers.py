"""The way back: a share is answered when its verdict is here, however late that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from asicrc.work.stratum_server.floor import FloorWatch
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.device import Clock, NonceBatch, Reason, Verdict
from firmware_protocols.stratum_v1 import ErrorCode, Id, Reply, StratumError, encode

if TYPE_CHECKING:
    from asicrc.work.stratum_server.miner import MinerConnection


@dataclass(slots=True)
class AnswerCounters:
    """Shares by what became of them. `late` ones are among the answered; `unanswered` had nobody to tell."""

    accepted: int = 0
    by_grace: int = 0
    stale_or_unknown: int = 0
    repeated: int = 0
    low: int = 0
    other: int = 0
    late: int = 0
    unanswered: int = 0


class Expected(NamedTuple):
    """A share that waits for its verdict. `grace_target` is the job before's, 0 where that is no other."""

    miner: MinerConnection
    id: Id
    t_ns: int
    difficulty: float
    target: int
    grace_target: int


class Answers:
    """Filled by the receiver's thread, emptied by the session's."""

    def __init__(self, clock: Clock, answer_within_s: float) -> None:
        self.counters = AnswerCounters()
        self.floor = FloorWatch()
        self._clock = clock
        self._within_ns = round(answer_within_s * 1e9)
        self._expected: dict[int, Expected] = {}

    @property
    def waiting(self) -> int:
        return len(self._expected)

    def expect(self, seq: int, share: Expected) -> None:
        self._expected[seq] = share

    def judged(self, events: NonceBatch) -> None:
        """Answer the miners whose shares these are; each gets all of its answers in one piece."""
        now_ns = self._clock.now_ns()
        lines: dict[MinerConnection, list[bytes]] = {}
        columns = (events[name].tolist() for name in _COLUMNS)
        for seq, verdict, reason, duplicate, difficulty in zip(*columns, strict=True):
            share = self._expected.pop(seq, None)
            if share is None:  # it was answered when it came
                continue
            code = self._code(share, verdict, reason, duplicate, difficulty)
            lines.setdefault(share.miner, []).append(_answer(share.id, code))
            share.miner.answered(code is None)
            if now_ns - share.t_ns > self._within_ns:
                self.counters.late += 1
        for miner, answers in lines.items():
            if not miner.send(b"".join(answers)):
                self.counters.unanswered += len(answers)

    def _code(
        self, share: Expected, verdict: int, reason: int, duplicate: bool, difficulty: float
    ) -> ErrorCode | None:
        """The code to answer with, counted; None accepts."""
        counters = self.counters
        if verdict == Verdict.VALID and not duplicate:
            counters.accepted += 1
            self.floor.add(share.difficulty, share.target, difficulty)
            return None
        if verdict == Verdict.VALID:
            counters.repeated += 1
            return ErrorCode.DUPLICATE
        if verdict == Verdict.LOW:
            if reason == Reason.BELOW_TARGET:
                self.floor.add(share.difficulty, share.target, difficulty)
            if difficulty * share.grace_target >= DIFFICULTY_1_TARGET:
                counters.by_grace += 1
                return None
            counters.low += 1
            return ErrorCode.LOW_DIFFICULTY
        if verdict in (Verdict.STALE, Verdict.UNKNOWN_JOB):
            counters.stale_or_unknown += 1
            return ErrorCode.JOB_NOT_FOUND
        counters.other += 1
        return ErrorCode.OTHER


def _answer(message_id: Id, code: ErrorCode | None) -> bytes:
    if code is None:
        return encode(Reply(message_id, True))
    return encode(Reply(message_id, None, StratumError(code, code.text)))


_COLUMNS = ("seq", "verdict", "reason", "duplicate", "difficulty")
