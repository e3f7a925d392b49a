"""`asicrc restore` on files that someone altered: nothing unknown and nothing senseless reaches a device."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from forged_files import Commands, forged, within_meta
from fuzzing_line import MODEL, ObedientChip, fuzzing_line

from asicrc.bench.limits import ENVELOPES
from asicrc.capture import load
from firmware_protocols.bm13xx import Register, pll_from_register

UNSEALED = "DELETE FROM capture WHERE key IN ('sealed', 'digest', 'end_reason')"
REGISTERS = (
    "pll0_register",
    "hash_counting_number",
    "ticket_mask_register",
    "version_mask_register",
    "fast_uart_register",
)
RESTORED = {
    Register.PLL0,
    Register.HASH_COUNTING_NUMBER,
    Register.TICKET_MASK,
    Register.VERSION_MASK,
    Register.FAST_UART,
}
NO_REGISTER_VALUES = (2.0**32, -1.0, 0.5, 1e308, float("inf"), -float("inf"))


def original(name: str, value: float | None) -> tuple[str, tuple[Any, ...]]:
    return "UPDATE settings SET read_back = ? WHERE kind = 'original' AND name = ?", (value, name)


def clock_is_bounded(chip: ObedientChip) -> bool:
    limits = ENVELOPES["BM1366"].frequency_mhz
    clocks = [
        pll_from_register(MODEL, write.value).mhz for write in chip.writes if write.register == Register.PLL0
    ]
    return bool(clocks) and all(limits.low * 0.99 <= mhz <= limits.high * 1.01 for mhz in clocks)


def test_a_file_that_was_not_forged_is_put_back(emulated: Path, commands: Commands, tmp_path: Path) -> None:
    chip, path = ObedientChip(), forged(emulated, tmp_path / "a.asicrc", UNSEALED)
    with fuzzing_line(chip) as url:
        ran = commands("restore", path, "-d", url, "--json")
    assert ran.code == 0, ran
    assert {write.register for write in chip.writes} == RESTORED
    assert clock_is_bounded(chip)
    with load(path) as capture:
        assert capture.sealed


@pytest.mark.parametrize("value", NO_REGISTER_VALUES)
@pytest.mark.parametrize("name", [*REGISTERS, "host_baud"])
def test_no_register_value_is_refused_and_nothing_written(
    name: str, value: float, emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    chip, path = ObedientChip(), forged(emulated, tmp_path / "a.asicrc", UNSEALED, original(name, value))
    with fuzzing_line(chip) as url:
        ran = commands("restore", path, "-d", url, "--json")
    assert ran.code == 5, ran
    message = ran.json["error"]["message"]
    assert name in message and str(path) in message and "nothing was written" in message
    assert not chip.writes
    with load(path) as capture:
        assert not capture.sealed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ticket_mask_register", 0x00000002),
        ("version_mask_register", 0x90010000),
        ("fast_uart_register", 0xFFFFFFFF),
        ("fast_uart_register", 0x01301A01),
        ("fast_uart_register", 0x0130FF00),
        ("host_baud", 1_000_000),
        ("host_baud", None),
    ],
)
def test_values_that_no_such_chip_has_are_refused(
    name: str, value: float | None, emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    number = None if value is None else float(value)
    chip, path = ObedientChip(), forged(emulated, tmp_path / "a.asicrc", UNSEALED, original(name, number))
    with fuzzing_line(chip) as url:
        ran = commands("restore", path, "-d", url, "--json")
    assert ran.code == 5, ran
    assert not chip.writes


@pytest.mark.parametrize("value", [0xFFFFFFFF, 0, 0x50FF0100, 0x50FF0200, 0x40A20265, None])
def test_the_clock_stays_within_the_local_limits(
    value: int | None, emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    chip = ObedientChip()
    number = None if value is None else float(value)
    path = forged(emulated, tmp_path / "a.asicrc", UNSEALED, original("pll0_register", number))
    with fuzzing_line(chip) as url:
        ran = commands("restore", path, "-d", url, "--json")
    assert ran.code in (0, 5), ran
    assert clock_is_bounded(chip)


@pytest.mark.parametrize("answer", [0xFFFFFFFF, 0x50FF0100, 0x40A20265, 0x00000000])
def test_the_clock_stays_within_the_limits_whatever_the_chip_says_it_is(
    answer: int, emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    chip, path = ObedientChip(), forged(emulated, tmp_path / "a.asicrc", UNSEALED)
    chip.registers[Register.PLL0] = answer
    with fuzzing_line(chip) as url:
        ran = commands("restore", path, "-d", url, "--json")
    assert ran.code == 0, ran
    assert clock_is_bounded(chip)


def unknown_names(connection: sqlite3.Connection) -> None:
    """Before the others: originals that stand behind other settings would be those of a later session."""
    columns = ", ".join(row[1] for row in connection.execute("PRAGMA table_info(settings)"))
    names = ("voltage_mv", "misc_control_register", "core_mailbox", "PLL0_REGISTER")
    connection.executemany(
        f"INSERT INTO settings (rowid, {columns}) VALUES (?, 1, ?, NULL, 1.0, 'original')",
        [(-number, name) for number, name in enumerate(names)],
    )


def test_registers_that_restore_does_not_know_are_left_alone(
    emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    chip, path = ObedientChip(), forged(emulated, tmp_path / "a.asicrc", UNSEALED, unknown_names)
    with fuzzing_line(chip) as url:
        assert commands("restore", path, "-d", url, "--json").code == 0
    assert {write.register for write in chip.writes} == RESTORED


@pytest.mark.parametrize("scheme", ["sim:bm1366?truth={}", "replay:{}", "{}", "", "serial:"])
def test_a_file_names_a_line_and_nothing_else(
    scheme: str, emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    """An emulator's URL could have it write a file of the forger's choice."""
    target = tmp_path / "precious"
    url = scheme.format(target)
    path = forged(emulated, tmp_path / "a.asicrc", UNSEALED, within_meta(("identity", "url"), url))
    ran = commands("restore", path, "--json")
    assert ran.code in (2, 4), ran
    assert not target.exists()


@pytest.mark.parametrize(
    "edit",
    [
        f"UPDATE segments SET id = {2**63 - 1}",
        "UPDATE segments SET id = -5",
        f"UPDATE events SET seq = {2**63 - 1} WHERE seq = (SELECT max(seq) FROM events)",
        f"UPDATE wire SET seq = {2**63 - 1} WHERE seq = (SELECT max(seq) FROM wire)",
        f"UPDATE jobs SET number = {2**63 - 1} WHERE number = (SELECT max(number) FROM jobs)",
    ],
)
def test_running_numbers_at_the_end_of_the_integers(
    edit: str, emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    path = forged(emulated, tmp_path / "a.asicrc", UNSEALED, edit)
    with fuzzing_line(ObedientChip()) as url:
        ran = commands("restore", path, "-d", url, "--json")
    assert ran.code in (0, 4), ran
    assert commands("show", path, "--json").code in (0, 4)
