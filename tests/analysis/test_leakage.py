"""Does timing tell of the hash? Of planted leaks yes, of devices without one no, of too little nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asicrc.analysis.dependence.leakage import leakage
from asicrc.cli.main import _run
from asicrc.errors import NoAnswer
from asicrc.evidence import EvidenceVerdict
from asicrc.evidence.binomial import clopper_pearson

SEED = np.random.SeedSequence(21)


def exponential_leak(n: int, auc: float, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Intervals before the deepest quarter are longer by A / (1 - A), which is an AUC of A."""
    rng = np.random.default_rng(seed)
    depth = 1 - rng.random(n)
    longer = np.where(depth <= 0.25, auc / (1 - auc), 1.0)
    timing = {"interval": rng.exponential(longer)}
    return depth, timing, rng.integers(0, 16, n)


def test_a_leak_of_0_52_in_10_000_of_a_kind_is_found() -> None:
    depth, timing, strata = exponential_leak(60_000, 0.52, 1)
    found = leakage(depth, timing, strata, seed=SEED, permutations=199)
    assert found.verdict is EvidenceVerdict.SUPPORTED
    assert found.p_corrected < 0.01
    answer = found.as_json()
    assert answer["auc_low"] < 0.52 < answer["auc_high"]
    assert {"mi", "low", "high", "p_corrected", "auc", "detectable_auc", "verdict"} <= set(answer)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_power_at_the_size_that_is_promised() -> None:
    """Leaks of 0.52 with 10,000 of the deepest quarter: 90 % are found with the lower end of 95 %."""
    verdicts = [
        leakage(*exponential_leak(40_000, 0.52, number), seed=child, permutations=9).verdict
        for number, child in enumerate(SEED.spawn(100))
    ]
    assert clopper_pearson(verdicts.count(EvidenceVerdict.SUPPORTED), 100).low >= 0.9


def test_no_leak_raises_few_alarms() -> None:
    alarms = [
        leakage(*exponential_leak(400, 0.5, number), seed=child, permutations=199).verdict
        for number, child in enumerate(SEED.spawn(60))
    ]
    assert alarms.count(EvidenceVerdict.SUPPORTED) <= 3
    assert EvidenceVerdict.REFUTED not in alarms, "400 events refute nothing"


def test_many_events_without_a_leak_refute_one_of_0_02() -> None:
    depth, timing, strata = exponential_leak(200_000, 0.5, 3)
    assert leakage(depth, timing, strata, seed=SEED, permutations=19).verdict is EvidenceVerdict.REFUTED


def test_what_a_region_of_nonces_has_in_common_is_no_leak() -> None:
    rng = np.random.default_rng(4)
    strata = rng.integers(0, 16, 20_000)
    depth = np.clip(rng.random(20_000) * 0.7 + strata / 50, 1e-6, 1)
    timing = {"latency": rng.random(20_000) + strata}
    found = leakage(depth, timing, strata, seed=SEED, permutations=199)
    assert found.verdict is not EvidenceVerdict.SUPPORTED


def test_timings_that_are_not_known_are_left_out_with_the_reason() -> None:
    depth, timing, strata = exponential_leak(500, 0.5, 5)
    timing["latency"] = np.full(500, np.nan)
    timing["coarse"] = np.zeros(500)
    found = leakage(depth, timing, strata, seed=SEED, permutations=19)
    assert set(found.left_out) == {"latency", "coarse"}
    with pytest.raises(NoAnswer, match="coarse"):
        leakage(depth, {"coarse": timing["coarse"]}, strata, seed=SEED)


@pytest.mark.long
def test_a_twin_with_a_leak_and_one_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = {}
    for name, options in (("planted", "kind=planted&leak_auc=0.58"), ("ordinary", "kind=ordinary")):
        path = tmp_path / f"{name}.asicrc"
        url = f"twin:s9?{options}&seed=3"
        assert (
            _run(
                [
                    "capture",
                    "-d",
                    url,
                    "--duration",
                    "600s",
                    "--difficulty",
                    "256",
                    "-o",
                    str(path),
                    "--json",
                ]
            )
            == 0
        )
        capsys.readouterr()
        assert _run(["leakage", str(path), "--json"]) == 0
        verdicts[name] = json.loads(capsys.readouterr().out)["verdict"]
    assert verdicts["planted"] == "supported"
    assert verdicts["ordinary"] in ("refuted", "not resolved")


def test_the_published_shares_of_an_s9(
    published: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s9.asicrc"
    assert (
        _run(["import", str(published("s9_shares.csv")), "-o", str(path), "--difficulty", "256", "--json"])
        == 0
    )
    capsys.readouterr()
    assert _run(["leakage", str(path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["verdict"] == "not resolved"
    assert answer["auc_low"] < 0.5 < answer["auc_high"]
    assert 0.52 < answer["detectable_auc"] < 0.56
    assert _run(["leakage", str(path)]) == 0
    assert "a leak from hash to timing: not resolved" in capsys.readouterr().out
