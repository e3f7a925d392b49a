"""How an instrument is judged by twins, what is planted in data, how findings at several settings add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from asicrc.analysis.arrivals.entropy import relative_entropy
from asicrc.analysis.event_stream import EventStream
from asicrc.claims.claim import Kind
from asicrc.claims.measured import over_settings
from asicrc.claims.planning import seed_of
from asicrc.claims.procedure import Context
from asicrc.claims.procedures import procedures
from asicrc.claims.registry import CLAIMS, IDS
from asicrc.claims.twins import line
from asicrc.claims.twins.asking import TwinQuestion, ask_twins, checked, effect_in, runs_within
from asicrc.claims.twins.planting import cv_of_entropy, gamma_steps, thinned, with_cv
from asicrc.cli.compare_text import comparison_lines
from asicrc.errors import UsageError
from asicrc.evidence import Estimate, EvidenceVerdict, Finding, Instrument

FOUND, REFUTED = EvidenceVerdict.SUPPORTED, EvidenceVerdict.REFUTED
OPEN, UNTESTABLE = EvidenceVerdict.NOT_RESOLVED, EvidenceVerdict.NOT_TESTABLE_HERE


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([FOUND] * 7, Instrument.VALIDATED),
        ([FOUND] * 5, Instrument.NOT_RESOLVED),  # five of five may be 48 %
        ([FOUND] * 19 + [REFUTED], Instrument.NOT_RESOLVED),  # one in twenty could be chance, and is said
        ([FOUND] * 18 + [REFUTED] * 4, Instrument.FAILED),
        ([OPEN] * 20, Instrument.FAILED),
        ([FOUND] * 10 + [OPEN] * 10, Instrument.NOT_RESOLVED),
    ],
)
def test_what_is_there_has_to_be_found(verdicts: list[EvidenceVerdict], expected: Instrument) -> None:
    check, said = checked(verdicts, there=True)
    assert check.verdict is expected
    assert check.power is not None and check.power.n == len(verdicts)
    assert check.false_alarms is None
    assert f"found in {verdicts.count(FOUND)} of {len(verdicts)}" in said


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([REFUTED] * 7, Instrument.VALIDATED),
        ([OPEN] * 20, Instrument.VALIDATED),
        ([OPEN] * 19 + [FOUND], Instrument.NOT_RESOLVED),
        ([OPEN] * 17 + [FOUND] * 3, Instrument.NOT_RESOLVED),  # 7.5 % by chance at 5 %
        ([OPEN] * 16 + [FOUND] * 4, Instrument.FAILED),
        ([UNTESTABLE] * 7, Instrument.NOT_RESOLVED),  # nothing could be asked: that is no silence
    ],
)
def test_what_is_not_there_must_not_be_found(verdicts: list[EvidenceVerdict], expected: Instrument) -> None:
    check, _ = checked(verdicts, there=False)
    assert check.verdict is expected
    assert check.power is None
    assert check.false_alarms is not None and check.false_alarms.n == len(verdicts)


def finding(value: float, verdict: EvidenceVerdict) -> Finding:
    return Finding(
        "?", Estimate(value, value - 0.1, value + 0.1, 9, method="none"), verdict=verdict, note="n"
    )


def test_one_setting_supports_and_all_of_them_refute() -> None:
    supported = over_settings(
        "q", {"a": finding(9.0, OPEN), "b": finding(0.2, FOUND), "c": finding(0.1, FOUND)}
    )
    assert (supported.verdict, supported.effect.estimate) == (FOUND, 0.2)
    assert supported.note.startswith("b, of 3 settings")
    refuted = {"a": finding(0.01, REFUTED), "b": finding(-0.02, REFUTED)}
    assert over_settings("q", refuted).verdict is REFUTED
    assert over_settings("q", refuted | {"c": finding(0.0, UNTESTABLE)}).verdict is OPEN
    assert over_settings("q", {"a": finding(np.nan, UNTESTABLE)}).verdict is UNTESTABLE


def take_number(kind: str, seed: np.random.SeedSequence) -> tuple[str, int]:
    return kind, int(seed.generate_state(1)[0])


def find_in_planted(taken: tuple[str, int]) -> Finding:
    return finding(1.0, FOUND if taken[0] == "planted" else REFUTED)


QUESTION = TwinQuestion("H01", take_number, find_in_planted, effect_in(), "a one", 8, 2.0, "ones", "a device")


def asked(kind: str, **changed: float) -> Context:
    usual = Context(seed_of(3, "H01", IDS), budget_s=100.0, twin=kind)
    return replace(usual, **changed)  # type: ignore[arg-type]


def test_a_twin_tells_of_the_instrument_alone() -> None:
    for kind in ("ideal", "ordinary", "planted"):
        outcome = ask_twins(QUESTION, asked(kind))
        assert outcome.source == "twin"
        assert outcome.value_verdict is UNTESTABLE
        assert outcome.interpretation_verdict is UNTESTABLE
        assert outcome.instrument is not None and outcome.instrument.verdict is Instrument.VALIDATED
        assert outcome.planted == (("a one",) if kind == "planted" else ())
        assert outcome.needs == "a device"
    with pytest.raises(UsageError, match="no twin is called 'real'"):
        ask_twins(QUESTION, asked("real"))


def test_runs_are_those_that_the_budget_pays_for() -> None:
    assert runs_within(QUESTION, asked("ideal")) == 8
    assert runs_within(QUESTION, asked("ideal", runs=5)) == 5
    assert (
        runs_within(QUESTION, asked("ideal", runs=1000, budget_s=1e6)) == 1000
    )  # for who asks for more than the usual
    assert runs_within(QUESTION, asked("ideal", budget_s=6.0)) == 3
    assert runs_within(QUESTION, asked("ideal", budget_s=0.0)) == 1


@pytest.mark.long
def test_a_residual_of_1_us_is_not_resolved_and_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 1,000 events and a floor of 20 us, where 50 us are found."""
    monkeypatch.setattr(line, "PLANTED_S", 1e-6)
    same = line.take_same_work("planted", np.random.SeedSequence(5))
    found = line.find_difference(same)
    assert found.verdict is OPEN
    assert same.times is not None and same.times.n == pytest.approx(1000, rel=0.1)
    takes = same.times.pairs_for(1 / same.run_a.time_scale)
    assert takes is not None and 50_000 < takes < 250_000
    assert found.note.endswith(f"a shift of 1 us takes about {takes:,} pairs")
    assert f"takes about {takes:,} pairs" in " ".join(comparison_lines(same))


