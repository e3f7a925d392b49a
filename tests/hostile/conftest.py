"""One real capture of each kind, made once; the commands, run in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from forged_files import Commands, make_emulated, make_imported


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_emulated(tmp_path_factory.mktemp("real") / "emulated.asicrc")


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_imported(tmp_path_factory.mktemp("real") / "imported.asicrc")


@pytest.fixture
def commands(capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(capsys)
