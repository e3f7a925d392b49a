"""The law an input was drawn from, with the polynomials that are orthonormal under it.

Legendre for a uniform input, Hermite for a Gaussian one, the sign alone for a binary one; for any other
law the polynomials of the sample itself, by the three-term recurrence of Stieltjes (Gautschi 2004).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.metrics.checking import Floats

_STRANGE_SE = 6.0


@dataclass(frozen=True, slots=True)
class InputLaw:
    """`centre` and `scale` map the input to the standard form: (u - centre) / scale.

    uniform: standard form on [-1, 1]; gaussian: variance 1; binary: -1 and 1; empirical: whatever it is.
    """

    name: str
    centre: float = 0.0
    scale: float = 1.0

    @property
    def has_powers(self) -> bool:
        """A sign has no second power of its own."""
        return self.name != "binary"

    def polynomials(self, u: Floats, degree: int) -> Floats:
        """(degree, T) orthonormal polynomials of degree 1 to `degree`.

        Raises UsageError for an input outside the range of the law, NoAnswer for one that plainly has another
        law, for then the products would not be orthogonal.
        """
        x = (u - self.centre) / self.scale
        if self.name == "empirical":
            return _of_the_sample(x, degree)
        if self.name == "binary":
            if not np.isin(x, (-1.0, 1.0)).all():
                raise UsageError("the input is not binary with the stated two values", "see `binary`")
            table = x[None, :].copy()
        else:
            if self.name == "uniform" and np.abs(x).max() > 1 + 1e-12:
                low, high = self.centre - self.scale, self.centre + self.scale
                raise UsageError(
                    f"the input runs from {u.min():g} to {u.max():g}, outside {low:g} to {high:g}",
                    "state its range: uniform(low, high)",
                )
            table = _by_recurrence(x, self._off_diagonal(degree))
        self._check(table)
        return table

    def _off_diagonal(self, degree: int) -> Floats:
        d = np.arange(1, degree + 1)
        values: Floats = np.sqrt(d) if self.name == "gaussian" else d / np.sqrt(4.0 * d**2 - 1)
        return values

    def _check(self, table: Floats) -> None:
        """The means of the polynomials are 0 under the law, that of the first one's square is 1."""
        rows = np.concatenate([table, table[:1] ** 2 - 1])
        se = rows.std(axis=1) / np.sqrt(rows.shape[1])
        strange = np.abs(rows.mean(axis=1)) > _STRANGE_SE * se + 1e-12
        if strange.any():
            raise NoAnswer(
                f"the input is not {self.name} with the stated parameters: a moment of it is more than "
                f"{_STRANGE_SE:g} standard errors off",
                "state the law that it was drawn from, or use EMPIRICAL",
            )


def uniform(low: float, high: float) -> InputLaw:
    """Uniform on [low, high]: Legendre polynomials. Raises UsageError for an empty range."""
    if not low < high:
        raise UsageError(f"the range {low:g} to {high:g} is empty", "give low < high")
    return InputLaw("uniform", (low + high) / 2, (high - low) / 2)


def gaussian(mean: float, sd: float) -> InputLaw:
    """Gaussian: Hermite polynomials. Raises UsageError for a standard deviation that is not above 0."""
    if not sd > 0:
        raise UsageError(f"the standard deviation is {sd:g}", "give one above 0")
    return InputLaw("gaussian", mean, sd)


def binary(low: float, high: float) -> InputLaw:
    """Two values of equal chance: parities. Raises UsageError where they are the same."""
    return InputLaw("binary", (low + high) / 2, uniform(low, high).scale)


UNIFORM = uniform(-1.0, 1.0)
GAUSSIAN = gaussian(0.0, 1.0)
BINARY = binary(-1.0, 1.0)
EMPIRICAL = InputLaw("empirical")


def require_white(u: Floats, lags: int, alpha: float = 1e-4) -> None:
    """Raises NoAnswer where the input depends linearly on its own past up to `lags` steps.

    The cut lets one in 1/alpha white inputs fail.
    """
    correlations = autocorrelations(u, lags)
    cut = float(stats.norm.isf(alpha / (2 * max(lags, 1)))) / np.sqrt(len(u))
    if lags and np.abs(correlations).max() > cut:
        worst = int(np.abs(correlations).argmax())
        raise NoAnswer(
            f"the input is not white: its autocorrelation at lag {worst + 1} is {correlations[worst]:.3f}, "
            f"white noise of {len(u)} steps stays below {cut:.3f}",
            "drive with independent values; or use surrogates, and read the sum as no bound",
        )


def autocorrelations(u: Floats, lags: int) -> Floats:
    """(lags,) autocorrelation at lag 1, 2, ... Raises NoAnswer for an input that does not vary."""
    x = u - u.mean()
    power = float(x @ x)
    if not power > 1e-26 * float(u @ u):
        raise NoAnswer("the input does not vary", "drive with an input that does")
    spectrum = np.abs(np.fft.rfft(x, 2 * len(x))) ** 2
    value: Floats = np.fft.irfft(spectrum)[1 : lags + 1] / power
    return value


def _by_recurrence(x: Floats, off_diagonal: Floats) -> Floats:
    """b_d p_d = x p_{d-1} - b_{d-1} p_{d-2} for symmetric laws, p_0 = 1."""
    table = np.empty((len(off_diagonal), len(x)))
    before, now, last = np.zeros_like(x), np.ones_like(x), 0.0
    for d, b in enumerate(off_diagonal):
        before, now = now, (x * now - last * before) / b
        last = b
        table[d] = now
    return table


def _of_the_sample(x: Floats, degree: int) -> Floats:
    distinct = len(np.unique(x))
    if distinct <= degree:
        raise NoAnswer(
            f"an input of {distinct} different values has no polynomial of degree {degree}",
            f"ask for degrees up to {distinct - 1}",
        )
    spread = x.std()
    x = (x - x.mean()) / spread
    table = np.empty((degree, len(x)))
    before, now, last = np.zeros_like(x), np.ones_like(x), 0.0
    for d in range(degree):
        following = (x - np.mean(x * now**2)) * now - last * before
        last = float(np.sqrt(np.mean(following**2)))
        before, now = now, following / last
        table[d] = now
    return table
