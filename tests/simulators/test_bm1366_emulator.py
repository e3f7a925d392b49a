"""The emulator as a process, met through its pty by a host that knows nothing but the wire format."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import count, pairwise
from pathlib import Path

import numpy as np
import pytest
from bm1366_host import (
    CHAIN_INACTIVE,
    PATIENCE_S,
    Emulator,
    Result,
    WireJob,
    in_one_of_some,
    read_register,
    set_address,
    write_register,
)
from test_bm1366_emulator_sweep import enumerated

from firmware_protocols.bm13xx import ScanOrder, model_by_name
from simulators.bm13xx.scale import known_options
from simulators.endpoints import emulate_bm1366, open_sim

MODEL = model_by_name("bm1366")
JOB_S, ANSWER_S = 88 * 10 / 1_041_667, 11 * 10 / 1_041_667
SLOW = ("time_scale=2000", "zero_bits=11", "cores=2")
"""1 MH/s at 485 MHz and about 240 nonces a second: leaves a busy machine room."""
SLOW_HCN = 1000


@pytest.fixture(scope="module")
def slow() -> Iterator[Emulator]:
    with Emulator(SLOW) as emulator:
        emulator.bring_up(hcn=SLOW_HCN)
        emulator.warm()
        yield emulator


PLACES = count(1)


def fresh(number: int | None = None) -> WireJob:
    """Under another id than those before it, whose results may still be on their way."""
    place = next(PLACES)
    return WireJob.example(place if number is None else number, place * 8 & 0x78)


def of(job: WireJob, emulator: Emulator) -> list[Result]:
    return [result for result in emulator.results if result.header & 0xF8 == job.job_header]


def after(emulator: Emulator, job: WireJob, wanted: int) -> tuple[int, list[Result]]:
    """Send a job and collect so many results of it; when it was sent, and they."""
    emulator.results.clear()
    sent_ns = emulator.send(job.frame())
    emulator.collect_until(lambda: len(of(job, emulator)) >= wanted)
    return sent_ns, of(job, emulator)


def test_every_nonce_is_a_proof_of_its_job_and_says_where_it_was_found(slow: Emulator) -> None:
    job = fresh()
    _, results = after(slow, job, 150)
    for result in results:
        value = job.hash_value(result.nonce_bytes, result.version_bits)
        assert 256 - value.bit_length() == 11 + result.excess
        assert result.header == job.job_header | result.version_bits & 7
        assert result.core in (0, 1)
        assert result.word & 0x1FFFFFF < 2 * (SLOW_HCN + 67) * 485 / 25 + 1


def test_nonces_arrive_when_the_scan_order_says(slow: Emulator) -> None:
    order = ScanOrder(MODEL, 485e6, SLOW_HCN, subcores=1)

    def are_on_time() -> bool:
        sent_ns, results = after(slow, fresh(), 240)
        nonces = np.array([int.from_bytes(result.nonce_bytes, "little") for result in results])
        expected_s = order.expected_s(nonces, [result.version_bits for result in results]) * 2000
        measured_s = np.array([(result.t_ns - sent_ns) / 1e9 for result in results]) - JOB_S - ANSWER_S
        residual_s = measured_s - expected_s
        assert residual_s.min() > -2e-5
        return bool(np.median(residual_s) < 20e-3)  # of a second

    in_one_of_some(are_on_time)


def test_a_whole_window_comes_complete(slow: Emulator) -> None:
    job = fresh(7)
    window, batches = 41400, 2
    slow.results.clear()
    slow.send(job.frame())
    slow.collect_until(lambda: any(result.version_bits >= batches for result in of(job, slow)))
    pairs = [(result.word, result.version_bits) for result in of(job, slow) if result.version_bits < batches]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == enumerated((0,), batches, window, 2, 1, 11)


def test_a_new_job_ends_the_old_one(slow: Emulator) -> None:
    old, new = fresh(), fresh()
    after(slow, old, 100)
    after(slow, new, 100)
    ids = [result.header & 0xF8 for result in slow.results]
    assert old.job_header not in ids[ids.index(new.job_header) :]


def test_a_clock_change_under_a_job_bends_the_arrivals(slow: Emulator) -> None:
    """Half the clock from the moment of the change: the sweep goes on from where it is, at half the pace."""

    def is_bent() -> bool:
        job = fresh()
        slow.send(write_register(0x10, 20_000))  # one sweep of 3.2 s
        sent_ns, _ = after(slow, job, 100)
        changed_ns = slow.send(write_register(0x08, 0x40A00241))

        def after_change() -> list[Result]:
            return [result for result in of(job, slow) if result.t_ns > changed_ns + 50e6]

        slow.collect_until(lambda: len(after_change()) > 80)
        slow.send(write_register(0x08, 0x50C20240) + write_register(0x10, SLOW_HCN))
        change_s = (changed_ns - sent_ns) / 1e9 + ANSWER_S - JOB_S  # a write has the size of an answer
        position = np.array([r.word & 0x1FFFFFF for r in after_change()])
        expected_s = change_s + (position * 2000 - change_s * 485e6) / 200e6
        measured_s = np.array([(r.t_ns - sent_ns) / 1e9 for r in after_change()]) - JOB_S - ANSWER_S
        return bool(abs(np.median(measured_s - expected_s)) < 30e-3)

    in_one_of_some(is_bent)


def test_answers_have_the_bytes_of_a_real_chip_and_the_form_of_their_time() -> None:
    with Emulator(("zero_bits=11", "cores=2", "time_scale=2000")) as emulator:
        emulator.size = 9
        assert emulator.ask(read_register(0)) == [bytes.fromhex("AA551366000000000C")]
        emulator.bring_up(rolling=False, hcn=SLOW_HCN)
        job = WireJob.example(1, 0x20)
        emulator.send(job.frame())
        emulator.collect_until(lambda: len(emulator.results) >= 20)
        for result in emulator.results:
            assert result.header == 0x20
            assert job.hash_value(result.nonce_bytes, 0) >> (256 - 11 - result.excess) == 0
        emulator.size = 1 << 20  # results of the old form may still be on their way: nothing is taken apart
        emulator.send(write_register(0xA4, 0x9000FFFF) + write_register(0x10, 0) + read_register(0))
        emulator.collect_until(lambda: bytes.fromhex("AA55136600000000000005") in emulator.buffer)


def test_a_chain_answers_in_order_and_shares_the_nonce_space() -> None:
    with Emulator(("zero_bits=11", "cores=1", "time_scale=2000", "chips=3")) as emulator:
        emulator.bring_up(addresses=(0, 2, 4), hcn=SLOW_HCN)
        answers = emulator.ask(read_register(0), answers=3)
        assert [(answer[2:4].hex(), answer[5]) for answer in answers] == [
            ("1366", 0),
            ("1366", 2),
            ("1366", 4),
        ]
        job = WireJob.example(1, 0x20)
        emulator.send(job.frame())
        emulator.collect_until(lambda: len(emulator.results) >= 150)
        places = [result.word >> 17 & 0xFE for result in emulator.results]
        assert set(places) == {0, 2, 4}
        assert min(places.count(address) for address in (0, 2, 4)) > 20
        assert all(job.hash_value(r.nonce_bytes, r.version_bits) >> 245 == 0 for r in emulator.results)
        emulator.send(CHAIN_INACTIVE + set_address(6))
        assert sorted(answer[5] for answer in emulator.ask(read_register(0), answers=3)) == [0, 0, 6]


def test_the_wrong_speed_garbles_both_ways_and_the_right_one_helps() -> None:
    with Emulator() as emulator:
        emulator.size = 9

        def is_garbled() -> bool:
            """Unless the emulator, on a busy machine, did not look at the speed meanwhile."""
            emulator.set_baud(9600)
            time.sleep(0.1)
            return emulator.ask(read_register(0), seconds=0.3) == []

        in_one_of_some(is_garbled)
        emulator.set_baud(115200)
        time.sleep(0.1)
        assert emulator.ask(read_register(0))
        emulator.send(
            write_register(0x28, 0x11300200)
        )  # the chip leaves for 1,041,667 baud, the host does not
        time.sleep(0.1)
        assert emulator.ask(read_register(0), seconds=0.3) == []
        emulator.set_baud(1_000_000)
        time.sleep(0.1)
        assert len(emulator.ask(read_register(0))) == 1
    assert emulator.report["garbled_bytes"] >= 7


def test_a_silent_chip_and_another_model() -> None:
    with Emulator(("silent=1",)) as emulator:
        assert emulator.ask(read_register(0), seconds=0.3) == []
    with Emulator(("chip_id=1368",)) as emulator:
        emulator.size = 9
        assert emulator.ask(read_register(0))[0][2:4] == b"\x13\x68"


def test_the_line_can_go_away_under_the_host() -> None:
    with Emulator((*SLOW, "hangup_after=0.3")) as emulator:
        emulator.bring_up(hcn=SLOW_HCN)
        sent = time.monotonic()
        emulator.send(WireJob.example(1).frame())
        while not emulator.ended and time.monotonic() < sent + PATIENCE_S:
            emulator.collect(0.5)
        assert emulator.ended
        assert time.monotonic() - sent > 0.29
        assert emulator.process.wait(60) == 0


def test_a_host_may_come_and_go_unless_told_otherwise() -> None:
    with Emulator() as emulator:
        emulator.size = 9
        assert emulator.ask(read_register(0))
        os.close(emulator.fd)
        time.sleep(0.2)
        emulator.fd = os.open(emulator.announced["pty"], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        assert emulator.ask(read_register(0))
    with Emulator(("end_on_hangup=1",)) as emulator:
        emulator.size = 9
        assert emulator.ask(read_register(0))
        os.close(emulator.fd)
        assert emulator.process.wait(60) == 0
        emulator.fd = os.open(os.devnull, os.O_RDWR)


@pytest.mark.parametrize(
    ("moment", "way"),
    [
        ("at once", None),
        ("while mining", None),
        ("while mining", signal.SIGTERM),
        ("while nobody reads", None),
    ],
)
def test_it_never_lingers(moment: str, way: int | None) -> None:
    with Emulator(("zero_bits=4", "time_scale=0.01", "cores=128", "subcores=8")) as emulator:
        if moment != "at once":
            emulator.bring_up(hcn=0xFFFFF)
            emulator.send(WireJob.example(1).frame())
            if moment == "while mining":
                emulator.collect(PATIENCE_S, until=1)
            else:
                time.sleep(1.0)
        emulator.finish(way)
        assert emulator.end_s < 40
        assert emulator.report["ended"] == ("stdin" if way is None else "SIGTERM")


def test_too_much_to_ask_is_said_once_with_what_would_do() -> None:
    with Emulator(("zero_bits=20", "time_scale=1")) as emulator:
        emulator.bring_up()
        emulator.warm()
        emulator.collect_until(lambda: len(emulator.results) >= 20)  # 20 million hashes, and none in time
    said = [line for line in emulator.stderr.splitlines() if "is the smallest that would do" in line]
    assert len(said) == 1
    assert "asks for 1940.0 MH/s" in said[0]
    assert emulator.report["late"] > 0
    assert emulator.report["asked_mhs"] == 1940.0 > emulator.report["reached_mhs"] > 0.1


@pytest.mark.parametrize(("rate", "burst", "seconds"), [(1000, 1, 0.6), (2000, 50, 0.6)])
def test_a_flood_offers_what_it_says(tmp_path: Path, rate: int, burst: int, seconds: float) -> None:
    in_one_of_some(lambda: offered_per_s(tmp_path, rate, burst, seconds) == pytest.approx(rate, rel=0.1))


def offered_per_s(folder: Path, rate: int, burst: int, seconds: float) -> float:
    """By a flood of which every proof is looked at."""
    truth = folder / "truth.csv"
    flood = (f"flood_rate={rate}", f"flood_burst={burst}", f"flood_seconds={seconds}", f"truth={truth}")
    with Emulator(flood) as emulator:
        emulator.bring_up()
        job = WireJob.example(1)
        emulator.send(job.frame())
        offered = int(rate * seconds)
        emulator.collect(PATIENCE_S, until=1)
        emulator.send(WireJob.example(2, 0x60).frame())
        emulator.collect_until(lambda: len(emulator.results) >= offered)
        emulator.collect(0.2)
        assert len(emulator.results) == offered
    assert all(job.hash_value(r.nonce_bytes, r.version_bits) >> 248 == 0 for r in emulator.results)
    assert len({(r.word, r.version_bits) for r in emulator.results}) == offered
    flooded = next(record for record in emulator.records if "flood" in record)
    assert (flooded["offered"], flooded["burst"]) == (offered, burst)
    assert emulator.stderr.count("first job only") == 1
    rows = np.loadtxt(truth, delimiter=",", skiprows=1, dtype=np.int64)
    assert rows.shape == (offered, 3)
    assert list(rows[:, 1]) == [int.from_bytes(r.nonce_bytes, "little") for r in emulator.results]
    assert list(rows[:, 2]) == [0x20000000 | r.version_bits << 13 for r in emulator.results]
    assert (rows[::burst, 0].size, len(np.unique(rows[:, 0]))) == (offered // burst, offered // burst)
    assert all(later >= earlier for earlier, later in pairwise(rows[:, 0]))
    return float(flooded["offered_per_s"])


def test_truth_names_the_moments_that_the_host_sees(tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    with Emulator((*SLOW, f"truth={truth}")) as emulator:
        emulator.bring_up(hcn=SLOW_HCN)
        emulator.warm()
        _, results = after(emulator, fresh(), 150)
    rows = np.loadtxt(truth, delimiter=",", skiprows=1, dtype=np.int64)
    sent_ns = {(nonce, version): t_ns for t_ns, nonce, version in rows.tolist()}
    delay_ns = [
        result.t_ns
        - sent_ns[int.from_bytes(result.nonce_bytes, "little"), 0x20000000 | result.version_bits << 13]
        for result in results
    ]
    assert min(delay_ns) > 0
    assert np.quantile(delay_ns, 0.1) < 5e6  # a busy machine delays many of them, but not all


def test_open_sim_hands_out_a_line_and_ends_the_emulator() -> None:
    with open_sim("sim:bm1366?zero_bits=12&time_scale=400") as url:
        assert url.startswith("serial:/dev/pts/")
        assert url.endswith(
            "?chip=bm1366&simulated=1&zero_bits=12&cores=4&subcores=1&time_scale=400&waits=0.02"
        )
        path = Path(url.removeprefix("serial:").partition("?")[0])
        assert path.exists()
    assert not path.exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sim:toaster", "there are sim:bm1366, .*sim:lbbox$"),  # and no pool, which is no device
        ("serial:bm1366", "there are sim:bm1366"),
        ("sim:bm1366?colour=red", "knows no option 'colour'"),
        ("sim:bm1366?zero_bits", "name=value"),
    ],
)
def test_open_sim_refuses_what_it_does_not_know(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message), open_sim(url):
        pass


def test_the_command_for_a_person_runs_until_it_is_interrupted() -> None:
    code = "from simulators.endpoints import emulate_bm1366; raise SystemExit(emulate_bm1366(['chips=2']))"
    # in a shell's background Ctrl-C would be ignored, and by its children too
    interruptible = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=interruptible) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert "chips: 2" in process.stdout.readline()
        assert url in process.stdout.readline()
        path = Path(url.removeprefix("serial:").partition("?")[0])
        assert path.exists()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert not path.exists()


def test_the_command_explains_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert emulate_bm1366(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in known_options())
    assert emulate_bm1366(["colour=red"]) == 2
    assert "knows no option 'colour'" in capsys.readouterr().err


def test_the_process_refuses_options_that_it_does_not_know() -> None:
    command = [sys.executable, "-m", "simulators.bm13xx", "colour=red"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "knows no option 'colour'; known are zero_bits" in done.stderr
