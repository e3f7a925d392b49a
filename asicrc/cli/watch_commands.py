"""`watch`: how a running capture stands, from another terminal."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asicrc.cli.options import Json, refuse_idle, seconds
from asicrc.cli.output import print_json, printable, say
from asicrc.errors import ExitCode

if TYPE_CHECKING:
    from asicrc.telemetry.capture_view import CaptureView

USUAL_INTERVAL = "1s"


def register(app: typer.Typer) -> None:
    app.command("watch")(watch)


def watch(
    file: Annotated[Path, typer.Argument(help="A capture that is being written.")],
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    interval: Annotated[str, typer.Option(help="Time between two looks.")] = USUAL_INTERVAL,
    plain: Annotated[bool, typer.Option("--plain", help="A line for each look, no live display.")] = False,
    as_json: Json = False,
) -> int:
    """Show a running capture from another terminal: rate, CV, errors, temperature, power, point of the plan.

    The file is only read, and its writer not held up. Ends when the file is sealed; Ctrl-C ends it earlier
    and does nothing to the capture. With --json one object, and it ends.
    """
    from asicrc.telemetry.capture_view import CaptureView

    if once or as_json:
        idle = {"--interval": interval != USUAL_INTERVAL, "--plain": plain}
        refuse_idle(idle, f"it looks again and again, without {'--once' if once else '--json'}")
    wait_s = seconds(interval)
    view = CaptureView(file)
    if as_json:
        print_json(view.look().as_json())
        return ExitCode.OK
    if once or plain or not sys.stdout.isatty():
        _follow_plainly(view, wait_s, once)
    else:
        _follow_live(view, wait_s)
    return ExitCode.OK


def _follow_plainly(view: CaptureView, wait_s: float, once: bool) -> None:
    from asicrc.telemetry.standing_words import line_of, lines_of

    pause = threading.Event()
    while True:
        standing = view.look()
        if once:
            for line in lines_of(standing):
                say(line)
        else:
            say(line_of(standing))
            sys.stdout.flush()
        if standing.sealed or once:
            return
        pause.wait(wait_s)


def _follow_live(view: CaptureView, wait_s: float) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from asicrc.telemetry.standing_words import lines_of

    pause = threading.Event()
    with Live(console=Console(), auto_refresh=False) as live:
        while True:
            standing = view.look()
            live.update(Text(printable("\n".join(lines_of(standing)))), refresh=True)
            if standing.sealed:
                return
            pause.wait(wait_s)
