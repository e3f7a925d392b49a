"""The board's true state on file, one line of JSON at every change: what a test of safety looks at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SEEN_C = 0.1
"""A change of temperature that is a line of its own."""


class BoardLog:
    """Lines are on file when `write` returns. Times are CLOCK_MONOTONIC."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("w", encoding="ascii") if path is not None else None
        self._last: dict[str, Any] = {}

    def write(self, t_ns: int, **state: float | bool) -> None:
        """`reset` (held), `voltage_mv`, `fan_percent` (as it turns), `temperature_c`, `frequency_mhz`."""
        if self._file is None:
            return
        rounded = {key: value if isinstance(value, bool) else round(value, 3) for key, value in state.items()}
        if all(_same(key, self._last.get(key), value) for key, value in rounded.items()):
            return
        self._last = rounded
        self._file.write(json.dumps({"t_ns": t_ns, **rounded}) + "\n")
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _same(key: str, before: float | bool | None, now: float | bool) -> bool:
    return before is not None and (abs(before - now) < SEEN_C if key == "temperature_c" else before == now)
