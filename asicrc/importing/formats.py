"""The formats that are read, and how each is recognised: by what is in the file, never by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from asicrc.errors import BadFile, UsageError
from asicrc.importing import header_proofs, stratum_shares, timed_headers
from asicrc.importing.context import ImportContext
from asicrc.importing.csv_proofs import column_names
from asicrc.importing.source_text import SourceText
from asicrc.importing.wire_dump import data_lines, read_wire_dump
from asicrc.importing.wire_lines import looks_like_wire
from firmware_protocols.device import Batch

_LINES_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Format:
    """`columns` have to be in the header line; a format without columns is told by its lines."""

    name: str
    title: str
    read: Callable[[SourceText, ImportContext], Iterator[Batch]]
    columns: tuple[str, ...] = ()


FORMATS = (
    Format("stratum-shares", "CSV of shares", stratum_shares.read_shares, stratum_shares.COLUMNS),
    Format(
        "header-proofs",
        "CSV of proofs with their headers",
        header_proofs.read_header_proofs,
        header_proofs.COLUMNS,
    ),
    Format(
        "timed-headers",
        "CSV of timed results of one chip",
        timed_headers.read_timed_headers,
        timed_headers.COLUMNS,
    ),
    Format("wire-dump", "lines of `tx HEX` and `rx HEX`", read_wire_dump),
)


def recognise(source: Path) -> str:
    """Name of the format of a file. Raises BadFile, naming what was looked for, if it is none of them."""
    first_lines = [line.text or "" for line in islice(data_lines(SourceText(source)), _LINES_LOOKED_AT)]
    columns = set(column_names(first_lines[0])) if first_lines else set()
    for one in FORMATS:
        if one.columns and columns.issuperset(one.columns):
            return one.name
    if first_lines and 2 * sum(map(looks_like_wire, first_lines)) >= len(first_lines):
        return "wire-dump"
    raise BadFile(f"{source} is in no format that is known{_nearest(columns)}", _what_is_read())


def format_by_name(name: str) -> Format:
    """Raises UsageError for a name that is none."""
    for one in FORMATS:
        if one.name == name:
            return one
    raise UsageError(
        f"there is no format {name!r}", f"the formats are {', '.join(one.name for one in FORMATS)}"
    )


def _nearest(columns: set[str]) -> str:
    """Names what is missing where a header line has at least half of a format's columns."""
    share, nearest = max(
        ((len(columns & set(one.columns)) / len(one.columns), one) for one in FORMATS if one.columns),
        key=lambda found: found[0],
    )
    if share < 0.5:
        return ""
    missing = ", ".join(name for name in nearest.columns if name not in columns)
    return f"; it is nearest to {nearest.name}, but lacks {missing}"


def _what_is_read() -> str:
    return "these formats are read: " + "; ".join(
        f"{one.name}, {one.title}" + (f" with {', '.join(one.columns)}" if one.columns else "")
        for one in FORMATS
    )
