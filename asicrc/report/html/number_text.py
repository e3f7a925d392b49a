"""Numbers as a reader sees them: as many digits as their intervals bear, a real minus sign, units by size."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from asicrc.evidence import Estimate

NOTHING = "\N{EN DASH}"
"""Stands where there is no number."""
_MINUS = "\N{MINUS SIGN}"
_POWERS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_MOST_DECIMALS = 9


def number(value: object, digits: int = 4) -> str:
    """Something measured, with `digits` significant ones; a count in full. No finite number is a dash."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NOTHING
    if isinstance(value, int) or value == 0:
        return f"{value:,.0f}".replace("-", _MINUS) if abs(value) < 1e15 else _scientific(value, digits)
    if not 1e-4 <= abs(value) < 1e7:
        return _scientific(value, digits)
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}".replace("-", _MINUS)


def three_decimals(value: float) -> str:
    """Of a ratio beside others: three decimals, or as many as a small one takes."""
    return f"{value:.3f}" if value == 0 or not abs(value) < 0.1 else f"{value:#.3g}"


def exact(value: object) -> str:
    """Something that was chosen, as it was: ten digits, and none that says nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NOTHING
    return f"{value:,.10g}".replace("-", _MINUS)


def p_value(value: object) -> str:
    """Two digits; never a zero, which no test gives."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NOTHING
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}" if value < 1e-3 else f"{value:.2g}"


def share(value: float | None) -> str:
    return NOTHING if value is None or not math.isfinite(value) else f"{exact(float(f'{100 * value:.3g}'))} %"


def estimate_text(estimate: Estimate | None) -> tuple[str, str]:
    """The estimate, and its interval in brackets: two digits of the half width of the interval."""
    if estimate is None or not math.isfinite(estimate.estimate):
        return NOTHING, NOTHING
    value, low, high = estimate.estimate, estimate.low, estimate.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return number(value), NOTHING
    scale = max(abs(value), abs(low), abs(high))
    half = (high - low) / 2
    if scale and not 1e-4 <= scale < 1e7:
        return _scientific(value, 4), f"[{_scientific(low, 4)}, {_scientific(high, 4)}]"
    least = half if half > 0 else scale or 1.0
    decimals = min(max(0, 1 - math.floor(math.log10(least))), _MOST_DECIMALS)
    return _fixed(value, decimals), _bracketed(estimate, decimals)


def estimate_column(estimates: Sequence[Estimate | None]) -> list[tuple[str, str]]:
    """`estimate_text` of estimates of one quantity, all with the same number of decimals.

    One that would be a zero by that, and is none, has its own.
    """
    known = [e for e in estimates if e is not None and math.isfinite(e.estimate)]
    halves = [(e.high - e.low) / 2 for e in known if math.isfinite(e.high - e.low) and e.high > e.low]
    scale = max((abs(e.estimate) for e in known), default=0.0)
    if not halves or scale >= 1e7 or scale < 1e-4:
        return [estimate_text(estimate) for estimate in estimates]
    finest, usual = (
        max(0, 1 - math.floor(math.log10(half))) for half in (min(halves), statistics.median(halves))
    )
    decimals = min(finest, usual + 1, _MOST_DECIMALS)
    return [
        estimate_text(e)
        if e is None or not math.isfinite(e.estimate) or 0 < abs(e.estimate) < 0.5 * 10**-decimals
        else (_fixed(e.estimate, decimals), _bracketed(e, decimals))
        for e in estimates
    ]


def in_one(estimate: Estimate | None) -> str:
    """`1.022 [0.970, 1.088]`"""
    value, interval = estimate_text(estimate)
    return value if interval == NOTHING else f"{value} {interval}"


def time_unit(estimate_s: Estimate) -> tuple[Estimate, str]:
    """A time in the unit that suits its size."""
    size = abs(estimate_s.estimate) or max(abs(estimate_s.low), abs(estimate_s.high))
    if size >= 1:
        return estimate_s, "s"
    return (estimate_s.scaled(1e3), "ms") if size >= 1e-3 else (estimate_s.scaled(1e6), "µs")


def duration(seconds: float | None) -> str:
    """`15 s`, `4 min 20 s`, `8 h 5 min`."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 120:
        return f"{exact(float(f'{seconds:.3g}'))} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{number(hours)} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def _bracketed(estimate: Estimate, decimals: int) -> str:
    if not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
        return NOTHING
    return f"[{_fixed(estimate.low, decimals)}, {_fixed(estimate.high, decimals)}]"


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}".replace("-", _MINUS)
    return text.removeprefix(_MINUS) if not text.strip(f"{_MINUS}0.,") else text


def _scientific(value: float, digits: int) -> str:
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa} \N{MULTIPLICATION SIGN} 10{str(int(power)).translate(_POWERS)}".replace("-", _MINUS)
