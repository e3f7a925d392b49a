"""A process that sends a server damaged, mutated and merely odd lines until it is ended."""

from __future__ import annotations

import random
import socket
import sys
import time

GOOD = [
    b'{"id": 1, "method": "mining.subscribe", "params": ["fuzz/1", "session", "host", 3333]}',
    b'{"id": 2, "method": "mining.authorize", "params": ["fuzz.1", "x"]}',
    b'{"id": 3, "method": "mining.configure", "params": [["version-rolling", "info"], '
    b'{"version-rolling.mask": "1fffe000", "version-rolling.min-bit-count": 2}]}',
    b'{"id": 4, "method": "mining.submit", "params": ["fuzz.1", "JOB", "00000001", "6553f100", "12345678"]}',
    b'{"id": 4, "method": "mining.submit", "params": ["fuzz.1", "JOB", "1", "6553f100", "1", "00b44000"]}',
    b'{"id": "auth", "method": "mining.suggest_difficulty", "params": ["1000.5"]}',
    b'{"id": 6, "method": "mining.suggest_target", "params": ["00000000ffff"]}',
    b'{"id": 7, "method": "mining.extranonce.subscribe", "params": []}',
    b'{"id": 8, "method": "mining.get_transactions", "params": ["JOB"]}',
    b'{"id": 9, "method": "mining.multi_version", "params": [4]}',
    b'{"id": 10, "method": "pong", "params": []}',
    b'{"id": 11, "result": true, "error": null}',
    b'{"id": 12, "result": null, "error": [20, "no", null]}',
]
ODD = [
    b"null", b"true", b"-0", b"1e999", b"[" * 40, b"{" * 40, b'"\\ud800"', b"9" * 400, b'{"id": {}}',
    b"\xff\xfe", b'""', b"0x00", b"NaN", b"\x00", b"\xe2\x98\x83", b'{"a":' * 50, b"-1", b"4294967296",
    b'"' + b"f" * 3000 + b'"',
]  # fmt: skip


def line(chance: random.Random, job_id: bytes) -> bytes:
    text = bytearray(chance.choice(GOOD).replace(b"JOB", job_id))
    for _ in range(chance.choice((0, 0, 1, 1, 2, 5))):
        at = chance.randrange(len(text) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            text[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del text[at : at + chance.randrange(1, 9)]
        elif kind == 2:
            text[at:at] = chance.choice(ODD)
        elif kind == 3:
            text += text[at:]
        else:
            del text[at:]
    return bytes(text[:20_000])


def main() -> None:
    port, chance = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    while True:
        with socket.socket() as connected:
            try:
                connected.connect(("127.0.0.1", port))
            except OSError:
                return  # the server has ended
            connected.settimeout(0.2)
            job_id = b"1"
            try:
                connected.sendall(GOOD[0] + b"\n" + GOOD[1] + b"\n")
                while True:
                    lines = [line(chance, job_id) for _ in range(50)]
                    ending = b"\r\n" if chance.random() < 0.1 else b"\n"
                    data = ending.join(lines) + (b"" if chance.random() < 0.02 else b"\n")
                    cut = chance.randrange(len(data))
                    connected.sendall(data[:cut])
                    connected.sendall(data[cut:])
                    heard = connected.recv(1 << 20)
                    if not heard:
                        break
                    if b"mining.notify" in heard:
                        job_id = heard.partition(b'"params": ["')[2][:8] or job_id
            except OSError:
                time.sleep(0)  # it was hung up on


if __name__ == "__main__":
    main()
