"""Exporting the events of a capture: CSV, Parquet, NetCDF."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asicrc.capture.frames import (
    CODED,
    POINT,
    STAMPS,
    column_names,
    events_to_arrow,
    events_to_xarray,
    hex_extranonce2,
    needed,
    words_of,
)
from asicrc.capture.points import point_of
from asicrc.capture.reader import Capture
from asicrc.errors import UsageError
from asicrc.whole_file import whole_file
from firmware_protocols.device import NO_TIME, NonceBatch, empty_events


def export(capture: Capture, path: str | os.PathLike[str], format: str, *, overwrite: bool = False) -> None:
    """Write all events of `capture` to `path`: completely, or not at all.

    Integers stay integers; verdicts and reasons are words (in NetCDF codes with CF flag attributes);
    extranonce2 is hex; what is missing is an empty field or null (in NetCDF see `Capture.to_xarray`). Of a
    sweep the last column, `point`, is the row of the point that an event was recorded at, as in
    `asicrc sweep --json`, missing while the device settled.
    Raises UsageError for an unknown format, a file that exists (unless `overwrite`) or a library that
    is not installed, StorageError if it cannot be written, BadFile if the capture cannot be read.
    """
    write = _WRITERS.get(format)
    if write is None:
        raise UsageError(f"there is no export format {format!r}", f"choose one of {', '.join(_WRITERS)}")
    target = Path(path)
    if target.exists() and (not overwrite or target.is_dir() or target.samefile(capture.path)):
        raise UsageError(f"{target} exists already", "choose another --output, or --overwrite")
    with whole_file(target) as draft:
        write(capture, draft)


def _write_csv(capture: Capture, path: Path) -> None:
    with path.open("x", newline="", encoding="ascii") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        names, points = column_names(empty_events()), capture.sweep_points()
        writer.writerow(names if points is None else [*names, POINT])
        for events in capture.event_chunks():
            columns = [_csv_column(events, name) for name in names]
            if points is not None:
                columns.append([row or "" for row in point_of(points, events).tolist()])
            writer.writerows(zip(*columns, strict=True))


def _csv_column(events: NonceBatch, name: str) -> list[Any]:
    if name == "extranonce2":
        return hex_extranonce2(events)
    values: list[Any] = events[name].tolist()
    if name in CODED:
        words = words_of(name)
        return [words[code] for code in values]
    if name in STAMPS:
        return ["" if t_ns == NO_TIME else t_ns for t_ns in values]
    if name == "difficulty":
        return ["" if math.isnan(value) else repr(value) for value in values]
    if name in ("duplicate", "synthetic"):
        return [int(value) for value in values]
    return values


def _write_parquet(capture: Capture, path: Path) -> None:
    needed("pyarrow", "Parquet")
    parquet = needed("pyarrow.parquet", "Parquet")
    table = events_to_arrow(capture.events(), capture.meta, capture.sweep_points())
    steady = ["seq", *STAMPS]  # differences of running numbers and stamps pack best
    parquet.write_table(
        table,
        path,
        compression="zstd",
        use_dictionary=[name for name in table.column_names if name not in steady],
        column_encoding=dict.fromkeys(steady, "DELTA_BINARY_PACKED"),
    )


def _write_netcdf(capture: Capture, path: Path) -> None:
    needed("h5netcdf", "NetCDF")
    needed("h5py", "NetCDF")  # h5netcdf writes through it, and no longer brings it
    dataset = events_to_xarray(capture.events(), capture.meta, capture.sweep_points())
    dataset.to_netcdf(path, engine="h5netcdf")


_WRITERS: dict[str, Callable[[Capture, Path], None]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "netcdf": _write_netcdf,
}
