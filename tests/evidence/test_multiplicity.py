from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from asicrc.errors import UsageError
from asicrc.evidence.multiplicity import benjamini_hochberg, bonferroni, corrected, holm, weighted_holm

ORACLE = {holm: "holm", bonferroni: "bonferroni", benjamini_hochberg: "fdr_bh"}


@pytest.mark.parametrize("ours", ORACLE, ids=lambda f: f.__name__)
@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_corrections_are_those_of_statsmodels(ours, p_values: list[float]) -> None:
    with mock.patch("gc.collect"):  # half a second each time
        theirs = multipletests(p_values, method=ORACLE[ours])[1]
    assert ours(p_values) == pytest.approx(theirs, abs=1e-12)


def test_holm_holds_the_family_wise_level() -> None:
    rng = np.random.default_rng(1)
    alarms = sum(min(holm(rng.random(7).tolist())) <= 0.05 for _ in range(4000))
    # 1 - 0.95^... of independent tests, a little below 5 %
    assert 0.04 <= alarms / 4000 <= 0.06


def test_names_stay_with_their_values() -> None:
    assert corrected({"a": 0.01, "b": 0.4}, "bonferroni") == {"a": 0.02, "b": 0.8}
    assert corrected({}) == {}
    with pytest.raises(UsageError, match="no correction is called 'magic'"):
        corrected({"a": 0.1}, "magic")
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([1.2])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_equal_weights_are_holm(p_values: list[float]) -> None:
    assert weighted_holm(p_values, [3.0] * len(p_values)) == pytest.approx(holm(p_values), abs=1e-12)


def test_weights_share_the_level() -> None:
    assert weighted_holm([0.01, 0.5], [9, 1]) == pytest.approx([0.01 * 10 / 9, 0.5])
    rng = np.random.default_rng(2)
    weights = [50, 20, 8, 8, 6, 6, 2]
    alarms = sum(min(weighted_holm(rng.random(7).tolist(), weights)) <= 0.05 for _ in range(4000))
    assert 0.038 <= alarms / 4000 <= 0.06
    assert corrected({"a": 0.01, "b": 0.5}, "holm", {"a": 9, "b": 1})["a"] == pytest.approx(0.01 * 10 / 9)
    with pytest.raises(UsageError, match="weights do not go"):
        corrected({"a": 0.01, "b": 0.5}, "bh", {"a": 9, "b": 1})
    with pytest.raises(ValueError, match="one weight above 0"):
        weighted_holm([0.1], [0.0])
