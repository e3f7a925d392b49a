"""What a file is of, by its content: a capture, a benchmark's result, a run of claims."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asicrc.analysis.capture_analysis import CaptureAnalysis
from asicrc.analysis.event_source import is_capture
from asicrc.capture.reader import load
from asicrc.errors import BadFile, UsageError
from asicrc.report.html.page import Page
from firmware_protocols.device import NO_TIME

LARGEST_JSON_BYTES = 64 << 20
USUAL_SEED = 1
_KNOWN = "a capture, the JSON of `asicrc benchmark ... --json`, or that of `asicrc claims run ... --json`"


def page_of_file(
    path: Path, *, seed: int = 1, point: int | None = None, analysis: CaptureAnalysis | None = None
) -> Page:
    """Raises BadFile for anything else, UsageError for a point of what is no sweep."""
    if is_capture(path):
        return _page_of_capture(path, seed, point, analysis)
    if point is not None:
        raise UsageError(f"{path} is no capture of a sweep: it has no points", "leave out --point")
    if seed != USUAL_SEED:
        raise UsageError(f"{path} is a result: nothing of it is resampled", "leave out --seed")
    return page_of_json(_json_of(path), str(path), name=path.name)


def page_of_json(
    found: Mapping[str, Any], where: str, *, name: str = "", command: Sequence[str] = ()
) -> Page:
    """Raises BadFile for an object that is neither a benchmark's nor of a run of claims."""
    if isinstance(found.get("error"), dict):
        said = str(found["error"].get("message", ""))[:500]
        raise BadFile(f"{where} is the report of a failure, not a result: {said}", "run the command again")
    if isinstance(found.get("claims"), list):
        from asicrc.report.html.claims_page import claims_page

        return claims_page(found, where, name=name, command=command)
    if isinstance(found.get("scores"), list) and "task" in found:
        from asicrc.report.html.benchmark_told import benchmark_json_page

        return benchmark_json_page(found, where, name=name)
    raise BadFile(f"{where} holds no result that a report is made of", f"give {_KNOWN}")


def _page_of_capture(path: Path, seed: int, point: int | None, analysis: CaptureAnalysis | None) -> Page:
    from asicrc.report.html.capture_page import capture_page
    from asicrc.report.html.sweep_page import sweep_page

    with load(path) as capture:
        recorded = sum(record.t_start_ns != NO_TIME for record in capture.points())
    if point is None and recorded > 1:
        if seed != USUAL_SEED:
            raise UsageError(f"{path} is a sweep: only a point of it is resampled", "--point N, or no --seed")
        return sweep_page(path)
    return capture_page(path, seed=seed, point=point, analysis=analysis)


def _json_of(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_JSON_BYTES + 1)
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}", "is it a file of yours?") from None
    if len(content) > LARGEST_JSON_BYTES:
        raise BadFile(f"{path} has more than {LARGEST_JSON_BYTES >> 20} MiB", f"give {_KNOWN}")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise BadFile(f"{path} is neither a capture nor JSON", f"give {_KNOWN}") from None
    if not isinstance(found, dict):
        raise BadFile(f"{path} holds no result that a report is made of", f"give {_KNOWN}")
    return found
