"""Notebooks become pages with their figures, and an index; one that fails does not keep the others back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from asicrc.report.notebooks.pages import words_of, write_index, write_page
from asicrc.report.notebooks.running import NotebookResult

GOOD = """\
# %% [markdown]
# # How many are seven?
#
# A question, in `one`
# paragraph.
#
# And what it is about.

# %% tags=["parameters"]
import os
from pathlib import Path

OUTPUT = Path(os.environ["ASICRC_EXPERIMENT_OUTPUT"])
print(os.environ["ASICRC_EXPERIMENT_SIZE"])

# %%
from matplotlib.figure import Figure

figure = Figure()
figure.subplots().plot([1, 7])
figure.savefig(OUTPUT / "seven.png")
print("saved")
figure

# %% [markdown]
# ## Verdict
#
# Seven.
"""
BAD = """\
# %% [markdown]
# # What breaks
#
# A division.

# %%
1 / 0

# %%
print("never said")
"""


class Document(HTMLParser):
    """What a page names and shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")
        if tag == "img":
            self.images.append(dict(attrs))
        if tag in ("script", "link", "iframe"):
            raise AssertionError(f"a page has <{tag} {attrs}>")

    def handle_data(self, data: str) -> None:
        self.words += data


def test_words_and_pages_of_a_notebook_that_ran(tmp_path: Path) -> None:
    jupytext = pytest.importorskip("jupytext")
    source = tmp_path / "hostile.py"
    source.write_text(GOOD.replace("Seven.", "Seven <script>alert(1)</script>."))
    (tmp_path / "hostile").mkdir()
    result = NotebookResult(source, jupytext.read(source), tmp_path / "hostile", "full", 130.0)
    words = words_of(result)
    assert (words.title, words.question) == ("How many are seven?", "A question, in one paragraph.")
    page = write_page(result, tmp_path).read_text()
    Document(page)  # has no script, nor anything from a network
    assert "alert(1)" in page
    assert ">How many are seven?<" in page and "&lt;h1" not in page and "&lt;p" not in page
    index = Document(write_index([result], tmp_path).read_text())
    assert index.links == ["hostile/index.html"] * 1
    assert "Seven <script>alert(1)</script>." in index.words
    assert "2 min" in index.words


def test_the_verdict_of_a_list_is_as_many_points_as_fit(tmp_path: Path) -> None:
    jupytext = pytest.importorskip("jupytext")
    source = tmp_path / "listed.py"
    said = "# ## What it says\n#\n# - Seven, as\n#   counted.\n# - Not six.\n# - " + "And so on. " * 100
    source.write_text(GOOD.replace("# ## Verdict\n#\n# Seven.", said))
    result = NotebookResult(source, jupytext.read(source), tmp_path, "full", 1.0)
    assert words_of(result).verdict == "Seven, as counted. Not six."


@pytest.mark.long
@pytest.mark.timeout(600)
def test_from_notebooks_to_an_index(tmp_path: Path) -> None:
    pytest.importorskip("nbclient")
    (tmp_path / "a_bad.py").write_text(BAD)
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "no_notebook.py").write_text("raise SystemExit(3)\n")
    home = tmp_path / "home"
    home.mkdir()
    command = [
        sys.executable,
        "-m",
        "asicrc.report.notebooks",
        str(tmp_path),
        "--size",
        "reduced",
        "-o",
        "out",
    ]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert run.returncode == 1, run.stderr
    assert "1/2 a_bad" in run.stderr
    assert "FAILED: ZeroDivisionError: division by zero" in run.stderr
    index = Document((tmp_path / "out" / "index.html").read_text())
    assert "1 of them failed" in index.words
    assert "Verdict. Seven." in " ".join(index.words.split())
    assert index.links == ["a_bad/index.html", "good/index.html", "good/index.html"]
    assert [image["src"] for image in index.images] == ["good/seven.png"]
    assert all((tmp_path / "out" / link).is_file() for link in index.links)
    page = Document((tmp_path / "out" / "good" / "index.html").read_text())
    assert [image["alt"] for image in page.images] == ["Figure: seven"]
    assert (page.images[0]["src"] or "").startswith("data:image/png;base64,")
    assert "reduced\n" in page.words
    assert "<Figure size" not in page.words
    assert {"../index.html", "good.ipynb"} <= set(page.links)
    failed = (tmp_path / "out" / "a_bad" / "index.html").read_text()
    assert "It did not come to its end" in failed
    executed = json.loads((tmp_path / "out" / "good" / "good.ipynb").read_text())
    assert any(cell.get("outputs") for cell in executed["cells"])
    assert not list(home.rglob("*jupyter*")) and not (home / ".ipython").exists(), "nothing is left at home"
