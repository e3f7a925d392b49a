"""A process of its own that sends shares, mined beforehand, at a stated rate, and waits for every answer.

Talks to its parent in lines of JSON: `{"ready": shares}` when everything is mined, then it waits for a line
on stdin, sends, and ends with `{"done": ...}`. What was sent when goes into a numpy file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import socket
import struct
import sys
import threading
import time
from selectors import EVENT_READ, DefaultSelector

import numpy as np
from plain_miner import PlainMiner, Work

SENT = np.dtype(
    [
        ("extranonce1", "u4"),
        ("extranonce2", "u4"),
        ("nonce", "u4"),
        ("wall_ns", "i8"),
        ("mono_ns", "i8"),
        ("answered_ns", "i8"),
        ("code", "i4"),
        ("set_aside", "?"),  # the scheduler took the sender off between stamp and packet
    ]
)
ACCEPTED, UNANSWERED = 0, -1
SETTLE_S = 30.0


def mined(work: Work, count: int) -> list[tuple[int, int]]:
    """(extranonce2, nonce) of `count` shares of a job, 4,096 nonces of each extranonce2 at most."""
    found: list[tuple[int, int]] = []
    sha, limit = hashlib.sha256, work.target
    for extra in range(1 << 20):
        header = work.header(extra.to_bytes(4, "big"), 0)
        first, tail = sha(header[:64]), header[64:76]
        for nonce in range(4096):
            inner = first.copy()
            inner.update(tail + struct.pack("<I", nonce))
            if int.from_bytes(sha(inner.digest()).digest(), "little") <= limit:
                found.append((extra, nonce))
                if len(found) == count:
                    return found
    raise ValueError("there are no more")


def switches() -> int:
    """How often this thread gave its processor up so far, of itself or not."""
    usage = resource.getrusage(resource.RUSAGE_THREAD)
    return usage.ru_nvcsw + usage.ru_nivcsw


class Load:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.total = round(options.rate * options.seconds)
        address = ("127.0.0.1", options.port)
        if options.bare:
            self.miners = [PlainMiner(address, greet=False) for _ in range(options.miners)]
        else:
            self.miners = [PlainMiner(address, f"load.{i}") for i in range(options.miners)]
        for miner in self.miners:
            miner.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = np.zeros(self.total, SENT)
        self.sent["code"] = UNANSWERED
        self.lines: list[bytes] = []
        self.answered = 0
        self.stop = threading.Event()

    def mine(self) -> None:
        each = -(-self.total // len(self.miners))
        shares = []
        for miner in self.miners:
            if self.options.bare:
                shares.append((miner, "0" * 8, 0, [(0, nonce) for nonce in range(each)]))
            else:
                work = miner.next_work()
                shares.append((miner, work.job_id, work.ntime, mined(work, each)))
        for index in range(self.total):
            miner, job_id, ntime, found = shares[index % len(shares)]
            extra, nonce = found[index // len(shares)]
            self.sent[index]["extranonce1"] = int.from_bytes(miner.extranonce1, "big")
            self.sent[index]["extranonce2"], self.sent[index]["nonce"] = extra, nonce
            params = f'["{miner.worker}", "{job_id}", "{extra:08x}", "{ntime:08x}", "{nonce:08x}"]'
            self.lines.append(f'{{"id": {index}, "method": "mining.submit", "params": {params}}}\n'.encode())

    def send(self) -> float:
        """How long it took, s."""
        options, wall, mono = self.options, time.time_ns, time.monotonic_ns
        walls, monos, set_aside = (self.sent[name] for name in ("wall_ns", "mono_ns", "set_aside"))
        sends = [miner.socket.sendall for miner in self.miners]
        gap_ns = round(1e9 * options.burst / options.rate)
        begun_ns = due_ns = mono()
        for index, line in enumerate(self.lines):
            if index % options.burst == 0 and index:
                due_ns += gap_ns
                while (wait_ns := due_ns - mono()) > 0:
                    time.sleep(wait_ns / 1e9)
            before = switches()
            walls[index] = wall()
            monos[index] = mono()
            sends[index % len(sends)](line)
            set_aside[index] = switches() != before
        return (mono() - begun_ns) / 1e9

    def hear(self) -> None:
        """Answers come under the number of their share; what a server says besides is passed over."""
        selector = DefaultSelector()
        rests = {miner.socket.fileno(): b"" for miner in self.miners}
        for miner in self.miners:
            selector.register(miner.socket, EVENT_READ)
        while not self.stop.is_set() and self.answered < self.total:
            for key, _ in selector.select(0.2):
                fd = key.fd
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                now_ns = time.monotonic_ns()
                if not data:
                    selector.unregister(key.fileobj)
                *lines, rests[fd] = (rests[fd] + data).split(b"\n")
                for line in lines:
                    if b'"method"' not in line:
                        self._answer(json.loads(line), now_ns)

    def _answer(self, reply: dict[str, object], now_ns: int) -> None:
        row = self.sent[reply["id"]]  # type: ignore[call-overload]
        error = reply["error"]
        row["code"] = error[0] if isinstance(error, list) else ACCEPTED
        row["answered_ns"] = now_ns
        self.answered += 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--miners", type=int, default=4)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--burst", type=int, default=1)
    parser.add_argument("--bare", action="store_true", help="the other side is a plain socket")
    parser.add_argument("--results", required=True)
    load = Load(parser.parse_args())
    load.mine()
    hearing = threading.Thread(target=load.hear)
    if not load.options.bare:
        hearing.start()
    print(json.dumps({"ready": load.total}), flush=True)
    sys.stdin.readline()
    took_s = load.send()
    if load.options.bare:
        time.sleep(0.3)
    else:
        hearing.join(SETTLE_S)
        load.stop.set()
        hearing.join()
    for miner in load.miners:
        miner.close()
    np.save(load.options.results, load.sent)
    print(json.dumps({"done": load.total, "offered_per_s": load.total / took_s, "answered": load.answered}))


if __name__ == "__main__":
    main()
