"""Verdicts: the level and power of a paired gain, the channel of a memory, what was published, twins."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_runs import fading_mean

from asicrc.errors import UsageError
from asicrc.evidence import Estimate, EvidenceVerdict, Finding, Instrument
from asicrc.reservoir.attribution import (
    CAPACITY_MARGINS,
    TASK_MARGINS,
    Attribution,
    Channel,
    Group,
    attribute,
    instrument_verdict,
    judge_gain,
    planted_capacity,
    value_verdict,
)
from asicrc.reservoir.metrics.memory_capacity import memory_capacity

SUPPORTED, REFUTED = EvidenceVerdict.SUPPORTED, EvidenceVerdict.REFUTED
NOT_RESOLVED, NOT_TESTABLE = EvidenceVerdict.NOT_RESOLVED, EvidenceVerdict.NOT_TESTABLE_HERE
RNG = np.random.default_rng(5)


def gains(mean: float, sd: float = 0.01, n: int = 12) -> np.ndarray:
    drawn = RNG.standard_normal(n)
    return mean + sd * (drawn - drawn.mean()) / drawn.std(ddof=1)


def test_a_gain_has_to_beat_every_null() -> None:
    found = judge_gain("better?", {"u_t": gains(0.2), "poisson_twin": gains(0.05)}, TASK_MARGINS)
    assert found.verdict is SUPPORTED
    assert found.effect.estimate == pytest.approx(0.05)
    assert "poisson_twin" in found.note
    assert found.p_corrected == max(test.p_value for test in found.nulls)
    worse = judge_gain("better?", {"u_t": gains(0.2), "poisson_twin": gains(-0.05)}, TASK_MARGINS)
    assert worse.verdict is REFUTED


@pytest.mark.parametrize(
    ("mean", "sd", "n", "verdict"),
    [
        (0.05, 0.01, 12, SUPPORTED),
        (0.05, 0.01, 9, NOT_RESOLVED),  # fewer than 10 captures
        (0.05, 0.2, 12, NOT_RESOLVED),
        (0.012, 0.01, 12, NOT_RESOLVED),  # above 0 for sure, above the margin perhaps
        (0.0, 0.01, 12, REFUTED),
        (-0.3, 0.01, 12, REFUTED),
    ],
)
def test_the_margin_of_a_task(mean: float, sd: float, n: int, verdict: EvidenceVerdict) -> None:
    assert judge_gain("better?", {"u_t": gains(mean, sd, n)}, TASK_MARGINS).verdict is verdict


@pytest.mark.parametrize(
    ("mean", "sd", "verdict"),
    [(0.5, 0.2, SUPPORTED), (0.2, 0.1, REFUTED), (0.5, 1.0, NOT_RESOLVED), (0.0, 0.2, REFUTED)],
)
def test_a_capacity_is_found_above_0_and_refuted_below_half(
    mean: float, sd: float, verdict: EvidenceVerdict
) -> None:
    assert judge_gain("more?", {"u_t": gains(mean, sd)}, CAPACITY_MARGINS).verdict is verdict


def test_one_capture_has_no_interval_and_no_verdict() -> None:
    found = judge_gain("better?", {"u_t": [0.3]}, TASK_MARGINS)
    assert found.verdict is NOT_RESOLVED and found.smallest_effect is None
    assert found.effect.as_json()["low"] is None
    with pytest.raises(UsageError, match="gains over"):
        judge_gain("better?", {"u_t": [0.3], "twin": [0.1, 0.2]}, TASK_MARGINS)


def test_captures_without_spread_are_judged_by_their_mean() -> None:
    assert judge_gain("better?", {"u_t": np.full(10, 0.05)}, TASK_MARGINS).verdict is SUPPORTED
    assert judge_gain("better?", {"u_t": np.zeros(10)}, TASK_MARGINS).verdict is REFUTED


def test_the_level_is_kept_at_the_margin() -> None:
    rng = np.random.default_rng(1)
    false = sum(
        judge_gain(
            "?", {"a": rng.normal(0.01, 0.02, 10), "b": rng.normal(0.3, 0.02, 10)}, TASK_MARGINS
        ).verdict
        is SUPPORTED
        for _ in range(2000)
    )
    assert false / 2000 < 0.01  # level 0.5 %


def test_the_smallest_effect_is_found_in_four_of_five() -> None:
    rng = np.random.default_rng(2)
    smallest = judge_gain("?", {"a": gains(0.0, 0.02, 10)}, TASK_MARGINS).smallest_effect
    assert smallest is not None
    found = np.mean(
        [
            judge_gain("?", {"a": rng.normal(smallest, 0.02, 10)}, TASK_MARGINS).p_corrected <= 0.005
            for _ in range(1000)
        ]
    )
    assert found == pytest.approx(0.8, abs=0.06)


def finding(verdict: EvidenceVerdict) -> Finding:
    return Finding("?", Estimate(0.1, 0.0, 0.2, 10, method="given"), verdict=verdict)


@pytest.mark.parametrize(
    ("task", "memory", "heats", "channel", "computes"),
    [
        (SUPPORTED, {Group.TIMING: SUPPORTED}, False, Channel.TIMING, SUPPORTED),
        (REFUTED, {Group.TIMING: SUPPORTED}, False, Channel.TIMING, SUPPORTED),
        (SUPPORTED, {}, False, Channel.TIMING, SUPPORTED),  # an input that is not white
        (SUPPORTED, {Group.TIMING: SUPPORTED}, True, Channel.THERMAL, NOT_RESOLVED),
        (
            REFUTED,
            {Group.TIMING: SUPPORTED, Group.TEMPERATURE: SUPPORTED},
            False,
            Channel.THERMAL,
            NOT_RESOLVED,
        ),
        (
            REFUTED,
            {Group.TIMING: SUPPORTED, Group.CONTROLLER: SUPPORTED},
            False,
            Channel.CONTROLLER,
            NOT_RESOLVED,
        ),
        (REFUTED, {Group.TIMING: REFUTED, Group.TEMPERATURE: SUPPORTED}, True, Channel.THERMAL, REFUTED),
        (REFUTED, {Group.TIMING: REFUTED, Group.AVERAGED: SUPPORTED}, True, Channel.FIRMWARE, REFUTED),
        (REFUTED, {Group.TIMING: REFUTED, Group.CONTROLLER: SUPPORTED}, False, Channel.CONTROLLER, REFUTED),
        (REFUTED, {Group.TIMING: NOT_RESOLVED}, False, None, NOT_RESOLVED),
        (REFUTED, {Group.TIMING: REFUTED}, False, None, REFUTED),
    ],
)
def test_memory_is_named_for_its_channel(
    task: EvidenceVerdict,
    memory: dict[Group, EvidenceVerdict],
    heats: bool,
    channel: Channel | None,
    computes: EvidenceVerdict,
) -> None:
    found = attribute(finding(task), {group: finding(v) for group, v in memory.items()}, heats=heats)
    assert (found.channel, found.computes) == (channel, computes)


def test_what_was_published_is_held_against_captures_of_a_miner() -> None:
    near = list(np.linspace(0.85, 0.88, 12))
    assert value_verdict("narma10", "handshake", near, simulated=False)[0] is SUPPORTED
    assert value_verdict("narma10", "stream", near, simulated=False)[0] is REFUTED
    assert value_verdict("narma10", "stream", near[:4], simulated=False)[0] is NOT_RESOLVED
    assert value_verdict("narma10", "handshake", near, simulated=True)[0] is NOT_TESTABLE
    assert value_verdict("lorenz", "stream", near, simulated=False)[0] is NOT_TESTABLE


def test_a_twin_judges_the_instrument() -> None:
    computes = Attribution(Channel.TIMING, SUPPORTED, "")
    none = Attribution(None, REFUTED, "")
    planted = {"effect_memory_gain": 4.0, "effect_memory_tau": 4.0}
    options = {"channel": "work", "events_per_step": 200.0}
    assert instrument_verdict(computes, {}, **options)[0] is Instrument.FAILED
    assert instrument_verdict(none, {}, **options)[0] is Instrument.VALIDATED
    assert instrument_verdict(computes, planted, **options)[0] is Instrument.VALIDATED
    assert instrument_verdict(none, planted, **options)[0] is Instrument.FAILED
    # what lies below the margin may be refuted; and nothing is planted in a frequency
    assert (
        instrument_verdict(none, planted, channel="work", events_per_step=2.0)[0] is Instrument.NOT_RESOLVED
    )
    assert instrument_verdict(none, planted, channel="frequency_mhz", events_per_step=200.0)[0] is (
        Instrument.VALIDATED
    )


def test_the_planted_capacity_is_that_of_a_simulation() -> None:
    rng = np.random.default_rng(3)
    u = rng.uniform(0, 0.5, 20_000)
    counts = rng.poisson(60 * (1 + 4 * (fading_mean(u, 4.0) - 0.25)))
    found = memory_capacity(counts[:, None].astype(float), u, 40).total
    assert planted_capacity(4.0, 4.0, 60.0) == pytest.approx(found.estimate, abs=0.03)
