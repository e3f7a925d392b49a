"""How many events a second each station of a capture can pass on. Figures, no limits."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from asicrc.capture import CaptureWriter, Verifier
from firmware_protocols.bm13xx import FullJob, HostDecoder, LineObserver, NonceResponse, encode, model_by_name
from firmware_protocols.device import Direction, Job, NonceBatch, Stamp, WireChunk, empty_events

EVENTS = 1000
MODEL = model_by_name("BM1366")
NONCES = np.random.default_rng(1).integers(0, 1 << 32, EVENTS).tolist()
FRAMES = [encode(NonceResponse(nonce, 0, 0, nonce & 0xFFFF), MODEL) for nonce in NONCES]
JOB = FullJob(0, 0x17034219, 0x6626F694, bytes(range(32)), bytes(32), 0x20000000)


def note_rate(benchmark: BenchmarkFixture) -> None:
    if benchmark.stats is not None:
        benchmark.extra_info["events_per_s"] = EVENTS / benchmark.stats.stats.median


def events() -> NonceBatch:
    batch = empty_events(EVENTS)
    batch["job"], batch["nonce"], batch["version"] = 1, NONCES, 0x20000000
    batch["t_ns"] = np.arange(EVENTS)
    return batch


def job() -> Job:
    easy = (1 << 256) - 1  # every proof is valid, which is the longest way through
    return Job(1, "00", 0x20000000, bytes(32), 0x6626F694, 0x17034219, easy, merkle_root=bytes(range(32)))


@pytest.mark.parametrize("frames_in_read", [1, 16])
def test_decode(benchmark: BenchmarkFixture, frames_in_read: int) -> None:
    reads = [b"".join(FRAMES[i : i + frames_in_read]) for i in range(0, EVENTS, frames_in_read)]
    decoder = HostDecoder(MODEL)
    benchmark(lambda: [decoder.receive_data(data, 0) for data in reads])
    note_rate(benchmark)


@pytest.mark.parametrize("frames_in_read", [1, 16])
def test_observe(benchmark: BenchmarkFixture, frames_in_read: int) -> None:
    reads = [
        WireChunk(Direction.RX, Stamp(i), b"".join(FRAMES[i : i + frames_in_read]))
        for i in range(0, EVENTS, frames_in_read)
    ]
    observer = LineObserver(MODEL)
    observer.host_sent(encode(JOB, MODEL))
    benchmark(lambda: [observer.chip_sent([chunk]) for chunk in reads])
    note_rate(benchmark)


def test_verify(benchmark: BenchmarkFixture) -> None:
    def fresh() -> tuple[tuple[Verifier, NonceBatch], dict[str, object]]:
        verifier = Verifier()
        verifier.add_job(job())
        return (verifier, events()), {}

    benchmark.pedantic(lambda verifier, batch: verifier.judge(batch), setup=fresh, rounds=50)
    note_rate(benchmark)


def test_store(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    numbers = count()
    with CaptureWriter.create(tmp_path / "a.asicrc", {}) as writer:

        def batch() -> tuple[tuple[NonceBatch], dict[str, object]]:
            rows = events()
            rows["seq"] = np.arange(EVENTS) + EVENTS * next(numbers)
            return (rows,), {}

        def add_and_commit(rows: NonceBatch) -> None:
            writer.add_events(rows)
            writer.commit()

        benchmark.pedantic(add_and_commit, setup=batch, rounds=50)
    note_rate(benchmark)
