"""The style sheet that reports and the live page share."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def style_sheet() -> str:
    """The text of `style.css`, which comes with the package."""
    return files("asicrc.report.html").joinpath("style.css").read_text(encoding="utf-8")
