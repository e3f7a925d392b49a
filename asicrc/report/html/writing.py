"""From what was measured to one HTML file beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asicrc.errors import UsageError
from asicrc.whole_file import check_place, whole_file

if TYPE_CHECKING:
    from asicrc.analysis.capture_analysis import CaptureAnalysis
    from asicrc.capture.reader import Capture
    from asicrc.report.html.page import Page
    from asicrc.reservoir.benchmark import BenchmarkResult

REPORT_SUFFIXES = (".html", ".htm")


def write_report(
    subject: Capture | BenchmarkResult | Mapping[str, Any] | Path,
    path: Path,
    *,
    overwrite: bool = False,
    seed: int = 1,
    point: int | None = None,
    analysis: CaptureAnalysis | None = None,
    captures: Sequence[Path] = (),
    command: Sequence[str] = (),
) -> None:
    """Write the report of a capture, a sweep, a benchmark or a run of claims: completely, or not at all.

    `subject` is an open capture, a benchmark, the JSON object of a benchmark or of a run of claims, or the
    file of one of these. `seed` is of the resampling, `point` one of a sweep by its row, `analysis` what was
    computed of the capture already. Of a benchmark, `captures` are its files, and `command` is what ran it.
    Raises UsageError for a name that is no report's or that exists, BadFile, StorageError.
    """
    check_report_name(path, overwrite=overwrite)
    if isinstance(subject, Path) and path.exists() and subject.exists() and path.samefile(subject):
        raise UsageError(f"{path} is what the report would be of", "choose another --output")
    page = _page(subject, seed, point, analysis, captures, command)
    from asicrc.report.html.rendering import render

    text = render(page)
    with whole_file(path) as draft, draft.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def check_report_name(path: Path, *, overwrite: bool = False) -> None:
    """Raises UsageError, StorageError; asked before anything is computed."""
    if path.suffix.lower() not in REPORT_SUFFIXES:
        raise UsageError(f"no report is written as {path.name!r}", "end it in .html")
    if path.exists() and (not overwrite or path.is_dir()):
        raise UsageError(f"{path} exists already", "choose another --output, or --overwrite")
    check_place(path)


def _page(
    subject: Capture | BenchmarkResult | Mapping[str, Any] | Path,
    seed: int,
    point: int | None,
    analysis: CaptureAnalysis | None,
    captures: Sequence[Path],
    command: Sequence[str],
) -> Page:
    from asicrc.capture.point_capture import PointCapture
    from asicrc.capture.reader import Capture
    from asicrc.report.html.recognising import page_of_file, page_of_json

    if isinstance(subject, PointCapture):
        point = subject.point.id
    if isinstance(subject, Capture):
        subject = subject.path
    if isinstance(subject, Path):
        return page_of_file(subject, seed=seed, point=point, analysis=analysis)
    if point is not None:
        raise UsageError("a result is no capture of a sweep: it has no points", "leave out the point")
    if isinstance(subject, Mapping):
        return page_of_json(subject, "this result", command=command)
    from asicrc.report.html.benchmark_page import benchmark_page

    return benchmark_page(subject, captures=captures, command=command)
