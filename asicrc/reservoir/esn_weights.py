"""Random recurrent weights of fixed degree on a ring, with a spectral radius of 1.

Every unit hears the units at the same `degree` offsets round the ring, of which the first is its neighbour
and the others are drawn (cycle reservoirs with jumps: Rodan and Tino 2012); the weights are independent and
uniform on [-1, 1). On NARMA-10 such reservoirs score as ones with freely drawn connections do, within the
scatter of either.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import ArpackNoConvergence, eigs

Floats = NDArray[np.float64]

_DENSE_UNITS = 128  # up to here all eigenvalues cost less than the search for the largest
_SOUGHT, _BASIS = 6, 40  # eigenvalues lie dense at the rim: fewer of them, and ARPACK misses the largest
_TOLERANCE = 1e-4


class RingWeights(NamedTuple):
    """weights[k, i] (d, N) is from unit (i + offsets[k]) mod N to unit i; offsets (d,)."""

    weights: Floats
    offsets: NDArray[np.int64]

    def dense(self) -> Floats:
        """(N, N), row i for what goes to unit i."""
        n = self.weights.shape[1]
        matrix = np.zeros((n, n))
        matrix[np.arange(n)[None, :], self._sources()] = self.weights
        return matrix

    def sparse(self) -> Any:
        """The same as a scipy CSR array."""
        degree, n = self.weights.shape
        rows = np.arange(0, degree * n + 1, degree)
        return csr_array((self.weights.T.ravel(), self._sources().T.ravel(), rows), shape=(n, n))

    def _sources(self) -> NDArray[np.int64]:
        n = self.weights.shape[1]
        return np.asarray((np.arange(n)[None, :] + self.offsets[:, None]) % n, dtype=np.int64)


@lru_cache(maxsize=16)
def ring_weights(units: int, degree: int, seed: int) -> RingWeights:
    """Weights with a spectral radius of 1 (to 1e-3); read-only, for they are kept for the next call.

    `degree` is cut to `units`. Raises ValueError for less than one of either.
    """
    if units < 1 or degree < 1:
        raise ValueError(f"{units} unit(s) of degree {degree}: give 1 or more of each")
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
    degree = min(degree, units)
    neighbour = 1 % units
    others = np.setdiff1d(np.arange(units), [neighbour])
    offsets = np.concatenate([[neighbour], rng.choice(others, degree - 1, replace=False)]).astype(np.int64)
    drawn = RingWeights(rng.uniform(-1.0, 1.0, (degree, units)), offsets)
    found = RingWeights(drawn.weights / spectral_radius(drawn), offsets)
    for array in found:
        array.flags.writeable = False
    return found


def spectral_radius(ring: RingWeights) -> float:
    """Largest absolute eigenvalue: of up to 128 units exactly, of more by ARPACK, to about 1e-4."""
    units: int = ring.weights.shape[1]
    if units > _DENSE_UNITS:
        start = np.random.default_rng(units).standard_normal(units)  # ARPACK's own start differs each time
        for basis in (_BASIS, 4 * _BASIS):
            try:
                values = eigs(
                    ring.sparse(),
                    k=_SOUGHT,
                    ncv=min(basis, units),
                    tol=_TOLERANCE,
                    v0=start,
                    return_eigenvectors=False,
                )
            except ArpackNoConvergence:
                continue
            return float(np.abs(values).max())
    return float(np.abs(np.linalg.eigvals(ring.dense())).max())
