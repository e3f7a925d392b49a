"""Many miners at once, among them one that sends junk, one that never reads and one that floods."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from capturing import Loading, capturing
from plain_miner import PlainMiner

from asicrc.capture import load, verify
from firmware_protocols.device import Verdict


@contextmanager
def meanwhile(misbehave: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=misbehave, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def crowd(folder: Path, miners: int, rate: float, seconds: float) -> None:
    with ExitStack() as stack:
        run = stack.enter_context(capturing(folder, "--job-interval", "2s"))
        good = stack.enter_context(
            Loading(run.port, folder / "good.npy", rate=rate, seconds=seconds, miners=miners)
        )
        told: dict[str, int] = {"junk": 0, "deaf": 0, "flood": 0}

        def junk(stop: threading.Event) -> None:
            while not stop.wait(0.1):
                with suppress(OSError), socket.create_connection(run.address) as connected:
                    for _ in range(100):
                        connected.sendall(b"\xff\x00{{{[\n" * 100)
                    continue
                told["junk"] += 1

        def deaf(stop: threading.Event) -> None:
            with PlainMiner(run.address, "deaf.1") as miner:
                miner.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                while not stop.is_set():
                    try:
                        miner.send_raw(
                            20 * b'{"id": 1, "method": "mining.extranonce.subscribe", "params": []}\n'
                        )
                    except OSError:
                        told["deaf"] = 1
                        return
                    time.sleep(0.01)

        def flood(stop: threading.Event) -> None:
            with PlainMiner(run.address, "flood.1") as miner:
                work = miner.next_work()
                hearing = threading.Thread(target=drain, args=(miner.socket,))
                hearing.start()
                miner.socket.settimeout(1.0)
                while not stop.is_set():
                    with suppress(TimeoutError):
                        miner.submit(work, told["flood"])
                        told["flood"] += 1
                miner.socket.shutdown(socket.SHUT_RDWR)
                hearing.join()

        with meanwhile(junk), meanwhile(deaf), meanwhile(flood):
            good.go()
            time.sleep(seconds / 4)
            early_kib = run.rss_kib()
            sent = good.wait(seconds + 60)
            late_kib = run.rss_kib()
            ends_s = time.monotonic() + 60
            while not (told["junk"] and told["deaf"]):
                assert time.monotonic() < ends_s, told
                time.sleep(0.05)
        run.stop()
        result = run.wait(120)
    with load(run.path) as capture:
        events, jobs, meta, log = capture.events(), capture.jobs(), capture.meta, capture.log()
    of_good = set(sent["extranonce1"].tolist())
    mine = {job.number for job in jobs if int.from_bytes(job.extranonce1, "big") in of_good}
    from_good = np.isin(events["job"], list(mine))
    answered = (sent["answered_ns"] - sent["mono_ns"]) / 1e6
    print(
        f"\n{miners} miners for {seconds:.0f} s: {len(sent)} shares sent, {int(from_good.sum())} stored, "
        f"{int((sent['code'] == 0).sum())} accepted, answers after {np.median(answered):.0f} ms (p99 "
        f"{np.percentile(answered, 99):.0f} ms); beside them {told['flood']} shares of a flood, "
        f"{told['junk']} connections of junk hung up on; {early_kib >> 10} MiB, then {late_kib >> 10} MiB; "
        f"{result['events']} events, lag {result['lag_s']:.3f} s, longest {result['worst_lag_s']:.3f} s"
    )
    assert (sent["code"] == 0).all(), "a share of one that behaves was refused, or not answered"
    assert from_good.sum() == len(sent)
    assert (events["verdict"][from_good] == Verdict.VALID).all()
    assert told["junk"] and told["deaf"]
    assert late_kib - early_kib < 16 << 10
    said = " ".join(line.text for line in log)
    assert "lines in a row were damaged" in said
    assert "it does not read" in said
    assert any("it does not read" in miner.get("left", "") for miner in meta["miners"].values())
    assert len(meta["miners"]) >= miners
    assert verify(run.path).ok


def drain(connected: socket.socket) -> None:
    with suppress(OSError):
        while connected.recv(65536):
            pass


@pytest.mark.long
@pytest.mark.timeout(300)
def test_two_hundred_miners_for_a_minute(tmp_path: Path) -> None:
    crowd(tmp_path, miners=200, rate=200, seconds=60)
