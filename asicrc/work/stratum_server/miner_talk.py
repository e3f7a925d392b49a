"""What is said with a connected miner but for jobs and shares: greeting, junk, limits, its end."""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod

from asicrc.transports.tcp_connection import TcpConnection
from asicrc.work.stratum_server.hub import TalkHub
from asicrc.work.stratum_server.limits import Bucket
from asicrc.work.stratum_server.miner_state import MinerState
from asicrc.work.stratum_server.records import shown_agent
from firmware_protocols.device import Stamp
from firmware_protocols.stratum_v1 import (
    Authorize,
    ClientMessage,
    Configure,
    Damaged,
    ErrorCode,
    Malformed,
    Reply,
    ServerConnection,
    Submit,
    Subscribe,
    UnknownMethod,
)

MOST_WORKERS = 16
LONGEST_WORKER = 256
DAMAGED_LOGGED = 3
"""Of one connection, each with what is wrong with it; the number of all is kept."""
_METHOD = re.compile(r"[a-z_]{1,16}\.[a-z_.]{1,32}")


class MinerTalk(MinerState, ABC):
    """A `MinerState` with the connection behind it. Jobs and shares are a subclass's."""

    def __init__(
        self, hub: TalkHub, tcp: TcpConnection, extranonce1: bytes, extranonce2_size: int, t_ns: int
    ) -> None:
        super().__init__(extranonce1, tcp.peer, tcp.host, t_ns)
        self._talk_hub = hub
        self._tcp = tcp
        self._extranonce2_size = extranonce2_size
        self._codec = ServerConnection(
            version_mask=hub.version_mask,
            algorithm=hub.algorithm,
            jobs_kept=hub.limits.jobs_kept,
            max_line_bytes=hub.limits.line_bytes,
        )
        self._rate = Bucket(hub.limits.messages_per_s, hub.limits.burst_messages)
        self._damaged_in_a_row = 0
        self._bytes_since_message = 0
        self._raw_agent: str | None = None
        self._secrets: tuple[str, ...] = ()
        self._out: list[bytes] = []
        self._lock = threading.Lock()

    @abstractmethod
    def _share(self, submit: Submit, stamp: Stamp, n_in_read: int) -> bytes | None:
        """Take in a share. The answer, where it can be told at once."""

    @abstractmethod
    def _malformed_share(self, stamp: Stamp, n_in_read: int) -> None:
        """A share without the fields of one; it is answered with an error."""

    @abstractmethod
    def _begin(self, stamp: Stamp) -> None:
        """It can be sent work from now on."""

    def line_counters(self) -> dict[str, int]:
        codec = self._codec
        return {
            "frames": codec.frames,
            "damaged_frames": codec.damaged_frames,
            "skipped_bytes": codec.skipped_bytes,
        }

    def send(self, line: bytes) -> bool:
        return self._tcp.send(line)

    def drop(self, reason: str) -> None:
        self._tcp.close(reason)

    # From the receiver's thread

    def received(self, data: bytes, stamp: Stamp) -> None:
        with self._lock:
            messages = self._codec.receive_data(data, stamp.t_ns)
            for message, _, n_in_read in messages:
                if isinstance(message, Submit):
                    answer = self._share(message, stamp, n_in_read)
                else:
                    answer = self._talk(message, stamp, n_in_read)
                if answer is not None:
                    self._out.append(answer)
                if not isinstance(message, Damaged):
                    self._damaged_in_a_row = 0
            self._send_answers()
        self._mind_the_limits(len(messages), len(data), stamp.t_ns)

    def ended(self, reason: str, t_ns: int) -> None:
        with self._lock:
            self._codec.receive_eof(t_ns)
            self.left = reason
        self._talk_hub.went(self, t_ns)

    def look_at_time(self, now_ns: int) -> None:
        limits = self._talk_hub.limits
        if self.ready_ns is None and now_ns - self.connected_ns > limits.greeting_s * 1e9:
            self.drop(f"it has not authorised a worker within {limits.greeting_s:g} s")
        elif now_ns - self.last_message_ns > limits.idle_s * 1e9:
            self.drop(f"it has said nothing for {limits.idle_s:g} s")

    def _talk(self, message: ClientMessage | Damaged, stamp: Stamp, n_in_read: int) -> bytes | None:
        codec = self._codec
        match message:
            case Configure():
                answer, _ = codec.answer_configure(message)
                self.version_mask = codec.jobs.version_mask
                return answer
            case Subscribe():
                self._raw_agent = message.user_agent
                self._out.append(codec.answer_subscribe(message, self.extranonce1, self._extranonce2_size))
                self._begin_if_it_can(stamp)
                return None
            case Authorize():
                self._out.append(self._authorize(message))
                self._begin_if_it_can(stamp)
                return None
            case Damaged():
                self.damaged_lines += 1
                self._damaged_in_a_row += 1
                if self._damaged_in_a_row >= self._talk_hub.limits.damaged_in_a_row:
                    self.drop(f"{self._damaged_in_a_row} lines in a row were damaged")
                elif self.damaged_lines <= DAMAGED_LOGGED:
                    self._say(f"{self.name} sent a damaged line: {message.reason}")
                return None
            case UnknownMethod():
                method = message.method if _METHOD.fullmatch(message.method) else "of no usual name"
                self._say(f"{self.name} asked for a method that is not known here: {method}")
            case Malformed(method="mining.submit"):
                self._malformed_share(stamp, n_in_read)
            case Reply():
                return None
        return codec.routine_answer(message)

    def _authorize(self, message: Authorize) -> bytes:
        codec = self._codec
        is_new = message.worker not in codec.workers
        if is_new and (len(message.worker) > LONGEST_WORKER or len(codec.workers) >= MOST_WORKERS):
            return codec.refuse(message, ErrorCode.UNAUTHORIZED, "No more workers, or shorter names")
        if not codec.workers:
            self._secrets = message.worker, message.password
            self.worker = self._talk_hub.pseudonym(message.worker)
        return codec.answer_authorize(message)

    def _begin_if_it_can(self, stamp: Stamp) -> None:
        """As soon as it has subscribed and authorised a worker, in either order."""
        if self.ready_ns is not None or not self._codec.subscribed or not self._codec.workers:
            return
        # Only now it can be told whether the one contains the other.
        self.user_agent = shown_agent(self._raw_agent, *self._secrets)
        self._raw_agent, self._secrets = None, ()
        self.ready_ns = stamp.t_ns
        self._begin(stamp)

    def _say(self, text: str) -> None:
        self._talk_hub.say(text, of_stranger=self.ready_ns is None)

    def _send_answers(self) -> None:
        if self._out:
            self._tcp.send(b"".join(self._out))
            self._out.clear()

    def _mind_the_limits(self, messages: int, n_bytes: int, now_ns: int) -> None:
        limits = self._talk_hub.limits
        if messages:
            self.last_message_ns = now_ns
            self._bytes_since_message = 0
        else:
            self._bytes_since_message += n_bytes
            if self._bytes_since_message > limits.bytes_without_message:
                self.drop(f"{self._bytes_since_message} bytes came without a message in them")
        debt_ns = self._rate.take(messages, now_ns)
        if debt_ns > 0:
            self.waits += 1
            self._tcp.pause(now_ns + round(debt_ns))
