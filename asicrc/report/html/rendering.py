"""From a page to the text of one HTML file, with every string escaped and nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from asicrc import __version__
from asicrc.printable import printable
from asicrc.report.html.page import Page
from asicrc.report.html.style import style_sheet

LONGEST_TEXT = 20_000
"""Characters of one string that are shown; a device or a file may hold any number."""
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|ms|s|Hz|h|min|mV|MHz|ppm)\b|%)")
_NO_BREAK = "\N{NO-BREAK SPACE}"


def render(page: Page) -> str:
    style = style_sheet()
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return (
        _environment()
        .get_template("page.html")
        .render(
            page=page,
            version=__version__,
            style=Markup(style),  # a file of this package
            style_hash=f"sha256-{digest}",
            made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        )
    )


def visible(value: object) -> object:
    """Text with control characters, bidi marks and the like made visible, as the terminal shows them."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    shown = value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}… ({len(value)} characters)"
    return _NO_BREAK.join(printable(part) for part in shown.split(_NO_BREAK))


def together(text: str) -> str:
    """A number stays on the line of its unit. Not for what may be copied into a terminal."""
    return _BEFORE_UNIT.sub(_NO_BREAK, text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("asicrc.report.html"),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["together"] = together
    return environment
