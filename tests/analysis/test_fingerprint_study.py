"""Studies of populations: what is planted is found, what is not is refused, whatever else differs."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asicrc.analysis.fingerprint import REFERENCE, FingerprintStudy, Group, Profile, Session, study_population
from asicrc.analysis.fingerprint.profile import DeviceKind
from asicrc.analysis.fingerprint.twin_population import TwinPopulation, take_population
from asicrc.capture.plan import CapturePlan
from asicrc.capture.running import capture_to_file
from asicrc.cli.main import _run
from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import EvidenceVerdict, Instrument, Source
from asicrc.report.fingerprint_figure import fingerprint_figure

KIND = DeviceKind("bm13xx", "BM1366", 1)
CORES = tuple(f"0/{core}" for core in range(12))


def made_up(
    devices: int, again: int, *, cores_us: float = 0.0, ppm: float = 0.0, line_ms: float = 0.0, seed: int = 0
) -> dict[str, list[Session]]:
    """Devices of which cores, crystal and line differ by so much; every error is 20 us, 1 ppm, 0.1 ms."""
    rng = np.random.default_rng([seed, devices])
    found: dict[str, list[Session]] = {}
    for device in range(devices):
        own = (
            cores_us * rng.standard_normal(12),
            ppm * rng.standard_normal(1),
            line_ms * rng.standard_normal(1),
        )
        found[f"device {device}"] = [
            Session(REFERENCE, profile(f"device {device}", own, rng)) for _ in range(again)
        ]
    return found


def profile(name: str, own: tuple[Any, Any, Any], rng: np.random.Generator) -> Profile:
    errors = 20.0, 1.0, 0.1
    groups = {
        group: Group(names, value + error * rng.standard_normal(len(names)), np.full(len(names), error))
        for group, names, value, error in zip(
            ("core_delay", "crystal", "line"), (CORES, ("ppm",), ("latency_ms",)), own, errors, strict=True
        )
    }
    return Profile(name, KIND, {}, groups, {}, 1000)


@pytest.mark.long
def test_a_fingerprint_is_found_in_fifty_devices() -> None:
    study = study_population(made_up(50, 4, cores_us=200.0), source=Source.TWIN, planted=True)
    assert study.finding.verdict is EvidenceVerdict.SUPPORTED
    assert study.finding.effect.high <= 0.10
    assert study.verdicts.instrument is Instrument.VALIDATED
    assert study.verdicts.interpretation is EvidenceVerdict.NOT_TESTABLE_HERE  # twins tell nothing of silicon
    device = study_population(made_up(50, 4, cores_us=200.0), source=Source.DEVICE)
    assert device.verdicts.interpretation is EvidenceVerdict.SUPPORTED
    assert device.verdicts.instrument is None


def test_crystal_and_host_are_no_fingerprint() -> None:
    study = study_population(made_up(50, 4, ppm=10.0, line_ms=5.0), source=Source.TWIN, planted=False)
    assert study.finding.verdict is EvidenceVerdict.REFUTED
    assert study.verdicts.instrument is Instrument.VALIDATED
    eer = {view: rates.eer.estimate for view, rates in study.rates.items()}
    assert eer["without_ppm"] > 0.4
    assert eer["ppm_alone"] < 0.15
    assert eer["everything"] < 0.15
    assert eer["with_ppm"] < eer["without_ppm"] - 0.1


def test_few_devices_are_not_enough_and_too_few_are_no_study() -> None:
    study = study_population(made_up(19, 4, cores_us=200.0), source=Source.DEVICE)
    assert study.finding.verdict is EvidenceVerdict.NOT_TESTABLE_HERE
    assert study.devices_for_bound is not None and study.devices_for_bound > 20
    short = study_population(made_up(22, 2, cores_us=200.0), source=Source.DEVICE)
    assert short.finding.verdict is EvidenceVerdict.NOT_RESOLVED  # no error, and a bound above 10 %
    assert short.finding.effect.estimate == 0.0
    assert str(short.devices_for_bound) in short.finding.note
    with pytest.raises(NoAnswer, match="2 devices"):
        study_population(made_up(2, 4, cores_us=200.0), source=Source.DEVICE)
    with pytest.raises(NoAnswer, match="no recordings"):
        study_population({}, source=Source.DEVICE)


def test_a_small_fingerprint_that_is_planted_is_no_failure_of_the_instrument() -> None:
    study = study_population(made_up(40, 4, cores_us=10.0), source=Source.TWIN, planted=True)
    assert study.finding.verdict is EvidenceVerdict.REFUTED
    assert study.verdicts.instrument is Instrument.NOT_RESOLVED
    assert "too small" in study.verdicts.reason


def test_other_kinds_and_conditions_stand_apart() -> None:
    devices = made_up(22, 3, cores_us=200.0)
    rng = np.random.default_rng(1)
    shifted = tuple(np.full(n, v) for n, v in ((12, 300.0), (1, 0.0), (1, 0.0)))
    for name in list(devices)[:5]:
        warm = replace(devices[name][0].profile, name="warm")
        devices[name].append(Session("voltage +5 %", warm))
    devices["device 5"].append(
        Session("voltage +5 %", profile("another pattern", _pattern(shifted, rng), rng))
    )
    devices["another kind"] = [
        Session(REFERENCE, replace(s.profile, kind=DeviceKind("bm13xx", "BM1368", 1)))
        for s in devices["device 0"]
    ]
    devices["once"] = devices["device 1"][:1]
    study = study_population(devices, source=Source.DEVICE)
    assert study.devices == 22
    assert study.left_out["another kind"].startswith("0 recordings")
    assert study.left_out["once"].startswith("1 recordings")
    accepted = {one.condition: one.accepted["without_ppm"] for one in study.reliability}
    assert accepted["voltage +5 %"].n == 6
    assert accepted["voltage +5 %"].estimate == pytest.approx(5 / 6)
    assert accepted[REFERENCE].estimate > 0.8


def _pattern(shifted: tuple[Any, ...], rng: np.random.Generator) -> tuple[Any, Any, Any]:
    cores, ppm, line = shifted
    return cores * rng.choice([-1.0, 1.0], len(cores)), ppm, line


def test_the_answer_is_plain_json_and_draws() -> None:
    study = study_population(made_up(21, 3, cores_us=60.0), source=Source.TWIN, planted=True)
    answer = json.loads(json.dumps(study.as_json(), allow_nan=False))
    assert {"views", "uniqueness", "impostor", "reliability", "finding", "instrument"} <= set(answer)
    for view in answer["views"].values():
        roc = np.array(view["roc"])
        assert np.all((roc >= 0) & (roc <= 1))
        assert np.all(np.diff(roc[:, 0]) >= 0) and np.all(np.diff(roc[:, 1]) <= 0)
        assert view["eer"]["low"] <= view["eer"]["estimate"] <= view["eer"]["high"]
    figure = fingerprint_figure({"made $up": study})
    assert [axis.get_title(loc="left")[:3] for axis in figure.axes] == ["(a)", "(b)"]
    figure.canvas.draw_idle()


def taken(kind: str, **options: Any) -> FingerprintStudy:
    population = TwinPopulation(kind=kind, **options)
    sessions, replay = take_population(population)
    return study_population(
        sessions, source=Source.TWIN, planted=kind == "planted", replay=replay, details=population.as_json()
    )


@pytest.mark.long
def test_a_few_twins_with_and_without() -> None:
    plain = taken("ordinary", devices=5, captures=2, events=200, tried=1)
    planted = taken("planted", devices=5, captures=2, events=200, tried=1)
    assert planted.rates["without_ppm"].auc == 1.0
    assert planted.rates["without_ppm"].identified.estimate == 1.0
    assert plain.rates["without_ppm"].far.estimate > 0.8
    for study in (plain, planted):
        assert study.finding.verdict is EvidenceVerdict.NOT_TESTABLE_HERE
        assert {one.condition for one in study.reliability} == {
            REFERENCE, "voltage -5 %", "voltage +5 %", "10 degC room", "40 degC room"
        }  # fmt: skip
        assert study.replay is not None
        assert (study.replay.presented_again.estimate, study.replay.fresh.estimate) == (0.0, 1.0)
    firmware = {tuple(sorted(plain.rates)), tuple(sorted(planted.rates))}
    assert len(firmware) == 1


@pytest.mark.long
@pytest.mark.parametrize("kind", ["ordinary", "planted"])
def test_fifty_twins(kind: str) -> None:
    """As `asicrc puf study --twins 50`, with shorter recordings."""
    study = taken(kind, devices=50, captures=3, events=250, tried=6)
    rates = study.rates["without_ppm"]
    assert study.verdicts.instrument is Instrument.VALIDATED
    assert study.replay is not None
    assert (study.replay.presented_again.estimate, study.replay.fresh.estimate) == (0.0, 1.0)
    assert rates.frr.estimate <= 0.05
    if kind == "ordinary":
        assert study.finding.verdict is EvidenceVerdict.REFUTED
        assert rates.eer.low > 0.10
        assert rates.alike.p_value > 0.001
        # they can be told apart all the same: by the temperature, the power, the firmware
        assert study.rates["everything"].alike.p_value <= 0.001
        assert study.rates["everything"].eer.estimate < 0.3
    else:
        assert study.finding.verdict is EvidenceVerdict.SUPPORTED
        assert rates.eer.high <= 0.10
        assert rates.identified.estimate == 1.0
    conditions = {one.condition: one.accepted["without_ppm"].estimate for one in study.reliability}
    assert min(conditions.values()) >= 5 / 6


@pytest.mark.parametrize(("options"), [{"devices": 1}, {"captures": 1}, {"kind": "haunted"}, {"tried": -1}])
def test_populations_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        TwinPopulation(**options)


@pytest.mark.long
def test_a_folder_of_captures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One folder for each device. A population of twins proves nothing of silicon, from files neither."""
    for unit in range(3):
        folder = tmp_path / f"device {unit}"
        folder.mkdir()
        for seed in range(2):
            url = (
                f"twin:bm1366?kind=ordinary&unit={unit}&seed={10 * unit + seed}&fingerprint_s=0.001"
                "&zero_bits=9&cores=4&time_scale=80901.7"
            )
            plan = CapturePlan(folder / f"{seed}.asicrc", duration_s=12.0, seed=seed, job_interval_s=13.0)
            capture_to_file(url, plan)
    capsys.readouterr()
    figure = tmp_path / "study.png"
    assert _run(["puf", "study", str(tmp_path), "--figure", str(figure), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["devices"] == 3
    assert answer["recordings"] == 6
    assert answer["views"]["without_ppm"]["auc"] == 1.0
    assert answer["finding"]["verdict"] == "not testable here"
    assert "20" in answer["finding"]["note"]
    assert answer["instrument"] is None
    assert figure.stat().st_size > 10_000
    assert math.isfinite(answer["views"]["with_ppm"]["eer"]["high"])
    assert _run(["puf", "study", str(tmp_path)]) == 0
    assert "not testable here" in capsys.readouterr().out
