"""Heartbeats of published records, of twins, of telemetry; and what a host brings is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from arrival_samples import modulated, published_times, stream_at

from asicrc.analysis.event_source import read_event_source
from asicrc.analysis.spectra.heartbeat import heartbeat_at, heartbeat_in
from asicrc.analysis.spectra.host_periods import HostPeriod, regular_period, usual_periods
from asicrc.analysis.spectra.telemetry import fresh_readings, telemetry_heartbeat
from asicrc.cli.main import _run
from asicrc.errors import BadFile, NoAnswer, UsageError
from asicrc.report.heartbeat_figure import heartbeat_figure

Published = Callable[[str], Path]
KEYS = {"depth", "low", "high", "p_corrected", "detectable_depth", "verdict"}


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    capsys.readouterr()
    code = _run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_published_positive_control(
    published: Published, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """2.4 Hz put into the timing of a CPU: found at the frequency and in a band, from 29 events."""
    path = str(published("cpu_pow_heartbeat_2p4_seed00_events.csv"))
    code, found = _json(capsys, "heartbeat", path, "--frequency-hz", "2.4")
    assert code == 0
    assert found.keys() >= KEYS
    assert found["verdict"] == "supported"
    assert found["p_corrected"] < 1e-5
    assert found["low"] > 0.5
    assert found["host_side"] is None
    figure = tmp_path / "beat.png"
    code, found = _json(capsys, "heartbeat", path, "--figure", str(figure))
    assert found["verdict"] == "supported"
    assert found["frequency_hz"] == pytest.approx(2.4, abs=0.03)
    assert figure.stat().st_size > 20_000


def test_the_published_negative_control(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(published("cpu_pow_steady_seed00_events.csv"))
    for arguments in (("--frequency-hz", "2.4"), ()):
        _, found = _json(capsys, "heartbeat", path, *arguments)
        assert found["verdict"] == "not resolved"  # 68 events would not show 0.25
        assert found["p_corrected"] > 0.05
        assert found["detectable_depth"] > 0.25


def test_published_shares_of_an_s9_have_none(published: Published) -> None:
    t = published_times(published("s9_shares.csv"), "timestamp", 1.0)
    found = heartbeat_at(stream_at(t), 2.4, tolerance_hz=0.05)
    assert found.finding.verdict == "refuted"
    assert found.finding.effect.high < 0.15
    assert found.detectable_depth == pytest.approx(0.117, abs=0.01)
    shuffled = found.finding.nulls[1]
    assert shuffled.p_value == pytest.approx(0.56, abs=0.08)  # interval-shuffle surrogates
    # 2.82: the power itself, before it is held against the spectrum of these intervals
    assert found.spectrum is not None
    assert found.finding.nulls[0].statistic * found.spectrum == pytest.approx(2.9, abs=0.15)


@pytest.mark.parametrize(
    ("confounds", "arguments", "name"),
    [
        ("beacon_s=0.4096&beacon_share=0.5", ("--frequency-hz", "2.4"), "four WiFi beacons"),
        ("renewal_s=2&renewal_gap_s=0.4", (), "work that the firmware of LV06 renews"),
    ],
)
def test_what_a_host_brings_is_named(
    confounds: str,
    arguments: tuple[str, ...],
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "host.asicrc"
    url = f"twin:lv06?kind=ideal&seed=1&{confounds}"
    assert (
        _run(["capture", "-d", url, "--duration", "900s", "--difficulty", "32", "-o", str(path), "--json"])
        == 0
    )
    code, found = _json(capsys, "heartbeat", str(path), *arguments)
    assert code == 0
    assert found["p_corrected"] < 1e-6
    assert found["verdict"] == "not resolved"
    assert found["host_side"]["name"] == name
    assert "host-side" in found["note"]


def test_jobs_of_the_session_are_a_host_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A miner that finds nothing for a while after each job: a line at the job's period and its harmonics."""
    path = tmp_path / "jobs.asicrc"
    url = "twin:s9?kind=ideal&seed=2&renewal_s=0.8&renewal_gap_s=0.1"
    arguments = ["--duration", "120s", "--job-interval", "0.8s", "-o", str(path), "--json"]
    assert _run(["capture", "-d", url, *arguments]) == 0
    _, found = _json(capsys, "heartbeat", str(path))
    assert found["verdict"] == "not resolved"
    assert found["host_side"]["name"] == "jobs that are renewed"
    _, other = _json(capsys, "heartbeat", str(path), "--host-period", "rack fan=0.4")
    assert other["verdict"] == "not resolved"


def test_a_heartbeat_is_not_taken_for_a_harmonic_of_a_slow_period() -> None:
    """2.4 Hz is the 72nd harmonic of jobs each 30 s; without the other 71 that explains nothing."""
    t = modulated(2588, 0.25, 2.4, 12.5, np.random.default_rng(3))
    found = heartbeat_at(stream_at(t), hosts=[HostPeriod("jobs that are renewed", 30.0), *usual_periods()])
    assert found.host is None
    assert found.finding.verdict == "supported"


