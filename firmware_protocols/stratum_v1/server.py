"""The pool's end of one connection: what was agreed on with a miner, its jobs, and its shares."""

from __future__ import annotations

from typing import TypeAlias

from firmware_protocols.device import NO_TIME
from firmware_protocols.errors import LocalProtocolError
from firmware_protocols.stratum_v1.algorithm import SHA256D, Algorithm
from firmware_protocols.stratum_v1.client_messages import (
    Authorize,
    ClientRequest,
    Configure,
    ExtranonceSubscribe,
    GetTransactions,
    MultiVersion,
    Pong,
    Submit,
    Subscribe,
    SuggestDifficulty,
    SuggestTarget,
)
from firmware_protocols.stratum_v1.connection import Connection
from firmware_protocols.stratum_v1.encoding import encode, subscription
from firmware_protocols.stratum_v1.from_client import ClientMessage, decode_from_client
from firmware_protocols.stratum_v1.jobs import JOBS_KEPT, ServerJobs, StratumJob
from firmware_protocols.stratum_v1.json_lines import JsonValue
from firmware_protocols.stratum_v1.replies import (
    Damaged,
    ErrorCode,
    Malformed,
    Reply,
    StratumError,
    UnknownMethod,
    usual_text,
)
from firmware_protocols.stratum_v1.server_messages import (
    Notify,
    Reconnect,
    ServerRequest,
    SetDifficulty,
    SetExtranonce,
    SetVersionMask,
    ShowMessage,
)
from firmware_protocols.stratum_v1.share_judge import Judgement, ShareJudge
from firmware_protocols.stratum_v1.version_rolling import BIP320_MASK, Negotiated, negotiate

MAX_CLIENT_LINE_BYTES = 8_192
MAX_WORKERS = 256
"""Names authorised on one connection; more are refused."""

Answerable: TypeAlias = ClientRequest | UnknownMethod | Malformed


