"""The guides, as Markdown files of this package: `asicrc guide`."""

from __future__ import annotations

from importlib.resources import files

ORDER = (
    "bitaxe",
    "lv06",
    "s9",
    "lb-box",
    "bare-chip",
    "captures",
    "sweeps",
    "reservoir",
    "evidence",
    "early-abort",
    "live",
    "serve",
    "safety",
    "science",
    "write-a-driver",
    "write-an-encoder",
    "write-an-experiment",
    "json",
    "exit-codes",
)
"""Devices first, then what is done with them, what comes out, and how to add to it."""


def guides() -> dict[str, str]:
    """Names of the guides with their titles, in the order in which they are listed."""
    there = {
        file.name.removesuffix(".md"): file.read_text(encoding="utf-8")
        for file in files(__name__).iterdir()
        if file.name.endswith(".md")
    }
    names = [name for name in ORDER if name in there] + sorted(set(there) - set(ORDER))
    return {name: _title(there[name]) for name in names}


def guide_text(name: str) -> str:
    """The Markdown of one guide. Raises KeyError for a name that `guides` does not have."""
    if name not in guides():
        raise KeyError(name)
    return files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ").strip()
