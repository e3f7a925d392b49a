"""Hours of runs that a kill does not undo: each result is a line of a file, and is not run for again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, TypeVar

from asicrc.errors import StorageError
from asicrc.reservoir.scale import run_all

Result = Mapping[str, Any]
_C = TypeVar("_C")


def run_numbers(
    work: Callable[[_C, int], Result],
    of: _C,
    numbers: Sequence[int],
    *,
    kept: Path | None = None,
    n_jobs: int = 1,
) -> list[Result]:
    """`work(of, number)` for each number, in their order; what `kept` holds of them is taken from there.

    A line of `kept` belongs to the `repr` of `of`: where a class has been changed, its old lines are left
    alone and count for nothing. Results have to be objects of JSON. Raises StorageError.
    """
    digest = hashlib.sha256(repr(of).encode()).hexdigest()[:16]
    done, torn = ({}, False) if kept is None else _read(kept, digest)
    missing = [number for number in numbers if number not in done]
    with _appending(kept, torn) as file:
        pending = iter(missing)

        def keep(result: Result) -> None:
            number = next(pending)
            done[number] = result
            if file is not None:
                file.write(json.dumps({"of": digest, "number": number, "result": dict(result)}) + "\n")
                file.flush()

        run_all(work, [(of, number) for number in missing], n_jobs=n_jobs, each=keep)
    return [done[number] for number in numbers]


def _read(path: Path, digest: str) -> tuple[dict[int, Result], bool]:
    """What there is of a class, and whether the last line is torn: that is what a kill leaves, and it is run
    again. Kills that went on before have left such lines further up, each ended by the next run."""
    done: dict[int, Result] = {}
    line = b"\n"
    try:
        with path.open("rb") as file:
            for line in file:
                entry = _entry(line)
                if entry is not None and entry["of"] == digest:
                    done[entry["number"]] = entry["result"]
    except (FileNotFoundError, NotADirectoryError):
        return {}, False
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}", "check the folder") from None
    return done, not line.endswith(b"\n")


def _entry(line: bytes) -> dict[str, Any] | None:
    """One result; None for a line that was not written to its end."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(entry, dict) and isinstance(entry.get("result"), dict)
    return entry if whole and type(entry.get("number")) is int and "of" in entry else None


@contextmanager
def _appending(path: Path | None, torn: bool) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            if torn:
                file.write("\n")
            yield file
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}", "check the folder and the space in it"
        ) from None
