"""`guide`: the pages that come along, read in a terminal."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from asicrc.cli.options import Json, refuse_idle
from asicrc.cli.output import print_json, say
from asicrc.errors import UsageError

WIDEST = 100
"""Columns of a page: longer lines are hard to read."""


def register(app: typer.Typer) -> None:
    app.command("guide")(guide)


def guide(
    name: Annotated[str | None, typer.Argument(help="Which one. Without: a list of them.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="The Markdown itself, as it also is in a pipe.")] = False,
    as_json: Json = False,
) -> None:
    """Read a guide: one for each device, on files, evidence and safety, and on what you may want to write."""
    from asicrc.guides import guide_text, guides

    refuse_idle(
        {"--raw": raw and (name is None or as_json)}, "a guide is shown as text: NAME, without --json"
    )
    found = guides()
    if name is None:
        if as_json:
            print_json({"guides": found})
            return
        width = max(map(len, found))
        for key, title in found.items():
            say(f"{key:<{width}}  {title}")
        say("\nnext  asicrc guide NAME")
        return
    if name not in found:
        raise UsageError(f"there is no guide {name!r}", f"known: {', '.join(found)}")
    text = guide_text(name)
    if as_json:
        print_json({"name": name, "title": found[name], "text": text})
    elif raw or not sys.stdout.isatty():
        say(text.rstrip())
    else:
        _show(text)


def _show(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text), width=min(console.width, WIDEST))
