"""An AxeOS miner in a few lines, for a client without a network: what it stores, answers and ignores."""

from __future__ import annotations

import json
from typing import Any

import httpx
from quick_waiting import QuickWaiting

from asicrc.bench.limits import envelope_for
from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.network.axeos import AxeosControl
from asicrc.devices.network.axeos_client import AxeosClient
from asicrc.devices.network.control import ServerAddress
from asicrc.devices.network.waiting import Waiting
from asicrc.transports.http_exchange import HttpExchange
from firmware_protocols.axeos import detect_profile, info_from
from firmware_protocols.device import DeviceIdentity

SERVER = ServerAddress("192.0.2.1", 3333)

OLD_FIELDS = ("stratumURL", "stratumPort", "stratumUser")


class FakeAxeos:
    """`generation` is old (v2.1.8), live (v2.6), fan (v2.13) or head (v2.15).

    `ignores` are keys that are answered with 200 and not stored. Every request is kept in `requests`.
    """

    def __init__(self, generation: str, **info: Any) -> None:
        self.generation = generation
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.ignores: set[str] = set()
        self.restarts = 0
        self.is_down_for = 0
        self.password = "hunter2"
        self.info: dict[str, Any] = {
            "ASICModel": "BM1366",
            "frequency": 485,
            "coreVoltage": 1200,
            "coreVoltageActual": 1190,
            "temp": 55.0,
            "power": 11.5,
            "hashRate": 430.0,
            "uptimeSeconds": 1000,
            "version": "v2.1.8",
            "autofanspeed": 1,
            "stratumURL": "pool.example",
            "stratumPort": 3333,
            "stratumUser": "bc1qwallet.rig",
            "fanspeed": 40,
        }
        if generation != "old":
            self.info |= {
                "version": "v2.6.0",
                "macAddr": "AA:BB:CC:00:11:22",
                "smallCoreCount": 894,
                "overheat_mode": 0,
                "isUsingFallbackStratum": 0,
                "fallbackStratumURL": "other.example",
                "fallbackStratumPort": 3334,
                "fallbackStratumUser": "bc1qwallet.rig",
            }
        if generation in ("fan", "head"):
            self.info |= {"version": "v2.13.0", "manualFanSpeed": 60, "actualFrequency": 485.0}
        if generation == "head":
            self.info |= {
                "version": "v2.15.0",
                "primaryPoolIndex": 0,
                "secondaryPoolIndex": 1,
                "useFallbackStratum": 0,
                "pools": [self.pool(0, "pool.example"), self.pool(1, "other.example")],
            }
        self.info |= info
        self.stored_passwords = {0: "hunter2", 1: "hunter3"}
        self.running_mhz = float(self.info["frequency"])

    @staticmethod
    def pool(slot: int, host: str, port: int = 3333) -> dict[str, Any]:
        return {
            "id": slot,
            "stratumURL": host,
            "stratumPort": port,
            "stratumUser": "bc1qwallet.rig",
            "stratumPassword": "*****",
            "stratumTLS": 0,
            "somethingNew": 7,
        }

    def exchange(self) -> HttpExchange:
        return HttpExchange("192.0.2.7", 80, httpx.MockTransport(self._answer))

    def writes(self) -> list[tuple[str, str, dict[str, Any]]]:
        return [request for request in self.requests if request[0] != "GET"]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        self.requests.append((request.method, request.url.path, body))
        if self.is_down_for > 0:
            self.is_down_for -= 1
            raise httpx.ConnectError("connection refused")
        match request.method, request.url.path:
            case "GET", "/api/system/info":
                return httpx.Response(200, json=self.info)
            case "PATCH", "/api/system":
                self._store(body)
                return httpx.Response(200)
            case "POST", "/api/system/restart":
                self._restart()
                return httpx.Response(200, text="System will restart shortly.")
            case "DELETE", path if path.startswith("/api/system/pools/"):
                return self._delete(int(path.rpartition("/")[2]))
        return httpx.Response(404, text="Nope")

    def _store(self, body: dict[str, Any]) -> None:
        known = {key.lower(): key for key in self.info}
        for given, value in body.items():
            key = known.get(given.lower())
            if given == "pools":
                self._store_pools(value)
            elif given == "fallbackStratumPassword" or given == "stratumPassword":
                self.password = value
            elif given in self.ignores or key is None:
                continue
            else:
                self.info[key] = value
        if self.generation != "old":
            self._run()

    def _store_pools(self, pools: list[dict[str, Any]]) -> None:
        by_slot = {pool["id"]: pool for pool in self.info["pools"]}
        for pool in pools:
            password = pool.get("stratumPassword", "x")
            if password != "*****":
                self.stored_passwords[pool["id"]] = password
            by_slot[pool["id"]] = pool | {"stratumPassword": "*****"}
        self.info["pools"] = list(by_slot.values())

    def _delete(self, slot: int) -> httpx.Response:
        if slot in (self.info["primaryPoolIndex"], self.info["secondaryPoolIndex"]):
            return httpx.Response(400, text="Cannot delete a pool that is selected")
        self.info["pools"] = [pool for pool in self.info["pools"] if pool["id"] != slot]
        self.stored_passwords.pop(slot, None)
        return httpx.Response(200, json={"message": "Pool cleared successfully"})

    def _restart(self) -> None:
        self.restarts += 1
        self.info["uptimeSeconds"] = 0
        self.is_down_for = 1
        self._run()

    def _run(self) -> None:
        self.running_mhz = float(self.info["frequency"])
        if "actualFrequency" in self.info and "actualFrequency" not in self.ignores:
            self.info["actualFrequency"] = self.running_mhz
        if self.info["coreVoltageActual"]:
            self.info["coreVoltageActual"] = self.info["coreVoltage"] - 10


def control_of(
    miner: FakeAxeos, *, can_set_power: bool = True, waiting: Waiting | None = None
) -> AxeosControl:
    profile = detect_profile(info_from(json.loads(json.dumps(miner.info))))
    waiting = waiting or QuickWaiting(MACHINE_CLOCK)
    client = AxeosClient(miner.exchange(), profile, waiting, MACHINE_CLOCK)
    identity = DeviceIdentity("axeos://192.0.2.7", "axeos", "BM1366", 1, details={"board": "lv06"})
    envelope = envelope_for("lv06", "BM1366")
    return AxeosControl(client, identity, envelope, waiting, MACHINE_CLOCK, can_set_power=can_set_power)
