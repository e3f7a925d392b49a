"""`asicrc benchmark`: plans, runs, re-analyses, and says what it cannot."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asicrc.cli.main import _run
from asicrc.reservoir.benchmark import Protocol, Split
from asicrc.reservoir.benchmark.recorded import benchmark_meta
from asicrc.reservoir.encoders import encoder_for

KEYS = ["task", "n_train", "n_test", "washout", "seeds", "scores", "channel"]
KEYS += ["value_verdict", "interpretation_verdict", "smallest_effect"]
SMALL = ["--washout", "20", "--train", "120", "--test", "80", "--esn", "20"]
FIGURES = ["narma10-capacity.png", "narma10-memory.png", "narma10-prediction.png"]


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, Any, str]]:
    """Run a command in a folder of its own; return exit code, JSON or text, and what stderr says."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "station").mkdir()

    def call(*arguments: str) -> tuple[int, Any, str]:
        code = _run(["benchmark", *arguments])
        shown = capsys.readouterr()
        said = json.loads(shown.out) if "--json" in arguments else shown.out
        return code, said, shown.err

    return call


def test_baselines_alone(run: Callable[..., tuple[int, Any, str]], tmp_path: Path) -> None:
    code, said, err = run("narma10", "--baselines-only", "--seeds", "2", *SMALL, "--json")
    assert code == 0
    assert list(said) == KEYS
    assert (said["n_train"], said["n_test"], said["washout"], said["seeds"]) == (120, 80, 20, 2)
    names = [entry["name"] for entry in said["scores"]]
    assert names[:5] == ["constant", "u_t", "linear_10", "linear_20", "quadratic_20"]
    assert said["interpretation_verdict"] == said["value_verdict"] == "not testable here"
    assert "alpha_selection" in err and "seeds" in err  # hyperparameters are printed
    assert sorted(p.name for p in tmp_path.glob("*.png")) == FIGURES


@pytest.mark.long
def test_a_device_from_plan_to_verdict(run: Callable[..., tuple[int, Any, str]], tmp_path: Path) -> None:
    twin = "twin:lv06?kind=ideal&seed=4"
    common = ["narma10", "-d", twin, "--seeds", "2", "--difficulty", "4", "--step", "250ms", *SMALL]
    code, plan, _ = run(*common, "--dry-run", "--json")
    assert code == 0
    assert plan["captures"] == 2 and plan["steps"] == 220
    assert plan["shares_per_step"] == pytest.approx(7.2, rel=0.02)
    assert plan["hours"] == pytest.approx(2 * 220 * 0.25 / 3600)
    assert not list(tmp_path.glob("*.asicrc"))

    code, said, err = run(*common, "--directory", "mine", "--plain", "--json")
    assert code == 0
    assert list(said) == KEYS
    assert "capture 2 of 2" in err and "h in all" in err and "2 of 2 captures scored" in err
    assert said["scores"][0]["name"] == "device"
    assert said["interpretation_verdict"] == "not resolved"  # of two captures
    files = sorted((tmp_path / "mine").iterdir())
    assert [f.name for f in files] == sorted(["narma10-seed000.asicrc", "narma10-seed001.asicrc", *FIGURES])

    code, again, err = run(*common, "--directory", "mine", "--plain", "--json")
    assert "is there" in err  # finished captures are not taken again
    assert (code, again) == (0, said)  # the same numbers from the files alone
    captures = [part for f in files if f.suffix == ".asicrc" for part in ("--capture", str(f))]
    code, text, _ = run("narma10", *captures, "--esn", "20", "--features", "counts")
    assert code == 0
    assert "poisson_twin" in text and "interpretation" in text and "channel" in text
    assert "states   count" in text
    copy = shutil.copy(captures[1], tmp_path / "copy.asicrc")
    quick = ["--esn", "20", "--features", "counts", "--json"]
    code, error, _ = run("narma10", *captures[:2], "--capture", str(copy), *quick)
    assert code == 1 and "a copy brings no evidence" in error["error"]["message"]
    code, error, _ = run("mackey-glass", *captures[:2], *quick)
    assert code == 2 and "narma10" in error["error"]["message"]


@pytest.mark.long
def test_a_handshake_with_the_published_law(run: Callable[..., tuple[int, Any, str]], tmp_path: Path) -> None:
    code, said, err = run(
        *["narma10", "-d", "twin:lv06?kind=ordinary&seed=2", "--mode", "handshake", "--seeds", "1"],
        *["--encoder", "inverse-difficulty", "--base", "4", "--epsilon", "0.1", *SMALL],
        *["--directory", "h", "--plain", "--json"],
    )
    assert code == 0, err
    assert said["seeds"] == 1 and said["smallest_effect"] is None
    by_name = {s["name"]: s for s in said["scores"]}
    assert by_name["device"]["low"] < by_name["device"]["nrmse"] < by_name["device"]["high"]
    assert by_name["controller_only"]["nrmse"] > 0.9


