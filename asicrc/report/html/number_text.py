"""Numbers as a reader sees them: as many digits as their intervals bear, a real minus sign, units by size."""

from __future__ import annotations

import math

from asicrc.evidence import Estimate

NOTHING = "–"
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
    return NOTHING if value is None or not math.isfinite(value) else f"{number(100 * value, 3)} %"


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
    return _fixed(value, decimals), f"[{_fixed(low, decimals)}, {_fixed(high, decimals)}]"


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


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}".replace("-", _MINUS)
    return text.removeprefix(_MINUS) if not text.strip(f"{_MINUS}0.,") else text


def _scientific(value: float, digits: int) -> str:
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa} × 10{str(int(power)).translate(_POWERS)}".replace("-", _MINUS)
