"""Pools and miners that mean no good: the proxy goes on, for everybody else."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from plain_miner import PlainMiner
from proxied import EASY, WALLET, pools, proxied
from test_proxy import code_of, share_of

from asicrc.work.proxy.pools import Pool

NOTIFY = {
    "job": "1f",
    "prev": "ab" * 32,
    "coinb1": "01" * 60,
    "coinb2": "02" * 60,
    "branch": ["03" * 32],
    "version": "20000000",
    "nbits": "17034219",
    "ntime": "65000000",
    "clean": True,
}


def notify(**changes: object) -> bytes:
    return line("mining.notify", list((NOTIFY | changes).values()))


def line(method: str, params: list[object]) -> bytes:
    return json.dumps({"id": None, "method": method, "params": params}).encode() + b"\n"


@contextmanager
def pool_that_says(after_greeting: bytes, extranonce2_size: int = 4) -> Iterator[Pool]:
    """A pool of one connection after the other, which greets as it should and then says this."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connected, _ = listener.accept()
            except TimeoutError:
                continue
            with connected, connected.makefile("rb") as lines, suppress(OSError):
                connected.settimeout(0.05)
                _talk(connected, lines)

    def _talk(connected: socket.socket, lines: object) -> None:
        held = b""
        while not stop.is_set():
            try:
                data = connected.recv(4096)
            except TimeoutError:
                continue
            if not data:
                return
            *requests, held = (held + data).split(b"\n")
            for request in (json.loads(text) for text in requests if b"method" in text):
                result: object = True
                if request["method"] == "mining.subscribe":
                    result = [[["mining.notify", "1"]], "e1e2e3e4", extranonce2_size]
                elif request["method"] == "mining.configure":
                    result = {"version-rolling": True, "version-rolling.mask": "1fffe000"}
                answer = json.dumps({"id": request["id"], "result": result, "error": None}).encode() + b"\n"
                connected.sendall(answer)
                if request["method"] == "mining.authorize":
                    connected.sendall(line("mining.set_difficulty", [EASY]) + after_greeting)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield Pool("127.0.0.1", listener.getsockname()[1], WALLET)
    finally:
        stop.set()
        thread.join()
        listener.close()


SURVIVED = {
    "a difficulty of next to nothing": line("mining.set_difficulty", [1e-50]) + notify(),
    "every bit to roll": line("mining.set_version_mask", ["ffffffff"]) + notify(version="ffffffff"),
    "no bit to roll": line("mining.set_version_mask", ["00000000"]) + notify(version="3fffe123"),
    "a long extranonce": line("mining.set_extranonce", ["aa" * 64, 32]) + notify(),
    "nbits of 0": notify(nbits="00000000"),
    "the same id twice": notify() + notify(prev="cd" * 32),
    "requests and noise": line("client.show_message", [f"hello {WALLET}\x1b[31m\u202e"])
    + line("mining.ping", [])
    + line("client.get_version", [])
    + line("mining.unheard_of", [1, 2, 3])
    + b'{"id": 4, "result": true, "error": null}\n{"id": [], "method": 3}\n[]\n\xff\n'
    + notify(),
}
LEFT = {
    "a job that fits no line": (notify(coinb2="02" * 5000), "cannot be sent on"),
    "too many branches": (notify(branch=["03" * 32] * 33) * 16, "sends junk"),
    "our name in lines of junk": (
        (json.dumps({"id": [], "method": f"{WALLET}\x1b[31m"}) + "\n").encode() * 16,
        "the last: [redacted]",
    ),
    "the end of time": (notify(ntime="ffffffff") + notify(), ""),
    "work of another coin": (
        line("mining.notify", ["1", "ab" * 32, "cd" * 32, *list(NOTIFY.values())[2:]]),
        "its jobs are not of sha256d",
    ),
    "an infinite difficulty": (line("mining.set_difficulty", [1e308]) + notify(), "absurd"),
    "a reply to nothing": (b'{"id": 1000, "result": true}\n' * 3 + notify() + b"{" * 70_000, ""),
}


@pytest.mark.parametrize("what", SURVIVED)
def test_a_strange_pool_is_mined_for(what: str) -> None:
    with (
        pool_that_says(SURVIVED[what]) as strange,
        proxied(strange) as run,
        PlainMiner(run.address, roll=True) as miner,
    ):
        work = miner.next_work()
        share_of(miner, work)
        code = code_of(miner.reply())
        if code == 21:  # of the first of two jobs that came together
            assert miner.work is not None
            share_of(miner, miner.work)
            code = code_of(miner.reply())
        assert code is None
        assert run.report()["shares"]["accepted"] == 1


@pytest.mark.parametrize("what", LEFT)
def test_an_impossible_pool_is_left_for_another(what: str) -> None:
    said, reason = LEFT[what]
    with (
        pools({"job_s": 0.2}) as (good,),
        pool_that_says(said) as bad,
        proxied(bad, good) as run,
        PlainMiner(run.address) as miner,
    ):
        if reason:
            run.until(lambda: "was left" in run.said and reason in run.said)
            run.until(lambda: run.proxy.active_pool == good.pool.name)
        work = miner.next_work()
        share_of(miner, work)
        assert code_of(miner.reply()) in (None, 21)


def test_bytes_of_any_kind_from_a_pool_end_nothing() -> None:
    """Lines of the protocol, cut, doubled and with bytes changed."""
    rng = random.Random(4)
    good = [notify(job=f"{n:x}") for n in range(9)] + [line("mining.set_difficulty", [EASY])] * 3
    good += [line("mining.set_extranonce", ["e1e2e3e4", 4]), line("mining.set_version_mask", ["1fffe000"])]
    stream = bytearray()
    for _ in range(800):
        piece = bytearray(rng.choice(good))
        for _ in range(rng.choice((0, 0, 1, 3))):
            piece[rng.randrange(len(piece))] = rng.randrange(256)
        stream += piece[: rng.randrange(len(piece))] if rng.random() < 0.1 else piece
    with (
        pool_that_says(bytes(stream)) as strange,
        proxied(strange) as run,
        PlainMiner(run.address) as miner,
    ):
        miner.next_work()
        time.sleep(0.5)
        assert run.proxy._receiver._thread.is_alive()
        miner.send("mining.extranonce.subscribe", [], 77)
        assert miner.reply(77)["result"] is True


def test_a_miner_of_junk_costs_the_others_nothing() -> None:
    with pools({}) as (pool,), proxied(pool) as run, PlainMiner(run.address) as good:
        work = good.next_work()
        with socket.create_connection(run.address) as bad:
            bad.sendall(b"\xff\x00{{{[\n" * 100)
            bad.settimeout(40)
            with suppress(ConnectionResetError):
                while bad.recv(4096):
                    pass
        run.until(lambda: "lines in a row were damaged" in run.said)
        share_of(good, work)
        assert code_of(good.reply()) is None
        assert [miner.extranonce1 for miner in run.proxy.miners] == [good.extranonce1]
