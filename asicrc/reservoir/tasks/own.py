"""A task of the user's own, from arrays or from a file."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from asicrc.errors import BadFile, UsageError
from asicrc.importing.source_text import SourceText
from asicrc.reservoir.tasks.task import Floats, Task

_CSV_HINT = "the first line names the columns, u and y (or y0, y1, ...), every other one has their numbers"
_NPZ_HINT = "save it with numpy.savez(path, u=..., y=...): u of shape (T,), y of shape (T,) or (T, k)"
_MOST_BYTES = 1 << 30


def own_task(
    name: str,
    u: ArrayLike,
    y: ArrayLike,
    *,
    alignment: str,
    details: Mapping[str, Any] | None = None,
) -> Task:
    """A task from arrays; row t of y is to be computed from u[0]..u[t].

    `alignment` says what stands in row t, for a score means nothing without it. Raises UsageError for what is
    no array of numbers, and as `Task` does.
    """
    if not alignment.strip():
        raise UsageError(f"task {name} does not say what row t of y is", 'such as alignment="y[t+1]"')
    try:
        values = [np.array(a, dtype=np.float64) for a in (u, y)]
    except (TypeError, ValueError) as error:
        raise UsageError(f"task {name}: u or y is no array of numbers: {error}", "see `own_task`") from None
    return Task(name, values[0], values[1], alignment, {"kind": "regression", **(details or {})})


def task_from_file(path: Path | str, *, alignment: str, name: str | None = None) -> Task:
    """A task from a CSV file with columns u, y (or several that begin with y), or an NPZ file with u and y.

    Raises BadFile with the line where the file is at fault, UsageError as `own_task`.
    """
    source = Path(path)
    u, y = _from_npz(source) if source.suffix.lower() == ".npz" else _from_csv(source)
    return own_task(name or source.stem, u, y, alignment=alignment, details={"file": source.name})


def _from_csv(path: Path) -> tuple[Floats, Floats]:
    rows: list[list[float]] = []
    names: list[str] = []
    columns: list[int] = []
    for line in SourceText(path).lines():
        where = f"{path.name}, line {line.number}"
        if line.text is None:
            raise BadFile(f"{where}: far too long for a line of numbers", _CSV_HINT)
        if not line.text.strip() or line.text.startswith("#"):
            continue
        try:
            fields = next(csv.reader([line.text], strict=True))
        except (csv.Error, StopIteration):
            raise BadFile(f"{where}: the quotes do not match", _CSV_HINT) from None
        if not names:
            names = [field.strip().lower() for field in fields]
            targets = [i for i, column in enumerate(names) if column.startswith("y")]
            inputs = [i for i, column in enumerate(names) if column in ("u", "u_input")]
            if len(inputs) != 1 or not targets:
                shown = ascii(line.text[:80])
                raise BadFile(f"{where}: {shown} names no column u, or no column y", _CSV_HINT)
            columns = inputs + targets
            continue
        if len(fields) != len(names):
            raise BadFile(f"{where}: {len(fields)} fields, the first line names {len(names)}", _CSV_HINT)
        rows.append([_number(fields[i], where, names[i]) for i in columns])
    if not rows:
        raise BadFile(f"{path.name} has no rows of numbers", _CSV_HINT)
    table = np.array(rows)
    return table[:, 0].copy(), table[:, 1].copy() if len(columns) == 2 else table[:, 1:].copy()


def _number(field: str, where: str, column: str) -> float:
    try:
        value = float(field)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise BadFile(f"{where}, column {column}: {field[:40]!a} is not a number", _CSV_HINT)
    return value


def _from_npz(path: Path) -> tuple[Floats, Floats]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _MOST_BYTES:
            raise BadFile(f"{path.name} unpacks to {size:,} bytes", "a task has at most 1 GiB of numbers")
        with np.load(path, allow_pickle=False) as arrays:
            missing = [name for name in ("u", "y") if name not in arrays.files]
            if missing:
                raise BadFile(f"{path.name} has no array named {' or '.join(missing)}", _NPZ_HINT)
            u, y = (np.asarray(arrays[name], dtype=np.float64) for name in ("u", "y"))
    except (OSError, ValueError, TypeError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise BadFile(f"{path.name} cannot be read as an NPZ file: {error}", _NPZ_HINT) from None
    return u, y
