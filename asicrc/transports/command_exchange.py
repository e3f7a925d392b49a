"""The TCP side of a cgminer-family miner: connect, write one command, read until it has answered."""

from __future__ import annotations

import socket
import time

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

    def ask(self, command: bytes, what: str, within_s: float = WITHIN_S) -> bytes:
        """The bytes of the reply; `what` names the command in messages. Raises DeviceLost."""
        end_s = time.monotonic() + within_s
        buffer = ReplyBuffer()
        try:
            with socket.create_connection(self._address, timeout=min(CONNECT_S, within_s)) as connection:
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
            raise DeviceLost(f"{self.name} does not answer {what} within {within_s:g} s") from None
        except OSError as error:
            raise DeviceLost(f"{self.name} does not answer {what}: {error.strerror or error}") from None
        except RemoteProtocolError as error:
            raise DeviceLost(f"{self.name} answers {what} without end: {error}") from None
        return buffer.data

    def close(self) -> None:
        """Nothing is kept open."""
