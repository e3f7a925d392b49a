"""All penalties of a ridge regression out of one decomposition.

With X'X = V L V' (rows centred where an intercept is fitted) the weights at a penalty a are
V (L + a)^-1 V'X'y, so that residuals, degrees of freedom and generalised cross-validation (Golub, Heath and
Wahba 1979) cost a few operations per eigenvalue and penalty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicrc.reservoir.blas_threads import DECOMPOSITIONS, one_thread_up_to
from asicrc.reservoir.readouts.sums import Floats, GramSums, TriangularSums, upper_factor

GRAM_RESOLVES = 1e-12
"""Penalties below this share of the largest eigenvalue drown in the rounding of squared rows."""
_ROUNDING = 1e-13  # of y'y: what is left of a residual sum of squares taken from sums of squares
_FEWEST_FREE = 1e-6  # share of the rows that must stay free, for cross-validation to say anything


@dataclass(frozen=True, slots=True)
class Spectrum:
    """`eigenvalues` (r,), `vectors` (p, r), `projections` V'X'y (r, k), `total` y'y (k,).

    `unexplained` (k,) is what no penalty can explain, known where rows were not squared, else None.
    """

    n: int
    intercept: bool
    mean_x: Floats
    mean_y: Floats
    eigenvalues: Floats
    vectors: Floats
    projections: Floats
    total: Floats
    unexplained: Floats | None

    @classmethod
    def of(cls, sums: GramSums | TriangularSums, intercept: bool) -> Spectrum:
        with one_thread_up_to(DECOMPOSITIONS, sums.features):
            if isinstance(sums, GramSums):
                return _of_gram(sums, intercept)
            return _of_factor(sums, intercept)

    @property
    def squared(self) -> bool:
        """Whether the rows were squared on the way here."""
        return self.unexplained is None

    @property
    def largest(self) -> float:
        return float(self.eigenvalues.max(initial=0.0))

    @property
    def least_penalty(self) -> float:
        """The least penalty that the digits allow."""
        return GRAM_RESOLVES * (1 - 1e-9) * self.largest if self.squared else 0.0

    def weights(self, alphas: Floats) -> Floats:
        """(p, k) weights with penalty alphas[j] for target j."""
        return self.vectors @ self.turned_weights(alphas)

    def turned_weights(self, alphas: Floats) -> Floats:
        """(r, k) the same, for features that `vectors` has turned."""
        return self.projections * self._inverse(alphas)

    def turned_weights_of_each(self, alphas: Floats) -> Floats:
        """(m, r, k) the same, with each penalty for all targets."""
        weights: Floats = np.multiply(self.projections, self._inverse(alphas).T[:, :, None], order="C")
        return weights

    def intercepts(self, weights: Floats) -> Floats:
        """(k,)"""
        return self.mean_y - self.mean_x @ weights if self.intercept else np.zeros(len(self.total))

    def degrees_of_freedom(self, alphas: Floats) -> Floats:
        """(m,) trace of the matrix that turns y into its fit, intercept included."""
        used: Floats = (self.eigenvalues[:, None] * self._inverse(alphas)).sum(axis=0)
        return used + float(self.intercept)

    def residuals(self, alphas: Floats) -> Floats:
        """(m, k) residual sums of squares."""
        inverse = self._inverse(alphas)
        if self.unexplained is None:
            squares = self.projections**2
            explained = (inverse * (1 + alphas * inverse)).T @ squares
            return np.maximum(self.total - explained, _ROUNDING * self.total)
        positive = np.where(self.eigenvalues > 0, self.eigenvalues, 1.0)
        squares = self.projections**2 / positive[:, None]
        shrunk: Floats = self.unexplained + ((alphas * inverse) ** 2).T @ squares
        return shrunk

    def cross_validation(self, alphas: Floats) -> Floats:
        """(m, k) generalised cross-validation, as a mean squared error; infinite where it has no meaning."""
        free = self._free(alphas)
        sense = (free > _FEWEST_FREE * self.n) & (alphas >= self.least_penalty)
        share = np.where(sense, free, self.n) / self.n
        errors: Floats = np.where(
            sense[:, None], self.residuals(alphas) / self.n / share[:, None] ** 2, np.inf
        )
        return errors

    def resolves(self, alphas: Floats, chosen: NDArray[np.int64]) -> bool:
        """False where these sums have too few digits for what was chosen.

        That is where the least of the penalties that they resolve was chosen, and there are lesser ones; and
        where nearly all of y is explained.
        """
        if not self.squared:
            return True
        known = alphas >= self.least_penalty
        if self.n <= len(self.eigenvalues) or not known.any():
            return False
        if not known.all() and np.any(alphas[chosen] == alphas[known].min()):
            return False
        return bool(np.all(self.residuals(alphas[known]).min(axis=0) >= 1e3 * _ROUNDING * self.total))

    def _free(self, alphas: Floats) -> Floats:
        """n less the degrees of freedom, summed so that little is lost where little is left."""
        spare = self.n - self.intercept - len(self.eigenvalues)
        free: Floats = spare + (alphas * self._inverse(alphas)).sum(axis=0)
        return free

    def _inverse(self, alphas: Floats) -> Floats:
        """(r, m) 1 / (eigenvalue + penalty); 0 for a direction in which nothing varies, without penalty."""
        total = self.eigenvalues[:, None] + alphas
        return np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)


def _of_gram(sums: GramSums, intercept: bool) -> Spectrum:
    xx, xy, yy = (sums.xx, sums.xy, sums.yy) if intercept else sums.about_zero()
    eigenvalues, vectors = np.linalg.eigh(xx)
    return Spectrum(
        sums.n,
        intercept,
        sums.mean_x,
        sums.mean_y,
        np.maximum(eigenvalues, 0.0),
        vectors,
        vectors.T @ xy,
        yy,
        None,
    )


def _of_factor(sums: TriangularSums, intercept: bool) -> Spectrum:
    """The singular values of the factor of x are the roots of the eigenvalues, with all their digits."""
    means = sums.factor[0, 1:] / sums.factor[0, 0]
    below = sums.factor[1:, 1:] if intercept else upper_factor(sums.factor[:, 1:])
    height = min(len(below), sums.features)
    of_x, of_y = below[:height, : sums.features], below[:height, sums.features :]
    unexplained = (below[height:, sums.features :] ** 2).sum(axis=0)
    left, values, right = np.linalg.svd(of_x, full_matrices=False)
    largest = values.max(initial=0.0)
    varies = values > np.finfo(np.float64).eps * max(sums.n, sums.features) * largest
    projected = left.T @ of_y
    unexplained = unexplained + (projected[~varies] ** 2).sum(axis=0)
    return Spectrum(
        sums.n,
        intercept,
        means[: sums.features],
        means[sums.features :],
        values[varies] ** 2,
        right[varies].T,
        projected[varies] * values[varies, None],
        (of_y**2).sum(axis=0) + (below[height:, sums.features :] ** 2).sum(axis=0),
        unexplained,
    )