@pytest.mark.long
def test_other_tasks_by_their_names(run: Callable[..., tuple[int, Any, str]]) -> None:
    code, said, _ = run("mackey-glass", "--baselines-only", "--seeds", "2", *SMALL, "--json")
    assert code == 0 and said["task"] == "mackey_glass"
    code, text, _ = run("list")
    assert code == 0 and "narma10" in text and "henon" in text
    code, said, _ = run(
        "parity", "--baselines-only", "--task-option", "bits=4", *SMALL, "--seeds", "1", "--json"
    )
    assert code == 0


def test_published_telemetry_is_refused(
    run: Callable[..., tuple[int, Any, str]], published: Callable[[str], Path]
) -> None:
    path = str(published("lv06_narma10_telemetry_v1.csv"))
    code, said, _ = run("narma10", "--capture", path, "--json")
    assert code == 1
    assert said["error"]["code"] == "no_answer"
    assert "degenerate" in said["error"]["message"] and "0.1702248538958506" in said["error"]["message"]
    code, _, err = run("narma10", "--capture", path)
    assert code == 1 and "all digits" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["narma10"], 2, "has a device"),
        (["narma10", "--baselines-only", "-d", "twin:lv06"], 2, "has a device"),
        (["narma11", "--baselines-only"], 2, "no task"),
        (["narma10", "-d", "twin:lv06", "--encoder", "frequency"], 2, "frequency"),
        (["narma10", "-d", "twin:lv06", "--encoder", "telepathy"], 2, "telepathy"),
        (
            ["narma10", "-d", "twin:lv06", "--encoder", "voltage", "--low", "900", "--high", "1200"],
            5,
            "outside the limits",
        ),
        (
            ["narma10", "-d", "twin:lbbox", "--encoder", "voltage", "--low", "1", "--high", "2"],
            2,
            "voltage_mv",
        ),
        (["narma10", "--baselines-only", "--features", "nonces"], 2, "nonces"),
        (["narma10", "--baselines-only", "--task-option", "bits"], 2, "name=value"),
        (["narma10", "--capture", "absent.asicrc"], 4, "absent.asicrc"),
        (["narma10", "--baselines-only", "--esn", "many"], 2, "no list of numbers"),
        (["narma10", "--baselines-only", "--esn", "50.5"], 2, "whole numbers"),
        (["narma10", "--baselines-only", "--jobs", "0"], 2, "0 processes"),
        (["narma10", "--baselines-only", "--encoder", "voltage", "--low", "9"], 2, "--encoder, --low have"),
        (["narma10", "--capture", "absent.asicrc", "--seeds", "3"], 2, "--seeds has a say"),
        (["narma10", "--capture", "absent.asicrc", "--capture", "./absent.asicrc"], 2, "given twice"),
    ],
)
def test_mistakes_are_named(
    run: Callable[..., tuple[int, Any, str]], arguments: list[str], code: int, said: str
) -> None:
    found, error, _ = run(*arguments, "--json")
    assert said in error["error"]["message"] + (error["error"]["hint"] or "")
    assert found == code


def test_a_capture_of_something_else_has_no_answer(
    run: Callable[..., tuple[int, Any, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plain.asicrc"
    twin = "twin:lv06?kind=ideal&seed=1"
    assert _run(["capture", "-d", twin, "--duration", "20s", "--output", str(path), "--plain", "--json"]) == 0
    capsys.readouterr()
    code, error, _ = run("narma10", "--capture", str(path), "--json")
    assert code == 1 and "not captured for a benchmark" in error["error"]["message"]
    forged = benchmark_meta(Protocol(split=Split(0, 10**12, 10**12)), encoder_for("work"), 1)["benchmark"]
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO capture VALUES ('benchmark', ?)", [json.dumps(forged)])
    connection.close()
    code, error, _ = run("narma10", "--capture", str(path), "--json")
    assert code == 1 and "went through 0 steps" in error["error"]["message"]


def test_a_task_without_a_seed_is_one_run(run: Callable[..., tuple[int, Any, str]], tmp_path: Path) -> None:
    u = np.random.default_rng(1).uniform(0, 1, 300)
    rows = "\n".join(f"{a!r},{b!r}" for a, b in zip(u.tolist(), np.roll(u, 1).tolist(), strict=True))
    (tmp_path / "mine.csv").write_text(f"u,y\n{rows}\n")
    options = ["--task-option", "path=mine.csv", "--task-option", "alignment=u[t-1]"]
    code, said, err = run("file", "--baselines-only", *options, *SMALL, "--json")
    assert code == 0 and said["seeds"] == 1
    assert "the same for every seed" in err
    [line] = [one for one in said["scores"] if one["name"] == "u_t"]
    assert line["low"] < line["nrmse"] < line["high"]  # over the test steps, and not of ten equal runs
