"""A Goldshell box's web interface: login, power plans written whole, pools added behind the others."""

from __future__ import annotations

import json
from typing import Any

import httpx

from asicrc.devices.network.cgminer_client import CgminerClient
from asicrc.devices.network.credentials import Credentials
from asicrc.devices.network.goldshell_client import GoldshellClient
from asicrc.transports.command_exchange import CommandExchange
from asicrc.transports.http_exchange import HttpExchange

TOKEN = "abc.def.ghi"


class FakeGoldshell:
    """`encrypted` takes the encrypted form of a password only. Every request is kept in `requests`."""

    def __init__(self, *, encrypted: bool = False, password: str = "123456789") -> None:
        self.encrypted = encrypted
        self.password = password
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.down_for = 0
        """Requests that nobody answers, the next ones."""
        self.refused_tokens = 0
        """Requests with a right token that are refused all the same, the next ones."""
        self.boards_status = 200
        self.most_pools = 3
        self.ignores_plan = False
        self.setting: dict[str, Any] = {
            "select": 0,
            "manual": False,
            "name": "28:E2:97:00:11:22",
            "powerplans": [
                {"level": 0, "info": "750 MHz 0.41 V 50 RPM 50 RPM"},
                {"level": 1, "info": "600 MHz 0.38 V 40 RPM 40 RPM"},
                {"level": 3, "info": "0 MHz 0 V 0 RPM 0 RPM"},
            ],
            "unknown": {"kept": True},
        }
        self.pools = [
            {"url": "stratum+tcp://first.example:3333", "user": "wallet.a", "pass": "p1"},
            {"url": "stratum+tcp://second.example:3333", "user": "wallet.b", "pass": "p2"},
        ]

    def client(self, password: str | None = None, command_port: int = 9) -> GoldshellClient:
        exchange = HttpExchange("192.0.2.8", 80, httpx.MockTransport(self._answer))
        commands = CgminerClient(CommandExchange("127.0.0.1", command_port))
        return GoldshellClient(exchange, Credentials(None, password), commands)

    def writes(self) -> list[str]:
        return [path for method, path in self.requests if method != "GET"]

    def urls(self) -> list[str]:
        return [pool["url"] for pool in self.pools]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.requests.append((request.method, path))
        if self.down_for > 0:
            self.down_for -= 1
            raise httpx.ConnectError("connection refused")
        body = json.loads(request.content) if request.content else {}
        self.bodies.append(body)
        if path == "/user/logout":
            return httpx.Response(200, json={"code": 0})
        if path == "/user/login":
            return self._login(dict(request.url.params))
        if path == "/mcb/status":
            return httpx.Response(
                200, json={"model": "Goldshell-LBBox", "firmware": "2.2.3", "hardware": "x"}
            )
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return httpx.Response(401, text="Check Token Error")
        if self.refused_tokens > 0:
            self.refused_tokens -= 1
            return httpx.Response(401, text="Check Token Error")
        match request.method, path:
            case "GET", "/mcb/setting":
                return httpx.Response(200, json=self.setting)
            case "PUT", "/mcb/setting":
                if self.ignores_plan:
                    body |= {"select": self.setting["select"]}
                self.setting = body
                return httpx.Response(200)
            case "GET", "/mcb/pools":
                return httpx.Response(200, json=self._listed())
            case "PUT", "/mcb/newpool":
                if len(self.pools) < self.most_pools:
                    self.pools.append(body)
                return httpx.Response(200, json=self._listed())
            case "PUT", "/mcb/delpool":
                self.pools = [pool for pool in self.pools if pool["url"] != body["url"]]
                return httpx.Response(200, json=self._listed())
            case "GET", "/mcb/cgminer":
                board = {"id": 0, "hashrate": 175_000_000, "temp": "67.1 °C", "time": 900}
                return httpx.Response(self.boards_status, json={"status": 2, "data": [board]})
        return httpx.Response(404)

    def _login(self, query: dict[str, str]) -> httpx.Response:
        from firmware_protocols.goldshell import encrypted_password

        form = "true" if self.encrypted else "false"
        right = encrypted_password(self.password) if self.encrypted else self.password
        if query.get("cipher") == form and query.get("password") == right:
            return httpx.Response(200, json={"JWT Token": TOKEN})
        return httpx.Response(200, json={"code": 1, "msg": "password error"})

    def _listed(self) -> list[dict[str, Any]]:
        return [
            pool | {"dragid": place, "active": place == 0, "legal": True}
            for place, pool in enumerate(self.pools)
        ]
