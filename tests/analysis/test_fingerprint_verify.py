"""Verification: the device itself, another one, an old recording, a forged one; and the commands."""

from __future__ import annotations

import json
import sqlite3
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fingerprint_samples import chip, miner

from asicrc.analysis.fingerprint import Decision, enrol, freshness, judge_recordings, recordings_of
from asicrc.analysis.fingerprint.freshness import MOST_KEPT, digests
from asicrc.analysis.fingerprint.twin_population import CHIP_SIZES
from asicrc.analysis.fingerprint.verification import StudiedRates
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.capture.points import Dwell, Point
from asicrc.cli.main import _run
from asicrc.errors import UsageError
from asicrc.evidence import Estimate
from simulators.twins.named import ordinary

OWN = [chip(0, 1), chip(0, 2)]


def test_the_device_itself_is_accepted_on_fresh_work() -> None:
    result = judge_recordings(enrol(OWN, "own"), [chip(0, 77)], "shown", challenge=77)
    assert result.decision is Decision.ACCEPT, result.reasons
    assert result.freshness.asked_for is True
    view = result.views["without_ppm"]
    assert view.same is True
    assert view.far is not None and view.far.high < 0.01
    assert view.frr is not None and view.frr.n == 2  # its own recordings, each against the other
    assert result.views["with_ppm"].same is True
    assert result.views["everything"].far is None
    assert json.loads(json.dumps(result.as_json()))["accepted"] is True


def test_another_device_is_rejected() -> None:
    result = judge_recordings(enrol(OWN, "own"), [chip(1, 77)], "shown", challenge=77)
    assert result.decision is Decision.REJECT
    assert result.reasons[0].startswith("another device")
    assert result.views["without_ppm"].score > 8


def test_an_old_recording_is_rejected_whoever_made_it() -> None:
    template = enrol(OWN, "own")
    old = judge_recordings(template, [chip(0, 77)], "shown", challenge=78)
    assert old.decision is Decision.REJECT
    assert "not asked for" in old.reasons[0]
    again = judge_recordings(template, [OWN[1]], "shown")
    assert again.decision is Decision.REJECT
    assert "presented again" in again.reasons[0]
    part = replace(chip(0, 77), jobs=[*chip(0, 77).jobs, *OWN[0].jobs])
    assert judge_recordings(template, [part], "shown", challenge=77).decision is Decision.REJECT


def test_without_a_challenge_it_is_said_that_it_may_be_old() -> None:
    result = judge_recordings(enrol(OWN, "own"), [chip(0, 77)], "shown")
    assert result.decision is Decision.ACCEPT
    assert "no challenge was given" in result.reasons[-1]
    assert result.freshness.asked_for is None


def test_a_device_without_a_fingerprint_is_not_accepted_on_the_strength_of_none() -> None:
    template = enrol([chip(0, 1, 0.0), chip(0, 2, 0.0)], "plain")
    for unit in (0, 1):
        result = judge_recordings(template, [chip(unit, 77, 0.0)], "shown", challenge=77)
        assert result.decision is Decision.NOT_RESOLVED
        assert "another device would be taken for it too" in result.reasons[-1]
        view = result.views["without_ppm"]
        assert view.far is not None and view.far.estimate > 0.8


def test_another_kind_of_device_is_rejected_without_a_score() -> None:
    result = judge_recordings(enrol(OWN, "own"), [chip(0, 77, 0.001, None, 4)], "shown", challenge=77)
    assert result.decision is Decision.REJECT
    assert "cores 4" in result.reasons[0]
    assert not result.views


def test_voltage_changes_neither_cores_nor_decision() -> None:
    result = judge_recordings(enrol(OWN, "own"), [chip(0, 77, 0.001, 1140.0)], "shown", challenge=77)
    assert result.decision is Decision.ACCEPT, result.reasons


def test_a_miner_on_a_network_is_verified_by_its_nonces() -> None:
    template = enrol([miner(0, 1)], "miner")
    assert judge_recordings(template, [miner(0, 2)], "shown", challenge=2).decision is Decision.ACCEPT
    assert judge_recordings(template, [miner(1, 2)], "shown", challenge=2).decision is Decision.REJECT
    assert judge_recordings(template, [miner(0, 2)], "shown", challenge=3).decision is Decision.REJECT


def test_points_of_a_sweep_have_work_of_their_own() -> None:
    twin = ordinary("bm1366", seed=3, chip=CHIP_SIZES)
    points = tuple(Point(0, repeat, {}, Dwell(2.0)) for repeat in range(2))
    taken = recordings_of(capture_in_memory(twin, CapturePlan(points=points, seed=5)), "sweep")
    assert [recording.key for recording in taken] == [(0, 0), (0, 1)]
    assert freshness(taken, 5).asked_for is True
    assert freshness(taken, 6).asked_for is False
    # the work of a plain capture with that seed is other work
    assert freshness([replace(taken[0], key=None)], 5).asked_for is False


