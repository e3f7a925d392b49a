"""Brokers for the tests: each a process of its own on 127.0.0.1, ended by its own pid alone."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from free_ports import free_port

AMQTT = """
import asyncio, sys
from amqtt.broker import Broker

async def main():
    broker = Broker({
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{sys.argv[1]}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    })
    await broker.start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


def wait_for_port(port: int, seconds: float = 60.0) -> None:
    """Until somebody listens there."""
    deadline = time.monotonic() + seconds
    while True:
        with socket.socket() as probe:
            probe.settimeout(5.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, f"nobody listens on port {port}"
        time.sleep(0.05)


class BrokerProcess:
    """`kind` is `amqtt` or `mosquitto`. Nothing that it had is kept over a `kill`."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}/lab"

    def start(self) -> None:
        if self.kind == "amqtt":
            command = [sys.executable, "-c", AMQTT, str(self.port)]
        else:
            program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
            if program is None:
                pytest.skip("no mosquitto here: it is neither on the path nor in /usr/sbin")
            settings = self._folder / f"mosquitto-{self.port}.conf"
            settings.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
            command = [program, "-c", str(settings)]
        with (self._folder / f"broker-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for_port(self.port)

    def pause(self) -> None:
        """It keeps its connections, and does nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
