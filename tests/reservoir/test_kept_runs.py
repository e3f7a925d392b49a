"""Finished runs are found again after a kill, and only those of the same class."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from asicrc.errors import StorageError
from asicrc.reservoir.kept_runs import run_numbers


@dataclass(frozen=True)
class Squares:
    name: str
    calls: Path

    def __repr__(self) -> str:
        return f"Squares({self.name})"


def square(of: Squares, number: int) -> dict[str, int]:
    with of.calls.open("a") as file:
        file.write(f"{number} ")
    return {"square": number * number}


def calls(of: Squares) -> str:
    made = of.calls.read_text() if of.calls.exists() else ""
    of.calls.unlink(missing_ok=True)
    return made


def test_what_is_finished_is_not_run_again(tmp_path: Path) -> None:
    of, kept = Squares("a", tmp_path / "calls"), tmp_path / "new" / "kept.jsonl"
    assert [one["square"] for one in run_numbers(square, of, range(3), kept=kept)] == [0, 1, 4]
    assert calls(of) == "0 1 2 "
    assert [one["square"] for one in run_numbers(square, of, range(5), kept=kept)] == [0, 1, 4, 9, 16]
    assert calls(of) == "3 4 "
    assert [one["square"] for one in run_numbers(square, of, [4, 0], kept=kept)] == [16, 0]
    assert calls(of) == ""


def test_another_class_and_a_torn_line_are_run_for(tmp_path: Path) -> None:
    of, kept = Squares("a", tmp_path / "calls"), tmp_path / "kept.jsonl"
    run_numbers(square, of, range(3), kept=kept)
    kept.write_text(kept.read_text()[:-9])
    calls(of)
    run_numbers(square, of, range(3), kept=kept)
    assert calls(of) == "2 "
    run_numbers(square, of, range(3), kept=kept)
    assert calls(of) == ""
    line = kept.read_text().splitlines()[0]
    kept.write_text("\n".join([line[:-9], "7", json.dumps({"of": json.loads(line)["of"]}), line]))
    run_numbers(square, of, range(2), kept=kept)
    assert calls(of) == "1 "
    assert kept.read_text().splitlines()[3] == line
    run_numbers(square, Squares("b", of.calls), range(2), kept=kept)
    assert calls(of) == "0 1 "


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        run_numbers(square, Squares("a", tmp_path / "calls"), range(2), kept=tmp_path / "file" / "kept")
