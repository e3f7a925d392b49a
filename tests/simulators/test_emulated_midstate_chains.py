"""The emulated BM1387 and BM1397 as processes, met through their ptys by a host of a few lines."""

from __future__ import annotations

import numpy as np
import pytest
from bm1366_host import (
    CHAIN_INACTIVE,
    PATIENCE_S,
    Emulator,
    in_one_of_some,
    read_register,
    set_address,
    write_register,
)
from midstate_host import (
    BM1397_CLOCK_425_MHZ,
    Bm1387Emulator,
    MidstateJob,
    Solution,
    bm1387_read,
    counter_of,
)
from test_emulated_chains import ON_TIME_S, bauds


def s9_solutions(emulator: Bm1387Emulator, job: MidstateJob, wanted: int) -> tuple[int, list[Solution]]:
    """Send a work and collect so many results of it."""
    mask = 0x7F & ~(job.midstates - 1)

    def found() -> list[Solution]:
        return [s for s in emulator.solutions() if s.job_id & mask == job.job_id]

    emulator.results.clear()
    sent_ns = emulator.send(job.body())
    emulator.collect_until(lambda: len(found()) >= wanted)
    return sent_ns, found()


S9_SCALE = 1e6
S9 = ("chip=bm1387", "chips=63", "cores=1", "zero_bits=8", f"time_scale={S9_SCALE:g}")
"""40,950 hashes and 160 nonces a second at 650 MHz."""


def test_63_chips_of_an_s9_start_answer_and_mine_in_the_order_that_is_conjectured() -> None:
    with Bm1387Emulator(S9) as emulator:
        emulator.bring_up_s9()
        answers = emulator.ask(bm1387_read(0), answers=63)
        assert [answer[:4].hex() for answer in answers] == [f"138790{4 * chip:02x}" for chip in range(63)]
        clocks = emulator.ask(bm1387_read(0x0C), answers=63)
        assert {answer[:4].hex() for answer in clocks} == {"80680221"}
        ids = iter(range(0x10, 0x70, 4))

        def mine_in_order() -> bool:
            job = MidstateJob.example(1, next(ids))
            sent_ns, solutions = s9_solutions(emulator, job, 300)
            expected_s = []
            for solution in solutions:
                index = solution.job_id & 3
                assert job.hash_value(solution.nonce_bytes, index) >> 248 == 0
                expected_s.append(((solution.counter & 0x7FFFF) * 4 + index) / 650e6 * S9_SCALE)
            assert {solution.core for solution in solutions} == {0}
            assert len({solution.address for solution in solutions}) > 50
            assert {solution.address for solution in solutions} <= {4 * chip for chip in range(63)}
            assert {solution.job_id & 3 for solution in solutions} == {0, 1, 2, 3}
            late_s = np.array([(s.t_ns - sent_ns) / 1e9 for s in solutions]) - expected_s
            late_s -= bauds(len(job.body()), 1_562_500) + bauds(7, 1_562_500)
            assert late_s.min() > -2e-5
            return bool(np.median(late_s) < ON_TIME_S)

        in_one_of_some(mine_in_order)


@pytest.mark.long
def test_a_bm1387_takes_midstates_in_sequence_when_asked_to_and_is_silent_after_the_last() -> None:
    """33 chips leave 2**19 candidates to a core: 17.3 million hashes and 66 nonces a midstate."""
    scale = 4000.0
    options = ("chip=bm1387", "chips=33", "cores=1", "zero_bits=18", "midstate_order=sequential")
    with Bm1387Emulator((*options, f"time_scale={scale:g}")) as emulator:
        emulator.bring_up_s9(chips=33)
        job = MidstateJob.example(2, 0x20, 2)
        s9_solutions(emulator, job, 110)
        held = 0
        while held < len(emulator.results):  # until it falls silent
            held = len(emulator.results)
            emulator.collect(3.0)
        solutions = emulator.solutions()
        halves = [[s for s in solutions if s.job_id & 1 == index] for index in (0, 1)]
        assert all(40 < len(half) < 100 for half in halves)
        indexes = [s.job_id & 1 for s in solutions]
        assert indexes == sorted(indexes)
        assert len(solutions) == len({(s.counter, s.job_id) for s in solutions})
        _, again = s9_solutions(emulator, MidstateJob.example(3, 0x24, 1), 41)
        assert len(again) < 100


def test_a_bm1387_answers_one_midstate_works_under_every_id() -> None:
    with Bm1387Emulator(("chip=bm1387", "cores=2", "zero_bits=8", "time_scale=80000")) as emulator:
        emulator.bring_up_s9(chips=1)
        for job_id in (0, 1, 0x7F):
            job = MidstateJob.example(job_id, job_id, 1)
            _, solutions = s9_solutions(emulator, job, 40)
            assert all(job.hash_value(s.nonce_bytes, 0) >> 248 == 0 for s in solutions)
            assert {s.core for s in solutions} == {0, 1}


def test_a_whole_s9_hashboard_finds_its_first_nonce_at_once() -> None:
    with Bm1387Emulator(("chip=bm1387", "chips=63")) as emulator:
        emulator.bring_up_s9()
        emulator.collect(0.2)
        emulator.results.clear()
        sent_ns = emulator.send(MidstateJob.example(1, 0x10).body())
        emulator.collect(PATIENCE_S, until=1)
        # Within 2 s where nothing else runs: no more than 10 is left to a machine that does other things.
        assert (emulator.results[0].t_ns - sent_ns) / 1e9 < 10


def test_a_bm1397_keeps_to_what_is_assumed_of_it() -> None:
    scale = 425e6 / 50_000
    options = ("chip=bm1397", "chips=2", "cores=1", "zero_bits=10", f"time_scale={scale:g}")
    with Emulator(options, size=9) as emulator:
        emulator.send(CHAIN_INACTIVE + set_address(0) + set_address(0x80))
        emulator.send(write_register(0x14, 0) + write_register(0x08, BM1397_CLOCK_425_MHZ))
        emulator.send(write_register(0x18, 0x00006031))
        emulator.settle()
        emulator.set_baud(3_000_000)
        emulator.settle()
        assert [a[2:7].hex() for a in emulator.ask(read_register(0), answers=2)] == [
            "1397180000",
            "1397188080",
        ]
        ids = iter(range(0x44, 0x74, 4))

        def keeps_to_it() -> bool:
            job = MidstateJob.example(1, next(ids))
            emulator.results.clear()
            sent_ns = emulator.send(b"\x55\xaa" + job.body())
            emulator.collect_until(lambda: len(emulator.results) > 400)
            results = [result for result in emulator.results if result.header & 0xFC == job.job_id]
            expected_s = []
            for result in results:
                index = result.header & 3
                assert job.hash_value(result.nonce_bytes, index) >> 246 == 0
                assert (result.excess, result.core) == (index, 0)
                expected_s.append((counter_of(result) & 0xFFFFFF) / 50_000)
            assert len(expected_s) > 300
            assert {result.header & 3 for result in results} == {0, 1, 2, 3}
            late_s = np.array([(r.t_ns - sent_ns) / 1e9 for r in results]) - expected_s
            late_s -= bauds(152, 3_125_000) + bauds(9, 3_125_000)
            assert late_s.min() > -2e-5
            return bool(np.median(late_s) < ON_TIME_S)

        in_one_of_some(keeps_to_it)
