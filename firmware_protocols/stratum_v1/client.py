"""The miner's end of one connection, for emulators and for proxies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.stratum_v1.client_messages import (
    Authorize,
    ClientRequest,
    Configure,
    Pong,
    Submit,
    Subscribe,
)
from firmware_protocols.stratum_v1.connection import Connection
from firmware_protocols.stratum_v1.encoding import encode
from firmware_protocols.stratum_v1.from_server import (
    ConfigureResult,
    SubscribeResult,
    configure_result,
    decode_from_server,
    subscribe_result,
)
from firmware_protocols.stratum_v1.jobs import JOBS_KEPT, JobBook, StratumJob
from firmware_protocols.stratum_v1.json_lines import JsonValue
from firmware_protocols.stratum_v1.replies import (
    ErrorCode,
    Malformed,
    Reply,
    StratumError,
    UnknownMethod,
)
from firmware_protocols.stratum_v1.server_messages import (
    GetVersion,
    Notify,
    Ping,
    Reconnect,
    SetDifficulty,
    SetExtranonce,
    SetVersionMask,
    ShowMessage,
)

MAX_SERVER_LINE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to a request of ours.

    `result` is typed for mining.subscribe and mining.configure, else as it came.
    """

    request: ClientRequest
    reply: Reply
    result: SubscribeResult | ConfigureResult | JsonValue

    @property
    def accepted(self) -> bool:
        return self.reply.accepted

    @property
    def error(self) -> StratumError | None:
        return self.reply.error


ServerEvent: TypeAlias = (
    StratumJob
    | Answer
    | SetDifficulty
    | SetExtranonce
    | SetVersionMask
    | Reconnect
    | ShowMessage
    | GetVersion
    | Ping
    | Reply
    | UnknownMethod
    | Malformed
)
"""A `Reply` here is one that nobody waits for."""


class ClientConnection(Connection[ServerEvent, ClientRequest]):
    """Sans-I/O, for one connection; begin another after a reconnect, with the old `session` in Subscribe.

    `jobs` binds each job to what is in force when it comes; difficulty 1 until the pool says another. The
    connection's `jobs.version_mask` is the newest (BIP 310), a job's the one of its time (ESP-Miner).
    """

    def __init__(
        self,
        *,
        difficulty: float = 1,
        version_mask: int = 0,
        jobs_kept: int = JOBS_KEPT,
        max_line_bytes: int = MAX_SERVER_LINE_BYTES,
    ) -> None:
        super().__init__(max_line_bytes)
        self.jobs = JobBook(difficulty=difficulty, version_mask=version_mask, kept=jobs_kept)
        self.session: str | None = None
        self.workers: set[str] = set()
        """Names that the pool let in."""

    @property
    def subscribed(self) -> bool:
        return self.jobs.extranonce1 is not None

    def send(self, request: ClientRequest) -> bytes:
        """The line of a request; without an id it gets the next one. Raises LocalProtocolError.

        Ids may be given and repeated, as miners do: replies go to the oldest request first.
        """
        if request.id is None:
            request = replace(request, id=self._next_id)
            line = encode(request)
            self._give_id()
        else:
            line = encode(request)
        self._expect_reply(request.id, request)
        return line

    def submit(
        self,
        job: StratumJob,
        worker: str,
        extranonce2: bytes,
        nonce: int,
        *,
        ntime: int | None = None,
        version_bits: int | None = None,
    ) -> bytes:
        """`send` a share, by default with the job's own ntime."""
        share = Submit(
            worker,
            job.job_id,
            extranonce2.hex(),
            job.notify.ntime if ntime is None else ntime,
            nonce,
            version_bits,
        )
        return self.send(share)

    def routine_answer(self, message: ServerEvent, *, user_agent: str, pong: bool = False) -> bytes | None:
        """The answer to what a pool asks, None where there is none to give.

        mining.ping is answered "pong", or by the method of that name, as ESP-Miner does it, with `pong`.
        """
        match message:
            case GetVersion():
                return encode(Reply(message.id, user_agent))
            case Ping():
                return encode(Pong(message.id) if pong else Reply(message.id, "pong"))
            case UnknownMethod() | Malformed() if message.id is not None:
                return encode(Reply(message.id, None, StratumError(ErrorCode.OTHER, "Method not supported")))
            case _:
                return None

    def _decoded(self, line: bytes, at_ns: int) -> ServerEvent:
        message = decode_from_server(line)
        match message:
            case Notify():
                if not self.subscribed:
                    return Malformed("mining.notify", "a job before the reply to mining.subscribe")
                return self.jobs.bind(message, at_ns=at_ns)
            case SetDifficulty():
                self.jobs.difficulty = message.difficulty
            case SetExtranonce():
                self.jobs.set_extranonce(message.extranonce1, message.extranonce2_size)
            case SetVersionMask():
                self.jobs.version_mask = message.mask
            case Reply():
                return self._reply(message)
        return message

    def _reply(self, reply: Reply) -> Answer | Reply | Malformed:
        request = self._answered(reply.id)
        if request is None:
            return reply
        result: SubscribeResult | ConfigureResult | JsonValue = reply.result
        if reply.accepted:
            try:
                result = self._settle(request, reply.result)
            except RemoteProtocolError as error:
                # without its id: a reply is not answered
                return Malformed(f"reply to {_METHODS[type(request)]}", str(error))
        return Answer(request, reply, result)

    def _settle(
        self, request: ClientRequest, result: JsonValue
    ) -> SubscribeResult | ConfigureResult | JsonValue:
        match request:
            case Subscribe():
                subscribed = subscribe_result(result)
                self.session = subscribed.session
                self.jobs.set_extranonce(subscribed.extranonce1, subscribed.extranonce2_size)
                return subscribed
            case Configure():
                configured = configure_result(result)
                if configured.version_mask is not None:
                    self.jobs.version_mask = configured.version_mask
                return configured
            case Authorize():
                self.workers.add(request.worker)
        return result


_METHODS: dict[type, str] = {Subscribe: "mining.subscribe", Configure: "mining.configure"}
