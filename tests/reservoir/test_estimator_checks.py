"""scikit-learn's own checks of every estimator, and what cannot hold for states that remember."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from asicrc.reservoir.echo_states import EchoStates
from asicrc.reservoir.esn import ESN
from asicrc.reservoir.readouts import RidgeReadout, RidgeReadoutClassifier

REMEMBERS = {
    "check_methods_sample_order_invariance": "row t depends on the rows before it, and so on their order",
    "check_methods_subset_invariance": "a part starts from the zero state, not from the row before it",
}
"""Checks that take rows for independent. All others pass."""


def expected_failed_checks(estimator: Any) -> dict[str, str]:
    return REMEMBERS if isinstance(estimator, EchoStates) else {}


@parametrize_with_checks(
    [
        RidgeReadout(),
        RidgeReadout(solver="svd"),
        RidgeReadout(solver="gram", alpha_per_target=True),
        RidgeReadout(alpha_selection="blocked_cv", n_splits=2),
        RidgeReadoutClassifier(),
        RidgeReadoutClassifier(alpha_selection="blocked_cv", n_splits=2),
        EchoStates(),
        ESN(),
        ESN(input_to_readout=True, alpha_selection="blocked_cv", n_splits=2),
    ],
    expected_failed_checks=expected_failed_checks,
    xfail_strict=True,
)
def test_estimator(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)
