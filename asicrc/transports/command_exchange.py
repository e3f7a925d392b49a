"""The TCP side of a cgminer-family miner: connect, write one command, read until it has answered."""

from __future__ import annotations

import socket
import time

from asicrc.transports.asking_again import AGAIN_AFTER_S, AGAIN_WITHIN_S
from firmware_protocols.cgminer_api import ReplyBuffer
from firmware_protocols.device import DeviceLost
from firmware_protocols.errors import RemoteProtocolError

CONNECT_S = 3.0
WITHIN_S = 6.0
"""For a whole exchange; bmminer on an S9 answers within some 100 ms."""
READ_BYTES = 1 << 16


class CommandExchange:
    """One connection a command: the miner closes it after its answer. May be used by several threads."""

    def __init__(self, host: str, port: int) -> None:
        self.name = f"{host}:{port}"
        self._address = (host, port)

    def ask(self, command: bytes, what: str, within_s: float = WITHIN_S, *, again: bool = False) -> bytes:
        """The bytes of the reply; `what` names the command in messages. Raises DeviceLost.

        `again` is for a command that may be said twice: then one reply that is lost or late is no failure.
        Where nobody took the connection in time nobody is there.
        """
        try:
            return self._exchange(command, what, within_s)
        except _NoReply as error:
            said = str(error)
            if not again:
                raise DeviceLost(said) from None
        time.sleep(AGAIN_AFTER_S)
        try:
            return self._exchange(command, what, AGAIN_WITHIN_S)
        except _NoReply:
            raise DeviceLost(f"{said}, nor when asked again") from None

    def close(self) -> None:
        """Nothing is kept open."""

    def _exchange(self, command: bytes, what: str, within_s: float) -> bytes:
        end_s = time.monotonic() + within_s
        buffer = ReplyBuffer()
        late = f"{self.name} does not answer {what} within {within_s:g} s"
        try:
            with self._connected(late, min(CONNECT_S, within_s)) as connection:
                connection.settimeout(within_s)
                connection.sendall(command)
                while not buffer.complete:
                    left_s = end_s - time.monotonic()
                    if left_s <= 0:
                        raise TimeoutError
                    connection.settimeout(left_s)
                    data = connection.recv(READ_BYTES)
                    if data:
                        buffer.receive_data(data)
                    else:
                        buffer.closed()
        except TimeoutError:
            raise _NoReply(late) from None
        except OSError as error:
            raise _NoReply(f"{self.name} does not answer {what}: {error.strerror or error}") from None
        except RemoteProtocolError as error:
            raise DeviceLost(f"{self.name} answers {what} without end: {error}") from None
        return buffer.data

    def _connected(self, late: str, within_s: float) -> socket.socket:
        try:
            return socket.create_connection(self._address, timeout=within_s)
        except TimeoutError:
            raise DeviceLost(late) from None


class _NoReply(Exception):
    """To a command that reached somebody, or was turned away at once."""
