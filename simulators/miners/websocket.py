"""The WebSocket of RFC 6455, server's side, as far as a device that only talks needs it."""

from __future__ import annotations

import base64
import hashlib

from simulators.miners.http_port import Request
from simulators.miners.tcp import Stream

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_HEARD = 4_096


class WebSocket:
    """A connection after its handshake. What the client says is passed over, but a ping and its farewell."""

    def __init__(self, request: Request, stream: Stream) -> None:
        key = request.headers.get("sec-websocket-key", "")
        accept = base64.b64encode(
            hashlib.sha1(key.encode() + _MAGIC, usedforsecurity=False).digest()
        ).decode()
        self._stream = stream
        self._heard = b""
        stream.on_data, stream.on_end = self._hear, lambda: None
        stream.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )

    @property
    def closed(self) -> bool:
        return self._stream.closed

    def send(self, text: str) -> None:
        self._frame(0x1, text.encode())

    def close(self) -> None:
        self._stream.close()

    def _frame(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = bytes((0x80 | opcode, size))
        elif size < 1 << 16:
            head = bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big")
        self._stream.send(head + payload)

    def _hear(self, data: bytes) -> None:
        self._heard += data
        while len(self._heard) >= 6 and not self.closed:
            opcode, size = self._heard[0] & 0x0F, self._heard[1] & 0x7F
            if size > 125 or not self._heard[1] & 0x80 or len(self._heard) > _MAX_HEARD:
                self.close()  # longer than anything that a client has to say here
            elif len(self._heard) >= 6 + size:
                mask, payload = self._heard[2:6], self._heard[6 : 6 + size]
                self._heard = self._heard[6 + size :]
                self._obey(opcode, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))
            else:
                return

    def _obey(self, opcode: int, payload: bytes) -> None:
        if opcode == 0x9:
            self._frame(0xA, payload)
        elif opcode == 0x8:
            self._frame(0x8, payload[:2])
            self._stream.close_when_sent()
