"""Windows of shares: the published tables, made-up ones, captures, and files that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asicrc.cli.main import _run
from asicrc.errors import BadFile, NoAnswer
from asicrc.evidence import EvidenceVerdict
from asicrc.filtering.window_study import study_windows, windows_apart
from asicrc.filtering.windows import WindowTable, load_windows


def test_the_published_network_and_what_its_label_is_made_of(published: Callable[[str], Path]) -> None:
    study = study_windows(load_windows(published("tpf_continuous_dataset.csv")))
    assert study.network.confusion == ((23, 0), (0, 7))
    assert study.network.parameters == 241
    assert study.leak is not None
    assert "shares is above 0.5, in all 150 rows" in study.leak.rule
    assert study.value_verdict is EvidenceVerdict.SUPPORTED
    assert study.interpretation_verdict is EvidenceVerdict.REFUTED
    assert study.next_window_verdict is EvidenceVerdict.NOT_RESOLVED
    assert study.next_window is not None
    assert study.next_window.auc.low < 0.5 < study.next_window.auc.high
    assert 0.6 < study.next_window.detectable < 0.8


def test_the_balanced_table_is_confounded_with_time(published: Callable[[str], Path]) -> None:
    study = study_windows(load_windows(published("tpf_balanced_dataset.csv")))
    assert study.network.confusion == ((19, 0), (4, 0))
    assert study.confounded is not None
    assert "first 12 rows" in study.confounded.rule
    assert study.apart == 2, "its windows overlap"
    assert study.value_verdict is study.interpretation_verdict is EvidenceVerdict.REFUTED
    assert study.next_window_verdict is EvidenceVerdict.NOT_RESOLVED


def test_the_command_on_a_published_table(
    published: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(published("tpf_continuous_dataset.csv"))
    assert _run(["tpf", "evaluate", path, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["hits"] == answer["kept"] == 28
    assert answer["label_leak"].startswith("the label is 1 where shares")
    assert _run(["tpf", "evaluate", path]) == 0
    assert "abort_all" in capsys.readouterr().out


def test_windows_that_tell_of_the_next_are_found() -> None:
    """A rate that goes up and down slowly tells a window from the one before it."""
    rng = np.random.default_rng(1)
    rate = 1 + 0.95 * np.sin(np.arange(2000) / 20)
    shares = rng.poisson(rate).astype(float)
    features = np.column_stack([shares, rng.random(2000), rng.random(2000)])
    study = study_windows(WindowTable("made up", features, rng.random(2000) < 0.4))
    assert study.next_window_verdict is EvidenceVerdict.SUPPORTED
    assert study.leak is None


def test_rounded_delays_are_no_overlap(poisson_table: WindowTable) -> None:
    features = poisson_table.features.copy()
    features[:, 2] = np.round(features[:, 2], 1)
    assert windows_apart(WindowTable("rounded", features, poisson_table.label)) == 1


def test_a_test_part_without_a_hit_tests_nothing() -> None:
    """Label 1 stands in one row of 60, the second, which scikit-learn's split puts into the training part."""
    rng = np.random.default_rng(8)
    shares = np.zeros(60)
    shares[1] = 1
    study = study_windows(WindowTable("one", np.column_stack([shares, rng.random((60, 2))]), shares > 0))
    assert study.value_verdict is EvidenceVerdict.NOT_TESTABLE_HERE


def test_windows_that_tell_nothing_are_not_said_to(poisson_table: WindowTable) -> None:
    study = study_windows(poisson_table)
    assert study.next_window_verdict is not EvidenceVerdict.SUPPORTED
    assert windows_apart(poisson_table) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no table of windows"),
        ("a,b\n1,2\n", "no table of windows"),
        ("window_shares,jitter_mean,jitter_std,label\n1,0.1,0,2\n", "line 2: label '2'"),
        ("window_shares,jitter_mean,jitter_std,label\n1,x,0,1\n", "line 2"),
        ("window_shares,jitter_mean,jitter_std,label\n1,nan,0,1\n", "no numbers"),
        ("window_shares,jitter_mean,jitter_std,label\n1,0.1\n", "line 2"),
    ],
)
def test_tables_that_are_none(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "windows.csv"
    path.write_text(text)
    with pytest.raises(BadFile, match=said):
        load_windows(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x80")
    for name in ("binary.csv", "missing.csv"):
        with pytest.raises(BadFile):
            load_windows(tmp_path / name)


def test_too_few_windows_or_one_label() -> None:
    for rows, label in ((10, np.arange(10) < 5), (50, np.zeros(50, bool))):
        with pytest.raises(NoAnswer, match="of either label"):
            study_windows(WindowTable("few", np.zeros((rows, 3)), label))


@pytest.fixture
def poisson_table() -> WindowTable:
    rng = np.random.default_rng(2)
    shares = rng.poisson(0.5, 1000).astype(float)
    features = np.column_stack([shares, rng.random(1000), rng.random(1000)])
    return WindowTable("Poisson", features, shares > 0)


def test_tables_that_say_too_little_or_too_much(tmp_path: Path) -> None:
    table = tmp_path / "windows.csv"
    table.write_text("a,b\n")
    with pytest.raises(BadFile, match=r"it has the columns \['a', 'b'\]"):
        load_windows(table)
    columns = "window_shares,jitter_mean,jitter_std,label\n"
    table.write_text(columns + "1,1e300,0.5,1\n0,1e300,0.5,0\n" * 20)
    with pytest.raises(BadFile, match="no numbers, or above 1e"):
        load_windows(table)
    table.write_text(columns)
    with pytest.raises(NoAnswer, match="0 windows"):
        study_windows(load_windows(table))
