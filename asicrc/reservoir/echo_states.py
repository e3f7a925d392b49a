"""The states of an echo state network, as a transformer that learns nothing but the scale of its inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from asicrc.reservoir.esn_kernel import run_states
from asicrc.reservoir.esn_weights import ring_weights
from asicrc.reservoir.readouts.washout import run_lengths, run_starts

Precision = Literal["float32", "float64"]
States = NDArray[np.float32] | NDArray[np.float64]


class EchoStates(TransformerMixin, BaseEstimator):
    """States x[t] = (1 - a) x[t-1] + a tanh(W x[t-1] + W_in u[t] + b) of inputs u[t].

    Rows are steps of time, in order. `transform` starts from the zero state in its first row, and in the
    first row of each run that `groups` tells of; it keeps nothing from call to call. To go on from where a
    series stopped, hand in the `state` there.

    Parameters
    ----------
    units : N
    spectral_radius : of W
    input_scaling : W_in is uniform on [-input_scaling, input_scaling), and so is b on [-bias_scaling,
        bias_scaling)
    leak : a, above 0 and at most 1
    degree : units that each unit hears
    standardise : whether inputs are centred and scaled to unit variance, with mean and deviation of the rows
        that fit saw
    dtype : "float32", or "float64", which equals a plain numpy loop to 1e-12 and takes 2 to 4 times as long
    seed : draws W, W_in and b; 0 or above
    chunk_rows : states that are held at a time where not all are asked for

    Attributes
    ----------
    weights_ (degree, N), offsets_ (degree,), input_weights_ (m, N), bias_ (N,), see `run_states`;
    input_mean_ (m,), input_deviation_ (m,)
    """

    weights_: States
    offsets_: NDArray[np.int64]
    input_weights_: States
    bias_: States
    input_mean_: NDArray[np.float64]
    input_deviation_: NDArray[np.float64]

    def __init__(
        self,
        units: int = 100,
        *,
        spectral_radius: float = 0.95,
        input_scaling: float = 0.1,
        bias_scaling: float = 0.5,
        leak: float = 1.0,
        degree: int = 10,
        standardise: bool = True,
        dtype: Precision = "float32",
        seed: int = 0,
        chunk_rows: int = 4096,
    ) -> None:
        self.units = units
        self.spectral_radius = spectral_radius
        self.input_scaling = input_scaling
        self.bias_scaling = bias_scaling
        self.leak = leak
        self.degree = degree
        self.standardise = standardise
        self.dtype = dtype
        self.seed = seed
        self.chunk_rows = chunk_rows

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Draw the weights, and take mean and deviation of inputs X (n, m); `y` is not looked at."""
        self._draw(validate_data(self, X, dtype=np.float64))
        return self

    def transform(
        self, X: ArrayLike, groups: ArrayLike | None = None, state: ArrayLike | None = None
    ) -> States:
        """(n, N) states of inputs X (n, m). `groups` has the run of each row; `state` (N,) is before row 0.

        Raises ValueError for a state of another size, and for one state before several runs.
        """
        check_is_fitted(self, "weights_")
        x = validate_data(self, X, dtype=np.float64, reset=False)
        states = np.empty((len(x), len(self.bias_)), dtype=self.bias_.dtype)
        for rows, part in self._states(x, groups, state):
            states[rows] = part
        return states

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """unit0, unit1, ..."""
        check_is_fitted(self, "weights_")
        return np.asarray([f"unit{i}" for i in range(len(self.bias_))], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # the states are of the type that `dtype` says
        return tags

    def _draw(self, x: NDArray[np.float64]) -> None:
        self._check_parameters()
        ring = ring_weights(self.units, self.degree, self.seed)
        kind = np.dtype(self.dtype)
        _, of_inputs, of_bias = (np.random.default_rng(s) for s in np.random.SeedSequence(self.seed).spawn(3))
        self.weights_ = (ring.weights * self.spectral_radius).astype(kind)
        self.offsets_ = ring.offsets.copy()
        self.input_weights_ = self.input_scaling * of_inputs.uniform(-1.0, 1.0, (x.shape[1], self.units))
        self.input_weights_ = self.input_weights_.astype(kind)
        self.bias_ = (self.bias_scaling * of_bias.uniform(-1.0, 1.0, self.units)).astype(kind)
        self.input_mean_ = x.mean(axis=0) if self.standardise else np.zeros(x.shape[1])
        deviation = x.std(axis=0) if self.standardise else np.ones(x.shape[1])
        self.input_deviation_ = np.where(deviation > 0, deviation, 1.0)

    def _states(
        self, x: NDArray[np.float64], groups: ArrayLike | None, state: ArrayLike | None
    ) -> Iterator[tuple[slice, States]]:
        """(rows, states of those rows), a chunk at a time and never over the end of a run."""
        starts, lengths = run_starts(len(x), groups), run_lengths(len(x), groups)
        zero = np.zeros(len(self.bias_), dtype=self.bias_.dtype)
        begin = zero if state is None else np.asarray(state, dtype=self.bias_.dtype)
        if begin.shape != zero.shape or (state is not None and len(starts) != 1):
            raise ValueError(
                f"a state of shape {begin.shape} before {len(starts)} run(s) of {len(zero)} units: "
                "give one state of (units,), before one run"
            )
        for start, length in zip(starts, lengths, strict=True):
            before = begin
            for first in range(start, start + length, self.chunk_rows):
                rows = slice(first, min(first + self.chunk_rows, start + length))
                u = (x[rows] - self.input_mean_) / self.input_deviation_
                part = run_states(
                    u, self.input_weights_, self.bias_, self.weights_, self.offsets_, self.leak, before
                )
                before = part[-1]
                yield rows, part

    def _check_parameters(self) -> None:
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype is {self.dtype!r}: give 'float32' or 'float64'")
        if not 0 < self.leak <= 1:
            raise ValueError(f"leak is {self.leak}: give more than 0 and at most 1")
        for name in ("spectral_radius", "input_scaling", "bias_scaling"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{name} is {value}: give a finite number, 0 or above")
        if self.chunk_rows < 1:
            raise ValueError(f"chunk_rows is {self.chunk_rows}: give 1 or more")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}: give 0 or above")
