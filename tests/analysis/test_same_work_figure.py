from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure
from same_work_samples import Run, make_work, write_run

from asicrc.analysis.same_work import SameWork, compare_captures
from asicrc.cli.main import _run
from asicrc.report.same_work_figure import same_work_figure


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("pair")
    work = make_work(600, cores=4)
    faulty = Run(seed=2, missing=0.01, core_shift={2: 300e-6}, frequency_mhz=450)
    return write_run(folder / "a.asicrc", work, Run()), write_run(folder / "b.asicrc", work, faulty)


@pytest.fixture(scope="module")
def result(pair: tuple[Path, Path]) -> SameWork:
    return compare_captures(*pair)


def _titles(figure: Figure) -> list[str]:
    return [axis.get_title(loc="left") for axis in figure.axes]


def test_the_panels_show_what_was_found(result: SameWork, tmp_path: Path) -> None:
    figure = same_work_figure(result)
    figure.savefig(tmp_path / "a.png", dpi=50)
    titles = _titles(figure)
    assert [title[:3] for title in titles] == ["(a)", "(b)", "(c)", "(d)"]
    assert all("n = " in title for title in titles[1:])
    assert all("(" in axis.get_xlabel() + axis.get_ylabel() for axis in figure.axes)  # a unit
    assert "frequency_mhz 400 and 450" in figure.get_suptitle()
    marks = {line.get_label(): line for line in figure.axes[0].lines}
    missed = marks[f"missing in B, n = {len(result.pairs.missing_in_b)}"]
    assert len(missed.get_xdata()) == len(result.pairs.missing_in_b) > 0  # type: ignore[arg-type]
    assert result.times is not None
    drawn = figure.axes[1].lines[0].get_ydata()
    assert len(drawn) == result.times.n  # type: ignore[arg-type]
    (legend,) = [axis.get_legend() for axis in figure.axes[3:]]
    assert legend is not None
    assert {"shifted beyond the floor, 1", "no shift beyond the floor, 3"} < {
        text.get_text() for text in legend.get_texts()
    }


def test_without_times_the_panels_say_why(tmp_path: Path) -> None:
    work = make_work(15)
    result = compare_captures(
        write_run(tmp_path / "a.asicrc", work, Run()), write_run(tmp_path / "b.asicrc", work, Run(seed=2))
    )
    assert result.times is None
    figure = same_work_figure(result)
    figure.savefig(tmp_path / "a.png", dpi=50)
    said = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert len(said) == 3
    assert all("15 proofs came in both runs" in text for text in said)


def test_names_from_files_are_no_formulas(tmp_path: Path) -> None:
    work = make_work(15)
    strange = tmp_path / r"$\frac{$ ☃.asicrc"
    write_run(strange, work, Run())
    figure = same_work_figure(compare_captures(strange, write_run(tmp_path / "b.asicrc", work, Run(seed=2))))
    figure.savefig(tmp_path / "a.png", dpi=50)  # mathtext would raise, and a missing glyph would warn


def test_the_command_in_words(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = tmp_path / "same.svg"
    assert _run(["compare", *map(str, pair), "--figure", str(figure)]) == 0
    out = capsys.readouterr().out
    assert "differs       frequency_mhz: 400 in A, 450 in B" in out
    assert "missing in B" in out
    assert "core 2: " in out
    assert "supported" in out
    assert f"figure  {figure}" in out
    assert figure.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("figure", "code", "said"),
    [("same.txt", 2, "no figure is written"), ("none/same.png", 6, "cannot write")],
)
def test_figures_that_cannot_be_written(
    figure: str,
    code: int,
    said: str,
    pair: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _run(["compare", *map(str, pair), "--figure", str(tmp_path / figure), "--json"]) == code
    assert said in capsys.readouterr().out


def test_what_cannot_be_compared_has_its_exit_code(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_run(tmp_path / "c.asicrc", make_work(50), Run(model="BM1368"))
    assert _run(["compare", str(pair[0]), str(other)]) == 1
    assert "different kinds of devices" in capsys.readouterr().err
    assert _run(["compare", str(pair[0]), str(tmp_path / "nothing")]) == 4
    assert _run(["compare", str(pair[0])]) == 2
    assert _run(["compare", "--help"]) == 0
