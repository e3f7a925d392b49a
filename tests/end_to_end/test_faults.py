"""Whatever goes wrong on the line or in the chip: a sealed file that tells, and no wrong statistic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from as_a_person import Run, asicrc, in_two_tries, kept_up, report_of

import asicrc as library
from asicrc.capture import Capture

LONG = pytest.mark.long
BUSY = "cores=2&time_scale=800"
"""About 0.5 MH/s: leaves a machine room that has other things to do."""


def captured(tmp_path: Path, fault: str, *arguments: str, seconds: int = 6) -> tuple[Run, Path]:
    path = tmp_path / "fault.asicrc"
    url = f"sim:bm1366?{BUSY}&zero_bits=12&report=1&faults={fault}"
    run = asicrc(
        *("capture", "-d", url, "--duration", f"{seconds}s", "-o", path, "--json", *arguments), timeout_s=200
    )
    return run, path


def looked_at(path: Path) -> tuple[Capture, dict[str, Any], dict[str, Any]]:
    """The sealed capture, its verification and its analysis."""
    checked = asicrc("verify", path, "--json")
    assert checked.code == 0, checked.out
    assert checked.json["sealed"] is True and checked.json["digest_ok"] is True
    analysis = asicrc("analyze", path, "--json")
    capture = library.load(path)
    return capture, checked.json, analysis.json


def claims(analysis: dict[str, Any]) -> list[str]:
    """What the analysis calls an effect of the chip; late answers in bunches are one of the host."""
    scan = analysis["scan_order"] or {}
    found = [name for name, finding in scan.get("trends", {}).items() if finding["verdict"] == "supported"]
    if "exceeds the floor" in scan.get("statement", ""):
        found.append("size")
    return found


def claims_nothing(analysis: dict[str, Any], tmp_path: Path, fault: str, seconds: int = 6) -> bool:
    """Each instrument may claim something once in a hundred captures, but not the same in the next too."""
    found = claims(analysis)
    if found:
        (tmp_path / "again").mkdir()
        _, path = captured(tmp_path / "again", fault, seconds=seconds)
        capture, _, analysis = looked_at(path)
        capture.close()
        found = [name for name in claims(analysis) if name in found]
    return not found


@pytest.mark.long
@pytest.mark.parametrize(
    "fault",
    [
        "noise:0.002,drop:0.002,crc:0.01",
        pytest.param("noise:0.005", marks=LONG),
        pytest.param("drop:0.005", marks=LONG),
        pytest.param("crc:0.02", marks=LONG),
    ],
)
def test_a_bad_line_loses_answers_and_says_so(fault: str, tmp_path: Path) -> None:
    run, path = captured(tmp_path, fault)
    assert run.code == 0, run.out + run.err
    assert run.json["restored"] is True
    assert run.json["damaged_frames"] + run.json["frames"] > 50
    capture, checked, analysis = looked_at(path)
    assert checked["valid"] > 0.9 * checked["events"] > 30
    damage = analysis["line_damage"]
    said = report_of(run)
    assert damage["damaged_frames"] + damage["skipped_bytes"] > 0 or not said["fault_counts"]
    missing = analysis["missing"]
    assert missing["extra"] == 0
    may_be_lost = damage["damaged_frames"] + damage["skipped_bytes"] + checked["low"]
    assert missing["missing"] <= may_be_lost or not kept_up(said)
    assert claims_nothing(analysis, tmp_path, fault)
    capture.close()


@LONG
@pytest.mark.timeout(300)
def test_a_stall_delays_and_loses_nothing(tmp_path: Path) -> None:
    run, path = captured(tmp_path, "stall:2/1.5")
    assert run.code == 0, run.out + run.err
    capture, checked, analysis = looked_at(path)
    assert checked["valid"] == checked["events"]
    if kept_up(report_of(run)):
        assert analysis["missing"] is None or analysis["missing"]["missing"] == 0
    assert claims_nothing(analysis, tmp_path, "stall:2/1.5")
    events = capture.events()
    assert events["n_in_read"].max() > 1, "what was held back came together"


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("hangup:2", "went away"),
        pytest.param("mute:2", "nothing has come for", marks=(LONG, pytest.mark.alone)),
    ],
)
@pytest.mark.timeout(300)
def test_a_chip_that_is_gone_ends_the_capture(fault: str, reason: str, tmp_path: Path) -> None:
    run, path = captured(tmp_path, fault, seconds=20)
    assert run.code == 3, run.out + run.err
    assert "device lost" in run.json["reason"] and reason in run.json["reason"]
    assert run.json["restored"] is False, "nobody was there to be put back"
    capture, checked, analysis = looked_at(path)
    assert checked["events"] == checked["valid"] > 0
    assert any(reason in line.text for line in capture.log() if line.level == "error")
    assert claims_nothing(analysis, tmp_path, fault, seconds=20)
    # two seconds of register reads say little of what this host does, and those before the work nothing
    assert "not measured well enough" in analysis["unanswered"]["jitter_floor"]


@pytest.mark.long
def test_invalid_nonces_are_counted_and_left_out(tmp_path: Path) -> None:
    run, path = captured(tmp_path, "invalid:0.1")
    assert run.code == 0, run.out + run.err
    capture, checked, analysis = looked_at(path)
    assert 0.03 < checked["low"] / checked["events"] < 0.25
    assert analysis["events"] == checked["valid"]
    reasons = set(capture.events()["reason"].tolist())
    assert 3 in reasons, "does_not_hash"
    assert claims_nothing(analysis, tmp_path, "invalid:0.1")


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "low", "high"),
    [("missing:0.05", 0.005, 0.15), pytest.param("dead_core:1", 0.3, 0.7, marks=LONG)],
)
def test_missing_nonces_are_found_by_hashing_again(
    fault: str, low: float, high: float, tmp_path: Path
) -> None:
    run, path = captured(tmp_path, fault)
    assert run.code == 0, run.out + run.err
    capture, checked, analysis = looked_at(path)
    assert checked["valid"] == checked["events"]
    fraction = analysis["missing"]["missing_fraction"]
    assert low < fraction["estimate"]
    assert fraction["estimate"] < high or not kept_up(report_of(run))
    assert fraction["low"] > 0
    if fault.startswith("dead"):
        assert 1 not in capture.events()["core"]


@LONG
@pytest.mark.alone
@pytest.mark.timeout(300)
def test_a_clock_that_drifts_with_temperature_is_measured(tmp_path: Path) -> None:
    """2 ppm a degree at 75 degC: 100 ppm fast, so that everything comes 100 ppm sooner."""

    def course(folder: Path) -> None:
        run, path = captured(folder, "clock_drift:2,temperature:75", "--job-interval", "30s", seconds=30)
        assert run.code == 0, run.out + run.err
        _, _, analysis = looked_at(path)
        clock = analysis["scan_order"]["clock_ppm"]
        assert clock["low"] - 3 < -100 < clock["high"] + 3, "an interval of 95 % misses one time in twenty"
        assert clock["high"] < 0

    in_two_tries(course, tmp_path)
