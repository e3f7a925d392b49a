"""Each emulated chip as a process, met through its pty by a host that knows nothing but the wire format."""

from __future__ import annotations

import numpy as np
import pytest
from bm1366_host import PATIENCE_S, Emulator, WireJob, in_one_of_some, read_register, write_register

from simulators.bm13xx.scale import parse_scale
from simulators.bm13xx.silicon import SILICON
from simulators.endpoints import EMULATORS, open_sim

ON_TIME_S = 60e-3
"""By how much a median may be late on a machine that has other work."""


def bauds(n_bytes: int, baud: float) -> float:
    return 10 * n_bytes / baud


@pytest.mark.parametrize(
    ("chip", "chips", "time_scale"),
    [
        ("bm1366", 1, 200.0),
        ("bm1366", 77, 15_400.0),
        ("bm1362", 1, 525.0),
        ("bm1368", 1, 490.0),
        ("bm1370", 1, 525.0),
        ("bm1397", 1, 425.0),
        ("bm1387", 1, 650.0),
        ("bm1387", 63, 40_950.0),
    ],
)
def test_a_chain_asks_for_4_mhs_at_its_usual_clock_unless_told_otherwise(
    chip: str, chips: int, time_scale: float
) -> None:
    assert parse_scale([("chip", chip), ("chips", str(chips))]).time_scale == time_scale
    wider = parse_scale([("chip", chip), ("chips", str(chips)), ("cores", "40")])
    assert wider.time_scale == time_scale * (40 if chip == "bm1397" else 10)
    assert parse_scale([("chip", chip), ("time_scale", "77")]).time_scale == 77


@pytest.mark.parametrize("name", ["bm1370", "bm1387"])
def test_chips_are_offered_by_name(name: str) -> None:
    assert set(SILICON) <= set(EMULATORS)
    with open_sim(f"sim:{name}?chips=2&time_scale=9000&subcores=2&cores=3") as url:
        assert f"?chip={name}&simulated=1&zero_bits=16&cores=3&subcores=2&time_scale=9000&" in url


def test_77_chips_of_an_s19k_start_answer_and_mine_in_order() -> None:
    scale, places = 1e6, tuple(range(0, 154, 2))
    options = ("chip=bm1366", "chips=77", "cores=1", "zero_bits=8", f"time_scale={scale:g}")
    with Emulator(options) as emulator:
        emulator.bring_up(addresses=places)
        answers = emulator.ask(read_register(0), answers=77)
        assert [(answer[2:4].hex(), answer[5]) for answer in answers] == [("1366", place) for place in places]
        ids = iter(range(0x30, 0x80, 8))

        def mine_in_order() -> bool:
            job = WireJob.example(1, next(ids))
            emulator.results.clear()
            sent_ns = emulator.send(job.frame())
            emulator.collect_until(lambda: len(emulator.results) > 250)
            results = [result for result in emulator.results if result.header == job.job_header]
            for result in results:
                assert job.hash_value(result.nonce_bytes, result.version_bits) >> 248 == 0
                assert result.version_bits == 0
            assert {result.word >> 17 & 0xFE for result in results} <= set(places)
            assert len({result.word >> 17 & 0xFE for result in results}) > 60
            position = np.array([result.word & 0x3FFFF for result in results])
            late_s = np.array([(r.t_ns - sent_ns) / 1e9 for r in results]) - position / 485e6 * scale
            late_s -= bauds(88, 1_041_667) + bauds(11, 1_041_667)
            assert late_s.min() > -2e-5
            return bool(np.median(late_s) < ON_TIME_S)

        in_one_of_some(mine_in_order)


@pytest.mark.parametrize(("chip", "chips"), [("bm1366", 77), ("bm1362", 126)])
def test_a_whole_hashboard_finds_its_first_nonce_at_once(chip: str, chips: int) -> None:
    """At the scale that the emulator chooses itself."""
    with Emulator((f"chip={chip}", f"chips={chips}")) as emulator:
        emulator.bring_up(addresses=tuple(range(0, 2 * chips, 2)), pll=0x40A00241)
        sent_ns = emulator.send(WireJob.example(1).frame())
        emulator.collect(PATIENCE_S, until=1)
        # Within 2 s where nothing else runs: no more than 10 is left to a machine that does other things.
        assert (emulator.results[0].t_ns - sent_ns) / 1e9 < 10


@pytest.mark.parametrize(
    ("chip", "subcores", "overrun", "offset"),
    [("bm1362", 8, 67.0, None), ("bm1368", 16, 133.6, 0x25F), ("bm1370", 16, 133.6, 0x3F1)],
)
def test_chips_that_take_whole_headers_keep_to_their_own_rules(
    chip: str, subcores: int, overrun: float, offset: int | None
) -> None:
    """Two chips at 300 MHz; each sweep is stretched to half a second, and takes two versions."""
    hcn = 1000
    sweep_s = 2 * (hcn + overrun) / 25e6
    scale = 0.5 / sweep_s
    options = (f"chip={chip}", "chips=2", "cores=1", "subcores=2", "zero_bits=9", f"time_scale={scale:.10g}")
    starts = (0, 2 << 17) if offset is None else (0, offset << 9)
    with Emulator(options) as emulator:
        emulator.bring_up(addresses=(0, 2), pll=0x40900250, hcn=hcn)
        if offset is not None:
            emulator.send(write_register(0x0C, 1 << 31, 0) + write_register(0x0C, 1 << 31 | offset, 2))
        ids = iter(range(0x18, 0x78, 8))
        in_one_of_some(lambda: keep_to_their_rules(emulator, next(ids), sweep_s, scale, starts, offset))


def keep_to_their_rules(
    emulator: Emulator,
    job_header: int,
    sweep_s: float,
    scale: float,
    starts: tuple[int, ...],
    offset: int | None,
) -> bool:
    """Whether results of a job came when they were due; everything else has to be so each time."""
    job = WireJob.example(1, job_header)
    shown, own = (job_header, 7) if offset is None else (job_header << 1, 15)
    emulator.results.clear()
    sent_ns = emulator.send(job.frame())
    emulator.collect_until(lambda: len(emulator.results) > 400)
    results = [result for result in emulator.results if result.header & ~own == shown]
    window = sweep_s * 300e6
    expected_s = []
    for result in results:
        bits = 256 - job.hash_value(result.nonce_bytes, result.version_bits).bit_length()
        assert bits >= 9
        excess = result.excess if offset is None else result.excess >> 1
        assert (result.header, excess) == (shown | result.version_bits & own, bits - 9)
        counter = result.word & 0x1FFFFFF
        position = min((counter - start) % (1 << 25) for start in starts)
        assert position < window
        expected_s.append((result.version_bits // 2 * sweep_s + position / 300e6) * scale)
    assert len(expected_s) > 300
    late_s = np.array([(r.t_ns - sent_ns) / 1e9 for r in results]) - expected_s
    late_s -= bauds(88, 1_041_667) + bauds(11, 1_041_667)
    assert late_s.min() > -2e-5
    return bool(np.median(late_s) < ON_TIME_S)
