"""Settled is what is steady over a whole window; what is not, and what is not told, is said."""

from __future__ import annotations

import math

import pytest

from asicrc.capture.settling import Settle, Settled, Settling, Steady
from firmware_protocols.device import Reading

TEMPERATURE = Steady("temperature_c", slope_per_min=0.5, spread=1.0)
SECOND_NS = 1_000_000_000


def settled(settle: Settle, readings: list[Reading], look_each_s: float = 1.0) -> Settled:
    settling = Settling(settle, 0)
    for step in range(1, 10_000):
        now_ns = round(step * look_each_s * SECOND_NS)
        settling.add([r for r in readings if now_ns - round(look_each_s * SECOND_NS) < r.t_ns <= now_ns])
        found = settling.judge(now_ns)
        if found is not None:
            return found
    raise AssertionError("it has no end")


def warming(tau_s: float, from_c: float = 25.0, to_c: float = 60.0, each_s: float = 1.0) -> list[Reading]:
    return [
        Reading(
            round(t * each_s * SECOND_NS),
            "temperature_c",
            to_c - (to_c - from_c) * math.exp(-t * each_s / tau_s),
        )
        for t in range(2000)
    ]


def test_an_exponential_is_settled_when_its_own_slope_says_so() -> None:
    found = settled(Settle(window_s=30, longest_s=1000, steady=(TEMPERATURE,)), warming(tau_s=60))
    # 35 K exp(-t/60) / 60 falls to 0.5 K a minute at 254 s; the mean slope over the last 30 s is there later.
    assert found.settled
    assert 255 <= found.seconds <= 295
    assert found.channels["temperature_c"]["slope_per_min"] <= 0.5


def test_a_window_has_to_be_whole_before_anything_is_called_steady() -> None:
    constant = [Reading(t * SECOND_NS, "temperature_c", 50.0) for t in range(200)]
    assert settled(Settle(window_s=30, longest_s=100, steady=(TEMPERATURE,)), constant).seconds == 30
    later = Settle(at_least_s=45, window_s=30, longest_s=100, steady=(TEMPERATURE,))
    assert settled(later, constant).seconds == 45


def test_what_does_not_settle_is_said_with_numbers() -> None:
    rising = [Reading(t * SECOND_NS, "temperature_c", 30 + t / 60) for t in range(500)]
    found = settled(Settle(window_s=30, longest_s=120, steady=(TEMPERATURE,)), rising)
    assert not found.settled
    assert found.why == "not steady after 120 s: temperature_c moves by 1 a minute, 0.5 is allowed"


def test_noise_is_held_to_the_spread_and_relative_bounds_to_the_mean() -> None:
    noisy = [Reading(t * SECOND_NS, "hash_rate_ghs", 400.0 + 20 * (-1) ** t) for t in range(200)]
    loose = Steady("hash_rate_ghs", slope_per_min=0.1, spread=0.11, relative=True)
    tight = Steady("hash_rate_ghs", slope_per_min=0.1, spread=0.09, relative=True)
    assert settled(Settle(window_s=20, longest_s=60, steady=(loose,)), noisy).settled
    found = settled(Settle(window_s=20, longest_s=60, steady=(tight,)), noisy)
    assert not found.settled
    assert "hash_rate_ghs spreads over 0.0998 of its mean, 0.09 is allowed" in found.why


def test_all_channels_have_to_be_steady() -> None:
    power = Steady("power_w", slope_per_min=0.1, spread=0.1)
    readings = [Reading(t * SECOND_NS, "temperature_c", 50.0) for t in range(200)]
    readings += [Reading(t * SECOND_NS, "power_w", 10 + t * 0.1) for t in range(200)]
    found = settled(Settle(window_s=20, longest_s=40, steady=(TEMPERATURE, power)), readings)
    assert "power_w" in found.why
    assert "temperature_c moves" not in found.why


def test_a_channel_that_is_never_told_is_not_waited_for_until_the_end() -> None:
    readings = [Reading(t * SECOND_NS, "temperature_c", math.nan) for t in range(2000)]
    found = settled(Settle(window_s=30, longest_s=1000, steady=(TEMPERATURE,)), readings)
    assert not found.settled
    assert found.why == "no reading of temperature_c came in 30 s"


def test_a_sensor_that_falls_silent_is_not_steady() -> None:
    readings = [r for r in warming(tau_s=60) if r.t_ns < 40 * SECOND_NS]
    found = settled(Settle(window_s=30, longest_s=200, steady=(TEMPERATURE,)), readings)
    assert not found.settled
    assert "has 0 readings in 30 s" in found.why


@pytest.mark.parametrize("each_s", [0.5, 5.0])
def test_a_fixed_time_is_one(each_s: float) -> None:
    found = settled(Settle(at_least_s=20), [], look_each_s=each_s)
    assert (found.settled, found.seconds) == (True, 20)
