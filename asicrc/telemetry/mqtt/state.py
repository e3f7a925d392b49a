"""How a capture stands, as the topic `state` has it: flat where a template wants one number."""

from __future__ import annotations

import math
from typing import Any

from asicrc.telemetry.standing import Standing
from asicrc.telemetry.units import shown_channels

_LONGEST_WORDS = 300


def state_json(standing: Standing) -> dict[str, Any]:
    """Keys are documented in the guide. What is no finite number is None."""
    rate, cv, invalid = standing.rate_per_s, standing.cv, standing.invalid_share
    return {
        "device": standing.device[:_LONGEST_WORDS],
        "sealed": standing.sealed,
        "ended": None if standing.ended is None else standing.ended[:_LONGEST_WORDS],
        "commit_age_s": standing.commit_age_s,
        "duration_s": standing.duration_s,
        **standing.counts,
        "window_s": standing.window_s,
        "rate_per_s": None if rate is None else finite(rate.estimate),
        "rate_low_per_s": None if rate is None else finite(rate.low),
        "rate_high_per_s": None if rate is None else finite(rate.high),
        "cv": None if cv is None else finite(cv.estimate),
        "cv_low": None if cv is None else finite(cv.low),
        "cv_high": None if cv is None else finite(cv.high),
        "invalid_percent": None if invalid is None else finite(100 * invalid.estimate),
        "invalid_low_percent": None if invalid is None else finite(100 * invalid.low),
        "invalid_high_percent": None if invalid is None else finite(100 * invalid.high),
        "readings": {name: standing.readings[name] for name in shown_channels(standing.readings)},
        "settings": {
            s.name[:_LONGEST_WORDS]: {"requested": finite(s.requested), "read_back": finite(s.read_back)}
            for s in standing.settings
        },
        "point": None if standing.point is None else standing.point.as_json(),
    }


def finite(value: float | None) -> float | None:
    """JSON has no infinity: None says that there is no number to show."""
    return value if value is not None and math.isfinite(value) else None
