"""Draw again from the next child seed when a series has left all bounds, and count how often.

Clipping would change the task; leaving the draws out changes, a little, the distribution of the input that
is left. So the number of discarded draws is handed on with the task.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from asicrc.errors import NoAnswer
from asicrc.reservoir.tasks.task import Floats, Seed, child_seed, seed_sequence

MAX_DRAWS = 1000


class Drawn(NamedTuple):
    """`redraws` draws were discarded before this one; without any it is the seed's own draw."""

    u: Floats
    series: Floats
    redraws: int


def draw_until_bounded(
    name: str, seed: Seed, draw: Callable[[np.random.Generator], tuple[Floats, Floats]], limit: float
) -> Drawn:
    """Draw (u, series) until `series` is finite with all values below `limit` in size.

    The first draw is that of the seed itself, the next ones those of its children 0, 1, ... Raises NoAnswer
    after 1,000 draws.
    """
    for number in range(MAX_DRAWS):
        source = seed_sequence(seed) if number == 0 else child_seed(seed, number - 1)
        u, series = draw(np.random.default_rng(source))
        if bounded(series, limit):
            return Drawn(u, series, number)
    raise NoAnswer(
        f"{name} of {len(series)} steps diverged in {MAX_DRAWS} draws out of {MAX_DRAWS}",
        "ask for fewer steps, a smaller range of the input, or less noise",
    )


def bounded(series: Floats, limit: float) -> bool:
    """NaN and infinity are beyond every limit."""
    return bool(np.all(np.abs(series) < limit))
