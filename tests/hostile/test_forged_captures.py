"""Captures that someone altered to harm, still valid SQLite of our schema: every command answers.

Each forgery is run through the commands. Promised are a documented exit code, no exception and no warning,
no control character on the terminal, JSON without NaN, an end within seconds, and no growth of memory.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forged_files import (
    Commands,
    Edit,
    forged,
    maximum_resident_mib,
    meta,
    sampled,
    within_meta,
)
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from asicrc.capture.digest import content_digest
from firmware_protocols.bm13xx import (
    Register,
    SetAddress,
    WriteRegister,
    encode,
    model_by_name,
)

MODEL = model_by_name("BM1366")
LOWEST, HIGHEST = -(2**63), 2**63 - 1
NASTY_TEXT = "\x1b[2J\x1b]0;owned\x07\u202egpj.exe\r\b\x00\x9b31m\u2066\U000e0041$\\frac{}{"
DEEP = "raw:" + "[" * 100_000 + "]" * 100_000
LONG_INTEGER = "raw:" + "9" * 5000
HOSTILE_JSON: dict[str, Any] = {
    "null": None, "true": True, "text": NASTY_TEXT, "list": [[], {}], "object": {"a": {"b": [1]}},
    "huge": 10**300, "negative": -(2**70), "fraction": 0.5, "NaN": "raw:NaN", "infinity": "raw:-Infinity",
    "1e308": 1e308, "1e400": "raw:1e400", "deep": DEEP, "no JSON": "raw:{", "long integer": LONG_INTEGER,
    "lone surrogate": 'raw:"\\ud800"', "surrogates in a key": 'raw:{"\\udfff": 1}', "zero": 0,
}  # fmt: skip
READ_KEYS = (
    "identity", "clock", "jitter_floor", "pulled", "scan_period_ns", "wire_counters", "plan", "source",
    "device_url", "sealed", "end_reason", "digest", "asicrc_version", "command", "seed", "lag",
)  # fmt: skip
INSIDE = (
    ("identity", "url"), ("identity", "family"), ("identity", "model"), ("identity", "chips"),
    ("identity", "chip_ids"), ("identity", "serial"), ("identity", "simulated"), ("identity", "details"),
    ("identity", "details", "zero_bits"), ("identity", "details", "cores"),
    ("identity", "details", "subcores"), ("identity", "details", "hashing_units"),
    ("identity", "details", "time_scale"), ("identity", "details", "baud_at_open"),
    ("clock", "quantum_ns"), ("jitter_floor", "rms_s"), ("jitter_floor", "rms_high_s"),
    ("pulled", "end_ns"), ("wire_counters", "frames"),
)  # fmt: skip
WITHIN: dict[str, Any] = {
    name: value
    for name, value in HOSTILE_JSON.items()
    if not (isinstance(value, str) and value.startswith("raw:"))
} | {"1": 1, "tiny": 5e-324, "2**62": 2**62, "128": 128, "1e-30": 1e-30, "1e18": 1e18}


def rows_of(register: int, value: int) -> bytes:
    return encode(WriteRegister(register, value), MODEL)


def setting(name: str, value: float | None) -> tuple[str, tuple[Any, ...]]:
    return "UPDATE settings SET read_back = ?, requested = ? WHERE name = ?", (value, value, name)


def wire_first(data: bytes, direction: str = "tx") -> Edit:
    """Put bytes in front of all that passed the line."""

    def edit(connection: sqlite3.Connection) -> None:
        t_ns = connection.execute("SELECT min(t_ns) FROM wire").fetchone()[0]
        connection.execute("INSERT INTO wire VALUES (-1, 0, ?, NULL, ?, ?)", (t_ns, direction, data))

    return edit


def noise(connection: sqlite3.Connection) -> None:
    rng = np.random.default_rng(5)
    for seq, data in connection.execute("SELECT seq, data FROM wire").fetchall():
        connection.execute("UPDATE wire SET data = ? WHERE seq = ?", (rng.bytes(len(data)), seq))


def long_log(connection: sqlite3.Connection) -> None:
    connection.executemany(
        "INSERT INTO log VALUES (?, 'info', ?)", ((n, f"line {n} {NASTY_TEXT}") for n in range(100_000))
    )


def many_rows(connection: sqlite3.Connection) -> None:
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)"
        " INSERT INTO settings SELECT i, 'frequency_mhz', 1.0 * i, 1.0 * i, 'set' FROM n"
    )


def sealed_anew(connection: sqlite3.Connection) -> None:
    """Whoever forges a file can compute its digest too."""
    connection.execute(
        "INSERT OR REPLACE INTO capture VALUES ('digest', ?)", (json.dumps(content_digest(connection)),)
    )


def register_writes() -> bytes:
    values = (0, 1, 0xFFFFFFFF, 0x12345678, 0x80000001, 0xFE0000FF)
    registers = (*Register, 0x00, 0xFF)
    writes = b"".join(rows_of(register, value) for register in registers for value in values)
    return writes + b"".join(encode(SetAddress(address), MODEL) for address in range(256))


EVENT_STAMPS = {
    "at both ends": f"UPDATE events SET t_ns = CASE seq % 2 WHEN 0 THEN {LOWEST + 1} ELSE {HIGHEST} END",
    "at the upper end": f"UPDATE events SET t_ns = {HIGHEST} - seq",
    "at the lower end": f"UPDATE events SET t_ns = {LOWEST + 1} + seq",
    "the first at the lower end": f"UPDATE events SET t_ns = {LOWEST + 1} WHERE seq = 0",
    "the last at the upper end": f"UPDATE events SET t_ns = {HIGHEST}"
    " WHERE seq = (SELECT max(seq) FROM events)",
    "none": "UPDATE events SET t_ns = NULL, t_sent_ns = NULL, t_kernel_ns = NULL",
    "none but one": "UPDATE events SET t_ns = NULL WHERE seq > 0",
    "all equal": "UPDATE events SET t_ns = 7",
    "sent at the lower end": f"UPDATE events SET t_sent_ns = {LOWEST + 1}",
    "sent at the upper end": f"UPDATE events SET t_sent_ns = {HIGHEST}",
    "backwards": "UPDATE events SET t_ns = -t_ns",
}
ONE_BY_ONE = "UPDATE events SET segment = seq % 3"
FORGERIES: dict[str, tuple[Any, ...]] = {
    **{f"event stamps {name}": (statement,) for name, statement in EVENT_STAMPS.items()},
    "segments out of order": (ONE_BY_ONE, "UPDATE segments SET id = 4294967295 - id, t_start_ns = 0"),
    "each event in its own segment": ("UPDATE events SET segment = 4294967295 - seq",),
    "no segments": ("DELETE FROM segments",),
    "a segment number at the end": (f"UPDATE segments SET id = {HIGHEST}",),
    "jobs that do not exist": (f"UPDATE events SET job = {HIGHEST} - seq % 3",),
    "job 0": ("UPDATE events SET job = 0",),
    "job numbers at the end": (
        f"UPDATE jobs SET number = {HIGHEST - 5} + number",
        f"UPDATE events SET job = {HIGHEST - 5} + job",
    ),
    "every seq at the end": (f"UPDATE events SET seq = {HIGHEST - 10_000} + seq",),
    "negative seq": ("UPDATE events SET seq = -seq - 1",),
    "no jobs": ("DELETE FROM jobs",),
    "no events": ("DELETE FROM events",),
    "targets of zero": ("UPDATE jobs SET target = zeroblob(32), chip_target = zeroblob(32)",),
    "targets of ones": (f"UPDATE jobs SET target = x'{'ff' * 32}', chip_target = x'{'ff' * 32}'",),
    "no chip target": ("UPDATE jobs SET chip_target = NULL",),
    "short targets": ("UPDATE jobs SET target = x'00'",),
    "jobs sent at the lower end": (f"UPDATE jobs SET sent_ns = {LOWEST + 1}",),
    "jobs sent at the upper end": (f"UPDATE jobs SET sent_ns = {HIGHEST}",),
    "one job sent at the upper end": (f"UPDATE jobs SET sent_ns = {HIGHEST} WHERE number = 1",),
    "jobs sent backwards": ("UPDATE jobs SET sent_ns = -sent_ns",),
    "jobs never sent": ("UPDATE jobs SET sent_ns = NULL",),
    "damaged jobs": ("UPDATE jobs SET damaged = 1, prev_hash = x'', merkle_root = x'00'",),
    "jobs without a merkle root": ("UPDATE jobs SET merkle_root = NULL",),
    "jobs of another version": ("UPDATE jobs SET version = 4294967295, version_mask = 4294967295",),
    "long names of jobs": (f"UPDATE jobs SET wire_id = '{'x' * 100_000}'",),
    "nonces of ones": ("UPDATE events SET nonce = 4294967295, version = 4294967295, ntime = 4294967295",),
    "fields of the chip at the ends": ("UPDATE events SET chip = 32767, core = -32768, subcore = -1",),
    "chips that are none": ("UPDATE events SET chip = -32768",),
    "difficulty infinite": ("UPDATE events SET difficulty = 9e999",),
    "difficulty negative": ("UPDATE events SET difficulty = -1e308",),
    "difficulty missing": ("UPDATE events SET difficulty = NULL",),
    "everything a duplicate": ("UPDATE events SET duplicate = 1, duplicate_reason = 2",),
    "everything synthetic": ("UPDATE events SET synthetic = 1",),
    "everything malformed": ("UPDATE events SET verdict = 5, reason = 5",),
    "everything pending": ("UPDATE events SET verdict = 0",),
    "extranonce of another length": ("UPDATE events SET extranonce2 = x'01', extranonce2_len = 16",),
    "nasty text everywhere": (
        ("UPDATE segments SET reason = ?, boot_id = ?", (NASTY_TEXT, NASTY_TEXT)),
        ("UPDATE jobs SET wire_id = ?", (NASTY_TEXT,)),
        ("UPDATE settings SET kind = ? WHERE kind = 'restored'", (NASTY_TEXT,)),
        ("INSERT INTO settings VALUES (1, ?, 1.0, 1.0, 'set')", (NASTY_TEXT,)),
        ("INSERT INTO readings VALUES (1, ?, 1.0)", (NASTY_TEXT,)),
        ("INSERT OR REPLACE INTO points VALUES (1, 1, 1, ?, ?)", (NASTY_TEXT, NASTY_TEXT)),
        ("INSERT INTO log VALUES (1, ?, ?)", (NASTY_TEXT, NASTY_TEXT)),
        *(meta(key, NASTY_TEXT) for key in ("device_url", "end_reason", "digest", "clock", "plan")),
        meta(NASTY_TEXT, NASTY_TEXT),
        within_meta(("identity", "url"), NASTY_TEXT),
        within_meta(("identity", "serial"), NASTY_TEXT),
    ),
    "a long log": (long_log,),
    "many settings": (many_rows,),
    "readings infinite": ("INSERT INTO readings VALUES (1, 'x_c', 9e999)",),
    "anchors at the ends": (
        "DELETE FROM anchors",
        f"INSERT INTO anchors VALUES (0, {HIGHEST}, {LOWEST + 1})",
        f"INSERT INTO anchors VALUES (4294967295, {LOWEST}, {HIGHEST})",
    ),
    "no anchors": ("DELETE FROM anchors",),
    "wire of noise": (noise,),
    "wire of register writes": (wire_first(register_writes()),),
    "wire of register answers": (wire_first(register_writes(), "rx"),),
    "wire that says ticket mask 0x00000002": (wire_first(rows_of(Register.TICKET_MASK, 2)),),
    "wire that says the hardest ticket mask": (wire_first(rows_of(Register.TICKET_MASK, 0xFFFFFFFF)),),
    "wire that says the slowest line": (wire_first(rows_of(Register.FAST_UART, 0xFFFFFFFF)),),
    "wire without stamps": ("UPDATE wire SET t_ns = NULL",),
    "wire stamps at both ends": (
        f"UPDATE wire SET t_ns = CASE seq % 2 WHEN 0 THEN {LOWEST + 1} ELSE {HIGHEST} END",
    ),
    "wire stamps at the lower end": (f"UPDATE wire SET t_ns = {LOWEST + 1} + seq",),
    "wire stamps at the upper end": (f"UPDATE wire SET t_ns = {HIGHEST - 10**6} + seq",),
    "wire stamps far apart": ("UPDATE wire SET t_ns = t_ns * 1000",),
    "wire of empty reads": ("UPDATE wire SET data = x''",),
    "wire seq at the end": (f"UPDATE wire SET seq = {HIGHEST - 10**6} + seq",),
    "wire the other way round": (
        "UPDATE wire SET direction = CASE direction WHEN 'rx' THEN 'tx' ELSE 'rx' END",
    ),
    "originals on a sealed file": ("UPDATE settings SET kind = 'original'",),
    "forged and sealed anew": ("UPDATE events SET difficulty = 1e308", sealed_anew),
}  # fmt: skip
for _name, _value in {
    "1e308": 1e308, "0": 0.0, "-5": -5.0, "2**40": float(1 << 40), "infinity": float("inf"), "NULL": None,
    "1e-300": 1e-300, "0.5": 0.5, "2**32-1": 4294967295.0,
}.items():  # fmt: skip
    FORGERIES[f"frequency {_name}"] = (setting("frequency_mhz", _value),)
    FORGERIES[f"hash counting number {_name}"] = (setting("hash_counting_number", _value),)
    FORGERIES[f"difficulty setting {_name}"] = (setting("difficulty", _value),)
FORGERIES["time scale and frequency extreme"] = (
    setting("frequency_mhz", 1e-300),
    within_meta(("identity", "details", "time_scale"), 1e6),
    setting("hash_counting_number", 1.0),
)

NEEDS_WIRE = [name for name in FORGERIES if name.startswith("wire")]
ANALYSED = [
    "event stamps at both ends", "event stamps at the upper end", "event stamps none but one",
    "event stamps all equal", "event stamps the last at the upper end", "event stamps sent at the lower end",
    "event stamps backwards", "segments out of order", "jobs that do not exist", "targets of ones",
    "jobs sent at the upper end", "fields of the chip at the ends", "frequency 1e308",
    "hash counting number 2**40", "hash counting number infinity", "frequency 1e-300",
    "time scale and frequency extreme",
]  # fmt: skip


@pytest.mark.parametrize("name", list(FORGERIES)[::3])  # all of them with every command: see the long tests
def test_a_forged_capture_is_shown_and_verified(
    name: str, emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    path = forged(emulated, tmp_path / "x.asicrc", *FORGERIES[name])
    codes = commands.all_on(path, "show", "show --json", "list", "verify", "csv", "restore")
    assert codes["list"] == 0
    assert codes["verify"] == 4 or "sealed anew" in name, "a seal of another content"
    assert codes["restore"] in (2, 4)


@pytest.mark.parametrize("name", ANALYSED)
def test_a_forged_capture_is_analysed(name: str, emulated: Path, commands: Commands, tmp_path: Path) -> None:
    path = forged(emulated, tmp_path / "x.asicrc", *FORGERIES[name])
    assert commands.all_on(path, "analyze")["analyze"] in (0, 1, 4)


@pytest.mark.parametrize("name", [*NEEDS_WIRE, "anchors at the ends"])
def test_a_forged_capture_is_replayed(name: str, emulated: Path, commands: Commands, tmp_path: Path) -> None:
    path = forged(emulated, tmp_path / "x.asicrc", *FORGERIES[name])
    assert commands.all_on(path, "replay")["replay"] in (0, 3, 4)
    for copy in tmp_path.glob("replayed-*"):
        assert commands("show", copy, "--json").code == 0


@pytest.mark.parametrize(
    "key", [READ_KEYS[0], *(pytest.param(key, marks=pytest.mark.long) for key in READ_KEYS[1:])]
)
def test_hostile_json_under_every_key(key: str, emulated: Path, commands: Commands, tmp_path: Path) -> None:
    for value in HOSTILE_JSON.values():
        path = forged(emulated, tmp_path / "x.asicrc", meta(key, value))
        codes = commands.all_on(path, "show", "show --json", "list")
        assert set(codes.values()) <= {0, 4}


@pytest.mark.parametrize("name", ["event stamps at both ends", "nasty text everywhere", "no events"])
def test_a_forged_import(name: str, imported: Path, commands: Commands, tmp_path: Path) -> None:
    edits = [edit for edit in FORGERIES[name] if not callable(edit)]
    path = forged(imported, tmp_path / "x.asicrc", *edits)
    codes = commands.all_on(path, "show", "show --json", "list", "verify", "analyze", "csv", "replay")
    assert codes["replay"] == 4, "there is no wire in it"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", sampled(FORGERIES))
def test_every_command_on_every_forgery(
    name: str, emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    before_mib = maximum_resident_mib()
    commands.all_on(forged(emulated, tmp_path / "x.asicrc", *FORGERIES[name]))
    assert maximum_resident_mib() - before_mib < 500


@pytest.mark.timeout(300)
@pytest.mark.parametrize("key", sampled(READ_KEYS))
def test_every_reader_of_hostile_json(key: str, emulated: Path, commands: Commands, tmp_path: Path) -> None:
    for value in HOSTILE_JSON.values():
        path = forged(emulated, tmp_path / "x.asicrc", meta(key, value))
        commands.all_on(path, "verify", "analyze", "parquet", "netcdf")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", sampled(INSIDE), ids=".".join)
def test_hostile_values_inside_the_objects(
    place: tuple[str, ...], emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    for value in WITHIN.values():
        commands.all_on(
            forged(emulated, tmp_path / "x.asicrc", within_meta(place, value)), "show", "analyze", "replay"
        )


NUMBERS = {
    "events": ("segment", "t_ns", "t_sent_ns", "n_in_read", "job", "nonce", "version", "chip", "core"),
    "jobs": ("version", "ntime", "nbits", "version_mask", "sent_ns"),
    "wire": ("t_ns", "t_kernel_ns"),
    "segments": ("t_start_ns",),
    "anchors": ("realtime_ns", "monotonic_ns"),
}
CELLS = [(table, column) for table, columns in NUMBERS.items() for column in columns]


NUMBERS_THERE = st.lists(
    st.tuples(st.sampled_from(CELLS), st.integers(LOWEST, HIGHEST) | st.integers(-3, 300), st.integers(1, 9)),
    min_size=1,
    max_size=4,
)
EXAMPLES = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)


@pytest.mark.long
@pytest.mark.timeout(300)
@settings(EXAMPLES, max_examples=10)
@seed(20_240_602)
@given(edits=NUMBERS_THERE)
def test_any_numbers_anywhere(
    edits: list[tuple[tuple[str, str], int, int]], emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    numbers_anywhere(edits, emulated, commands, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(600)
@settings(EXAMPLES, max_examples=60)
@seed(20_240_603)
@given(edits=NUMBERS_THERE)
def test_many_numbers_anywhere(
    edits: list[tuple[tuple[str, str], int, int]], emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    numbers_anywhere(edits, emulated, commands, tmp_path)


def numbers_anywhere(
    edits: list[tuple[tuple[str, str], int, int]], emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    statements = [
        (f"UPDATE {table} SET {column} = ? WHERE rowid % ? = 0", (value, every))
        for (table, column), value, every in edits
    ]
    path = forged(emulated, tmp_path / "x.asicrc", *statements)
    commands.all_on(path, "show --json", "verify", "analyze", "csv", "replay")
