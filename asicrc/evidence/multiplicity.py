"""What a p-value is worth when several were tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from asicrc.errors import UsageError


def corrected(
    p_values: Mapping[str, float], method: str = "holm", weights: Mapping[str, float] | None = None
) -> dict[str, float]:
    """The same names with corrected p-values.

    `weights`, above 0, share the level among the tests as their importance was said to be beforehand; with
    "holm" alone. Raises UsageError for a method that there is not.
    """
    if method not in METHODS:
        raise UsageError(f"no correction is called {method!r}", f"known: {', '.join(METHODS)}")
    if weights is not None and len({weights[name] for name in p_values}) > 1:
        if method != "holm":
            raise UsageError(f"weights do not go with {method!r}", 'correction = "holm"')
        found = weighted_holm(list(p_values.values()), [weights[name] for name in p_values])
        return dict(zip(p_values, found, strict=True))
    return dict(zip(p_values, METHODS[method](list(p_values.values())), strict=True))


def holm(p_values: Sequence[float]) -> list[float]:
    """Step-down, in the order given: holds the family-wise level whatever the dependence (Holm 1979)."""
    p, order = _sorted(p_values)
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    return _back(stepped, order)


def weighted_holm(p_values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Step-down with the level shared by weights (Holm 1979, section 6); equal weights give `holm`."""
    p, _ = _sorted(p_values)
    w = np.asarray(weights, float)
    if w.shape != p.shape or not np.all(w > 0):
        raise ValueError(f"one weight above 0 for each of {len(p)} p-values, not {weights}")
    order = np.argsort(p / w, kind="stable")
    left = np.cumsum(w[order][::-1])[::-1]
    return _back(np.maximum.accumulate(p[order] / w[order] * left), order)


def bonferroni(p_values: Sequence[float]) -> list[float]:
    """Each times their number (Dunn 1961)."""
    p, _ = _sorted(p_values)
    return [min(float(value) * len(p), 1.0) for value in p]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Step-up: holds the share of false ones among those called found (Benjamini and Hochberg 1995).

    For exploring, where one false alarm among several true ones does little harm.
    """
    p, order = _sorted(p_values)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    return _back(np.minimum.accumulate(scaled[::-1])[::-1], order)


METHODS: dict[str, Callable[[Sequence[float]], list[float]]] = {
    "holm": holm,
    "bonferroni": bonferroni,
    "bh": benjamini_hochberg,
}


def _sorted(p_values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    p = np.asarray(p_values, float)
    if p.ndim != 1 or not np.all((p >= 0) & (p <= 1)):
        raise ValueError(f"p-values lie between 0 and 1, not {p_values}")
    return p, np.argsort(p, kind="stable")


def _back(stepped: np.ndarray, order: np.ndarray) -> list[float]:
    found = np.empty(len(stepped))
    found[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in found]
