"""Whether a label can be read off what is to predict it: then a perfect score says nothing of prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

LARGEST_CHANCE = 1e-4
"""A rule that separates the kinds by chance no oftener than this is taken for one by which they were made."""


@dataclass(frozen=True, slots=True)
class LabelLeak:
    """`rule` in words; `chance` is how often one as good comes about by chance, in any of the features."""

    rule: str
    chance: float


def label_leak(
    features: NDArray[np.float64], names: Sequence[str], label: NDArray[np.bool_]
) -> LabelLeak | None:
    """The first feature of (n, k) with a threshold that separates the labels (n,) without an exception.

    None where there is none, or where so few rows separate by chance. What a label is made of does so: the
    share count, where the label says whether there was a share.
    """
    n, positives = len(label), int(label.sum())
    if not 0 < positives < n:
        return None
    for number, name in enumerate(names):
        values = features[:, number]
        of_label, of_others = values[label], values[~label]
        for word, low, high in (("above", of_others, of_label), ("below", of_label, of_others)):
            if low.max() < high.min():
                chance = min(1.0, 2 * len(names) / comb(n, positives))
                if chance <= LARGEST_CHANCE:
                    threshold = (float(low.max()) + float(high.min())) / 2
                    return LabelLeak(
                        f"the label is 1 where {name} is {word} {threshold:.6g}, in all {n} rows", chance
                    )
    return None


def confounded_with_time(label: NDArray[np.bool_]) -> LabelLeak | None:
    """Labels that lie in two blocks, one after the other: anything that drifts tells them apart."""
    n, positives = len(label), int(label.sum())
    if not 0 < positives < n or int(np.count_nonzero(label[1:] != label[:-1])) != 1:
        return None
    chance = 2 / comb(n, positives)
    if chance > LARGEST_CHANCE:
        return None
    first = "1" if label[0] else "0"
    size = positives if label[0] else n - positives
    return LabelLeak(f"the first {size} rows are all those of label {first}: label and time are one", chance)
