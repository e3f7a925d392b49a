"""The far-infrared laser of the Santa Fe competition, from a file that the user has."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asicrc.errors import BadFile, UsageError
from asicrc.importing.source_text import SourceText
from asicrc.reservoir.tasks.forecast import Horizon, checked_horizons, forecast_task
from asicrc.reservoir.tasks.task import Floats, Task, checked_count

_HINT = (
    "give the text file of data set A of the Santa Fe competition (A.dat, or with its continuation A.cont): "
    "one number in a line"
)
_MOST_VALUES = 1_000_000


def santa_fe(path: Path | str, n: int | None = None, *, horizon: Horizon = 1) -> Task:
    """Forecast the measured intensity of an NH3 laser (Weigend and Gershenfeld 1993, data set A).

    The series is used as it stands in the file, its first `n` steps or all of them; it is measured, so there
    is no seed. Raises BadFile for a file that is missing or holds anything but one number in a line,
    UsageError where it is too short for `n` and the horizon.
    """
    x = one_column(Path(path))
    ahead = max(checked_horizons(horizon))
    steps = len(x) - ahead if n is None else checked_count("n", n)
    if steps < 1 or steps + ahead > len(x):
        raise UsageError(
            f"{path} has {len(x)} values: too few for {max(steps, 1)} steps and a horizon of {ahead}",
            "ask for fewer steps, or join the file with its continuation",
        )
    return forecast_task(
        "santa_fe", x[: steps + ahead], x[: steps + ahead], horizon, {"file": Path(path).name}
    )


def one_column(path: Path) -> Floats:
    """(T,) numbers of a text file with one in a line; empty lines and # comments do not count."""
    values: list[float] = []
    for line in SourceText(path).lines():
        text = "" if line.text is None else line.text.strip()
        if line.text is not None and (not text or text.startswith("#")):
            continue
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not np.isfinite(value):
            shown = ascii(text[:40]) if text else "a line that is far too long"
            raise BadFile(f"{path.name}, line {line.number}: {shown} is not one number", _HINT)
        values.append(value)
        if len(values) > _MOST_VALUES:
            raise BadFile(f"{path.name} has more than {_MOST_VALUES:,} values", _HINT)
    if not values:
        raise BadFile(f"{path.name} holds no numbers", _HINT)
    return np.array(values)
