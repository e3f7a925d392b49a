"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asicrc.bench.widening import BEYOND_FLAG
from asicrc.errors import UsageError

if TYPE_CHECKING:
    from asicrc.bench.station import Station

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; everything else on stderr.")]
StationFile = Annotated[
    Path | None,
    typer.Option("--station", help="Station file with your limits. Default: the one that is found."),
]
AllowBeyond = Annotated[
    bool,
    typer.Option(
        BEYOND_FLAG,
        help="Let the station file go beyond the built-in limits, at your own risk; stored with the capture.",
    ),
]
FigureFile = Annotated[Path | None, typer.Option("--figure", help="Write a figure (png, pdf or svg).")]
Duplicates = Annotated[
    bool, typer.Option("--include-duplicates", help="Count repeated proofs as arrivals too.")
]
Point = Annotated[
    int | None,
    typer.Option("--point", help="Of a sweep: the row of the point (`id` of `asicrc sweep --json`)."),
]
ResamplingSeed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the resampling.")]
Device = Annotated[str, typer.Option("--device", "-d", help="Device URL, for example sim:bm1366.")]

_UNITS_S = {"": 1.0, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str) -> float:
    """`90`, `90s`, `1.5m`, `8h` to seconds. Raises UsageError."""
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:e[0-9]+)?)\s*([a-z]*)\s*", text)
    if match is None or match[2] not in _UNITS_S:
        raise UsageError(f"{text!r} is not a duration", "write 90, 90s, 15m or 8h")
    value = float(match[1]) * _UNITS_S[match[2]]
    if not 0 < value <= 366 * 86400:
        raise UsageError(
            f"{text} is no length of time that can be used: it takes more than 0 and at most 366 d",
            "write 90, 90s, 15m or 8h",
        )
    return value


def refuse_idle(given: Mapping[str, bool], where: str) -> None:
    """An option that would be passed over in silence is a mistake. Raises UsageError."""
    idle = [name for name, is_given in given.items() if is_given]
    if idle:
        raise UsageError(
            f"{', '.join(idle)} {'has' if len(idle) == 1 else 'have'} a say only where {where}",
            "leave it out" if len(idle) == 1 else "leave them out",
        )


def output_beside(file: Path, suffix: str) -> Path:
    """`file` with another suffix. Raises UsageError for a path without a name."""
    if not file.name:
        raise UsageError(f"{file} is a folder", "name a file inside it")
    return file.with_suffix(suffix)


def chosen_station(path: Path | None) -> Station | None:
    """The station file that was named, else the one that is found. Raises UsageError, BadFile."""
    from asicrc.bench.station import find_station, load_station

    chosen = find_station() if path is None else path
    return None if chosen is None else load_station(chosen)
