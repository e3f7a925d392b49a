"""The effective difficulty from shares alone: its interval holds as promised, whatever the firmware."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asicrc.analysis.capture_analysis import analyze_capture
from asicrc.analysis.effective_difficulty import (
    effective_difficulty,
    floor_interval,
    law_of_hashes,
    rate_estimates,
)
from asicrc.capture import CaptureWriter, load
from asicrc.cli.analysis_text import analysis_lines
from asicrc.errors import NoAnswer
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET, target_from_difficulty
from firmware_protocols.device import Job, NonceBatch, Reason, Verdict, empty_events


@pytest.mark.parametrize("shares", [1, 5, 200])
@pytest.mark.parametrize("floor", [256.0, 0.25], ids=["a floor above", "not as asked"])
def test_the_interval_covers_as_often_as_it_says(shares: int, floor: float) -> None:
    rng = np.random.default_rng(shares)
    n = 4000
    # Of a miner that reports from `floor` on, asked for 1: hashes up to 1 / floor of the target.
    found = [effective_difficulty(1.0, rng.uniform(0, 1 / floor, shares)) for _ in range(n)]
    covered = sum(one.low <= floor <= one.high for one in found)
    above = sum(one.estimate > floor for one in found)
    assert abs(covered / n - 0.95) < 4 * (0.95 * 0.05 / n) ** 0.5
    assert abs(above / n - 0.5) < 4 * 0.5 / n**0.5  # median-unbiased
    assert all(one.n == shares for one in found)


def test_more_shares_tell_more() -> None:
    widths = []
    for shares in (10, 100, 1000):
        _, low, high = floor_interval(256.0, shares, 1.0)
        widths.append(high / low - 1)
    assert widths[0] > 9 * widths[1] > 81 * widths[2]
    assert floor_interval(256.0, 1000, 0.5)[0] == pytest.approx(512, rel=1e-3)


@pytest.mark.parametrize("hashes", [[], [0.0]])
def test_nothing_tells_nothing(hashes: list[float]) -> None:
    with pytest.raises(NoAnswer):
        effective_difficulty(1.0, hashes)


def test_the_law_is_tested_at_its_level_and_finds_a_mixture() -> None:
    rng = np.random.default_rng(1)
    p_values = []
    for _ in range(1000):
        test = law_of_hashes(rng.uniform(0, 0.1, 40))
        assert test is not None
        p_values.append(test.p_value)
    assert 0.03 < np.mean(np.array(p_values) < 0.05) < 0.07
    mixed = law_of_hashes(np.concatenate([rng.uniform(0, 1, 30), rng.uniform(0, 1 / 256, 200)]))
    assert mixed is not None and mixed.p_value < 1e-6
    assert law_of_hashes(rng.uniform(0, 1, 19)) is None


def captured(path: Path, *, left_ns: int | None = None) -> Path:
    """Two miners of 2**32 * 256 * 2 hashes a second; asked for 64, they report from 256 on, 2 a second."""
    rng = np.random.default_rng(7)
    target, floor = target_from_difficulty(64), target_from_difficulty(256)
    seconds, per_s = 100, 2.0
    jobs: list[Job] = []
    parts: list[NonceBatch] = []
    for number, extranonce1 in ((1, b"\0\0\0\1"), (2, b"\0\0\0\2")):
        job = Job(number, f"{number}", 0, bytes(32), 0, 0, target, extranonce1=extranonce1, sent_ns=10**9)
        jobs.append(job)
        times = np.sort(rng.uniform(0, seconds, rng.poisson(per_s * seconds)))
        events = empty_events(len(times))
        events["t_ns"] = 10**9 + times * 1e9
        events["job"] = number
        events["verdict"] = Verdict.VALID
        events["difficulty"] = DIFFICULTY_1_TARGET / rng.uniform(0, float(floor), len(times))
        parts.append(events)
    events = np.concatenate(parts)
    garbage = empty_events(5)
    garbage["job"], garbage["verdict"], garbage["reason"] = 1, Verdict.LOW, Reason.DOES_NOT_HASH
    garbage["difficulty"] = 1e-9
    again = events[:3].copy()
    again["duplicate"] = True
    events = np.concatenate([events, garbage, again])
    events["seq"] = np.arange(len(events))
    meta = {"pulled": {"start_ns": 10**9, "end_ns": (1 + seconds) * 10**9}}
    if left_ns is not None:
        meta["miners"] = {"00000002": {"left_ns": left_ns}}
    with CaptureWriter.create(path, meta) as writer:
        writer.add_jobs(jobs)
        writer.add_events(events)
    return path


def test_rates_of_a_capture(tmp_path: Path) -> None:
    with load(captured(tmp_path / "a")) as capture:
        (found,) = rate_estimates(capture)
    assert found.requested == pytest.approx(64)
    assert found.seconds == 200
    assert found.effective.low < 256 < found.effective.high
    assert found.shares_per_s.low < 2.0 < found.shares_per_s.high
    assert found.hashes_per_s.low < 2.0 * 256 * 2**32 < found.hashes_per_s.high
    assert found.hashes_per_s.high / found.hashes_per_s.low < 1.4
    assert found.law is not None and found.law.p_value > 0.001


def test_an_analysis_tells_the_difficulty_and_the_hash_rate(tmp_path: Path) -> None:
    analysis = analyze_capture(captured(tmp_path / "a"))
    said = analysis.as_json()["rates"]
    assert [round(rate["requested"]) for rate in said] == [64]
    assert said[0]["effective"]["low"] < 256 < said[0]["effective"]["high"]
    text = "\n".join(analysis_lines(analysis))
    assert "where 64 is asked for, n = 4" in text and "GH/s in 200 s of work; hashes spread evenly" in text


def test_a_miner_that_left_was_not_at_work_after_it(tmp_path: Path) -> None:
    with load(captured(tmp_path / "a", left_ns=51 * 10**9)) as capture:
        assert rate_estimates(capture)[0].seconds == 150


def test_a_capture_without_shares_has_no_answer(tmp_path: Path) -> None:
    with CaptureWriter.create(tmp_path / "a", {}) as writer:
        writer.add_jobs([])
    with load(tmp_path / "a") as capture, pytest.raises(NoAnswer, match="no share whose difficulty is known"):
        rate_estimates(capture)


def test_targets_are_kept_apart(tmp_path: Path) -> None:
    job = Job(1, "1", 0, bytes(32), 0, 0, target_from_difficulty(1), merkle_root=bytes(32), sent_ns=0)
    harder = replace(job, number=2, wire_id="2", target=target_from_difficulty(8), sent_ns=10**10)
    events = empty_events(60)
    rng = np.random.default_rng(3)
    events["seq"], events["t_ns"] = np.arange(60), np.arange(60) * 3 * 10**8
    events["job"] = np.where(events["t_ns"] < 10**10, 1, 2)
    asked = np.where(events["job"] == 1, 1.0, 8.0)
    events["difficulty"], events["verdict"] = asked / rng.uniform(0, 1, 60), Verdict.VALID
    with CaptureWriter.create(tmp_path / "a", {}) as writer:
        writer.add_jobs([job, harder])
        writer.add_events(events)
    with load(tmp_path / "a") as capture:
        found = rate_estimates(capture)
    assert [round(one.requested) for one in found] == [1, 8]
    assert [one.effective.n for one in found] == [34, 26]
    assert found[0].seconds == 10
