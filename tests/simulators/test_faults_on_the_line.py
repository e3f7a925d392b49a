"""Faults as a host meets them: one emulator for each, its bytes, and what it says that it did."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from bm1366_host import (
    PATIENCE_S,
    Emulator,
    Result,
    WireJob,
    crc5,
    in_one_of_some,
    read_register,
    write_register,
)
from midstate_host import Bm1387Emulator, MidstateJob
from test_bm1366_emulator_sweep import enumerated
from test_fault_switches import likely

from simulators.sha256d import scan_chip_order

SCALE = 4000
SMALL = ("zero_bits=9", "cores=2", f"time_scale={SCALE}")
"""0.24 MH/s at 485 MHz and 474 nonces a second."""
HCN = 2000
"""A sweep of 0.66 s."""
WINDOW = 80_200
"""Its positions: 2 * (2000 + 67) / 25 MHz at 485 MHz."""
JOB, ANSWER = 88 * 10 / 1_041_667, 11 * 10 / 1_041_667


def mined(
    options: tuple[str, ...], sweeps: int = 2, job: WireJob | None = None
) -> tuple[Emulator, int, list[Result]]:
    """A whole run: bring-up, one job, all of its first sweeps and some more; the emulator has reported."""
    job = job or WireJob.example(1, 0x30)
    with Emulator((*SMALL, *options)) as emulator:
        emulator.bring_up(hcn=HCN)
        sent_ns = emulator.send(job.frame())
        emulator.collect_until(lambda: any(result.version_bits >= sweeps for result in emulator.results))
    return emulator, sent_ns, emulator.results


def expected_s(results: list[Result], rate: float = 1.0) -> np.ndarray:
    """When the order says that they are found, s of real time after the job; `rate` is of the crystal."""
    sweep_s = 2 * (HCN + 67) / 25e6
    return np.array(
        [
            (result.version_bits * sweep_s + (result.word & 0x1FFFFFF) / 485e6) * SCALE / rate
            for result in results
        ]
    )


def residual_s(results: list[Result], sent_ns: int, rate: float = 1.0) -> np.ndarray:
    """How much later than the order says, s of real time."""
    measured_s = [(result.t_ns - sent_ns) / 1e9 - JOB - ANSWER for result in results]
    return np.array(measured_s) - expected_s(results, rate)


def raw_bytes(faults: str) -> tuple[Emulator, bytes, int]:
    """What comes of one job, unparsed, and how many frames in it are answers to a question.

    The answer comes after all results: once it is there, nothing else is on its way.
    """
    with Emulator((*SMALL, f"faults={faults}")) as emulator:
        emulator.bring_up(hcn=HCN)
        emulator.settle()
        emulator.send(WireJob.example(1, 0x30).frame())
        data, asked, ends = b"", 0, time.monotonic() + PATIENCE_S
        while len(data) < 11 * 450:
            assert time.monotonic() < ends
            data += read_for(emulator, 0.1)
        emulator.send(write_register(0x10, 0))
        while (ANSWERED not in data) or (rest := read_for(emulator, 0.3)):
            assert time.monotonic() < ends
            if ANSWERED not in data:  # or it was damaged on its way
                emulator.send(read_register(0))
                asked += 1
                rest = read_for(emulator, 1.0, until=ANSWERED)
            data += rest
    return emulator, data, asked


ANSWERED = bytes.fromhex("AA551366000000000000")
"""But for its checksum."""


def read_for(emulator: Emulator, seconds: float, until: bytes | None = None) -> bytes:
    data, deadline = b"", time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and (until is None or until not in data):
        if select.select([emulator.fd], [], [], left)[0]:
            data += os.read(emulator.fd, 65536)
    return data


def good_frames(data: bytes) -> int:
    """How many frames a host that looks for each preamble gets out of it."""
    count, position = 0, 0
    while (position := data.find(b"\xaa\x55", position)) >= 0:
        frame = data[position : position + 11]
        good = len(frame) == 11 and crc5(frame[2:]) == 0 and frame[-1] >> 5 == 4
        count += good
        position += 11 if good else 1
    return count


@pytest.mark.long
def test_noise_adds_as_many_bytes_as_it_says() -> None:
    emulator, data, answers = raw_bytes("noise:0.02")
    report, noise = emulator.report, emulator.report["fault_counts"]["noise"]
    sent = 11 * (report["proofs_sent"] + answers)
    assert likely(noise, sent, 0.02)
    assert len(data) == sent + noise
    assert likely(good_frames(data), report["proofs_sent"], 0.98**11)


@pytest.mark.long
def test_drop_loses_as_many_bytes_as_it_says() -> None:
    emulator, data, answers = raw_bytes("drop:0.02")
    report, lost = emulator.report, emulator.report["fault_counts"]["drop"]
    sent = 11 * (report["proofs_sent"] + answers)
    assert likely(lost, sent, 0.02)
    assert len(data) == sent - lost


def test_crc_spoils_as_many_checksums_as_it_says() -> None:
    emulator, data, answers = raw_bytes("crc:0.2")
    frames = [data[i : i + 11] for i in range(0, len(data), 11)]
    wrong = sum(crc5(frame[2:]) != 0 for frame in frames)
    assert len(frames) == emulator.report["proofs_sent"] + answers
    assert wrong == emulator.report["fault_counts"]["crc"]
    assert likely(wrong, len(frames), 0.2)


def read_truth(path: Path) -> tuple[set[tuple[int, int]], dict[str, set[tuple[int, int]]], dict[str, int]]:
    """Nonces that left, those that a fault took, by its name, and the counts at the end."""
    left, taken, counts = set(), {}, {}
    for line in path.read_text().splitlines()[1:]:
        if line.startswith("# fault_counts "):
            counts = json.loads(line.removeprefix("# fault_counts "))
        elif line.startswith("# "):
            fault, _, nonce, version = line.removeprefix("# ").split(",")
            taken.setdefault(fault, set()).add((int(nonce), int(version)))
        else:
            _, nonce, version = line.split(",")
            left.add((int(nonce), int(version)))
    return left, taken, counts


def test_missing_and_invalid_nonces_are_told_apart_by_hashing_again(tmp_path: Path) -> None:
    """One whole sweep, compared with the hashes of all its 160,000 candidates and with itself."""
    expected = {
        (int.from_bytes(word.to_bytes(4, "big"), "little"), 0x20000000 | version << 13)
        for word, version in enumerated((0,), 1, WINDOW, 2, 1, 9)
    }
    job, lost = WireJob.example(7), []
    for number, seeds in enumerate((("seed=1",), ("seed=2", "fault_seed=1"))):
        truth = tmp_path / f"truth{number}.csv"
        options = ("faults=missing:0.2,invalid:0.1", f"truth={truth}", *seeds)
        emulator, _, results = mined(options, 1, job)
        left, taken, counts = read_truth(truth)
        first = {pair for pair in taken["missing"] if pair[1] == 0x20000000}
        assert counts == emulator.report["fault_counts"]
        assert counts["missing"] == len(taken["missing"])
        assert counts["invalid"] == len(taken["invalid"])
        n = len(left) + len(taken["missing"])
        assert likely(counts["missing"], n, 0.2)
        hashing = {
            (int.from_bytes(r.nonce_bytes, "little"), 0x20000000 | r.version_bits << 13)
            for r in results
            if job.hash_value(r.nonce_bytes, r.version_bits) >> 247 == 0
        }
        assert likely(len(results) - len(hashing), len(results), 0.1)
        of_sweep = {pair for pair in hashing if pair[1] == 0x20000000}
        assert of_sweep < expected
        spoiled = {pair for pair in taken["invalid"] if pair[1] == 0x20000000}
        assert of_sweep | first | spoiled == expected
        lost.append(first)
    assert lost[0] == lost[1]
    assert len(lost[0]) > 30


def test_a_shifted_core_is_late_by_its_device_time() -> None:
    shift_s = 0.2
    emulator, sent_ns, results = mined((f"faults=core_shift:1/{shift_s / SCALE}",))
    late_s = [residual_s([r for r in results if r.core == core], sent_ns) for core in (0, 1)]
    assert min(len(one) for one in late_s) > 100
    assert late_s[1].min() > shift_s - 2e-5
    # The least delayed of each: a busy machine delays the others, of whichever core.
    assert late_s[1].min() - late_s[0].min() == pytest.approx(shift_s, abs=0.02)
    assert emulator.report["fault_counts"]["core_shift"] >= len(late_s[1]), (
        "and what came after the last look"
    )


def test_a_stalled_line_says_nothing_for_a_while_and_loses_nothing() -> None:
    stalled, sent_ns, late = mined(("faults=stall:0.3/0.6",))
    times_s = np.array([(result.t_ns - sent_ns) / 1e9 for result in late])
    due_s = expected_s(late)
    held = (due_s > 0.3) & (due_s < 0.89)
    assert np.count_nonzero(held) > 200
    assert times_s[held].min() >= 0.9, "whatever was due meanwhile comes after it"
    found_in_time = np.count_nonzero(held) - stalled.report["late"]
    assert stalled.report["fault_counts"]["stall"] >= found_in_time - 1
    whole = {(result.word, result.version_bits) for result in late if result.version_bits < 2}
    assert whole == proofs_of_the_job(2)  # two sweeps, 1.3 s, over the silence


def proofs_of_the_job(batches: int) -> set[tuple[int, int]]:
    """Every proof of the first sweeps of `WireJob.example(1)`."""
    job, pairs = WireJob.example(1), set()
    for version in range(batches):
        head = (0x20000000 | version << 13).to_bytes(4, "little") + job.header76[4:] + bytes(4)
        for core in (0, 1):
            words = scan_chip_order(head, core << 25, WINDOW, (1 << 247) - 1)
            pairs |= {(word, version) for word in words.tolist()}
    return pairs


def test_a_line_may_hang_up() -> None:
    with Emulator((*SMALL, "faults=hangup:0.4")) as emulator:
        emulator.bring_up(hcn=HCN)
        sent = time.monotonic()
        emulator.send(WireJob.example(1).frame())
        while not emulator.ended and time.monotonic() < sent + PATIENCE_S:
            emulator.collect(0.5)
        assert emulator.ended
        assert time.monotonic() - sent > 0.39


def test_chips_may_go_mute() -> None:
    in_one_of_some(lambda: went_mute() > 50)


def went_mute() -> int:
    """How many results came before: fewer of a machine that did something else in those 0.4 s."""
    with Emulator((*SMALL, "faults=mute:0.4")) as emulator:
        emulator.bring_up(hcn=HCN)
        assert emulator.ask(read_register(0))
        emulator.send(WireJob.example(1).frame())
        emulator.collect(0.8)
        if emulator.results:  # it has the job, and the time of the fault runs
            ends = time.monotonic() + PATIENCE_S
            while emulator.ask(read_register(0), seconds=0.3):
                assert time.monotonic() < ends
            assert expected_s(emulator.results).max() < 0.41
    assert emulator.report["fault_counts"].get("mute", 0) > 0 or not emulator.results
    return len(emulator.results)


@pytest.mark.parametrize(
    "faults", [pytest.param("clock_ppm:10000", marks=pytest.mark.long), "clock_drift:400,temperature:50"]
)
def test_a_fast_crystal_shows_in_every_time(faults: str) -> None:
    """1 % fast: after 1.5 s a nonce is 15 ms early by an exact clock, and on time by its own."""
    emulator, sent_ns, results = mined((f"faults={faults}",), 3)
    due_s, late_s = expected_s(results), residual_s(results, sent_ns, rate=1.01)
    early, last = due_s < 0.6, due_s > 1.4
    assert min(np.count_nonzero(early), np.count_nonzero(last)) > 150
    assert late_s.min() > -1e-3
    # The least delayed of both ends: when the job was read is the same for them, and a busy machine's affair.
    assert late_s[last].min() - late_s[early].min() == pytest.approx(0.0, abs=4e-3)
    by_an_exact_clock_s = residual_s(results, sent_ns)
    assert by_an_exact_clock_s[last].min() - by_an_exact_clock_s[early].min() < -8e-3
    assert emulator.report["temperature_c"] == (50 if "temperature" in faults else 25)


def test_faults_are_those_of_a_bm1387_too() -> None:
    options = ("chip=bm1387", "cores=2", "zero_bits=8", "time_scale=30000")
    with Bm1387Emulator((*options, "faults=missing:0.3,dead_core:0,invalid:0.2")) as emulator:
        emulator.bring_up_s9(chips=1)
        emulator.collect(0.2)
        emulator.results.clear()
        job = MidstateJob.example(1, 0x10)
        emulator.send(job.body())
        emulator.collect_until(lambda: len(emulator.results) >= 80)
        solutions = [s for s in emulator.solutions() if s.job_id & ~3 == 0x10]
    assert {solution.core for solution in solutions} == {1}
    valid = sum(job.hash_value(s.nonce_bytes, s.job_id & 3) >> 248 == 0 for s in solutions)
    assert likely(valid, len(solutions), 0.8)
    counts = emulator.report["fault_counts"]
    assert likely(counts["missing"], counts["missing"] + emulator.report["proofs_sent"], 0.3)
    assert counts["dead_core"] > 30


def test_a_machine_that_cannot_keep_up_says_so_even_when_nothing_else_is_reported() -> None:
    with Emulator(("zero_bits=18", "time_scale=1", "report=0")) as emulator:
        emulator.bring_up()
        emulator.warm()
        emulator.collect_until(lambda: len(emulator.results) >= 60)  # 16 million hashes, and none in time
    assert not emulator.records
    assert "is the smallest that would do" in emulator.stderr
    assert "proofs came late: their times are those of this machine" in emulator.stderr


def test_a_fault_that_does_not_exist_ends_the_process_with_the_names() -> None:
    command = [sys.executable, "-m", "simulators.bm13xx", "faults=colour:3"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no fault 'colour'; known are noise, drop, crc" in done.stderr
