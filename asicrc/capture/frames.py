"""Events as tables of other libraries: pandas, Arrow, xarray. All of them are optional."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from enum import IntEnum
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from asicrc.capture.points import PointRecord, point_of
from asicrc.errors import UsageError
from firmware_protocols.device import NO_TIME, Duplicate, NonceBatch, Reason, Verdict

if TYPE_CHECKING:
    import pandas
    import pyarrow
    import xarray

POINT = "point"
"""Column of a sweep's tables: the row of the point that an event was recorded at."""
STAMPS = ("t_ns", "t_kernel_ns", "t_sent_ns")
CODED: dict[str, type[IntEnum]] = {"verdict": Verdict, "reason": Reason, "duplicate_reason": Duplicate}


def words_of(name: str) -> list[str]:
    """Words for the codes of a coded column, in the order of the codes, which count from 0."""
    return [member.name.lower() for member in CODED[name]]


def hex_extranonce2(events: NonceBatch) -> list[str]:
    """Extranonce2 of each event as hex digits in byte order; empty where there is none."""
    raw, lengths = events["extranonce2"].tobytes().hex(), events["extranonce2_len"].tolist()
    return [raw[32 * i : 32 * i + 2 * length] for i, length in enumerate(lengths)]


def column_names(events: NonceBatch) -> list[str]:
    """Columns of every table: those of the events, the length of extranonce2 being in its digits."""
    return [name for name in events.dtype.names or () if name != "extranonce2_len"]


def events_to_pandas(events: NonceBatch, points: Sequence[PointRecord] | None = None) -> pandas.DataFrame:
    """One row an event; see `Capture.to_pandas`. `points` are a sweep's."""
    library = needed("pandas", "a DataFrame")
    columns: dict[str, Any] = {}
    for name in column_names(events):
        if name == "extranonce2":
            columns[name] = hex_extranonce2(events)
        elif name in CODED:
            columns[name] = library.Categorical.from_codes(events[name].astype(np.int8), words_of(name))
        elif name in STAMPS:
            columns[name] = library.arrays.IntegerArray(events[name].copy(), events[name] == NO_TIME)
        else:
            columns[name] = events[name].copy()
    if points is not None:
        rows = point_of(points, events)
        columns[POINT] = library.arrays.IntegerArray(rows, rows == 0)
    frame: pandas.DataFrame = library.DataFrame(columns)
    return frame


def events_to_arrow(
    events: NonceBatch, meta: dict[str, Any], points: Sequence[PointRecord] | None = None
) -> pyarrow.Table:
    """An Arrow table, nulls where something is missing, `meta` as JSON under `asicrc` in its metadata."""
    arrow = needed("pyarrow", "Parquet")
    columns: dict[str, Any] = {}
    for name in column_names(events):
        column = np.ascontiguousarray(events[name])
        if name == "extranonce2":
            columns[name] = arrow.array(hex_extranonce2(events), arrow.string())
        elif name in CODED:
            codes = arrow.array(column.astype(np.int8))
            columns[name] = arrow.DictionaryArray.from_arrays(codes, arrow.array(words_of(name)))
        elif name in STAMPS:
            columns[name] = arrow.array(column, mask=column == NO_TIME)
        elif name == "difficulty":
            columns[name] = arrow.array(column, mask=np.isnan(column))
        else:
            columns[name] = arrow.array(column)
    if points is not None:
        rows = point_of(points, events)
        columns[POINT] = arrow.array(rows, mask=rows == 0)
    return arrow.table(columns).replace_schema_metadata({"asicrc": json.dumps(meta)})


def events_to_xarray(
    events: NonceBatch, meta: dict[str, Any], points: Sequence[PointRecord] | None = None
) -> xarray.Dataset:
    """A Dataset along `event`. Missing stamps keep their marker, named in the attribute `no_time`:
    a fill value would turn nanoseconds into floats. `meta` is JSON in the attribute `asicrc`. Of a sweep's
    events those of no point have the number in the attribute `no_point`."""
    library = needed("xarray", "a Dataset")
    variables: dict[str, Any] = {}
    for name in column_names(events):
        values, attributes = np.ascontiguousarray(events[name]), _attributes(name)
        if name == "extranonce2":
            values = np.array(hex_extranonce2(events), "S32")
        variables[name] = ("event", values, attributes)
    if points is not None:
        variables[POINT] = ("event", point_of(points, events), {"no_point": np.int64(0)})
    dataset: xarray.Dataset = library.Dataset(variables, attrs={"asicrc": json.dumps(meta)})
    return dataset


def needed(module: str, what: str) -> ModuleType:
    """Import an optional library. Raises UsageError, naming the extra, when it is not there."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UsageError(
            f"{what} needs {module}, which is not installed", "pip install 'asicrc[export]'"
        ) from None


def _attributes(name: str) -> dict[str, Any]:
    if name in CODED:
        words = words_of(name)
        return {"flag_values": np.arange(len(words), dtype=np.uint8), "flag_meanings": " ".join(words)}
    if name in STAMPS:
        return {"unit_of_time": "ns", "no_time": np.int64(NO_TIME)}
    return {}