def test_intervals_are_given_another_cv_with_their_mean() -> None:
    rng = np.random.default_rng(1)
    t_ns = np.cumsum(rng.exponential(1e8, 20_001)).astype(np.int64)
    stream = EventStream.of(t_ns, floor_s=0.001)
    for cv in (0.092, 0.7, 0.95):
        moved = with_cv(stream, cv)
        steps = moved.intervals_s
        assert steps.std() / steps.mean() == pytest.approx(cv, rel=0.02)
        assert steps.mean() == pytest.approx(stream.intervals_s.mean(), rel=0.01)
        assert np.all(np.diff(moved.t_ns) >= 0)
        assert moved.floor_s == 0.001
        assert list(np.argsort(steps)[-5:]) == list(np.argsort(stream.intervals_s)[-5:])  # the order is kept
    with pytest.raises(ValueError, match="one segment"):
        with_cv(EventStream.of(t_ns, np.arange(len(t_ns)) // 100), 0.9)


def test_an_entropy_is_planted_to_its_size() -> None:
    steps = np.random.default_rng(2).exponential(1.0, 40_000)
    assert relative_entropy(gamma_steps(steps, cv_of_entropy(0.05))) == pytest.approx(-0.05, abs=0.005)


def test_events_stay_by_the_rate_that_is_asked_for() -> None:
    rate = np.repeat([0.1, 0.5, 1.0], 20_000)
    kept = thinned(rate, np.random.default_rng(3)).reshape(3, -1).mean(axis=1)
    assert kept == pytest.approx([0.1, 0.5, 1.0], abs=0.01)


def test_every_effect_and_all_ordinary_physics_is_asked_of_twins() -> None:
    of_twins = {one.claim for one in procedures() if "twin" in one.sources}
    wanted = {claim.id for claim in CLAIMS.values() if {Kind.EFFECT, Kind.PHYSICS} & set(claim.kinds)}
    assert wanted <= of_twins
