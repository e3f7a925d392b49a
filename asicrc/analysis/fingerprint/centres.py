"""The centre of each place's values with its standard error, whatever a few late ones do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.fingerprint.groups import Floats, Group
from asicrc.analysis.robust_fit import HUBER

FEWEST = 2.0
"""Values of a place, less what was fitted to them."""
_LEAST_UNCLIPPED = 0.1

Ints = NDArray[np.int64]


def group_of_centres(
    names: tuple[str, ...],
    label: Ints,
    centre: Floats,
    residual: Floats,
    scale: float,
    *,
    fitted: int,
    worth: Floats | None = None,
) -> Group:
    """The centres that `residual` is about, by place.

    Parameters
    ----------
    label : (n,) place of each value, -1 for none
    centre : (n,) of the place of each value
    residual : (n,) values less their centre, and less whatever else was fitted
    scale : at which Huber's scores were clipped, in robust sigmas
    fitted : numbers that were fitted in all
    worth : (n,) how much of each value is left of what was fitted beside the places; None: all

    Errors are those of Huber's estimate (Huber 1964), from the scores of all places together.
    """
    known = label >= 0
    score = np.clip(residual / scale, -HUBER, HUBER) if scale > 0 else np.zeros(len(residual))
    unclipped = max(float(np.mean(np.abs(score) < HUBER)), _LEAST_UNCLIPPED)
    sigma = float(np.sqrt(np.sum(score**2) / max(len(residual) - fitted, 1))) * scale / unclipped
    informative = np.bincount(label[known], None if worth is None else worth[known], len(names)).astype(float)
    of_place = np.zeros(len(names))
    of_place[label[known]] = centre[known]
    held = (informative >= FEWEST) & (sigma > 0)
    return Group(
        names=tuple(name for name, kept in zip(names, held, strict=True) if kept),
        values=of_place[held],
        errors=sigma / np.sqrt(informative[held]),
    )
