"""What `show` and `list` say of a capture."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.capture.reader import Capture, load
from asicrc.capture.schema import DIGEST_KEY, END_REASON_KEY, RESTORED_KEY, WIRE_COUNTERS_KEY
from asicrc.errors import BadFile, UsageError
from firmware_protocols.device import NO_TIME

LOG_LINES_SHOWN = 20
DESCRIBED = (
    "asicrc_version",
    "python",
    "platform",
    "command",
    "plan",
    "seed",
    "clock",
    "limits",
    "beyond_built_in",
    "supervision",
    "station",
    "replay_of",
    "source",
    "lag",
    "gate",
    "effective_difficulty",
    "miners",
)


def summarise(path: Path) -> dict[str, Any]:
    """Everything but the rows: identity, settings, counts, clock, log. Raises BadFile."""
    with load(path) as capture:
        meta = capture.meta
        log = capture.log()
        return {
            "path": str(path),
            "sealed": capture.sealed,
            "ended": meta.get(END_REASON_KEY, "not ended: being written, or its session was killed"),
            "digest": meta.get(DIGEST_KEY),
            "started": _started(capture),
            "duration_s": _duration_s(capture),
            "device_url": meta.get("device_url"),
            "identity": meta.get("identity"),
            "counts": capture.counters().as_dict(),
            "wire": meta.get(WIRE_COUNTERS_KEY),
            "jobs": sum(1 for _ in capture.iter_jobs()),
            "segments": len(capture.segments()),
            "points": dict(Counter(point.state.value for point in capture.points())),
            "settings": [
                f"{s.kind} {s.name}: asked {_shown(s.requested)}, is {_shown(s.read_back)}"
                for s in capture.settings()
            ],
            "restored": meta.get(RESTORED_KEY),
            "jitter_floor": meta.get("jitter_floor"),
            **{key: meta[key] for key in DESCRIBED if key in meta},
            "log": [f"{line.level}: {line.text}" for line in log[-LOG_LINES_SHOWN:]],
        }


def list_captures(directory: Path) -> list[dict[str, Any]]:
    """One entry for each *.asicrc in a folder, readable or not. Raises UsageError for no folder."""
    if not directory.is_dir():
        raise UsageError(f"{directory} is no folder", "name the folder that the captures are in")
    return [_entry(path) for path in sorted(directory.glob("*.asicrc"))]


def _entry(path: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": str(path), "device": None}
    entry |= dict.fromkeys(("events", "valid", "synthetic", "sealed"))
    try:
        with load(path) as capture:
            counters = capture.counters()
            identity = capture.identity
            entry |= {
                "device": capture.meta.get("device_url") or (identity.model if identity else "imported"),
                "events": counters.events,
                "valid": counters.valid,
                "synthetic": counters.synthetic,
                "sealed": capture.sealed,
                "error": None,
            }
    except BadFile as error:
        entry["error"] = error.message
    return entry


def _duration_s(capture: Capture) -> float | None:
    """From the first event to the last; of each boot alone, for their monotonic clocks began anew."""
    boot_of = {segment.id: segment.boot_id for segment in capture.segments()}
    ends: dict[str | None, list[int]] = defaultdict(list)
    for chunk in capture.event_chunks():
        for segment in np.unique(chunk["segment"]).tolist():
            ends[boot_of.get(segment)] += _ends(chunk["t_ns"][chunk["segment"] == segment])
    spans_ns = [max(found) - min(found) for found in ends.values() if found]
    return sum(spans_ns) / 1e9 if spans_ns else None


def _ends(stamps: Any) -> list[int]:
    known = stamps[stamps != NO_TIME]
    return [int(known.min()), int(known.max())] if len(known) else []


def _started(capture: Capture) -> str | None:
    for anchor in capture.anchors():
        return f"{datetime.fromtimestamp(anchor.realtime_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return None


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.10g}"
