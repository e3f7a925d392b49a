"""The least that receives: a blocking read, two stamps, nothing else. What stamps are held against."""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time

import numpy as np

SO_TIMESTAMPNS = 35
STAMPS = np.dtype([("lines", "i8"), ("nonce", "u4"), ("t_ns", "i8"), ("t_kernel_ns", "i8")])


def receive(connected: socket.socket, found: list[tuple[bytes, int, int]]) -> None:
    while True:
        data, ancillary, _, _ = connected.recvmsg(1 << 16, 64)
        t_ns = time.monotonic_ns()
        if not data:
            return
        seconds, ns = struct.unpack("@ll", ancillary[0][2][:16])
        found.append((data, t_ns, seconds * 1_000_000_000 + ns))


def main() -> None:
    connections, results = int(sys.argv[1]), sys.argv[2]
    listener = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    found: list[list[tuple[bytes, int, int]]] = [[] for _ in range(connections)]
    threads = []
    for each in found:
        connected, _ = listener.accept()
        connected.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        threads.append(threading.Thread(target=receive, args=(connected, each)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    rows = [
        (data.count(b"\n"), int(data.split(b'"')[-2], 16), t_ns, kernel_ns, at)
        for at, each in enumerate(found)
        for data, t_ns, kernel_ns in each
        if data.endswith(b"\n")  # one that stood still for long gets its lines in pieces
    ]
    stamps = np.array([row[:4] for row in rows], STAMPS)
    np.savez(results, stamps=stamps, connection=np.array([row[4] for row in rows]))


if __name__ == "__main__":
    main()
