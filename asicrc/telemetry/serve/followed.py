"""The capture that the page shows: one file, or the newest of a folder, whatever becomes of it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from asicrc.clock import MACHINE_CLOCK
from asicrc.errors import AsicrcError, BadFile
from asicrc.telemetry.capture_view import CaptureView
from asicrc.telemetry.serve.histogram import interval_histogram
from asicrc.telemetry.serve.history import CaptureHistory
from asicrc.telemetry.serve.snapshot import capture_snapshot, problem_snapshot
from firmware_protocols.device import Clock

LOG_LINES = 50
MOST_TRIED = 20
"""Newest files of a folder that are looked at to find one that is a capture."""


class Followed:
    """Call `look` as often as something is to be shown; it raises nothing that a file can bring about."""

    def __init__(self, target: Path, clock: Clock = MACHINE_CLOCK) -> None:
        self._target = target
        self._clock = clock
        self._one: _One | None = None
        self._remark = ""
        self.has_more = False
        """Whether the file has not been read to its end yet, so that the next look may follow at once."""

    def look(self) -> dict[str, Any]:
        """What `capture_snapshot` or `problem_snapshot` return."""
        self.has_more = False
        try:
            one = self._chosen()
            snapshot = one.look(self._remark)
        except AsicrcError as error:
            self._one = None
            return problem_snapshot(self._target.name or str(self._target), error)
        self.has_more = one.has_more
        return snapshot

    def _chosen(self) -> _One:
        one = self._one
        is_folder = self._target.is_dir()
        if one is not None and one.is_same_file and (one.is_running or not is_folder):
            return one
        if not is_folder:
            is_another = one is not None and one.is_another
            self._remark = "the file was replaced by another, which is shown now" if is_another else ""
            return self._take(self._target)
        return self._newest(one)

    def _newest(self, one: _One | None) -> _One:
        """The one that was written last and is a capture."""
        paths = sorted(self._target.glob("*.asicrc"), key=_written_ns, reverse=True)
        if not paths:
            raise BadFile(
                f"there is no capture in {self._target}",
                "start one, for example `asicrc capture -d sim:bm1366`: it is shown as soon as it is there",
            )
        left_out: list[BadFile] = []
        for path in paths[:MOST_TRIED]:
            if one is not None and one.path == path and one.is_same_file:
                chosen = one
            else:
                try:
                    chosen = self._take(path)
                except BadFile as error:
                    left_out.append(error)
                    continue
            which = "the only capture" if len(paths) == 1 else f"the newest of {len(paths)} captures"
            self._remark = f"{which} in {self._target.resolve()}"
            if left_out:
                self._remark += f"; left out: {left_out[0].message}"
            return chosen
        raise left_out[0]

    def _take(self, path: Path) -> _One:
        self._one = None
        self._one = _One(path, self._clock)
        return self._one


class _One:
    """One file, as long as it is the same. Raises BadFile."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.has_more = False
        self.is_running = True
        self._state = _state(path)
        self._view = CaptureView(path, clock, LOG_LINES)
        self._history = CaptureHistory(path)

    @property
    def is_same_file(self) -> bool:
        """A running one grows; one that has ended and then changes was gone on with."""
        return not self.is_another and (self.is_running or _state(self.path) == self._state)

    @property
    def is_another(self) -> bool:
        """Whether the name is that of another file by now, or of none."""
        return _state(self.path)[:2] != self._state[:2]

    def look(self, remark: str) -> dict[str, Any]:
        if self.is_running:
            self._state = _state(self.path)
        self.has_more = self._history.read_on()
        try:
            standing = self._view.look()
            histogram = interval_histogram(self._view.intervals_s)
            series = self._history.series()
        except (ArithmeticError, ValueError) as error:
            raise BadFile(
                f"{self.path} holds times that no asicrc writes: {error}",
                "the file is damaged or was altered: get it again from where it was written",
            ) from None
        self.is_running = not standing.sealed and not standing.is_stale
        return capture_snapshot(standing, remark, histogram, series, self._history.points_s)


def _state(path: Path) -> tuple[int, ...]:
    """Which file it is, and whether it was written since."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _written_ns(path: Path) -> int:
    """When a capture or its log was last written; 0 for one that is gone by now."""
    found = [0]
    for name in (path, Path(f"{path}-wal")):
        with suppress(OSError):
            found.append(name.stat().st_mtime_ns)
    return max(found)
