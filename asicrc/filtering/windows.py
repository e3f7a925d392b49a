"""Windows of shares with a label, as the papers cut them: from their CSV files, or from a capture."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asicrc.capture.reader import load
from asicrc.errors import BadFile, NoAnswer, UsageError
from firmware_protocols.device import NO_TIME, Verdict

FEATURES = ("shares", "jitter_mean", "jitter_std")
SHARE_COLUMNS = ("window_shares", "share_count")
LARGEST_CSV_BYTES = 64 << 20
LARGEST_VALUE = 1e100
"""Of a count or a time: the squares of larger ones are no numbers any more."""
DEFAULT_WINDOW_S = 2.0
"""Of the published continuous data set (arXiv 2601.12032, section 14)."""


@dataclass(frozen=True, slots=True)
class WindowTable:
    """`features` (n, 3) are those of `FEATURES` in each window; the label of the papers is shares > 0."""

    source: str
    features: NDArray[np.float64]
    label: NDArray[np.bool_]

    @property
    def shares(self) -> NDArray[np.float64]:
        return self.features[:, 0]


def load_windows(path: Path, window_s: float = DEFAULT_WINDOW_S) -> WindowTable:
    """Windows of a CSV with columns `window_shares` or `share_count`, `jitter_mean`, `jitter_std`, `label`;
    or of a capture, cut every `window_s`.

    Raises BadFile for a file that is neither, UsageError for a length that is none, NoAnswer for a capture
    without two windows.
    """
    if not window_s > 0:
        raise UsageError(f"windows of {window_s:g} s are none", "--window 2s")
    if is_window_table(path):
        return _of_csv(path)
    return _of_capture(path, window_s)


def is_window_table(path: Path) -> bool:
    """Whether its windows are cut already; a capture's are not."""
    return path.suffix.lower() == ".csv"


def _of_csv(path: Path) -> WindowTable:
    try:
        if path.stat().st_size > LARGEST_CSV_BYTES:
            raise BadFile(
                f"{path} has over {LARGEST_CSV_BYTES >> 20} MiB", "give a table of windows, one a row"
            )
        with path.open(newline="", encoding="utf-8") as source:
            reader = csv.DictReader(source)
            rows, columns = list(reader), set(reader.fieldnames or ())
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}", "is the name right?") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path} is no CSV text: {error}", "give a table with one window a row") from None
    counts = [name for name in SHARE_COLUMNS if name in columns]
    missing = {"jitter_mean", "jitter_std", "label"} - columns
    if not counts or missing:
        wanted = f"{' or '.join(SHARE_COLUMNS)}, jitter_mean, jitter_std, label"
        raise BadFile(
            f"{path} is no table of windows: it has the columns {sorted(map(str, columns))}",
            f"columns: {wanted}",
        )
    features = np.empty((len(rows), len(FEATURES)))
    label = np.empty(len(rows), bool)
    for number, row in enumerate(rows):
        try:
            features[number] = [float(row[name]) for name in (counts[0], "jitter_mean", "jitter_std")]
            if row["label"] not in ("0", "1"):
                raise ValueError(f"label {row['label']!r} is neither 0 nor 1")
        except (TypeError, ValueError) as error:
            raise BadFile(f"{path}, line {number + 2}: {error}", "mend the line, or leave it out") from None
        label[number] = row["label"] == "1"
    if not (np.abs(features) <= LARGEST_VALUE).all():
        raise BadFile(
            f"{path} holds values that are no numbers, or above {LARGEST_VALUE:g}", "leave such windows out"
        )
    return WindowTable(path.name, features, label)


def _of_capture(path: Path, window_s: float) -> WindowTable:
    with load(path) as capture:
        events = capture.events()
        name = path.name
    events = events[(events["verdict"] == Verdict.VALID) & ~events["duplicate"] & (events["t_ns"] != NO_TIME)]
    if not len(events):
        raise NoAnswer(f"{path} holds no valid share with a time", "capture for longer")
    width_ns = round(window_s * 1e9)
    rows = []
    for segment in np.unique(events["segment"]):  # no window crosses a reconnect
        part = events[events["segment"] == segment]
        since = part["t_ns"] - int(part["t_ns"][0])
        number = since // width_ns
        for window in range(int(number[-1])):  # the last one was cut off
            inside = part[number == window]
            delays = (inside["t_ns"] - inside["t_sent_ns"])[inside["t_sent_ns"] != NO_TIME] / 1e9
            mean, spread = (float(delays.mean()), float(delays.std())) if len(delays) else (0.0, 0.0)
            rows.append((len(inside), mean, spread))
    if len(rows) < 2:
        raise NoAnswer(
            f"{path} holds {len(rows)} whole windows of {window_s:g} s", "capture for longer, or --window"
        )
    features = np.array(rows, float)
    return WindowTable(name, features, features[:, 0] > 0)
