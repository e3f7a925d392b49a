"""The same work twice over the emulator: what agrees, and what a planted fault changes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from as_a_person import asicrc, asicrc_here, in_two_tries, kept_up, report_of, start, stored, wait_for_line
from scipy import stats

import asicrc as library
from firmware_protocols.device import Job

GENTLE = "sim:bm1366?time_scale=800&zero_bits=14"
"""1 MH/s of the CPU and 61 proofs a second: kept up with beside other work."""
BUSY = "sim:bm1366?time_scale=400&zero_bits=12"
"""490 proofs a second."""


def capture(url: str, path: Path, *options: str, timeout_s: float = 200) -> dict[str, object]:
    run = asicrc("capture", "-d", f"{url}&report=1", "-o", path, "--json", *options, timeout_s=timeout_s)
    assert run.code == 0, run.err
    kept_up_with(path).write_text(str(kept_up(report_of(run))))
    return run.json


def kept_up_with(path: Path) -> Path:
    """Where it is noted whether the machine let the emulator hash in time for this capture."""
    return path.with_suffix(".kept_up")


def compare(a: Path, b: Path, *options: str | Path) -> dict[str, object]:
    run = asicrc("compare", a, b, "--json", *options)
    assert run.code == 0, run.err
    return run.json


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("work") / "a.asicrc"
    capture(GENTLE, path, "--duration", "5s", "--job-interval", "1300ms", "--difficulty", "1")
    return path


@pytest.mark.long
def test_the_same_work_finds_the_same_proofs(recorded: Path, tmp_path: Path) -> None:
    again = tmp_path / "b.asicrc"
    run = asicrc("capture", "-d", f"{GENTLE}&report=1", "--replay-work", recorded, "-o", again)
    assert run.code == 0, run.err
    assert "as in a.asicrc: frequency_mhz 200" in run.err
    assert f"asicrc compare {recorded} {again}" in run.out
    with library.load(recorded) as one, library.load(again) as other:
        jobs, jobs_again = one.jobs(), other.jobs()
        meta = other.meta
        assert meta["replay_of"] == {"name": "a.asicrc", "digest": one.meta["digest"], "jobs": len(jobs)}
    assert meta["end_reason"] == "the recorded work ended"
    assert meta["plan"]["requested"].keys() >= {"frequency_mhz", "difficulty", "hash_counting_number"}
    assert [job.merkle_root for job in jobs] == [job.merkle_root for job in jobs_again]
    assert [job.number for job in jobs] == [job.number for job in jobs_again]
    lives_s = zip(_lives_s(jobs), _lives_s(jobs_again), strict=True)
    assert any(abs(life_again - life) < 0.1 for life, life_again in lives_s), (
        "a busy machine may send one job late"
    )

    figure = tmp_path / "same.png"
    result = compare(recorded, again, "--figure", figure)
    assert figure.read_bytes().startswith(b"\x89PNG")
    pairs = result["pairs"]
    assert isinstance(pairs, dict)
    assert pairs["matched"] > 30
    if kept_up(report_of(run)) and kept_up_with(recorded).read_text() == "True":
        assert pairs["matched"] > 200
        assert pairs["missing_in_a"] + pairs["missing_in_b"] <= 0.02 * pairs["matched"]
    assert result["jobs_common"] == len(jobs)
    assert result["settings_differ"] == {}
    ratio = result["hash_clock_ratio"]
    assert isinstance(ratio, dict)
    assert ratio["low"] - 1e-3 < 1 < ratio["high"] + 1e-3
    invalid = result["invalid_b"]
    assert isinstance(invalid, dict)
    assert invalid["estimate"] == 0
    lines = asicrc("compare", recorded, again)
    assert lines.code == 0
    assert "proofs " in lines.out
    assert "hash clock" in lines.out


@pytest.mark.long
def test_on_a_twin_nothing_at_all_is_missing(tmp_path: Path) -> None:
    """Its clock is its own: no host makes it give up work at the end of a job."""
    a, b = tmp_path / "a.asicrc", tmp_path / "b.asicrc"
    for path, more in ((a, ("--duration", "600ms", "--job-interval", "200ms")), (b, ("--replay-work", a))):
        run = asicrc_here("capture", "-d", "twin:bm1366?zero_bits=12&seed=1", "-o", path, "--json", *more)
        assert run.code == 0, run.err
    result = asicrc_here("compare", a, b, "--json").json
    pairs = result["pairs"]
    assert pairs.pop("matched") == run.json["valid"] > 300
    assert set(pairs.values()) == {0}, pairs
    assert result["invalid_a"]["estimate"] == result["invalid_b"]["estimate"] == 0
    assert result["settings_differ"] == {}


def _lives_s(jobs: list[Job]) -> list[float]:
    return [(b.sent_ns - a.sent_ns) / 1e9 for a, b in pairwise(jobs)]


@pytest.mark.long
def test_what_cannot_be_replayed_is_refused_before_the_device_is_touched(
    recorded: Path, tmp_path: Path
) -> None:
    target = tmp_path / "b.asicrc"
    for url, options, said in (
        (f"{GENTLE}&chips=2", (), "2 x BM1366 answer"),
        ("sim:bm1366?time_scale=400&zero_bits=14", (), "time_scale = 800.0, this device has 400.0"),
        (GENTLE, ("--seed", "2"), "own seed"),
        (GENTLE, ("--job-interval", "1s"), "times between jobs"),
        (f"replay:{recorded}", (), "takes no work"),
    ):
        run = asicrc("capture", "-d", url, "--replay-work", recorded, "-o", target, "--json", *options)
        assert run.code == 2, run.err
        assert said in run.json["error"]["message"]
        assert not target.exists()


def test_work_of_a_killed_session_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    process = start("capture", "-d", GENTLE, "--duration", "40s", "-o", path)
    wait_for_line(process, lambda line: stored(line) > 0)
    process.kill()
    process.communicate(timeout=60)
    run = asicrc("capture", "-d", GENTLE, "--replay-work", path, "-o", tmp_path / "b.asicrc", "--json")
    assert run.code == 2
    assert "is not sealed" in run.json["error"]["message"]


@pytest.mark.long
def test_captures_without_common_work_have_no_answer(recorded: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.asicrc"
    capture(GENTLE, other, "--duration", "1s", "--seed", "9")
    run = asicrc("compare", recorded, other, "--json")
    assert run.code == 1
    assert "no job in common" in run.json["error"]["message"]


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(900)
def test_a_frequency_step_comes_out_to_10_ppm(tmp_path: Path) -> None:
    """200 to 300 MHz; one sweep lasts longer than a job, so that all of a life is a lever."""
    in_two_tries(frequency_step, tmp_path)


def frequency_step(tmp_path: Path) -> None:
    a, b = tmp_path / "a.asicrc", tmp_path / "b.asicrc"
    url = "sim:bm1366?time_scale=400&zero_bits=13"
    long_sweeps = ("--hash-counting-number", "2000000", "--difficulty", "1")
    capture(url, a, "--duration", "40s", "--job-interval", "20s", *long_sweeps)
    capture(f"{url}&faults=clock_ppm:60", b, "--replay-work", str(a), "--frequency-mhz", "300")
    result = compare(a, b)
    ratio = result["hash_clock_ratio"]
    assert isinstance(ratio, dict)
    off_ppm = (ratio["estimate"] / 1.5 - 1) * 1e6
    half_ppm = (ratio["high"] - ratio["low"]) / 2 / 1.5 * 1e6
    print(f"\n{off_ppm:.2f} +- {half_ppm:.2f} ppm of 60, n = {ratio['n']}")
    assert abs(off_ppm - 60) < 10
    assert half_ppm < 20
    assert result["settings_differ"] == {"frequency_mhz": {"a": 200.0, "b": 300.0}}
    pairs = result["pairs"]
    assert isinstance(pairs, dict)
    assert pairs["missing_in_b"] <= 0.01 * pairs["matched"]
    assert pairs["not_comparable"] > 0.3 * pairs["matched"]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("busy") / "a.asicrc"
    capture(BUSY, path, "--duration", "20s", "--difficulty", "1")
    return path


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(900)
def test_planted_misses_are_found(busy: Path, tmp_path: Path) -> None:
    in_two_tries(lambda folder: planted_misses(busy, folder / "b.asicrc"), tmp_path)


def planted_misses(busy: Path, again: Path) -> None:
    capture(f"{BUSY}&faults=missing:1e-3", again, "--replay-work", str(busy))
    result = compare(busy, again)
    rate = result["missing_rate_b"]
    assert isinstance(rate, dict)
    print(f"\nmissing {rate}")
    # Which ones are missed hangs on the work, so both tries miss the same: an interval of 95 % does not do.
    fewest, most = stats.binom.interval(1 - 1e-6, rate["n"], 1e-3)
    assert fewest <= round(rate["estimate"] * rate["n"]) <= most
    assert 0 < rate["low"] < rate["estimate"] < rate["high"]
    assert result["missing_rate_a"]["estimate"] < 1e-3  # type: ignore[index]


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(900)
def test_a_planted_core_shift_is_found_on_its_core(busy: Path, tmp_path: Path) -> None:
    """50 us of the device are 20 ms of the host at this scale."""
    in_two_tries(lambda folder: planted_core_shift(busy, folder / "b.asicrc"), tmp_path)


def planted_core_shift(busy: Path, again: Path) -> None:
    capture(f"{BUSY}&faults=core_shift:2/50e-6", again, "--replay-work", str(busy))
    cores = {core["core"]: core for core in compare(busy, again)["cores"]}  # type: ignore[attr-defined]
    print(f"\n{cores[2]}")
    assert cores[2]["verdict"] == "supported"
    assert cores[2]["shift_us"] == pytest.approx(50, abs=5)
    assert [cores[k]["verdict"] for k in (0, 1, 3)] == ["refuted"] * 3
