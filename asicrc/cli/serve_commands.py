"""`serve`: a running capture in the browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from asicrc.cli.options import Json
from asicrc.cli.output import note, print_json, say
from asicrc.errors import BadFile, ExitCode, UsageError


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(
    target: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A capture, or a folder with some.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of 127.0.0.1; 0 takes any that is free.")
    ] = 8177,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in your browser.")] = False,
    as_json: Json = False,
) -> int:
    """Show a running capture on a page of this machine: live charts, and the words of `asicrc watch`.

    Of a folder it is the newest capture, and the next one as it begins; one that has ended is shown as it
    ended. The file is only read, and its writer not held up. Nothing on the page can change anything, and
    no other machine can see it. Ctrl-C ends it and does nothing to the capture. With --json the address
    comes as one object.
    """
    from asicrc.telemetry.serve import serve as run

    def begun(url: str) -> None:
        if as_json:
            print_json({"url": url, "path": str(target)})
        else:
            say(f"{target} is shown at {url}")
            say("Ctrl-C ends it; the capture goes on.")
        if problem is not None:
            note(f"so far {problem}: the page says so, until it is otherwise")
        sys.stdout.flush()
        if open_:
            import webbrowser

            webbrowser.open(url)

    if not target.parent.is_dir():
        raise UsageError(f"the folder {target.parent} does not exist", "name a capture or a folder with some")
    problem = None if target.is_dir() else _problem(target)
    run(target, port, begun)
    return ExitCode.OK


def _problem(path: Path) -> str | None:
    """What is wrong with a file: the capture may still be to come."""
    from asicrc.capture.reader import load

    try:
        load(path).close()
    except BadFile as error:
        return error.message
    return None
