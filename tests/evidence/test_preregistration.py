from __future__ import annotations

import json
from pathlib import Path

import pytest

import asicrc
from asicrc.analysis.battery import check_plan, explored
from asicrc.cli.main import _run
from asicrc.errors import BadFile, UsageError
from asicrc.evidence.preregistration import (
    PREREGISTRATION_KEY,
    load_preregistration,
    preregistration_of,
)

PLAN = """
title = "Does it beat?"
alpha = 0.02
correction = "bonferroni"

[[test]]
name = "heartbeat"
claim = "H04"
frequency_hz = 2.4
margin = 0.25
n = 2000

[[test]]
name = "cv"
claim = "H01"
n = 999999
"""


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def test_a_plan_is_kept_as_it_was_written(plan_file: Path) -> None:
    kept = load_preregistration(plan_file)
    assert kept["text"] == PLAN
    plan = preregistration_of({PREREGISTRATION_KEY: json.loads(json.dumps(kept))})
    assert plan is not None
    assert [test.key for test in plan.tests] == ["heartbeat 2.4 Hz", "cv"]
    assert plan.alpha == 0.02
    check_plan(plan)
    rest = explored(plan)
    assert rest is not None
    assert [test.name for test in rest.tests] == ["entropy", "serial", "dispersion", "long_memory", "period"]
    assert preregistration_of({}) is None


def test_a_plan_that_was_altered_is_found_out(plan_file: Path) -> None:
    kept = load_preregistration(plan_file)
    kept["text"] = kept["text"].replace("0.25", "0.05")
    with pytest.raises(BadFile, match="its text was changed"):
        preregistration_of({PREREGISTRATION_KEY: kept})
    with pytest.raises(BadFile, match="holds no text"):
        preregistration_of({PREREGISTRATION_KEY: 3})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("margin", "margn", "test.0.margn"),
        ("alpha = 0.02", "alpha = 0.9", "alpha"),
        ('"bonferroni"', '"none"', "known are holm"),
        ("n = 2000", "n = -1", "test.0.n"),
        ('name = "cv"', "name = 3", "test.1.name"),
        ("[[test]]", "[[", "no TOML"),
        ('name = "cv"', 'name = "heartbeat"\nfrequency_hz = 2.4', "twice"),
    ],
)
def test_mistakes_are_named(plan_file: Path, old: str, new: str, said: str) -> None:
    plan_file.write_text(PLAN.replace(old, new))
    with pytest.raises(BadFile, match=said):
        load_preregistration(plan_file)


def test_tests_have_to_exist_and_fit(plan_file: Path) -> None:
    for text, said in (
        ('[[test]]\nname = "magic"', "no test 'magic'"),
        ('[[test]]\nname = "cv"\nfrequency_hz = 2.4', "takes no frequency_hz"),
        ('[[test]]\nname = "cv"\nmargin = 0.005', "ordinary confounds"),
    ):
        plan_file.write_text(text)
        plan = preregistration_of({PREREGISTRATION_KEY: load_preregistration(plan_file)})
        assert plan is not None
        with pytest.raises(UsageError, match=said):
            check_plan(plan)
    with pytest.raises(UsageError, match="no plan of tests"):
        load_preregistration(plan_file.with_name("none.toml"))


def test_from_the_plan_to_the_verdict(
    plan_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan goes into the capture before the first event, and the analysis keeps to it."""
    path = tmp_path / "planned.asicrc"
    arguments = ["--duration", "180s", "--preregister", str(plan_file), "-o", str(path), "--json", "--plain"]
    assert _run(["capture", "-d", "twin:s9?kind=planted&seed=1&heartbeat_depth=0.25", *arguments]) == 0
    with asicrc.load(path) as capture:
        assert capture.meta[PREREGISTRATION_KEY]["text"] == PLAN
    capsys.readouterr()
    assert _run(["analyze", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["arrivals"]
    planned = said["planned"]
    assert planned["alpha"] == 0.02
    assert planned["tests"]["heartbeat 2.4 Hz"]["verdict"] == "supported"
    assert planned["tests"]["cv"]["verdict"] == "not testable here"
    assert "999999 were planned" in planned["tests"]["cv"]["note"]
    assert planned["tests"]["cv"]["effect"]["estimate"] is None
    assert "heartbeat" not in said["exploring"]["tests"]
    assert said["verdicts"]["H04"]["instrument"] == "validated"
    assert said["verdicts"]["H04"]["interpretation_verdict"] == "not testable here"
    bad = plan_file.with_name("bad.toml")
    bad.write_text('[[test]]\nname = "magic"')
    assert (
        _run(["capture", "-d", "twin:s9", "--preregister", str(bad), "-o", str(tmp_path / "no.asicrc")]) == 2
    )
    assert not (tmp_path / "no.asicrc").exists()
