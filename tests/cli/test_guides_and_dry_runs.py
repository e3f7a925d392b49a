"""Guides in the terminal, what a capture would do, and where to look after a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asicrc.cli.main import _run
from asicrc.guides import guide_text, guides


def test_guides_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["guide"]) == 0
    listed = capsys.readouterr().out
    for name, title in guides().items():
        assert name in listed and title in listed
    assert _run(["guide", "safety"]) == 0
    assert capsys.readouterr().out.strip() == guide_text("safety").strip(), (
        "in a pipe it is the Markdown itself"
    )
    assert _run(["guide", "safety", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == guide_text("safety")


def test_a_guide_on_a_terminal_is_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert _run(["guide", "exit-codes"]) == 0
    shown = capsys.readouterr().out
    assert "interrupted; the file is sealed" in shown
    assert "|---|" not in shown


def test_no_such_guide(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["guide", "toaster", "--json"]) == 2
    assert "bare-chip" in json.loads(capsys.readouterr().out)["error"]["hint"]


def test_a_dry_run_says_what_is_to_come_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ["capture", "-d", "twin:lv06", "--duration", "10m", "--frequency-mhz", "485", "--dry-run"]
    assert _run([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings_asked_for"] == {"frequency_mhz": 485.0}
    assert found["settings_found"]["voltage_mv"] == 1200.0
    # 894 units at 485 MHz: 433.6 GH/s; a share of difficulty 256 takes 256 * 2^32 hashes
    assert found["expected_events"] == pytest.approx(600 * 433.59e9 / (256 * 2**32), rel=1e-3)
    assert not list(tmp_path.iterdir())
    assert _run([*asked, "--voltage-mv", "2000", "--json"]) == 5
    assert "2000" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["capture", "--nonsense"], "asicrc capture --help"),
        (["puf", "verify", "--nonsense"], "asicrc puf verify --help"),
        (["nonsense"], "asicrc --help"),
    ],
)
def test_the_hint_names_the_very_command(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(arguments) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"  try: {hint}"
