"""Real captures to forge, and the commands run on them in process."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from asicrc.cli.main import _run
from asicrc.importing import import_file

LONGEST_S = 30.0
"""Of this process; how long it is kept waiting besides is the machine's business, within `WAITED_S`."""
WAITED_S = 200.0
DOCUMENTED_CODES = frozenset(range(7))
Edit = Callable[[sqlite3.Connection], None]
SAMPLED = 5


def sampled(cases: Iterable[Any]) -> list[Any]:
    """Every fifth case for the long tests, and the others for those that run through all of them."""
    return [
        pytest.param(case, marks=pytest.mark.soak if number % SAMPLED else pytest.mark.long)
        for number, case in enumerate(cases)
    ]


@dataclass(frozen=True)
class Ran:
    """How a command ended in this process."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        (line,) = self.out.splitlines()
        value = json.loads(line, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
        assert isinstance(value, dict)
        return value


class Commands:
    """Runs `asicrc` commands and holds each to what is promised of every command on every file."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path, longest_s: float = LONGEST_S) -> Ran:
        self._capsys.readouterr()
        begun, begun_at_work = time.monotonic(), time.process_time()
        code = _run([str(argument) for argument in arguments])
        took_s, waited_s = time.process_time() - begun_at_work, time.monotonic() - begun
        out, err = self._capsys.readouterr()
        ran = Ran(int(code), out, err)
        assert ran.code in DOCUMENTED_CODES, (arguments, ran)
        assert took_s < longest_s and waited_s < WAITED_S, (arguments, took_s, waited_s)
        assert all(c.isprintable() or c == "\n" for c in out + err), (arguments, ran)
        if "--json" in arguments:
            assert ran.json is not None
        elif ran.code > 1:
            assert err.startswith("error: ") or "\nerror: " in err, (arguments, ran)
        return ran

    def all_on(self, path: Path, *names: str) -> dict[str, int]:
        """Exit codes of the named commands (all of them when none is named) on one file."""
        return {name: self(*arguments).code for name, arguments in commands_on(path, names).items()}


def commands_on(path: Path, names: Sequence[str] = ()) -> dict[str, tuple[str | Path, ...]]:
    folder = path.parent
    table: dict[str, tuple[str | Path, ...]] = {
        "show": ("show", path),
        "show --json": ("show", path, "--json"),
        "list": ("list", folder),
        "list --json": ("list", folder, "--json"),
        "verify": ("verify", path, "--json"),
        "analyze": ("analyze", path, "--json"),
        "analyze --figure": ("analyze", path, "--figure", folder / "figure.png"),
        "csv": ("export", path, "-f", "csv", "--overwrite", "--json"),
        "parquet": ("export", path, "-f", "parquet", "--overwrite", "--json"),
        "netcdf": ("export", path, "-f", "netcdf", "--overwrite", "--json"),
        "replay": ("capture", "-d", f"replay:{path}", "-o", unused(folder), "--json"),
        "restore": ("restore", path, "--json"),
    }
    return {name: table[name] for name in names or table}


def unused(folder: Path) -> Path:
    return next(p for n in range(10_000) if not (p := folder / f"replayed-{n}").exists())


def forged(source: Path, target: Path, *edits: str | tuple[str, tuple[Any, ...]] | Edit) -> Path:
    """A copy of a capture after SQL statements or functions on its connection; still of our schema."""
    target.write_bytes(source.read_bytes())
    with closing(sqlite3.connect(target)) as connection:
        for edit in edits:
            if isinstance(edit, str):
                connection.execute(edit)
            elif isinstance(edit, tuple):
                connection.execute(*edit)
            else:
                edit(connection)
        connection.commit()
    return target


def meta(key: str, value: Any) -> tuple[str, tuple[Any, ...]]:
    """The edit that puts a value (or, as a string that begins with `raw:`, any text) under a key."""
    raw = isinstance(value, str) and value.startswith("raw:")
    text = value.removeprefix("raw:") if raw else json.dumps(value)
    return "INSERT OR REPLACE INTO capture VALUES (?, ?)", (key, text)


def within_meta(path: Sequence[str], value: Any) -> Edit:
    """The edit that replaces one value inside a JSON object of table `capture`."""

    def edit(connection: sqlite3.Connection) -> None:
        (text,) = connection.execute("SELECT value FROM capture WHERE key = ?", (path[0],)).fetchone()
        root = json.loads(text)
        place = root
        for name in path[1:-1]:
            place = place[name]
        place[path[-1]] = value
        connection.execute("UPDATE capture SET value = ? WHERE key = ?", (json.dumps(root), path[0]))

    return edit


def make_emulated(path: Path) -> Path:
    """A capture from the emulator: two seconds of it, unless the machine is slow."""
    enough = ["--duration", "60s", "--max-events", "120"]
    assert _run(["capture", "-d", "sim:bm1366", *enough, "-o", str(path), "--json"]) == 0
    return path


HEADER_OF_BLOCK_1 = (
    "010000006fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000982051fd1e4ba744bbbe680e1fee14677ba1"
    "a3c3540bf7b1cdb606e857233e0e61bc6649ffff001d01e36299"
)
TIMED_CSV = (
    "# BM1366 on a single-chip Bitaxe, 550 MHz, HASH_COUNTING_NUMBER 0xFFFFF, chip address 0x00, one job; "
    "stamped by the board in 10 ms steps\n"
    "t_ms,nonce_wire_hex,version_bits_hex,header80_hex\n"
) + "".join(f"{t_ms},01e36299,0000,{HEADER_OF_BLOCK_1}\n" for t_ms in range(500, 800, 10))


def make_imported(path: Path) -> Path:
    """A capture of one public proof that came thirty times, imported from timed results of a chip."""
    text = path.with_suffix(".csv")
    text.write_text(TIMED_CSV)
    assert import_file(text, path).as_json()["valid"] == 30
    return path


def maximum_resident_mib() -> float:
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage / 1024 if sys.platform == "linux" else usage / 2**20
