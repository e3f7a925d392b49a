"""A matplotlib figure as a part of a page: SVG without styles, or a PNG where that is too large.

The page allows no style but its own, so that what matplotlib writes as `style` becomes attributes.
"""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

LARGEST_SVG_BYTES = 1_000_000
_PNG_DPI = 180
_SVG = "{http://www.w3.org/2000/svg}"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_LEFT_OUT = ("metadata", "style")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_IN_URL = re.compile(r"(?<=url\(#)[^)]+")
_PLACES = ("d", "x", "y", "points")
_DEFAULTS = {"stroke-linejoin": "round", "stroke-linecap": "butt"}
"""What matplotlib says in the style sheet that is left out."""


@dataclass(frozen=True, slots=True)
class InlineFigure:
    """`svg` or `png` (a data URL) is set; width and height in px at the figure's own size."""

    width: int
    height: int
    svg: Markup | None = None
    png: str | None = None


def inline_figure(figure: Figure, label: str) -> InlineFigure:
    """`label` keeps the names within the drawing apart from those of other drawings of the page."""
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    drawn = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "asicrc"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    text = _plain_svg(drawn.getvalue(), label)
    if len(text) <= LARGEST_SVG_BYTES:
        # made here of numbers and of the figure's own names, by ElementTree, which escapes
        return InlineFigure(width, height, svg=Markup(text))
    pixels = io.BytesIO()
    figure.savefig(pixels, format="png", dpi=_PNG_DPI)
    encoded = base64.b64encode(pixels.getvalue()).decode("ascii")
    return InlineFigure(width, height, png=f"data:image/png;base64,{encoded}")


def _plain_svg(svg: bytes, label: str) -> str:
    root = ElementTree.fromstring(svg)
    used: set[str] = set()
    for element in root.iter():
        used.add(element.attrib.get(_XLINK_HREF, "").removeprefix("#"))
        for value in element.attrib.values():
            used.update(_IN_URL.findall(value))
    _clean(root, label, used)
    view = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib |= {"viewBox": view, "aria-hidden": "true", "focusable": "false", **_DEFAULTS}
    return ElementTree.tostring(root, encoding="unicode")


def _clean(element: ElementTree.Element, label: str, used: set[str]) -> None:
    element.tag = element.tag.removeprefix(_SVG)
    element.text = element.text.strip() if element.text else None
    element.tail = None
    attributes = dict(element.attrib)
    for declaration in attributes.pop("style", "").split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            attributes[name.strip()] = value.strip()
    element.attrib.clear()
    for name, value in attributes.items():
        if name == "id":
            if value in used:
                element.set("id", f"{label}-{value}")
        elif name in _PLACES:
            short = _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.2f}", value)
            element.set(name, " ".join(short.split()))
        elif name == _XLINK_HREF:
            element.set("href", re.sub("^#", f"#{label}-", value))
        else:
            element.set(name, _IN_URL.sub(lambda found: f"{label}-{found[0]}", value))
    for child in list(element):
        if child.tag.removeprefix(_SVG) in _LEFT_OUT:
            element.remove(child)
        else:
            _clean(child, label, used)
