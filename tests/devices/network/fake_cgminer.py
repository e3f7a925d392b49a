"""An Antminer S9 on a command port: bmminer with its defects, or LuxOS with one session at a time."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asicrc.devices.network.cgminer_client import CgminerClient
from asicrc.transports.command_exchange import CommandExchange

CHAINS = (6, 7, 8)
PRIVILEGED = ("addpool", "switchpool", "removepool", "poolpriority", "privileged")


class FakeCgminer:
    """`writable` False refuses what changes something, as a factory's image does."""

    def __init__(self, *, luxos: bool = False, writable: bool = True) -> None:
        self.luxos = luxos
        self.writable = writable
        self.commands: list[tuple[str, str]] = []
        self.pools: list[dict[str, Any]] = []
        for number, host in enumerate(("first.example:3333", "second.example:3333")):
            self._add(f"stratum+tcp://{host}", f"bc1qwallet.{number}")
        self.active = 0
        self.follows = True
        """Whether a change of its preferred pool is followed."""
        self.session = ""
        self.taken_by_another = False
        self.clocks = [dict.fromkeys(range(63), 650.0) for _ in CHAINS]
        self.volts = [8.9, 8.9, 8.8]
        self.ignores: set[str] = set()
        self.hottest = 80.0
        self.fan_rpm = 5000

    @contextmanager
    def serving(self) -> Iterator[CgminerClient]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(0.1)
            stop = threading.Event()
            thread = threading.Thread(target=self._serve, args=(listener, stop))
            thread.start()
            try:
                yield CgminerClient(CommandExchange("127.0.0.1", listener.getsockname()[1]))
            finally:
                stop.set()
                thread.join()

    def names(self) -> list[str]:
        return [name for name, _ in self.commands]

    def preferred(self) -> list[str]:
        return [pool["URL"] for pool in sorted(self.pools, key=lambda pool: pool["Priority"])]

    def _serve(self, listener: socket.socket, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(40)
                data = connection.recv(8192)
                command = json.loads(data)
                name, parameter = command["command"], str(command.get("parameter", ""))
                self.commands.append((name, parameter))
                connection.sendall(self._answer(name, parameter))

    def _answer(self, name: str, parameter: str) -> bytes:
        if (
            name in ("addpool", "switchpool", "removepool", "poolpriority", "privileged")
            and not self.writable
        ):
            return _status("E", 45, f"Access denied to '{name}' command")
        handler = getattr(self, f"_{name}", None)
        if handler is None:
            return _status("E", 14, "Invalid command")
        return handler(parameter)

    def _privileged(self, _: str) -> bytes:
        return _status("S", 46, "Privileged access OK")

    def _version(self, _: str) -> bytes:
        software = {"LUXminer": "2024.2.19"} if self.luxos else {"BMMiner": "2.0.0"}
        return _status("S", 22, "versions", {"VERSION": [software | {"API": "3.1", "Type": "Antminer S9"}]})

    def _summary(self, _: str) -> bytes:
        return _status("S", 11, "Summary", {"SUMMARY": [{"GHS 5s": "13500.1", "Accepted": 5, "Rejected": 1}]})

    def _stats(self, _: str) -> bytes:
        data: dict[str, Any] = {
            "Elapsed": 500,
            "GHS 5s": "13400.2",
            "frequency": "650",
            "fan_num": 2,
            "fan1": 0,
            "fan3": self.fan_rpm,
        }
        for place in range(1, 17):
            here = place in CHAINS
            data |= {
                f"chain_acn{place}": 63 if here else 0,
                f"chain_rate{place}": "4500.1" if here else "",
                f"freq_avg{place}": self.clocks[CHAINS.index(place)][0] if here else 0.0,
                f"temp{place}": 60 if here else 0,
                f"temp2_{place}": self.hottest if here else 0,
            }
        head = {"BMMiner": "2.0.0", "Type": "Antminer S9"}
        whole = _status("S", 70, "CGMiner stats", {"STATS": [head, data]})
        return whole if self.luxos else whole.replace(b"}, {", b"}{")

    def _pools(self, _: str) -> bytes:
        records = [
            pool | {"POOL": number, "Stratum Active": number == self.active} | self._stratum_url(pool, number)
            for number, pool in enumerate(self.pools)
        ]
        return _status("S", 7, f"{len(records)} Pool(s)", {"POOLS": records})

    def _stratum_url(self, pool: dict[str, Any], number: int) -> dict[str, Any]:
        """The host alone, of the pool that it works for."""
        host = pool["URL"].rpartition("://")[2].rpartition(":")[0]
        return {"Stratum URL": host if number == self.active else ""}

    def _devs(self, _: str) -> bytes:
        return _status("S", 9, "devs", {"DEVS": [{"ASC": board, "ID": board} for board in range(3)]})

    def _add(self, url: str, user: str) -> None:
        self.pools.append({"URL": url, "User": user, "Priority": len(self.pools), "Status": "Alive"})

    def _addpool(self, parameter: str) -> bytes:
        url, user, password = parameter.split(",")
        assert password
        self._add(url, user)
        return _status("S", 55, "Added pool")

    def _switchpool(self, parameter: str) -> bytes:
        number = int(parameter)
        for pool in self.pools:
            if pool["Priority"] < self.pools[number]["Priority"]:
                pool["Priority"] += 1
        self.pools[number]["Priority"] = 0
        if self.follows:
            self.active = number
        return _status("S", 27, "Switching to pool")

    def _disablepool(self, parameter: str) -> bytes:
        self.pools[int(parameter)]["Status"] = "Disabled"
        return _status("S", 48, "Disabling pool")

    def _poolpriority(self, parameter: str) -> bytes:
        named = [int(number) for number in parameter.split(",")]
        rest = sorted(set(range(len(self.pools))) - set(named), key=lambda n: self.pools[n]["Priority"])
        for priority, number in enumerate([*named, *rest]):
            self.pools[number]["Priority"] = priority
        return _status("S", 73, "Changed pool priorities")

    def _removepool(self, parameter: str) -> bytes:
        number = int(parameter)
        if number == self.active:
            return _status("E", 67, "Cannot remove active pool")
        gone = self.pools.pop(number)
        for pool in self.pools:
            pool["Priority"] -= pool["Priority"] > gone["Priority"]
        self.active -= self.active > number
        return _status("S", 68, "Removed pool")

    def _logon(self, _: str) -> bytes:
        if self.session or self.taken_by_another:
            return _status("E", 402, "Another session is active")
        self.session = "abc123"
        return _status("S", 316, "Session created", {"SESSION": [{"SessionID": self.session}]})

    def _logoff(self, parameter: str) -> bytes:
        assert parameter == self.session
        self.session = ""
        return _status("S", 317, "Session deleted")

    def _frequencyset(self, parameter: str) -> bytes:
        session, board, mhz = parameter.split(",")
        assert session == self.session
        nearest = min(range(100, 1200, 25), key=lambda step: abs(step - float(mhz)))
        if "frequency" not in self.ignores:
            self.clocks[int(board)] = {chip: float(nearest) for chip in range(63)}
        ramp = {"Board": int(board), "Frequency": nearest, "FrequencyStep": 25, "TargetChip": "all"}
        return _status("S", 302, "Set Frequency", {"RAMP": [ramp]})

    def _voltageset(self, parameter: str) -> bytes:
        session, board, volts = parameter.split(",")
        assert session == self.session
        if "voltage" not in self.ignores:
            self.volts[int(board)] = float(volts)
        return _status("S", 308, "Set Voltage")

    def _voltageget(self, parameter: str) -> bytes:
        board = int(parameter.split(",")[0])
        record = {"Board": board, "IsOnBoard": False, "Voltage": self.volts[board] + 0.01}
        return _status("S", 307, "Get Voltage", {"VOLTAGE": [record]})

    def _healthchipget(self, parameter: str) -> bytes:
        board = int(parameter.split(",")[0])
        chips = [
            {"Board": board, "Chip": chip, "Frequency": mhz, "Healthy": "Y"}
            for chip, mhz in self.clocks[board].items()
        ]
        return _status("S", 314, "Health Chip Get", {"CHIPS": chips})


def _status(severity: str, code: int, message: str, sections: dict[str, Any] | None = None) -> bytes:
    status = {"STATUS": severity, "When": 1, "Code": code, "Msg": message, "Description": "x"}
    return json.dumps({"STATUS": [status]} | (sections or {}) | {"id": 1}).encode() + b"\0"
