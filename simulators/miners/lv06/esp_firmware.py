"""What both generations of AxeOS have in common: the web server, the log, and the way a chip is started."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from simulators.miners.dialects import Dialect
from simulators.miners.firmware import Firmware
from simulators.miners.http_port import Answer, HttpPort, Request
from simulators.miners.lv06.board import Board
from simulators.miners.options import MinerOptions
from simulators.miners.pool_link import FailOver
from simulators.miners.reactor import Reactor
from simulators.miners.tcp import Stream
from simulators.miners.websocket import WebSocket

FREE_HEAP = 200_504
MAX_SOCKETS = 4
REDUCTION = 100
"""By so many mV and MHz an overheated board starts lower than it was."""


class EspFirmware(Firmware):
    def __init__(
        self,
        options: MinerOptions,
        reactor: Reactor,
        ring: Callable[[], None],
        dialect: Dialect,
        fail_over: FailOver,
    ) -> None:
        super().__init__(options, reactor, ring, dialect, fail_over)
        self.board = Board(options)
        self.nvs: dict[str, Any] = {}
        """Settings that outlive a restart, by their names in the API."""
        self._http = HttpPort(reactor, options.api_port, self._answer, self._upgrade)
        self._log_sockets: list[WebSocket] = []

    @abstractmethod
    def respond(self, request: Request) -> Answer:
        """To a request that is allowed."""

    @abstractmethod
    def info(self) -> dict[str, Any]:
        """What GET /api/system/info says."""

    def open_live(self, socket: WebSocket) -> bool:
        """Take a socket on /api/ws/live, if there is such a thing."""
        return False

    @property
    def real_hashes_per_s(self) -> float:
        return self.board.hashes_per_s

    @property
    def model_w(self) -> float:
        return self.board.power_w

    def url(self) -> str:
        return f"axeos://127.0.0.1:{self._http.number}?{self.options.url_query()}"

    def open_api(self) -> None:
        self._http.open()

    def shut_api(self) -> None:
        self._http.shut()
        for socket in self._log_sockets:
            socket.close()
        self._log_sockets.clear()

    def lose_heat_sink(self) -> None:
        self.board.lose_heat_sink()

    def lower_settings(self) -> None:
        self.nvs["frequency"] -= REDUCTION
        self.nvs["coreVoltage"] -= REDUCTION

    def log(self, text: str) -> None:
        super().log(text)
        self._log_sockets = [socket for socket in self._log_sockets if not socket.closed]
        for socket in self._log_sockets:
            socket.send(f"{self.lines[-1]}\n")

    def _answer(self, request: Request) -> Answer | None:
        if self.api_hangs:
            return None
        if self.options.check_address:
            return Answer.text("Unauthorized", 401)  # 127.0.0.1 is in none of the private networks
        return self.respond(request)

    def _upgrade(self, request: Request, stream: Stream) -> bool:
        if self.options.check_address or self.api_hangs:
            return False
        if request.path == "/api/ws" and len(self._log_sockets) < MAX_SOCKETS:
            self._log_sockets.append(WebSocket(request, stream))
            return True
        return request.path == "/api/ws/live" and self.open_live(WebSocket(request, stream))


def suffixed(difficulty: float) -> str:
    """As main/system.c of v2.1.8 writes a difficulty: 999, then 1.23k, 4.56M and so on."""
    for suffix, scale in (("E", 1e18), ("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if difficulty >= scale:
            return f"{int(difficulty / scale * 1000) / 1000:.2f}{suffix}"
    return str(int(difficulty))


def parsed_object(body: bytes) -> dict[str, Any] | None:
    """A JSON object by names in small letters, as cJSON finds them; None for anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    found: dict[str, Any] = {}
    for key, item in value.items():
        found.setdefault(key.lower(), item)
    return found
