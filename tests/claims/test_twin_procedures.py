"""Each procedure on twins of known truth: what is planted is found, and what is not is not.

Few runs each; the real sizes are those of `asicrc claims run --twin`.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from scipy import stats

from asicrc.claims.planning import seed_of
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures import (
    arrivals,
    direct_lines,
    early_rounds,
    leaks,
    reservoirs,
    voltages,
    work_ahead,
)
from asicrc.claims.registry import IDS
from asicrc.claims.twins.heat import DWELL_S, HEAT_STEPS, find_settled, settled_after_s
from asicrc.claims.twins.replays import NEVER_REFUTED, dimension_finding
from asicrc.evidence import Estimate, EvidenceVerdict
from asicrc.reservoir.metrics import ResolvableCapacity
from asicrc.reservoir.prerequisites import Prerequisites
from firmware_protocols.device import Reading

EFFECT = {"ideal": 0, "ordinary": 0, "planted": 1}
"""Share of the runs that have to find it, by kind."""


def share_found(procedures: tuple[Procedure, ...], claim: str, kind: str, runs: int = 1) -> float:
    procedure = next(one for one in procedures if one.claim == claim and "twin" in one.sources)
    context = Context(seed_of(1, claim, IDS), budget_s=1e6, runs=runs, twin=kind)
    check = procedure.answer(context).instrument
    assert check is not None
    share = check.false_alarms if check.power is None else check.power
    assert isinstance(share, Estimate) and share.n == runs
    return share.estimate


def test_no_heartbeat_and_no_gain_where_nothing_is_planted() -> None:
    assert share_found(arrivals.PROCEDURES, "H04", "ordinary") == 0
    for kind in ("ideal", "ordinary"):
        assert share_found(work_ahead.PROCEDURES, "S14", kind, 5) == 0


def test_a_planted_heartbeat_is_found() -> None:
    assert share_found(arrivals.PROCEDURES, "H04", "planted") == 1


def test_idle_time_goes_with_the_latency_unless_a_pool_is_late_anyway() -> None:
    found = {kind: share_found(work_ahead.PROCEDURES, "S15", kind, 8) for kind in EFFECT}
    assert found == {"ideal": 1, "ordinary": 1, "planted": 0}


def test_a_handshake_is_as_good_as_its_line() -> None:
    found = {kind: share_found(direct_lines.PROCEDURES, "S26", kind) for kind in ("ideal", "ordinary")}
    assert found == {"ideal": 1, "ordinary": 0}


def test_a_step_has_settled_when_it_stays_near_its_end() -> None:
    t_s = np.arange(0.0, 400.0, 1.0)
    readings = [Reading(round(t * 1e9), "temperature_c", 50 - 20 * float(np.exp(-t / 40))) for t in t_s]
    late_s = settled_after_s(readings, 0, round(400e9))
    assert late_s == pytest.approx(40 * np.log(20 / 0.5), abs=2)
    assert settled_after_s(readings, 0, round(400e9), faster=10.0) == pytest.approx(late_s / 10)
    assert settled_after_s(readings, round(390e9), round(400e9)) == 0.0
    assert np.isnan(settled_after_s([], 0, 1))


def test_no_late_step_of_a_few_bounds_no_share_of_late_ones() -> None:
    for late, steps, verdict in (
        (0, HEAT_STEPS, EvidenceVerdict.SUPPORTED),
        (0, HEAT_STEPS - 1, EvidenceVerdict.NOT_RESOLVED),
        (1, HEAT_STEPS, EvidenceVerdict.NOT_RESOLVED),
        (9, HEAT_STEPS, EvidenceVerdict.REFUTED),
        (4, 20, EvidenceVerdict.REFUTED),
    ):
        found = find_settled([2 * DWELL_S] * late + [0.0] * (steps - late))
        assert (found.verdict, found.effect.n) == (verdict, steps)
    assert found.smallest_effect is not None  # of four late steps or more, which refute
    assert stats.binom.sf(3, 20, found.smallest_effect) == pytest.approx(0.8)
    assert find_settled([0.0]).smallest_effect is None


def test_directions_that_are_not_seen_refute_nothing_and_say_why() -> None:
    for seen, verdict in ((1, EvidenceVerdict.NOT_RESOLVED), (2, EvidenceVerdict.SUPPORTED)):
        worth = Estimate(0.1, 0.0, 0.2, 100, method="made up")
        resolved = ResolvableCapacity(worth, np.full(seen, 9.0), np.zeros((4, seen)), 1, 4)
        found = dimension_finding(cast(Prerequisites, SimpleNamespace(resolvable=resolved, dimension=None)))
        assert found.verdict is verdict
        assert (NEVER_REFUTED in found.note) == (verdict is EvidenceVerdict.NOT_RESOLVED)


@pytest.mark.long
@pytest.mark.parametrize("kind", list(EFFECT))
@pytest.mark.parametrize(
    ("procedures", "claim"),
    [
        (arrivals.PROCEDURES, "H01"),
        (arrivals.PROCEDURES, "H03"),
        (arrivals.PROCEDURES, "S06"),
        (leaks.PROCEDURES, "S20"),
        (early_rounds.PROCEDURES, "S08"),
        (early_rounds.PROCEDURES, "S28"),
        (work_ahead.PROCEDURES, "S14"),
        (direct_lines.PROCEDURES, "H14"),
    ],
)
def test_an_effect_is_found_where_it_is(procedures: tuple[Procedure, ...], claim: str, kind: str) -> None:
    assert share_found(procedures, claim, kind) == EFFECT[kind]


@pytest.mark.long
def test_wrong_hashes_and_heat_are_of_ordinary_chips() -> None:
    errors = {kind: share_found(voltages.PROCEDURES, "H13", kind) for kind in EFFECT}
    assert errors == {"ideal": 0, "ordinary": 1, "planted": 1}
    settled = {kind: share_found(voltages.PROCEDURES, "H18", kind) for kind in EFFECT}
    assert settled == {"ideal": 1, "ordinary": 0, "planted": 1}


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("claim", ["S01", "S02", "H08", "S04"])
def test_a_planted_memory_is_found(claim: str) -> None:
    assert share_found(reservoirs.PROCEDURES, claim, "planted") == 1


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_device_is_swept_once_for_the_claims_that_ask_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A twin's URL stands for a device: it is driven the same way, and its file says that it is a twin."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("asicrc.claims.measured._TAKEN", {})
    context = Context(seed_of(1, "H01", IDS), budget_s=450.0, device_url="twin:s9?kind=ordinary&seed=4")
    for claim in ("H01", "H03"):
        procedure = next(one for one in arrivals.PROCEDURES if one.claim == claim)
        found = procedure.answer(context)
        assert found.source == "twin"
        assert found.interpretation_verdict.value == "not testable here"
        assert "of 3 settings" in found.note
    assert len(list(tmp_path.glob("*-voltage-twin-s9.asicrc"))) == 1
