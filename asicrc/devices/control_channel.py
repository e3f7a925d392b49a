"""Requests to a board's microcontroller and their replies, over the first port of a bitaxe-raw firmware."""

from __future__ import annotations

from collections.abc import Callable

from asicrc.errors import DeviceError
from asicrc.transports.transport import Transport
from firmware_protocols.bitaxe_raw import (
    Answer,
    Damaged,
    HostChannel,
    Refused,
    ReplyVersion,
    Request,
    probe,
    probe_answer,
)
from firmware_protocols.device import DeviceLost, SettingRefused
from firmware_protocols.errors import RemoteProtocolError

REPLY_WAIT_NS = 500_000_000
SILENCE_NS = 30_000_000
"""A USB packet takes a millisecond; a loaded host some tens of them."""
PROBES = 3
ATTEMPTS = 3
SILENCES_BORNE = 1
"""Without any byte: each of them costs the whole wait, and whoever ends a capture waits for it."""


class RequestRefused(SettingRefused):
    """The board understood the request and did not do it: `str()` is its reason."""


class ControlChannel:
    """One request at a time, asked again where its reply is lost, damaged, or a refusal.

    A transfer to a part fails now and then. Every request here may be said twice: it reads, or it names the
    value that is to be.
    """

    def __init__(self, transport: Transport) -> None:
        """Find out which form the replies have. Raises DeviceError when nobody answers, DeviceLost."""
        self._transport = transport
        self.attend: Callable[[], None] = _nothing
        """Called before each request: whoever guards the board may have to say that it is over."""
        self.version = self._probe()
        self._channel = HostChannel(self.version)

    def ask(self, request: Request) -> Answer:
        """Raises RequestRefused where that stays so, and DeviceLost where no reply comes or none that can be
        read."""
        heard, silences = "nothing", 0
        for attempt in range(1, ATTEMPTS + 1):
            self.attend()
            self._transport.read(self._now_ns())  # late bytes of an earlier request
            self._transport.write(self._channel.request(request))
            reply = self._reply()
            if isinstance(reply, Answer):
                return reply
            if isinstance(reply, Refused):
                if attempt == ATTEMPTS:
                    raise RequestRefused(str(reply))
                continue
            heard = self._channel.heard.hex(" ") or "nothing"
            self._channel.forget()
            silences += reply is None
            if silences > SILENCES_BORNE:
                break
        raise DeviceLost(
            f"{self._transport.path}: the board does not answer {request}, asked {attempt} times; "
            f"what came: {heard}"
        )

    def _reply(self) -> Answer | Refused | Damaged | None:
        end_ns = self._now_ns() + REPLY_WAIT_NS
        reply: Answer | Refused | Damaged | None = None
        while reply is None and (now_ns := self._now_ns()) < end_ns:
            chunks = self._transport.read(min(end_ns, now_ns + SILENCE_NS))
            for chunk in chunks:
                reply = reply or self._channel.receive_data(chunk.data)
            if not chunks:
                reply = self._channel.fell_silent()
        return reply

    def _probe(self) -> ReplyVersion:
        heard = b""
        for probes_left in reversed(range(PROBES)):
            self._transport.read(self._now_ns())
            self._transport.write(probe())
            heard, end_ns = b"", self._now_ns() + REPLY_WAIT_NS
            while self._now_ns() < end_ns:
                heard += b"".join(chunk.data for chunk in self._transport.read(end_ns))
                try:
                    version = probe_answer(heard)
                except RemoteProtocolError as error:
                    if probes_left:
                        break
                    raise DeviceError(f"{self._transport.path}: {error}", _HINT) from None
                if version is not None:
                    return version
        said = f"it says {heard[:16].hex(' ')}" if heard else "nothing comes back"
        raise DeviceError(
            f"{self._transport.path} is no control port of a bitaxe-raw firmware: {said}", _HINT
        )

    def _now_ns(self) -> int:
        return self._transport.clock.now_ns()


def _nothing() -> None:
    """Nobody guards it."""


_HINT = "the first of the board's two ports is the control port; does the board run bitaxe-raw?"