class ServerConnection(Connection[ClientMessage, ServerRequest]):
    """Sans-I/O. The order that suits every miner: answer mining.configure whenever it comes, then
    mining.subscribe, mining.authorize, then `set_difficulty`, then `notify` with clean jobs.

    The methods that return bytes return what to write; each raises LocalProtocolError instead of sending
    what miners cannot take.
    """

    def __init__(
        self,
        *,
        version_mask: int = BIP320_MASK,
        algorithm: Algorithm = SHA256D,
        grace: bool = True,
        jobs_kept: int = JOBS_KEPT,
        max_line_bytes: int = MAX_CLIENT_LINE_BYTES,
    ) -> None:
        super().__init__(max_line_bytes)
        self.offered_mask = version_mask
        """The version bits that a miner may roll if it asks."""
        self.jobs = ServerJobs(kept=jobs_kept)
        self.shares = ShareJudge(self.jobs, algorithm=algorithm, grace=grace)
        self.subscribed = False
        self.workers: set[str] = set()
        """Names that were authorised."""
        self.miner_mask: int | None = None
        """The version bits that the miner can roll; None before it has asked to."""

    def _decoded(self, line: bytes, at_ns: int) -> ClientMessage:
        message = decode_from_client(line)
        if isinstance(message, Reply | Pong):
            self._answered(message.id)
        return message

    # Answers

    def answer(self, request: Answerable, result: JsonValue = True) -> bytes:
        return encode(Reply(request.id, result))

    def refuse(
        self, request: Answerable, code: int = ErrorCode.OTHER, text: str = "", traceback: JsonValue = None
    ) -> bytes:
        """An error; without a text, the usual one of its code."""
        return encode(Reply(request.id, None, StratumError(code, text or usual_text(code), traceback)))

    def answer_configure(self, request: Configure) -> tuple[bytes, Negotiated]:
        """Grant version rolling within `offered_mask`, and nothing else. For the jobs from the next on."""
        agreed = negotiate(request, self.offered_mask)
        line = encode(Reply(request.id, agreed.result))
        if agreed.version_mask is not None:
            self.miner_mask = request.version_mask
            self.jobs.version_mask = agreed.version_mask
        return line, agreed

    def answer_subscribe(
        self, request: Subscribe, extranonce1: bytes, extranonce2_size: int, *, session: str = "1"
    ) -> bytes:
        """A second one on the connection may bring another extranonce, for the jobs from the next on."""
        line = encode(Reply(request.id, subscription(extranonce1, extranonce2_size, session)))
        self.jobs.set_extranonce(extranonce1, extranonce2_size)
        self.subscribed = True
        return line

    def answer_authorize(self, request: Authorize) -> bytes:
        """Let the worker in; above `MAX_WORKERS` it is refused."""
        if request.worker not in self.workers and len(self.workers) >= MAX_WORKERS:
            return self.refuse(request, ErrorCode.UNAUTHORIZED, "Too many workers on one connection")
        line = self.answer(request)
        self.workers.add(request.worker)
        return line

    def judge(self, submit: Submit) -> Judgement:
        """Judge a share as the pools do; `answer_submit` tells the miner."""
        return self.shares.judge(submit, authorized=submit.worker in self.workers, subscribed=self.subscribed)

    def answer_submit(self, submit: Submit, judgement: Judgement) -> bytes:
        if judgement.code is None:
            return self.answer(submit)
        return self.refuse(submit, judgement.code, judgement.text)

    def routine_answer(self, message: ClientMessage | Damaged) -> bytes | None:
        """The answer to whatever decides nothing; None where that is silence, or a decision is wanted.

        Wishes and mining.extranonce.subscribe are granted in words, a job has no transactions to tell, and
        what is unknown, malformed or mining.multi_version gets error 20. Nobody is hung up on.
        """
        match message:
            case SuggestDifficulty() | SuggestTarget() | ExtranonceSubscribe():
                return self.answer(message)
            case GetTransactions():
                return self.answer(message, [])
            case Malformed():
                return self.refuse(message, text=f"Malformed: {message.reason}")
            case UnknownMethod() | MultiVersion():
                return self.refuse(message, text="Method not supported")
            case _:
                return None

    # What a pool sends of itself

    def set_difficulty(self, difficulty: float) -> bytes:
        """For the jobs from the next on."""
        line = encode(SetDifficulty(difficulty))
        self.jobs.difficulty = difficulty
        return line

    def notify(
        self, work: Notify, *, number: int | None = None, at_ns: int = NO_TIME
    ) -> tuple[bytes, StratumJob]:
        """A job, bound to what is in force now.

        Not before mining.subscribe is answered: ESP-Miner crashes on that.
        """
        line = encode(work)
        return line, self.jobs.bind(work, number=number, at_ns=at_ns)

    def set_extranonce(self, extranonce1: bytes, extranonce2_size: int) -> bytes:
        """For the jobs from the next on."""
        if not self.subscribed:
            raise LocalProtocolError("the first extranonce goes into the answer to mining.subscribe")
        line = encode(SetExtranonce(extranonce1, extranonce2_size))
        self.jobs.set_extranonce(extranonce1, extranonce2_size)
        return line

    def set_version_mask(self, mask: int) -> bytes:
        """What of this mask the miner can roll. Send clean jobs after it: miners take it up at two times."""
        if self.miner_mask is None:
            raise LocalProtocolError("the miner has not asked for version rolling: it may know no mask")
        common = mask & self.miner_mask
        line = encode(SetVersionMask(common))
        self.jobs.version_mask = common
        return line

    def reconnect(
        self, host: str | None = None, port: int | None = None, wait_s: float | None = None
    ) -> bytes:
        return encode(Reconnect(host, port, wait_s))

    def show_message(self, text: str) -> bytes:
        return encode(ShowMessage(text))

    def request(self, request: ServerRequest) -> bytes:
        """GetVersion or Ping. The reply comes as `Reply` (or `Pong`) under the same id."""
        message_id = self._give_id() if request.id is None else request.id
        line = encode(type(request)(message_id))
        self._expect_reply(message_id, request)
        return line
