"""An echo state network as a scikit-learn estimator: the software reference for a physical reservoir."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from asicrc.reservoir.blas_threads import DECOMPOSITIONS, PRODUCTS, one_thread_up_to
from asicrc.reservoir.echo_states import EchoStates, Precision, States
from asicrc.reservoir.readouts.ridge import RidgeReadout
from asicrc.reservoir.readouts.ridge_base import empty_sums, fits_in_parts
from asicrc.reservoir.readouts.solution import AlphaSelection, Solver
from asicrc.reservoir.readouts.sums import AnyFloats, Floats, GramSums, TriangularSums
from asicrc.reservoir.readouts.washout import kept_rows
from asicrc.reservoir.stored_esn import load_esn, save_esn


class ESN(MultiOutputMixin, RegressorMixin, EchoStates):
    """Echo states (Jaeger 2001) with a ridge readout whose penalty is chosen on the training rows.

    Rows are steps of time, in order. `fit`, `predict` and `transform` each start from the zero state in their
    first row, and in the first row of each run that `groups` tells of; a call leaves nothing behind for the
    next. So the first rows of a prediction still start up: score without them (`nrmse_scorer`), or hand in
    the state before them, such as `last_state_` where test rows follow the training rows. Where rows are cut
    out of the middle of a series, as BlockedKFold does, the states run on across the cut, unless `groups`
    tells of it.

    Of scikit-learn's checks of estimators two cannot hold for states that remember, and all others do:
    `check_methods_sample_order_invariance`, as a row depends on those before it, and so on their order, and
    `check_methods_subset_invariance`, as a part starts from the zero state and not from the row before it.

    Parameters
    ----------
    units, spectral_radius, input_scaling, bias_scaling, leak, degree, standardise, dtype, seed, chunk_rows :
        of the states, see EchoStates. Presets that were searched for stand in `esn_presets`
    alphas, alpha_selection, alpha_per_target, washout, fit_intercept, solver, n_splits, gap : of the readout,
        see RidgeReadout
    input_to_readout : whether the readout sees u[t] beside the states

    Attributes
    ----------
    readout_ : the fitted RidgeReadout; coef_, intercept_ and alpha_ are its own
    last_state_ (N,) : after the last training row
    and those of EchoStates
    """

    readout_: RidgeReadout
    last_state_: States

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
        alphas: ArrayLike | None = None,
        alpha_selection: AlphaSelection = "gcv",
        alpha_per_target: bool = False,
        washout: int = 0,
        fit_intercept: bool = True,
        solver: Solver = "auto",
        n_splits: int = 5,
        gap: int = 0,
        input_to_readout: bool = False,
    ) -> None:
        super().__init__(
            units,
            spectral_radius=spectral_radius,
            input_scaling=input_scaling,
            bias_scaling=bias_scaling,
            leak=leak,
            degree=degree,
            standardise=standardise,
            dtype=dtype,
            seed=seed,
            chunk_rows=chunk_rows,
        )
        self.alphas = alphas
        self.alpha_selection = alpha_selection
        self.alpha_per_target = alpha_per_target
        self.washout = washout
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.n_splits = n_splits
        self.gap = gap
        self.input_to_readout = input_to_readout

    def fit(  # type: ignore[override] # the states need no y and do not learn from runs
        self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None
    ) -> Self:
        """Fit inputs X (n, m) to y (n,) or (n, k), row by row in time. `groups` has the run of each row.

        Unless the penalty is found by "blocked_cv", states are held a chunk at a time.
        """
        x, targets = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        with one_thread_up_to(DECOMPOSITIONS, self.units):
            self._draw(x)
        self.readout_ = self._new_readout()
        features = self.units + (x.shape[1] if self.input_to_readout else 0)
        n_kept = int(kept_rows(len(x), self.washout, groups).sum())
        if self.alpha_selection != "gcv" or n_kept <= features:
            self.readout_.fit(self._features(x, groups), targets, groups)
        else:
            y2 = targets.reshape(len(x), -1).astype(np.float64)
            sums = empty_sums(self.solver, features, y2.shape[1])
            with one_thread_up_to(PRODUCTS, features):
                self._add(sums, x, y2, groups)
            self.readout_.fit_sums(
                sums, lambda: self._kept_features(x, y2, groups), one_target=targets.ndim == 1
            )
        return self

    @available_if(fits_in_parts)
    def partial_fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Take in another run, or several, each from the zero state, and fit all so far.

        The first call draws the weights, and takes mean and deviation of the inputs for all that follow.
        """
        first = not hasattr(self, "readout_")
        x, targets = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, reset=first
        )
        y2 = targets.reshape(len(x), -1).astype(np.float64)
        if first:
            with one_thread_up_to(DECOMPOSITIONS, self.units):
                self._draw(x)
            readout = self._new_readout()
            features = self.units + (x.shape[1] if self.input_to_readout else 0)
            sums = empty_sums(self.solver, features, y2.shape[1])
        else:
            readout, sums = self.readout_, self.readout_.kept_sums()
        with one_thread_up_to(PRODUCTS, sums.features):
            self._add(sums, x, y2, groups)
        self.readout_ = readout.fit_sums(sums, one_target=targets.ndim == 1)
        return self

    def predict(
        self, X: ArrayLike, groups: ArrayLike | None = None, state: ArrayLike | None = None
    ) -> Floats:
        """(n,) or (n, k) for inputs X (n, m). `state` (N,) is before row 0, the zero state unless given."""
        return self._run(X, groups, state)[0]

    def run(self, X: ArrayLike, state: ArrayLike | None = None) -> tuple[Floats, States]:
        """The prediction of `predict`, and the state after the last row, for the next piece of the series."""
        return self._run(X, None, state)

    @property
    def coef_(self) -> Floats:
        return self.readout_.coef_

    @property
    def intercept_(self) -> Floats | float:
        return self.readout_.intercept_

    @property
    def alpha_(self) -> Floats | float:
        found: Floats | float = self.readout_.alpha_
        return found

    def save(self, path: str | Path) -> None:
        """Write parameters, weights and readout to a file (numpy archive with a JSON header; no pickle)."""
        check_is_fitted(self, "readout_")
        save_esn(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """What `save` wrote; it predicts the same. Raises BadFile for any other file."""
        return load_esn(cls, path)

    def _new_readout(self) -> RidgeReadout:
        return RidgeReadout(
            self.alphas,
            alpha_selection=self.alpha_selection,
            alpha_per_target=self.alpha_per_target,
            washout=self.washout,
            fit_intercept=self.fit_intercept,
            solver=self.solver,
            n_splits=self.n_splits,
            gap=self.gap,
        )

    def _add(self, sums: GramSums | TriangularSums, x: Floats, y: Floats, groups: ArrayLike | None) -> None:
        kept = kept_rows(len(x), self.washout, groups)
        for rows, states in self._states(x, groups, None):
            features, wanted = self._with_input(states, x[rows]), kept[rows]
            if wanted.all():
                sums.add(features, y[rows])
            else:
                sums.add(features[wanted], y[rows][wanted])
            self.last_state_ = states[-1].copy()

    def _features(self, x: Floats, groups: ArrayLike | None) -> AnyFloats:
        """(n, N) states, or (n, N + m) with the inputs."""
        width = len(self.bias_) + (x.shape[1] if self.input_to_readout else 0)
        features: AnyFloats = np.empty((len(x), width), dtype=self.bias_.dtype)
        for rows, states in self._states(x, groups, None):
            features[rows] = self._with_input(states, x[rows])
            self.last_state_ = states[-1].copy()
        return features

    def _kept_features(self, x: Floats, y: Floats, groups: ArrayLike | None) -> tuple[AnyFloats, Floats]:
        kept = kept_rows(len(x), self.washout, groups)
        return self._features(x, groups)[kept], y[kept]

    def _with_input(self, states: States, x: Floats) -> AnyFloats:
        if not self.input_to_readout:
            return states
        scaled = ((x - self.input_mean_) / self.input_deviation_).astype(states.dtype)
        joined: AnyFloats = np.concatenate([states, scaled], axis=1)
        return joined

    def _run(self, X: ArrayLike, groups: ArrayLike | None, state: ArrayLike | None) -> tuple[Floats, States]:
        check_is_fitted(self, "readout_")
        x = validate_data(self, X, dtype=np.float64, reset=False)
        coef, intercept = np.atleast_2d(self.readout_.coef_), self.readout_.intercept_
        predicted = np.empty((len(x), len(coef)))
        last: States = np.zeros_like(self.bias_)
        with one_thread_up_to(PRODUCTS, coef.shape[1]):
            for rows, states in self._states(x, groups, state):
                predicted[rows] = self._with_input(states, x[rows]) @ coef.T + intercept
                last = states[-1]
        return (predicted[:, 0] if self.readout_.coef_.ndim == 1 else predicted), last.copy()
