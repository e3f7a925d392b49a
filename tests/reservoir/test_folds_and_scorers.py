"""Folds of series, of runs and of devices, and scorers that leave out the start."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import cross_val_score

from asicrc.reservoir.readouts import (
    BlockedKFold,
    GroupedRuns,
    RidgeReadout,
    WashoutScorer,
    kept_rows,
    nrmse_scorer,
    run_labels,
    run_lengths,
    run_starts,
)


@given(n=st.integers(40, 200), n_splits=st.integers(2, 6), gap=st.integers(0, 8))
def test_blocks_keep_their_distance(n: int, n_splits: int, gap: int) -> None:
    folds = list(BlockedKFold(n_splits, gap).split(np.zeros((n, 1))))
    assert len(folds) == BlockedKFold(n_splits, gap).get_n_splits()
    np.testing.assert_array_equal(np.concatenate([test for _, test in folds]), np.arange(n))
    for train, test in folds:
        assert np.all(np.diff(test) == 1)
        distance = np.abs(train[:, None] - test).min()
        assert distance == gap + 1
        left_out = n - len(train) - len(test)
        assert left_out == min(gap, test[0]) + min(gap, n - 1 - test[-1])
    sizes = [len(test) for _, test in folds]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("splitter", "rows", "message"),
    [
        (BlockedKFold(1), 10, "1 blocks"),
        (BlockedKFold(2, -1), 10, "a gap of -1"),
        (BlockedKFold(5), 4, "n_samples=4"),
        (BlockedKFold(2, 8), 10, "leaves no training row"),
    ],
)
def test_blocks_that_cannot_be(splitter: BlockedKFold, rows: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(splitter.split(np.zeros((rows, 1))))


@given(
    labels=st.lists(st.integers(0, 9), min_size=10, max_size=80).filter(lambda v: len(set(v)) > 2),
    n_splits=st.sampled_from([None, 2, 3]),
)
def test_a_run_is_on_one_side(labels: list[int], n_splits: int | None) -> None:
    splitter = GroupedRuns(n_splits)
    folds = list(splitter.split(np.zeros((len(labels), 1)), groups=labels))
    assert len(folds) == (len(set(labels)) if n_splits is None else n_splits)
    assert len(folds) == splitter.get_n_splits(groups=labels)
    tested = np.concatenate([test for _, test in folds])
    np.testing.assert_array_equal(np.sort(tested), np.arange(len(labels)))
    for train, test in folds:
        assert len(train)
        assert not {labels[i] for i in train} & {labels[i] for i in test}


def test_folds_of_runs_are_about_equal() -> None:
    runs = np.repeat(np.arange(30), 10)
    sizes = [len(test) for _, test in GroupedRuns(3).split(np.zeros((300, 1)), groups=runs)]
    assert sizes == [100, 100, 100]


def test_runs_that_cannot_be_told_apart() -> None:
    rows = np.zeros((6, 1))
    for groups, message in ((None, "no groups"), ([1] * 6, "1 folds of 1"), ([1, 2], "2 labels")):
        with pytest.raises(ValueError, match=message):
            list(GroupedRuns().split(rows, groups=groups))
    with pytest.raises(ValueError, match="depends on groups"):
        GroupedRuns().get_n_splits()


def test_run_numbers_of_two_devices_are_two_runs() -> None:
    devices, runs = ["a", "a", "b", "b", "a"], [0, 1, 0, 1, 0]
    np.testing.assert_array_equal(run_labels(devices, runs), [0, 1, 2, 3, 0])


def test_runs_are_stretches_of_one_label() -> None:
    labels = [5, 5, 2, 2, 2, 5]
    np.testing.assert_array_equal(run_starts(6, labels), [0, 2, 5])
    np.testing.assert_array_equal(run_lengths(6, labels), [2, 3, 1])
    np.testing.assert_array_equal(kept_rows(6, 1, labels), [False, True, False, True, True, False])
    np.testing.assert_array_equal(kept_rows(3, 2), [False, False, True])
    np.testing.assert_array_equal(run_starts(0), [])


class Fixed:
    """Predicts column 0."""

    def predict(self, x: Any) -> Any:
        return x[:, 0]


def test_score_without_the_start() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=60)
    x = (y + 0.1 * rng.normal(size=60))[:, None]
    x[:10] = 1e6
    x[30:40] = 1e6
    runs = np.repeat([0, 1], 30)
    scorer = nrmse_scorer(washout=10)
    kept = np.r_[10:30, 40:60]
    expected = np.sqrt(np.mean((x[kept, 0] - y[kept]) ** 2) / y[kept].var())
    assert scorer(Fixed(), x, y, groups=runs) == pytest.approx(-expected)
    assert scorer(Fixed(), x, y) < -1e5
    with pytest.raises(ValueError, match="leaves none"):
        scorer(Fixed(), x[:5], y[:5])
    assert WashoutScorer(lambda true, predicted: 3.0)(Fixed(), x, y) == 3.0
    assert pickle.loads(pickle.dumps(scorer)) == scorer


def test_scorer_serves_cross_validation() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = x @ [1.0, 2.0, 3.0] + 0.1 * rng.normal(size=200)
    scores = cross_val_score(RidgeReadout(), x, y, cv=BlockedKFold(4, 5), scoring=nrmse_scorer(5))
    assert len(scores) == 4
    assert np.all((scores > -0.05) & (scores < 0))
    runs = np.repeat(np.arange(5), 40)
    grouped = cross_val_score(RidgeReadout(), x, y, groups=runs, cv=GroupedRuns(), scoring=nrmse_scorer())
    assert len(grouped) == 5
