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
    done = {} if kept is None else _read(kept, digest)
    missing = [number for number in numbers if number not in done]
    with _appending(kept) as file:
        pending = iter(missing)

        def keep(result: Result) -> None:
            number = next(pending)
            done[number] = result
            if file is not None:
                file.write(json.dumps({"of": digest, "number": number, "result": dict(result)}) + "\n")
                file.flush()

        run_all(work, [(of, number) for number in missing], n_jobs=n_jobs, each=keep)
    return [done[number] for number in numbers]


def _read(path: Path, digest: str) -> dict[int, Result]:
    """A torn last line is what a kill leaves; it is run again."""
    done: dict[int, Result] = {}
    try:
        text = path.read_text() if path.exists() else ""
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}", "check the folder") from None
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("of") == digest:
            done[int(entry["number"])] = entry["result"]
    return done


@contextmanager
def _appending(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            if file.tell() and not path.read_bytes().endswith(b"\n"):
                file.write("\n")
            yield file
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}", "check the folder and the space in it"
        ) from None
