"""The figures of the models' page can be made."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.models.figures import FIGURES, main

PAGE = Path(__file__).parents[3] / "simulators/models/README.md"


@pytest.mark.long
def test_every_figure_is_drawn_and_stands_on_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "figures")]) == 0
    written = capsys.readouterr().out.split()
    assert [Path(path).stem for path in written] == list(FIGURES)
    for path in written:
        assert Path(path).read_bytes().startswith(b"\x89PNG")
        assert f"`{Path(path).name}`" in PAGE.read_text(encoding="utf-8")


def test_without_a_folder_it_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["--help"]) == 2
    assert "usage" in capsys.readouterr().err
