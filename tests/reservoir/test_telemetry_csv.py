"""Tables that others recorded: frozen features are refused, with the constant that they score as."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asicrc.errors import BadFile, NoAnswer
from asicrc.reservoir.benchmark import Question, Split
from asicrc.reservoir.benchmark.telemetry_csv import read_telemetry, score_telemetry


def write(path: Path, columns: dict[str, np.ndarray]) -> Path:
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(repr, row)) for row in rows)]))
    return path


def test_the_published_score_is_that_of_a_constant(published: Callable[[str], Path]) -> None:
    table = read_telemetry(published("lv06_narma10_telemetry_v1.csv"))
    assert table.constant_over_range(table.split) == 0.1702248538958506  # as printed, to all digits
    with pytest.raises(NoAnswer) as refused:
        score_telemetry(table, Question())
    said = refused.value.message
    assert "degenerate: 1 distinct of 2000 rows" in said
    assert "0.1702248538958506" in said and "all digits" in said and "1.0162" in said


def test_a_table_with_states_is_scored(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    u = rng.uniform(0, 0.5, 600)
    y = np.concatenate([[0.0], u[:-1]])  # the input of the step before
    path = write(
        tmp_path / "mine.csv",
        {"step": np.arange(600), "u_input": u, "y_target": y, "echo": y + 0.01 * rng.normal(size=600)}
        | {"frozen": np.ones(600)},
    )
    found = score_telemetry(read_telemetry(path), Question(esn_units=(20,)))
    assert found.scores["device"].estimate < 0.12 < 0.9 < found.scores["u_t"].estimate
    assert found.captures[0].refused == {"frozen": 1.0}
    assert found.split == Split(0, 480, 120)
    assert found.as_json()["interpretation_verdict"] == "not testable here"
    fixed = score_telemetry(read_telemetry(path), Question(esn_units=(20,)), alphas=(3.0,))
    assert {one.alpha for name, one in fixed.captures[0].scores.items() if name != "constant"} == {3.0}


def test_no_row_is_left_out_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asicrc.reservoir.benchmark.telemetry_csv.MOST_ROWS", 2)
    path = write(
        tmp_path / "long.csv", {"u_input": np.arange(3), "y_target": np.arange(3), "a": np.arange(3)}
    )
    with pytest.raises(BadFile, match="more than 2 rows"):
        read_telemetry(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "u_input,y_target\n1,2\n",
        "step,feature\n1,2\n",
        "u_input,y_target,a\n1,2\n",
        "u_input,y_target,a\n1,2,x\n",
        "u_input,y_target,a\n1,2,nan\n",
        "u_input,y_target,a\n",
        "u_input,y_target,a\n1,2,3\n4,2,6\n",
        "\x00\x01",
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(BadFile):
        read_telemetry(path)
    with pytest.raises(BadFile):
        read_telemetry(tmp_path / "absent.csv")
