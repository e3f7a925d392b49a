"""Pages of executed notebooks, and an index of them: files that open without a network."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asicrc import __version__
from asicrc.report.notebooks.running import NotebookResult

if TYPE_CHECKING:
    from jinja2 import Environment

INDEX = "index.html"
LONGEST_VERDICT = 600
"""Characters, of a list of several points."""
_OF_MARKDOWN = {"br", "dd", "del", "div", "dl", "dt", "h1", "h2", "h3", "h4", "hr", "p", "pre", "span"} | {
    *("sub", "sup", "table", "tbody", "td", "th", "thead", "tr")
}
_EMPHASIS = re.compile(r"\*(\w[^*`]*)\*")
_VERDICT = re.compile(r"verdict|what it says|conclusion", re.IGNORECASE)


def write_page(result: NotebookResult, output: Path) -> Path:
    """Render one notebook to `output/NAME/index.html`; what else it left lies beside it."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="basic", sanitize_html=True, filters={"clean_html": _harmless})
    body, _ = exporter.from_notebook_node(result.notebook)
    path = result.folder / INDEX
    page = _templates().get_template("notebook.html.j2")
    words = words_of(result)
    html = page.render(
        title=words.title,
        result=result,
        body=body,
        styles=_styles(),
        index=os.path.relpath(output / INDEX, result.folder),
    )
    path.write_text(html, encoding="utf-8")
    return path


def _harmless(html: str) -> str:
    """What Markdown makes and no more: nbconvert's own filter escapes headings and paragraphs as well."""
    import bleach

    attributes = {**bleach.ALLOWED_ATTRIBUTES, "*": ["class", "id"]}
    cleaned: str = bleach.clean(html, tags=_OF_MARKDOWN.union(bleach.ALLOWED_TAGS), attributes=attributes)
    return cleaned


def write_index(results: Sequence[NotebookResult], output: Path) -> Path:
    """Write `output/index.html`: each notebook's question, verdict, first figure and time."""
    entries = [
        {
            "result": result,
            "words": words_of(result),
            "page": os.path.relpath(result.folder / INDEX, output),
            "figure": os.path.relpath(result.figures[0], output.resolve()) if result.figures else None,
            "took": _took(result.seconds),
        }
        for result in results
    ]
    html = (
        _templates()
        .get_template("index.html.j2")
        .render(
            entries=entries,
            styles=_styles(),
            version=__version__,
            failed=sum(bool(result.error) for result in results),
            reduced=any(result.size == "reduced" for result in results),
            took=_took(sum(result.seconds for result in results)),
        )
    )
    path = output / INDEX
    path.write_text(html, encoding="utf-8")
    return path


@dataclass(frozen=True, slots=True)
class NotebookWords:
    """What a notebook says of itself: its heading, the first paragraph, and what it comes to."""

    title: str
    question: str
    verdict: str


def words_of(result: NotebookResult) -> NotebookWords:
    """Read from the Markdown cells; the verdict stands below the last heading that promises one."""
    title, question, verdict = result.source.stem, "", ""
    under_verdict = False
    for cell in result.notebook.cells:
        if cell.cell_type != "markdown":
            if under_verdict and not verdict:
                verdict = _printed(cell)
            continue
        for block in re.split(r"\n\s*\n", cell.source):
            heading = re.match(r"#+\s+(.*)", block)
            if heading and block.startswith("# "):
                title = heading[1].strip()
            elif heading:
                under_verdict = bool(_VERDICT.search(heading[1]))
                verdict = "" if under_verdict else verdict
            elif under_verdict:
                verdict = verdict or _shortened(block)
            elif not question:
                question = _one_line(block)
    return NotebookWords(title, question, verdict)


def _printed(cell: Any) -> str:
    lines = [
        line for output in cell.outputs if output.output_type == "stream" for line in output.text.splitlines()
    ]
    return " ".join(lines[:6]).strip()


def _shortened(block: str) -> str:
    """A paragraph, or as many points of a list as an index has room for."""
    points = [_one_line(point) for point in re.split(r"^- ", block, flags=re.MULTILINE) if point.strip()]
    said = points[0]
    for point in points[1:]:
        if len(said) + len(point) > LONGEST_VERDICT:
            break
        said += " " + point
    return said


def _one_line(block: str) -> str:
    return " ".join(_EMPHASIS.sub(r"\1", block).replace("`", "").split())


def _took(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("asicrc.report.notebooks"), autoescape=True, undefined=StrictUndefined
    )


@cache
def _styles() -> str:
    from pygments.formatters import HtmlFormatter

    own = files("asicrc.report.notebooks").joinpath("templates", "style.css").read_text(encoding="utf-8")
    return own + str(HtmlFormatter(style="friendly").get_style_defs(".highlight"))
