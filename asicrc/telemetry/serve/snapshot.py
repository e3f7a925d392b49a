"""What the page is sent: the words and numbers of `watch`, and the charts' columns. Plain JSON."""

from __future__ import annotations

import json
import math
from typing import Any

from asicrc.errors import AsicrcError
from asicrc.printable import printable
from asicrc.telemetry import standing_words as words
from asicrc.telemetry.standing import Standing

LONGEST_TEXT = 2_000
"""Characters of one string from a file; it may hold any number."""


def capture_snapshot(
    standing: Standing,
    remark: str,
    histogram: dict[str, Any] | None,
    series: dict[str, Any] | None,
    points_s: list[tuple[int, float]],
) -> dict[str, Any]:
    """`remark` says why it is this file; `series` is None while the file is still being read."""
    point = standing.point
    return {
        "problem": None,
        "name": standing.path.name,
        "path": str(standing.path),
        "device": standing.device,
        "remark": remark,
        "state": "sealed" if standing.sealed else "silent" if standing.is_stale else "running",
        "words": {
            "state": words.state(standing),
            "counted": words.counted(standing),
            "window": f"last {standing.window_s:.0f} s",
            "rate": words.rate(standing),
            "cv": words.cv(standing),
            "errors": words.errors(standing),
            "readings": words.readings(standing),
            "point": None if point is None else words.point(point),
            "summary": words.line_of(standing).strip(),
        },
        "numbers": standing.as_json(),
        "histogram": histogram,
        "series": series,
        "points": [{"number": number, "t_s": t_s} for number, t_s in points_s] if point is not None else [],
    }


def problem_snapshot(name: str, error: AsicrcError) -> dict[str, Any]:
    return {"problem": {"message": error.message, "try": error.hint}, "name": name}


def as_line(snapshot: dict[str, Any]) -> bytes:
    """One line of ASCII: no string of a file ends it, nor anything in the page."""
    return json.dumps(_shown(snapshot), allow_nan=False, separators=(",", ":")).encode("ascii")


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        cut = value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}... ({len(value)} characters)"
        return printable(cut)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_shown(str(key)): _shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    return value
