"""Classes out of states: a ridge regression on one column of +1 and -1 per class."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from asicrc.reservoir.readouts.ridge_base import RidgeBase, fits_in_parts
from asicrc.reservoir.readouts.stored_readout import load_readout, save_readout
from asicrc.reservoir.readouts.sums import Floats


class RidgeReadoutClassifier(ClassifierMixin, RidgeBase):
    """The class whose column is the highest. Parameters and attributes are those of RidgeReadout.

    Two classes have one column, +1 for the second. `coef_` is (1, p) for two classes, else (classes, p);
    `classes_` are the labels, sorted. A single class is answered always.
    """

    classes_: NDArray[Any]

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit X (n, p) to labels y (n,). `groups` has the run of each row, for washout and folds."""
        x, labels = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(labels)
        self.classes_ = unique_labels(labels)
        self._fit_rows(x, self._signs(labels), groups, False)
        return self

    @available_if(fits_in_parts)
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        new_run: bool = True,
    ) -> Self:
        """Take in more rows, as RidgeReadout does. `classes` has all labels there will be, in the first call.

        Raises ValueError for a label that is not among them.
        """
        first = not hasattr(self, "coef_")
        x, labels = validate_data(self, X, y, dtype=[np.float64, np.float32], reset=first)
        check_classification_targets(labels)
        if first:
            if classes is None:
                raise ValueError("the first call of partial_fit needs all classes that there will be")
            self.classes_ = unique_labels(classes)
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(
                f"label {unknown[0]!r} is not among the classes of the first call, {self.classes_}"
            )
        self._add_rows(x, self._signs(labels), groups, new_run, False)
        return self

    def decision_function(self, X: ArrayLike) -> Floats:
        """(n,) above 0 for the second of two classes, else (n, classes) with the highest for the class."""
        check_is_fitted(self, "coef_")
        x = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        scores = self._predicted(x)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """(n,) labels."""
        scores = self.decision_function(X)
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(scores))
        chosen: NDArray[Any] = self.classes_[
            scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(np.int64)
        ]
        return chosen

    def save(self, path: str | Path) -> None:
        """Write parameters and fit to a file (numpy archive with a JSON header; no pickle)."""
        check_is_fitted(self, "coef_")
        save_readout(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """What `save` wrote; it predicts the same. Raises BadFile for any other file."""
        return load_readout(cls, path)

    def _signs(self, labels: NDArray[Any]) -> Floats:
        signs = np.where(labels[:, None] == self.classes_, 1.0, -1.0)
        return signs[:, 1:] if len(self.classes_) == 2 else signs
