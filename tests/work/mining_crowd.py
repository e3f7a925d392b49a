"""Many plain miners in one thread: each mines what it has, and notes which headers it was told are good.

Nothing of the code under test is used but what `plain_miner` rebuilds by hand.
"""

from __future__ import annotations

import hashlib
import json
import selectors
import socket
import threading
import time
from collections import Counter
from typing import Any

from plain_miner import Work


class CrowdMiner:
    def __init__(self, address: tuple[str, int], name: str) -> None:
        self.socket = socket.create_connection(address, timeout=40)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.name = name
        self.rest = b""
        self.extranonce1 = b""
        self.difficulty = 0.0
        self.work: Work | None = None
        self.counter = 0
        self.next_id = 10
        self.under_way: dict[int, str] = {}
        self.accepted: list[str] = []
        """Headers of shares that it was told are accepted."""
        self.refused: Counter[int] = Counter()
        self.jobs = 0
        self.hung_up = False
        self.send(1, "mining.subscribe", ["crowd/1"])
        self.send(2, "mining.authorize", [name, "x"])

    def send(self, number: int, method: str, params: list[Any]) -> None:
        self.socket.sendall(json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n")

    def hear(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            self.hung_up = True
            return
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.take(json.loads(line))

    def take(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method == "mining.set_difficulty":
            self.difficulty = message["params"][0]
        elif method == "mining.notify":
            self.work = Work.of(message["params"], self.extranonce1, self.difficulty)
            self.counter = 0
            self.jobs += 1
        elif message["id"] == 1:
            self.extranonce1 = bytes.fromhex(message["result"][1])
        elif message["id"] in self.under_way:
            header = self.under_way.pop(message["id"])
            if message["error"] is None and message["result"] is True:
                self.accepted.append(header)
            else:
                self.refused[message["error"][0]] += 1

    def mine(self) -> None:
        """Hand one more share in of what it has."""
        if self.work is None or self.counter > 0xFFFF:
            return
        extranonce2 = self.counter.to_bytes(2, "little")
        self.counter += 1
        nonce = next(self.work.nonces(extranonce2))
        number, self.next_id = self.next_id, self.next_id + 1
        self.under_way[number] = self.work.header(extranonce2, nonce).hex()
        times = f"{self.work.ntime:08x}", f"{nonce:08x}"
        self.send(number, "mining.submit", [self.name, self.work.job_id, extranonce2.hex(), *times])


class Crowd:
    """`each_s` is how often each of them hands a share in, while `mining` is set."""

    def __init__(self, address: tuple[str, int], miners: int, each_s: float) -> None:
        self.miners = [CrowdMiner(address, f"crowd.{number}") for number in range(miners)]
        self.mining = True
        self._each_s = each_s
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    @property
    def accepted(self) -> list[str]:
        return [header for miner in self.miners for header in miner.accepted]

    @property
    def refused(self) -> Counter[int]:
        return sum((miner.refused for miner in self.miners), Counter())

    @property
    def under_way(self) -> int:
        return sum(len(miner.under_way) for miner in self.miners)

    def __enter__(self) -> Crowd:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for miner in self.miners:
            miner.socket.close()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException as error:
            self._failure = error

    def _serve(self) -> None:
        selector = selectors.DefaultSelector()
        for miner in self.miners:
            selector.register(miner.socket, selectors.EVENT_READ, miner)
        gap_s = self._each_s / len(self.miners)
        due_s, turn = time.monotonic(), 0
        while not self._stop.is_set():
            for key, _ in selector.select(min(0.05, max(0.0, due_s - time.monotonic()))):
                key.data.hear()
                if key.data.hung_up:
                    selector.unregister(key.fileobj)
            while time.monotonic() >= due_s:
                due_s = max(due_s + gap_s, time.monotonic() - 1.0)
                miner = self.miners[turn % len(self.miners)]
                turn += 1
                if self.mining and not miner.hung_up:
                    miner.mine()
        selector.close()


def meets(header: str, difficulty: float) -> bool:
    """Whether it hashes, by hashlib alone."""
    digest = hashlib.sha256(hashlib.sha256(bytes.fromhex(header)).digest()).digest()
    return int.from_bytes(digest, "little") <= int((0xFFFF << 208) / difficulty)
