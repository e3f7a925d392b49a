"""The figures of the twins' page can be made, and its table names every switch."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

import simulators.twins
from simulators.twins import figures
from simulators.twins.confounds import Confounds

PAGE = (Path(simulators.twins.__file__).parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_every_figure_is_drawn_and_stands_on_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "_N", 2000)  # fewer dots' worth of nonces: it is whether they are drawn
    assert figures.main([str(tmp_path / "figures")]) == 0
    written = capsys.readouterr().out.split()
    assert [Path(path).stem for path in written] == list(figures.FIGURES)
    for path in written:
        assert Path(path).read_bytes().startswith(b"\x89PNG")
        assert f"`{Path(path).name}`" in PAGE


def test_the_page_names_every_confound() -> None:
    missing = [field.name for field in fields(Confounds) if f"`{field.name}`" not in PAGE]
    assert not missing


def test_without_a_folder_it_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert figures.main([]) == figures.main(["--help"]) == 2
    assert "usage" in capsys.readouterr().err
