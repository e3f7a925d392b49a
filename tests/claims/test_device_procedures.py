"""Claims that drive a device by themselves, on a twin's URL, which is driven the same way. Small sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from asicrc.claims.answering import UNTESTABLE, answer_claim
from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.planning import ClaimPlan, Sources, Step, seed_of
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures import prerequisites, procedures, reservoirs
from asicrc.claims.procedures.operating_points import CLOCK_SHARES
from asicrc.claims.registry import CLAIMS, IDS
from asicrc.reservoir.benchmark import Split
from asicrc.reservoir.encoders import encoder_for
from asicrc.reservoir.prerequisites import PrerequisitePlan

S9, CHIP, LV06 = "twin:s9?kind=ordinary&seed=4", "twin:bm1366?kind=ordinary&seed=4", "twin:lv06?seed=1"
EVENTS_PER_S = 8.0


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two captures of 160 steps in place of ten of 2,000, and fewer replays; files taken anew."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reservoirs, "STEPS", Split(10, 100, 50))
    monkeypatch.setattr(reservoirs, "LEAST_PAIRS", 2)
    few = replace(prerequisites.PLAN, repeats=3, changed_repeats=2, preamble=4)
    monkeypatch.setattr(prerequisites, "PLAN", few)
    for module in ("claims.measured", "claims.procedures.prerequisites", "claims.procedures.reservoirs"):
        monkeypatch.setattr(f"asicrc.{module}._TAKEN", {})
    yield


def procedure_of(claim: str) -> Procedure:
    return next(one for one in procedures() if one.claim == claim and "device" in one.sources)


def answer(claim: str, url: str, events_per_s: float = EVENTS_PER_S, budget_s: float = 600.0) -> ClaimOutcome:
    context = Context(seed_of(1, claim, IDS), budget_s=budget_s, device_url=url, events_per_s=events_per_s)
    return procedure_of(claim).answer(context)


def of_a_twin(found: ClaimOutcome) -> ClaimOutcome:
    assert found.source == "twin"
    assert (found.value_verdict, found.interpretation_verdict) == (UNTESTABLE, UNTESTABLE)
    assert found.needs
    return found


@pytest.mark.long
def test_captures_of_one_mode_serve_all_claims_of_a_stream(tmp_path: Path) -> None:
    for claim in ("H08", "S02", "S04"):
        found = of_a_twin(answer(claim, S9))
        assert "2 captures" in found.note
        assert found.nulls
    assert len(list(tmp_path.glob("*-benchmark-stream-*.asicrc"))) == 2


@pytest.mark.long
def test_a_dialogue_with_a_device() -> None:
    found = of_a_twin(answer("S01", S9))
    assert "2 captures" in found.note


@pytest.mark.long
def test_a_device_forecasts_a_series() -> None:
    found = of_a_twin(answer("H16", S9))
    assert "Over 2 captures" in found.note
    assert "delay line" in found.nulls[0].null


@pytest.mark.long
def test_memory_over_the_cv_at_three_clocks(tmp_path: Path) -> None:
    found = of_a_twin(answer("S07", S9))
    assert "highest inside at" in found.note
    assert len(list(tmp_path.glob("*MHz*.asicrc"))) == 6


@pytest.mark.long
def test_one_replayed_drive_serves_three_claims(tmp_path: Path) -> None:
    for claim, said in (("H06", "windows"), ("H07", "held out"), ("H09", "directions repeat")):
        assert said in of_a_twin(answer(claim, S9)).note
    assert len(list(tmp_path.glob("*-prerequisites-*.asicrc"))) == 1


@pytest.mark.long
def test_a_chip_on_a_line_gets_the_same_work_twice(tmp_path: Path) -> None:
    found = of_a_twin(answer("H14", CHIP, events_per_s=20.0, budget_s=20.0))
    assert "One device twice" in found.note
    assert len(list(tmp_path.glob("*-same-work-*.asicrc"))) == 2


def test_what_a_device_lacks_is_no_failure_and_writes_nothing(tmp_path: Path) -> None:
    procedure, context = procedure_of("H14"), Context(seed_of(1, "H14", IDS), budget_s=60.0)
    step = Step(procedure, "device", procedure.cost("device", context))
    found = answer_claim(ClaimPlan(CLAIMS["H14"], (step,)), Sources(device_url=LV06), context)
    assert found.failure is None
    assert found.outcome is not None
    assert "not on a direct line" in found.outcome.note
    assert found.outcome.needs
    assert not list(tmp_path.iterdir())


def test_a_twin_takes_no_hours_and_a_device_does() -> None:
    for claim in ("H06", "H08", "H14", "H16", "S07"):
        device, twin = (
            procedure_of(claim).cost("device", Context(seed_of(1, claim, IDS), 60.0, device_url=url))
            for url in ("axeos://10.0.0.2", S9)
        )
        assert device.device_hours > 0 == twin.device_hours
        assert device.events == twin.events


def test_what_the_registry_says_it_takes_is_what_the_drive_has() -> None:
    for claim in ("H06", "H07", "H09"):
        takes = CLAIMS[claim].takes
        assert takes is not None
        assert takes.events == prerequisites.EVENTS
    plan = PrerequisitePlan("size", encoder_for("work"))
    assert round(plan.steps * prerequisites.EVENTS_A_STEP) == prerequisites.EVENTS
    assert f"{plan.steps:,} replayed steps" in CLAIMS["H06"].data
    assert f"{plan.steps:,} steps" in prerequisites.NEEDS
    s07 = CLAIMS["S07"].takes
    assert s07 is not None
    of_a_benchmark = 10 * Split(100, 1200, 700).steps * reservoirs.EVENTS_A_STEP
    assert s07.events_per_device() == len(CLOCK_SHARES) * of_a_benchmark
    for claim in ("H08", "H16", "S01", "S02", "S04"):
        takes = CLAIMS[claim].takes
        assert takes is not None
        assert takes.events_per_device() == of_a_benchmark
