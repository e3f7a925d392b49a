"""How a capture stands, in words: what `watch` prints and what the live page shows are the same."""

from __future__ import annotations

from asicrc.capture.time_left import in_words
from asicrc.report.html.number_text import three_decimals
from asicrc.telemetry.standing import PointStanding, Standing

SHOWN_READINGS = {
    "temperature_c": "degC",
    "power_w": "W",
    "core_set_mv": "mV",
    "frequency_set_mhz": "MHz",
    "fan_set_percent": "% fan",
    "fan_percent": "% fan",
    "fan_rpm": "rpm",
    "hash_rate_ghs": "GH/s",
}
"""Unit by channel; of several in one unit the first that is there."""
BAD = ("low", "stale", "unknown_job", "malformed", "duplicate")


def line_of(standing: Standing) -> str:
    """One line, for a log or a pipe."""
    counts = standing.counts
    parts = [
        f"{_seconds(standing.duration_s):>10}",
        f"stored {standing.stored} rows: {counts['events']} events checked",
    ]
    if counts["synthetic"]:
        parts.append(f"{counts['synthetic']} synthetic")
    parts += [rate(standing), cv(standing), errors(standing), *readings(standing)]
    if standing.point is not None:
        parts.append(point(standing.point))
    parts.append(state(standing))
    return "  ".join(parts)


def lines_of(standing: Standing) -> list[str]:
    """The same in full."""
    lines = [
        f"{standing.path}  {standing.device}",
        f"  {state(standing)}",
        f"  {counted(standing)}",
        f"  last {standing.window_s:.0f} s: {rate(standing)}  {cv(standing)}  {errors(standing)}",
    ]
    if found := readings(standing):
        lines.append("  " + "  ".join(found))
    if standing.point is not None:
        lines.append(f"  {point(standing.point)}")
    return lines + [f"  log  {line}" for line in standing.log]


def counted(standing: Standing) -> str:
    """Rows are what is stored. Events are those of them that were checked, as in `show` and `verify`."""
    counts = standing.counts
    bad = "".join(f", {counts[name]} {name.replace('_', ' ')}" for name in BAD if counts[name])
    synthetic = f"; {counts['synthetic']} synthetic, not checked" if counts["synthetic"] else ""
    return (
        f"stored {standing.stored} rows in {_seconds(standing.duration_s)}: {counts['events']} events "
        f"checked, {counts['valid']} valid{bad}{synthetic}"
    )


def state(standing: Standing) -> str:
    if standing.ended is not None:
        return f"ended: {standing.ended}"
    said = f"last commit {_seconds(standing.commit_age_s)} ago"
    if standing.is_stale:
        said += ": is its session still alive? `asicrc restore` is for one that was killed"
    return said


def rate(standing: Standing) -> str:
    found = standing.rate_per_s
    return "rate -" if found is None else f"rate {found.estimate:.3g}/s [{found.low:.3g}, {found.high:.3g}]"


def cv(standing: Standing) -> str:
    found = standing.cv
    if found is None:
        return "CV -"
    return f"CV {three_decimals(found.estimate)} [{three_decimals(found.low)}, {three_decimals(found.high)}]"


def errors(standing: Standing) -> str:
    share = standing.invalid_share
    if share is None:
        return "invalid -"
    return f"invalid {share.estimate:.2%} [{share.low:.2%}, {share.high:.2%}]"


def readings(standing: Standing) -> list[str]:
    found: dict[str, str] = {}
    for channel, unit in SHOWN_READINGS.items():
        if channel in standing.readings:
            found.setdefault(unit, f"{standing.readings[channel]:.4g} {unit}")
    return list(found.values())


def point(point: PointStanding) -> str:
    settings = ", ".join(f"{name} {value:.10g}" for name, value in point.requested.items())
    left = "" if point.left_s is None else f", {in_words(point.left_s)} left"
    if left and point.is_virtual:
        left += " on the twin's clock"
    return (
        f"point {point.number} ({settings or 'settings as they are'}): {point.state}, {point.taken} of "
        f"{point.planned} taken{left}"
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
