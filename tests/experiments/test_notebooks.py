"""Every notebook runs from top to bottom at its reduced size, and leaves a figure."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "experiments").glob("*.py"))
DATA = ROOT.parent / "shared" / "data"


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_begins_as_a_notebook(notebook: Path) -> None:
    text = notebook.read_text()
    header, _, rest = text.removeprefix("# ---\n").partition("\n# ---\n\n")
    assert "%%" not in header and rest.startswith("# %% [markdown]\n# # "), "after its header comes a title"
    assert '# %% tags=["parameters"]' in text
    assert "asicrc." in text
    assert not re.search(r"print\(.*\{(OUTPUT|DATA|FOLDER)\b", text), "a path of this machine is no result"


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(notebook: Path, tmp_path: Path) -> None:
    """With the published files where they are; without them it says where they are published."""
    environment = os.environ | {
        "ASICRC_EXPERIMENT_SIZE": "reduced",
        "ASICRC_EXPERIMENT_OUTPUT": str(tmp_path / "out"),
        "MPLBACKEND": "agg",
    }
    if DATA.is_dir():
        environment["ASICRC_DATA"] = str(DATA)
    run = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", notebook],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=380,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]
    assert run.stdout.strip(), "a notebook says what it found"
    assert str(tmp_path) not in run.stdout, "and no path of this machine"
    figures = list((tmp_path / "out").rglob("*.png"))
    assert figures
    assert all(figure.stat().st_size > 5000 for figure in figures)