def test_rates_of_a_study_take_the_place_of_made_impostors() -> None:
    template = enrol(OWN, "own")
    often = Estimate(0.3, 0.2, 0.4, 1000, method="study")
    seldom = Estimate(0.001, 0.0, 0.01, 1000, method="study")
    kind = str(template.profile.kind)
    views = {"without_ppm": seldom, "with_ppm": seldom}
    good = StudiedRates(kind, 50, views, views)
    result = judge_recordings(template, [chip(0, 77)], "shown", challenge=77, study=good)
    assert result.decision is Decision.ACCEPT
    assert result.views["without_ppm"].far == seldom
    assert "50 devices" in result.views["without_ppm"].basis
    bad = StudiedRates(kind, 50, {"without_ppm": often}, {"without_ppm": seldom})
    weak = judge_recordings(template, [chip(0, 77)], "shown", challenge=77, study=bad)
    assert weak.decision is Decision.NOT_RESOLVED
    with pytest.raises(UsageError, match="the study is of toasters"):
        judge_recordings(template, [chip(0, 77)], "shown", study=replace(good, kind="toasters"))


def test_the_memory_of_work_is_bounded() -> None:
    recording = chip(0, 1)
    many = [replace(recording.jobs[0], number=k, ntime=k) for k in range(1, 20_000)]
    assert len(digests([replace(recording, jobs=many)])) <= MOST_KEPT


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Captures of two chips, as `asicrc capture` leaves them."""
    folder = tmp_path_factory.mktemp("captures")
    made = {}
    for name, unit, seed in (("own", 0, 1), ("shown", 0, 77), ("other", 1, 77)):
        made[name] = folder / f"{name}.asicrc"
        sizes = "&".join(f"{key}={value:g}" for key, value in CHIP_SIZES.items())
        url = f"twin:bm1366?kind=ordinary&unit={unit}&seed={10 * unit + seed}&fingerprint_s=0.001&{sizes}"
        options = ["--seed", str(seed), "--duration", "20s", "--job-interval", "21s", "--plain"]
        assert _run(["capture", "-d", url, *options, "-o", str(made[name]), "--json"]) == 0
    return made


def shown_json(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int) -> dict[str, Any]:
    capsys.readouterr()
    assert _run([*arguments, "--json"]) == code
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_from_files_by_command(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "own.json"
    enrolled = shown_json(
        ["puf", "enroll", str(files["own"]), "--name", "own", "-o", str(template)], capsys, 0
    )
    assert enrolled["groups"]["core_delay"]["n"] == 8
    assert stat.S_IMODE(template.stat().st_mode) == 0o600
    verify = ["puf", "verify", str(template)]
    mine = shown_json([*verify, str(files["shown"]), "--challenge", "77"], capsys, 0)
    assert mine["decision"] == "accept"
    assert set(mine["views"]) == {"without_ppm", "with_ppm", "ppm_alone", "everything"}
    assert {"score", "threshold", "far", "frr"} <= set(mine["views"]["with_ppm"])
    assert shown_json([*verify, str(files["other"]), "--challenge", "77"], capsys, 5)["decision"] == "reject"
    assert shown_json([*verify, str(files["own"])], capsys, 5)["freshness"]["seen_before"] == 1
    assert _run([*verify, str(files["shown"]), "--challenge", "77"]) == 0
    assert "accept: shown.asicrc against own" in capsys.readouterr().out
    error = shown_json([*verify, str(template)], capsys, 4)["error"]
    assert error["code"] == "bad_file"


def test_a_capture_that_was_altered_is_rejected(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template, forged = tmp_path / "own.json", tmp_path / "forged.asicrc"
    shown_json(["puf", "enroll", str(files["own"]), "--name", "own", "-o", str(template)], capsys, 0)
    forged.write_bytes(files["other"].read_bytes())
    with sqlite3.connect(
        forged
    ) as connection:  # other times, so that its cores look like those of the device
        connection.execute("UPDATE events SET t_ns = t_ns + 1000 * core")
    answer = shown_json(["puf", "verify", str(template), str(forged), "--challenge", "77"], capsys, 5)
    assert "changed after it was sealed" in answer["reasons"][0]
    with sqlite3.connect(forged) as connection:
        connection.execute("UPDATE events SET nonce = nonce + 1 WHERE seq = 3")
    error = shown_json(
        ["puf", "enroll", str(forged), "--name", "x", "-o", str(tmp_path / "x.json")], capsys, 4
    )
    assert "contradicts itself" in error["error"]["message"]


def test_words_of_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        (["puf", "study"], "a folder of captures, or twins"),
        (["puf", "study", "x", "--twins", "50"], "a folder of captures, or twins"),
        (["puf", "study", str(tmp_path)], "0 folders with captures"),
        (["puf", "study", "--twins", "2"], "2 devices"),
        (["puf", "study", "--twins", "5", "--kind", "haunted"], "haunted"),
        (["puf", "study", "--twins", "5", "--machine", "toaster"], "toaster"),
        (["puf", "study", "--twins", "5", "--figure", "a.doc"], "a.doc"),
    ):
        error = shown_json(arguments, capsys, 2)["error"]
        assert said in error["message"]