def test_a_long_record_tells_2_4_from_four_beacons_and_a_short_one_does_not() -> None:
    hosts = usual_periods()
    rng = np.random.default_rng(4)
    beacons = heartbeat_at(stream_at(modulated(4000, 0.4, 1 / 0.4096, 12.5, rng)), hosts=hosts)
    assert beacons.host is not None
    assert beacons.host.period.name == "four WiFi beacons"
    heart = heartbeat_at(stream_at(modulated(4000, 0.4, 2.4, 12.5, rng)), hosts=hosts)
    assert heart.host is None
    near = heartbeat_at(stream_at(modulated(300, 0.9, 2.43, 60.0, rng)), hosts=hosts)
    assert near.finding.verdict == "not resolved"
    assert near.host is not None


def test_periods_that_are_known() -> None:
    names = {period.name: period.period_s for period in usual_periods("Bitaxe Ultra", 0.01)}
    assert names["four WiFi beacons"] == pytest.approx(0.4096)
    assert names["work that the firmware of Bitaxe renews"] == 2.0
    assert names["step of the stamps"] == 0.01
    assert "fan pulses" in {period.name for period in usual_periods()}
    moments = np.round(np.arange(20) * 2.0e9 + np.random.default_rng(5).normal(0, 1e6, 20))
    found = regular_period("jobs", moments)
    assert found is not None
    assert found.period_s == pytest.approx(2.0, abs=0.001)
    assert regular_period("shares", np.cumsum(np.random.default_rng(6).exponential(1e9, 50))) is None


def _readings(rate_hz: float, seconds: float, depth: float, held: int, rng: np.random.Generator):
    t = np.arange(0, seconds, 1 / rate_hz)
    watts = 14.0 * (1 + depth * np.sin(2 * np.pi * 2.4 * t)) + rng.normal(0, 0.05, len(t))
    watts = np.repeat(watts[::held], held)[: len(t)]
    return np.round(t * 1e9).astype(np.int64), watts


def test_telemetry_only_above_twice_the_rate_of_fresh_readings() -> None:
    rng = np.random.default_rng(7)
    t, watts = _readings(10.0, 120.0, 0.01, 1, rng)
    found = telemetry_heartbeat(t, watts, "power_w", 2.4)
    assert found.finding.verdict == "supported"
    assert found.finding.effect.estimate == pytest.approx(0.01, rel=0.2)
    assert found.finding.p_corrected is not None
    assert found.finding.p_corrected < 1e-6
    deep = telemetry_heartbeat(*_readings(10.0, 120.0, 0.05, 1, rng), "power_w", 2.4)
    assert deep.finding.verdict == "supported"
    # asked ten times a second, measured twice: 2 Hz of fresh readings show nothing at 2.4 Hz
    stale = telemetry_heartbeat(*_readings(10.0, 120.0, 0.05, 5, rng), "power_w", 2.4)
    assert stale.finding.verdict == "not testable here"
    assert "2 fresh readings a second" in stale.finding.note
    assert stale.as_json()["depth"] is None
    assert len(fresh_readings(t, np.ones(len(t)))[0]) == 1


@pytest.mark.long
def test_false_alarms_of_telemetry_with_coloured_noise() -> None:
    rng = np.random.default_rng(8)
    p = []
    for _ in range(150):
        noise = np.cumsum(rng.normal(0, 0.02, 900)) + rng.normal(0, 0.05, 900)
        t = np.arange(900) * 100_000_000
        found = telemetry_heartbeat(t, 14.0 + noise, "power_w", 2.4)
        p.append(found.finding.p_corrected)
    assert np.count_nonzero(np.array(p) <= 0.01) <= 6


def test_twins_readings_and_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.asicrc"
    assert _run(["capture", "-d", "twin:s9?seed=1", "--duration", "30s", "-o", str(path), "--json"]) == 0
    code, found = _json(capsys, "heartbeat", str(path), "--channel", "temperature_c", "--frequency-hz", "2.4")
    assert (code, found["verdict"]) == (1, "not testable here")
    code, said = _json(capsys, "heartbeat", str(path), "--channel", "luck", "--frequency-hz", "2.4")
    assert (code, said["error"]["code"]) == (2, "usage")
    for arguments in (
        ("--frequency-hz", "2.4", "--low-hz", "1"),
        ("--host-period", "cron"),
        ("--channel", "x"),
    ):
        assert _json(capsys, "heartbeat", str(path), *arguments)[0] == 2
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadFile, match="no table with a column of stamps"):
        read_event_source(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("t_s,b\n0.1,2\nx,2\n")
    with pytest.raises(BadFile, match="no table of stamps"):
        read_event_source(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("t_s\n")
    with pytest.raises(NoAnswer, match="no row"):
        read_event_source(tmp_path / "t.csv")
    with pytest.raises(BadFile, match="cannot be read"):
        read_event_source(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="tolerance"):
        heartbeat_at(stream_at(np.arange(100.0)), 2.4, tolerance_hz=3.0)
    with pytest.raises(UsageError, match="no frequency"):
        heartbeat_at(stream_at(np.arange(100.0)), float("inf"))
    stream = stream_at(np.cumsum(np.random.default_rng(5).exponential(size=100)))
    for claimed_hz in (1e12, 1e300):
        assert "frequencies" in heartbeat_at(stream, claimed_hz).finding.note


def test_figure_of_what_could_not_be_asked() -> None:
    stream = stream_at(np.arange(5.0))
    figure = heartbeat_figure(stream, heartbeat_in(stream, 0.5, 0.6), title="a $ b")
    assert "intervals" in figure.axes[0].texts[0].get_text()
