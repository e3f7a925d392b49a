"""The default battery: false alarms and power, small; a million events; what analyze says of an S9."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from arrival_samples import stream_of
from scipy import stats

from asicrc.analysis.arrival_evidence import arrival_evidence
from asicrc.analysis.arrivals.drift import rate_drift
from asicrc.analysis.battery import DEFAULT, TESTS, WEIGHTS, run_battery, truth_of
from asicrc.analysis.calibration import (
    FIXED_SIZES,
    NOTHING_PLANTED,
    GammaIntervals,
    ModulatedRate,
    RecordClass,
    Twin,
    main,
    result_line,
    summarise,
    verdicts_of,
)
from asicrc.analysis.event_source import read_event_source
from asicrc.analysis.event_stream import EventStream
from asicrc.cli.main import _run
from asicrc.importing import import_file
from asicrc.report.calibration_figure import calibration_figure


@pytest.mark.long
def test_false_alarms_of_the_family_stay_at_the_level() -> None:
    """Of a Poisson process behind a dead time, delivered with jitter; the level of the design is 1 %."""
    repeats, alarms = 80, 0
    for k in range(repeats):
        rng = np.random.default_rng([1, k])
        t = np.cumsum(0.0005 + rng.exponential(0.08, 1500))
        arrived = np.maximum.accumulate(np.ceil(t * 1000) / 1000 + np.abs(rng.normal(0.002, 0.0005, len(t))))
        battery = run_battery(
            EventStream.of(np.round(arrived * 1e9).astype(np.int64), floor_s=0.0007), seed=k
        )
        alarms += bool(battery.supported)
    assert alarms <= stats.binom.ppf(0.9999, repeats, 0.012)


@pytest.mark.parametrize("label", [of.label for of in NOTHING_PLANTED if "S9" in of.label])
def test_nothing_is_called_supported_on_twins_without_effects(label: str) -> None:
    of = next(of for of in NOTHING_PLANTED if of.label == label)
    verdicts = [verdicts_of(of, number) for number in range(3)]
    assert sum("supported" in one.values() for one in verdicts) <= 1
    assert all("not testable here" not in one.values() for one in verdicts)


def test_effects_of_the_fixed_sizes_are_found() -> None:
    for of in FIXED_SIZES:
        found = [verdicts_of(of, number)[of.wanted] for number in range(4)]
        assert found.count("supported") >= 3, of.label
        assert found.count("refuted") <= 1


def test_counts_of_a_calibration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    null = RecordClass("null", GammaIntervals(1.0, 300))
    verdicts = [verdicts_of(null, number) for number in range(8)]
    result = summarise(null, verdicts)
    assert result.found.n == 8
    assert result.passed is False  # eight records cannot show 5 %
    assert "false alarms" in result_line(result)
    beat = RecordClass("beat", ModulatedRate(0.9, events=500), "heartbeat", 0.9, True)
    strong = summarise(beat, [verdicts_of(beat, number) for number in range(4)])
    assert strong.found.estimate == 1.0
    assert strong.passed is None
    figure = calibration_figure([result, strong])
    assert len(figure.axes) == 4
    assert json.dumps([result.as_json(), strong.as_json()])
    assert main(["--devices", "2", "--jobs", "1", "--only", "CV 0.92", "--output", str(tmp_path)]) == 0
    assert (tmp_path / "arrivals.png").stat().st_size > 10_000
    kept = json.loads((tmp_path / "arrivals.json").read_text())
    assert kept["classes"][0]["class"] == "gamma intervals, CV 0.92"
    assert "seed" in capsys.readouterr().out


def test_records_of_a_class_are_another_each_time_and_the_same_again() -> None:
    twin = Twin("ordinary", "s9", 60)
    one, other, again = (twin(np.random.SeedSequence(seed))[0] for seed in (1, 2, 1))
    assert np.array_equal(one.t_ns, again.t_ns)
    assert not np.array_equal(one.t_ns, other.t_ns)
    assert one.floor_s is not None


def test_what_a_twin_says_of_itself() -> None:
    assert truth_of({}) == dict.fromkeys(TESTS, False)
    planted = truth_of({"effect_heartbeat_hz": 2.4, "effect_heartbeat_depth": 0.25})
    assert planted == {"heartbeat": True, "period": True}
    elsewhere = truth_of({"effect_heartbeat_hz": 3.1, "effect_heartbeat_depth": 0.25})
    assert elsewhere == {"heartbeat": False, "period": True}
    assert "cv" not in truth_of({"effect_leak_auc": 0.52})
    assert sum(WEIGHTS.values()) == 100
    assert {test.name for test in DEFAULT.tests} == set(TESTS)


def test_published_shares_of_an_s9(published: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "s9.asicrc"
    import_file(published("s9_shares.csv"), path)
    found = arrival_evidence(read_event_source(path))
    assert found.exploring is not None
    verdicts = {key: str(finding.verdict) for key, finding in found.exploring.findings.items()}
    assert verdicts["cv"] == "supported"
    assert verdicts["heartbeat"] == verdicts["period"] == "refuted"
    assert verdicts["serial"] in ("refuted", "not resolved")
    assert found.exploring.heartbeats["heartbeat"].detectable_depth == pytest.approx(0.117, abs=0.01)
    assert found.verdicts["H01"].interpretation == "not resolved"
    assert found.verdicts["H04"].interpretation == "refuted"


@pytest.mark.long
def test_published_shares_of_an_s9_from_one_command(
    published: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s9.asicrc"
    import_file(published("s9_shares.csv"), path)
    assert _run(["analyze", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    # the published figures, and what they are without the 42 that were sent twice
    assert said["with_duplicates"]["latency_cv"]["estimate"] == pytest.approx(0.834, abs=5e-4)
    assert said["with_duplicates"]["cv"]["estimate"] == pytest.approx(0.827, abs=5e-4)
    assert said["intervals"]["cv"]["estimate"] == pytest.approx(0.813, abs=5e-4)
    assert said["intervals"]["cv"]["high"] < 1
    # neither a Poisson process nor a hard dead time
    assert said["exponential"]["verdict"] == "supported"
    tests = said["arrivals"]["exploring"]["tests"]
    assert tests["cv"]["verdict"] == "supported"
    assert tests["cv"]["effect"]["high"] < -0.1
    assert tests["cv"]["p_corrected"] < 1e-6
    # the latency mixture, tested by parametric bootstrap, and nothing of the CV beyond it
    mixture = said["arrivals"]["latency_mixture"]
    assert mixture["test"]["replicates"] >= 99
    assert mixture["wait_s"] == pytest.approx(0.0804, rel=0.01)
    assert said["arrivals"]["beyond_dispatch"]["verdict"] in ("refuted", "not resolved")
    # no serial correlation within the margin, or not resolved; no 2.4 Hz, and what would have been seen
    assert tests["serial"]["verdict"] in ("refuted", "not resolved")
    assert tests["heartbeat"]["verdict"] == "refuted"
    assert tests["heartbeat"]["detectable_depth"] == pytest.approx(0.117, abs=0.01)
    verdicts = said["arrivals"]["verdicts"]
    assert verdicts["H01"]["interpretation_verdict"] == "not resolved"
    assert "dispatch" in verdicts["H01"]["reason"]
    assert verdicts["H04"]["interpretation_verdict"] == "refuted"


def test_a_capture_that_was_sealed_early_has_reasons_and_no_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from asicrc.capture import CaptureWriter
    from asicrc.capture.reader import load

    whole, early = tmp_path / "whole.asicrc", tmp_path / "early.asicrc"
    assert _run(["capture", "-d", "twin:s9?seed=1", "--duration", "60s", "-o", str(whole), "--json"]) == 0
    with load(whole) as capture, CaptureWriter.create(early, {}) as writer:
        meta = capture.meta
        writer.set_meta("plan", {**meta["plan"], "duration_s": 600.0})
        for key in ("identity", "clock", "pulled", "jitter_floor"):
            writer.set_meta(key, meta[key])
        writer.add_jobs(capture.jobs())
        writer.add_events(capture.events())
        writer.seal("device lost: unplugged")
    capsys.readouterr()
    assert _run(["analyze", str(early), "--json"]) == 0
    arrivals = json.loads(capsys.readouterr().out)["arrivals"]
    for found in arrivals["exploring"]["tests"].values():
        assert found["verdict"] == "not testable here"
        assert "after 60 of 600 s (device lost" in found["note"]
        assert found["effect"]["estimate"] is None
    assert arrivals["drift"] is None
    assert _run(["heartbeat", str(early), "--frequency-hz", "2.4", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["depth"] is None


@pytest.mark.long
@pytest.mark.alone
def test_a_million_events_in_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """The whole battery on one core; the only resampling in it, of the CV, is on blocks."""
    rng = np.random.default_rng(1)
    stream = stream_of(0.0002 + rng.exponential(0.08, 1_000_000))
    for _ in range(3):  # the time of others may count as this machine's
        started = time.process_time()
        battery = run_battery(stream)
        rate_drift(stream)
        took_s = time.process_time() - started
        with capsys.disabled():
            print(f"\na million events: {took_s:.1f} s")
        if took_s < 10:
            break
    assert took_s < 10
    assert battery.supported == []
    assert all(finding.verdict == "refuted" for finding in battery.findings.values())
