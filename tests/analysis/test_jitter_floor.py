"""The floor of the nonces is measured between the nonces, by enough reads, or it is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asicrc.analysis.capture_analysis import analyze_capture
from asicrc.analysis.jitter_floor import MIN_READS, floor_of_capture, floor_of_reads, round_trips_ns
from asicrc.capture import CaptureWriter, load
from asicrc.errors import BadFile, NoAnswer
from firmware_protocols.bm13xx import ReadRegister, RegisterResponse, encode, model_by_name
from firmware_protocols.device import NO_TIME, Direction, Stamp, WireChunk

BM1366 = model_by_name("BM1366")
IDENTITY = {"url": "serial:x", "family": "bm13xx", "model": "BM1366", "chips": 1, "details": {}}
ASK = encode(ReadRegister(0x00, address=0), BM1366)
START_NS = 10**15


def reads(
    rng: np.random.Generator, seconds: float, *, late_s: float = 20e-6
) -> tuple[np.ndarray, np.ndarray]:
    """Ten reads a second, answered after 200 us and as late as an exponential of `late_s`."""
    at_ns = START_NS + np.arange(0, seconds, 0.1) * 1e9
    return at_ns.astype(np.int64), 200e-6 + rng.exponential(late_s, len(at_ns))


def nonces(rng: np.random.Generator, seconds: float) -> np.ndarray:
    return START_NS + np.sort(rng.uniform(0, seconds, 200) * 1e9).astype(np.int64)


def test_the_floor_is_the_spread_between_the_nonces_and_its_interval_covers() -> None:
    covered = 0
    for k in range(100):
        rng = np.random.default_rng([51, k])
        at_ns, trips_s = reads(rng, 30)
        floor = floor_of_reads(at_ns, trips_s, nonces(rng, 30), seed=k)
        covered += floor.low <= 20e-6 <= floor.high
        assert floor.n >= 290
    assert (
        covered >= 84
    )  # percentiles of a long tail fall short of 95 %, and what is held against it adds its own


def test_reads_before_the_work_and_behind_the_last_nonce_do_not_count() -> None:
    """A quiet line before the work, a dead chip after it: neither says what the nonces met."""
    rng = np.random.default_rng(52)
    at_ns, trips_s = reads(rng, 40, late_s=1e-6)
    events_ns = START_NS + 12_000_000_000 + np.sort(rng.integers(0, 10 * 10**9, 300))
    between = (at_ns >= events_ns[0]) & (at_ns <= events_ns[-1])
    trips_s[between] += rng.exponential(1e-3, between.sum())
    floor = floor_of_reads(at_ns, trips_s, events_ns, seed=1)
    assert floor.n == between.sum()
    assert floor.low < 1e-3 < floor.high
    with pytest.raises(NoAnswer, match=rf"not measured well enough: 19 register reads .* takes {MIN_READS}"):
        floor_of_reads(at_ns, trips_s, events_ns[events_ns < events_ns[0] + 2 * 10**9], seed=1)


def test_reads_of_a_part_of_the_nonces_are_no_floor_of_them() -> None:
    rng = np.random.default_rng(53)
    at_ns, trips_s = reads(rng, 60)
    early = at_ns < START_NS + 20 * 10**9
    with pytest.raises(NoAnswer, match="40 % of the nonces have a register read within 1 s"):
        floor_of_reads(at_ns[early], trips_s[early], nonces(rng, 60), seed=1)


def test_a_spell_of_late_answers_widens_the_interval() -> None:
    rng = np.random.default_rng(54)
    at_ns, trips_s = reads(rng, 30)
    scattered, spell = trips_s.copy(), trips_s.copy()
    scattered[rng.choice(300, 30, replace=False)] += 2e-3
    spell[100:130] += 2e-3
    events_ns = nonces(rng, 30)
    one, other = (floor_of_reads(at_ns, trips, events_ns, seed=1) for trips in (scattered, spell))
    assert other.estimate == pytest.approx(one.estimate, rel=0.05)
    assert other.high > 1.2 * one.high


def written(path: Path, chunks: list[WireChunk], floor: dict[str, float] | None = None) -> Path:
    with CaptureWriter.create(path, {"identity": IDENTITY}) as writer:
        writer.add_wire(chunks)
        if floor is not None:
            writer.set_meta("jitter_floor", floor)
        writer.seal("made up")
    return path


def chunk(direction: Direction, t_ns: int, data: bytes) -> WireChunk:
    return WireChunk(direction, Stamp(t_ns), data)


def test_round_trips_are_read_from_the_recorded_line(tmp_path: Path) -> None:
    answer = encode_answer(0x13660000)
    asked = [START_NS + k * 10**8 for k in range(6)]
    tx, rx = Direction.TX, Direction.RX
    chunks = [
        chunk(tx, asked[0], ASK),
        chunk(rx, asked[0] + 300_000, answer),
        chunk(rx, asked[0] + 400_000, answer),  # nobody asked
        chunk(tx, asked[1], encode(ReadRegister(0x08, address=0), BM1366)),
        chunk(rx, asked[1] + 300_000, encode_answer(0, register=0x08)),
        chunk(tx, asked[2], ASK),
        chunk(rx, asked[2] + 100_000, b"\xaa\x55junk"),
        chunk(rx, asked[2] + 200_000, answer[:4]),
        chunk(rx, asked[2] + 500_000, answer[4:]),
        chunk(tx, asked[3], ASK),  # not answered
        chunk(tx, asked[4], ASK),
        chunk(rx, NO_TIME, answer),
        chunk(rx, asked[4] + 250_000, answer),
        chunk(tx, asked[5], ASK),
        chunk(rx, asked[5] - 10, answer),  # a forged clock
    ]
    with load(written(tmp_path / "a.asicrc", chunks)) as capture:
        found = list(round_trips_ns(capture))
    trips = [(asked[0], 300_000), (asked[2], 500_000), (asked[4], 250_000)]
    assert found == [(t_ns + trip_ns, trip_ns) for t_ns, trip_ns in trips]


def encode_answer(value: int, register: int = 0) -> bytes:
    return encode(RegisterResponse(value=value, address=0, register=register), BM1366)


def test_a_capture_without_a_line_has_the_floor_that_its_device_states(tmp_path: Path) -> None:
    events_ns = np.array([START_NS])

    def floor(name: str, **stated: float) -> object:
        with load(written(tmp_path / f"{name}.asicrc", [], stated or None)) as capture:
            return floor_of_capture(capture, events_ns)

    enough = floor("a", rms_s=2e-5, rms_high_s=3e-5, n=400.0)
    assert (enough.estimate, enough.high, enough.n) == (2e-5, 3e-5, 400)  # type: ignore[attr-defined]
    with pytest.raises(NoAnswer, match="from 32 delays, it takes 59"):
        floor("b", rms_s=2e-5, rms_high_s=3e-5, n=32.0)
    with pytest.raises(NoAnswer, match="is not known"):
        floor("c")
    with pytest.raises(BadFile, match="was not measured"):
        floor("d", rms_s=2e-5, rms_high_s=1e-5, n=400.0)


def test_an_empty_capture_claims_nothing(tmp_path: Path) -> None:
    analysis = analyze_capture(written(tmp_path / "a.asicrc", []))
    assert analysis.jitter_floor_ms is None
    assert analysis.scan_order is None
