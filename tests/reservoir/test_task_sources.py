from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asicrc.errors import BadFile, UsageError
from asicrc.reservoir.tasks import TASKS, Task, make_task, own_task, santa_fe, task_from_file

FROM_FILES = ("santa_fe", "file")


@pytest.mark.parametrize("name", [name for name in TASKS if name not in FROM_FILES])
def test_every_task_is_reproducible_and_says_its_alignment(name: str) -> None:
    a, b, c = (make_task(name, 250, seed) for seed in (1, 1, 2))
    assert len(a) == 250
    assert a.name == name or name == "parity"
    assert a.alignment
    np.testing.assert_array_equal(a.u, b.u)
    np.testing.assert_array_equal(a.y, b.y)
    assert a.details == b.details
    assert not np.array_equal(a.u, c.u)
    assert a.details["kind"] in ("regression", "bits", "symbols")
    assert a.details["seed"] == 1
    if "u_high" in a.details:
        assert a.details["u_low"] <= a.u.min()
        assert a.u.max() <= a.details["u_high"]


def test_options_reach_the_task_and_unknown_ones_do_not() -> None:
    assert make_task("narma10", 100, 1, u_high=0.4).details["u_high"] == 0.4
    assert make_task("parity", 100, 1, bits=4).name == "parity4"
    assert set(TASKS["henon"].options) == {"horizon", "noise_sd", "burn_in"}
    for recipe in TASKS.values():
        assert {"n", "seed"} <= set(inspect.signature(recipe.make).parameters)
    with pytest.raises(UsageError, match="no task 'narma11'"):
        make_task("narma11", 100, 1)
    with pytest.raises(UsageError, match="no option order"):
        make_task("narma10", 100, 1, order=5)
    with pytest.raises(UsageError, match="needs path"):
        make_task("santa_fe", 100, 1)


def test_santa_fe_is_read_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "A.dat"
    file.write_text("# laser\n86\n141\n\n95 \r\n41\n22\n")
    task = santa_fe(file)
    assert task.u.tolist() == [86, 141, 95, 41]
    assert task.y.tolist() == [141, 95, 41, 22]
    assert make_task("santa_fe", 2, 0, path=str(file), horizon=2).y.tolist() == [95, 41]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n2 3\n", "line 2: '2 3' is not one number"),
        ("1\nnan\n", "line 2"),
        ("1\nx\x1b[31m\n", r"line 2: 'x\\x1b\[31m'"),
        ("\n", "is empty"),
        ("# nothing\n", "holds no numbers"),
    ],
)
def test_what_is_no_series_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "A.dat"
    file.write_text(text)
    with pytest.raises(BadFile, match=message):
        santa_fe(file)


def test_santa_fe_missing_or_short(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="there is no file"):
        santa_fe(tmp_path / "A.dat")
    (tmp_path / "A.dat").write_text("1\n2\n3\n")
    with pytest.raises(UsageError, match="3 values"):
        santa_fe(tmp_path / "A.dat", 3)


def test_own_task_from_csv_and_npz(tmp_path: Path) -> None:
    u, y = np.arange(5.0), np.arange(10.0).reshape(5, 2)
    text = tmp_path / "mine.csv"
    text.write_text("step,u,y0,y1\n" + "".join(f"{i},{u[i]},{y[i, 0]},{y[i, 1]}\n" for i in range(5)))
    packed = tmp_path / "mine.npz"
    np.savez(packed, u=u, y=y)
    for path in (text, packed):
        task = task_from_file(path, alignment="y[t]")
        np.testing.assert_array_equal(task.u, u)
        np.testing.assert_array_equal(task.y, y)
        assert (task.name, task.details["file"], task.outputs) == ("mine", path.name, 2)
    short = make_task("file", 3, 0, path=str(text), alignment="y[t]")
    assert len(short) == 3
    with pytest.raises(UsageError, match="5 steps, not 9"):
        make_task("file", 9, 0, path=str(text), alignment="y[t]")


def test_the_published_run_is_a_task(published: Callable[[str], Path]) -> None:
    task = task_from_file(published("lv06_narma10_telemetry_v1.csv"), alignment="y[t]")
    assert len(task) == 2000
    assert task.u.max() < 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "names no column u"),
        ("u,u,y\n1,2,3\n", "names no column u"),
        ("u,y\n1,2\n3\n", "line 3: 1 fields"),
        ("u,y\n1,\n", "line 2, column y: '' is not a number"),
        ("u,y\n1,inf\n", "column y"),
        ('u,y\n"1,2\n', "quotes"),
        ("u,y\n", "no rows"),
    ],
)
def test_a_bad_csv_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(text)
    with pytest.raises(BadFile, match=message):
        task_from_file(file, alignment="y[t]")


def test_a_bad_npz_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.npz"
    file.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(BadFile, match="cannot be read as an NPZ"):
        task_from_file(file, alignment="y[t]")
    np.savez(file, u=np.arange(3.0))
    with pytest.raises(BadFile, match="no array named y"):
        task_from_file(file, alignment="y[t]")
    np.savez(file, u=np.array([{}], dtype=object), y=np.arange(1.0))
    with pytest.raises(BadFile, match="cannot be read"):
        task_from_file(file, alignment="y[t]")


def test_arrays_that_do_not_fit_are_refused() -> None:
    for u, y, message in (
        (np.arange(3.0), np.arange(4.0), "u has 3 steps and y has 4"),
        (np.zeros((3, 2)), np.arange(3.0), "shape"),
        ([1.0, np.nan], [1.0, 2.0], "u is not finite in 1 steps, first in step 1"),
        ([], [], "0 steps"),
        (["a"], [1.0], "no array of numbers"),
    ):
        with pytest.raises(UsageError, match=message):
            own_task("mine", u, y, alignment="y[t]")
    with pytest.raises(UsageError, match="what row t of y is"):
        own_task("mine", [1.0], [1.0], alignment=" ")
    source = np.arange(3.0)
    task = own_task("mine", source, source, alignment="u[t]")
    source[0] = 9.0
    assert isinstance(task, Task)
    assert task.u[0] == 0.0
