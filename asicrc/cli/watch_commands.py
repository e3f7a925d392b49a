"""`watch`: how a running capture stands, from another terminal."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asicrc.cli.options import Json, seconds
from asicrc.cli.output import print_json, printable, say
from asicrc.errors import ExitCode

if TYPE_CHECKING:
    from asicrc.telemetry.capture_view import CaptureView, Standing

_SHOWN_READINGS = {
    "temperature_c": "degC",
    "power_w": "W",
    "core_set_mv": "mV",
    "frequency_set_mhz": "MHz",
    "fan_set_percent": "% fan",
    "fan_percent": "% fan",
    "fan_rpm": "rpm",
    "hash_rate_ghs": "GH/s",
}


def register(app: typer.Typer) -> None:
    app.command("watch")(watch)


def watch(
    file: Annotated[Path, typer.Argument(help="A capture that is being written.")],
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    interval: Annotated[str, typer.Option(help="Time between two looks.")] = "1s",
    plain: Annotated[bool, typer.Option("--plain", help="A line for each look, no live display.")] = False,
    as_json: Json = False,
) -> int:
    """Show a running capture from another terminal: rate, CV, errors, temperature, power, point of the plan.

    The file is only read, and its writer not held up. Ends when the file is sealed; Ctrl-C ends it earlier
    and does nothing to the capture. With --json one object, and it ends.
    """
    from asicrc.telemetry.capture_view import CaptureView

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

    pause = threading.Event()
    with Live(console=Console(), auto_refresh=False) as live:
        while True:
            standing = view.look()
            live.update(Text(printable("\n".join(lines_of(standing)))), refresh=True)
            if standing.sealed:
                return
            pause.wait(wait_s)


def line_of(standing: Standing) -> str:
    """One line, for a log or a pipe."""
    parts = [f"{standing.duration_s or 0.0:8.1f} s", f"stored {standing.counts['events']} events"]
    if standing.counts["synthetic"]:
        parts.append(f"{standing.counts['synthetic']} synthetic")
    parts += [_rate(standing), _cv(standing), _errors(standing), *_readings(standing)]
    if standing.point is not None:
        parts.append(_point(standing))
    parts.append(_state(standing))
    return "  ".join(parts)


def lines_of(standing: Standing) -> list[str]:
    """The same in full."""
    counts = standing.counts
    bad = {name: counts[name] for name in ("low", "stale", "unknown_job", "malformed", "duplicate")}
    lines = [
        f"{standing.path}  {standing.device}",
        f"  {_state(standing)}",
        f"  {counts['events']} events in {standing.duration_s or 0.0:.1f} s, {counts['valid']} valid"
        + "".join(f", {count} {name.replace('_', ' ')}" for name, count in bad.items() if count)
        + (f", {counts['synthetic']} synthetic" if counts["synthetic"] else ""),
        f"  last {standing.window_s:.0f} s: {_rate(standing)}  {_cv(standing)}  {_errors(standing)}",
    ]
    if readings := _readings(standing):
        lines.append("  " + "  ".join(readings))
    if standing.point is not None:
        lines.append(f"  {_point(standing)}")
    return lines + [f"  log  {line}" for line in standing.log]


def _state(standing: Standing) -> str:
    if standing.ended is not None:
        return f"ended: {standing.ended}"
    said = f"last commit {standing.commit_age_s or 0.0:.1f} s ago"
    if standing.is_stale:
        said += ": is its session still alive? `asicrc restore` is for one that was killed"
    return said


def _rate(standing: Standing) -> str:
    rate = standing.rate_per_s
    return "rate -" if rate is None else f"{rate.estimate:.3g}/s [{rate.low:.3g}, {rate.high:.3g}]"


def _cv(standing: Standing) -> str:
    cv = standing.cv
    return "CV -" if cv is None else f"CV {cv.estimate:.3f} [{cv.low:.3f}, {cv.high:.3f}]"


def _errors(standing: Standing) -> str:
    share = standing.invalid_share
    if share is None:
        return "invalid -"
    return f"invalid {share.estimate:.2%} [{share.low:.2%}, {share.high:.2%}]"


def _readings(standing: Standing) -> list[str]:
    found: dict[str, str] = {}
    for channel, unit in _SHOWN_READINGS.items():
        if channel in standing.readings:
            found.setdefault(unit, f"{standing.readings[channel]:.4g} {unit}")
    return list(found.values())


def _point(standing: Standing) -> str:
    point = standing.point
    if point is None:
        return ""
    settings = ", ".join(f"{name} {value:.10g}" for name, value in point.requested.items())
    return (
        f"point {point.number} ({settings or 'settings as they are'}): {point.state}, {point.taken} of "
        f"{point.planned} taken"
    )
