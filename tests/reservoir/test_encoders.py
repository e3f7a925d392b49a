"""u(t) into a drive and back; what a device did not take is an error, or stated as missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.encoders import ENCODERS, Encoder, applied_drive, encoder_for
from asicrc.reservoir.encoders.laws import random_mask
from firmware_protocols.device import Reading

RANGES = {"frequency": {"low": 400.0, "high": 500.0}, "voltage": {"low": 1150.0, "high": 1250.0}}
RANGES |= {"duty": {"low": 400.0, "high": 500.0}}


def encoder(name: str, **options: object) -> Encoder:
    return encoder_for(name, **(RANGES.get(name, {}) | options))


def readings(
    of: Encoder, u: list[float], applied: dict[int, float] | None = None, step_ns: int = 10**9
) -> list[Reading]:
    """What a session leaves of a drive; `applied` replaces the answer to single steps."""
    values = of.drive(u).values
    found = []
    for k, value in enumerate(values):
        found.append(Reading(k * step_ns, "drive_requested", float(value)))
        found.append(Reading(k * step_ns, "drive_applied", (applied or {}).get(k, float(value))))
    return [*found, Reading(len(values) * step_ns, "drive_end", float(len(values)))]


@given(
    st.sampled_from(sorted(ENCODERS)),
    st.lists(st.floats(0, 0.5), min_size=1, max_size=30),
    st.sampled_from([(1.0,), (1.0, -1.0, 0.5), random_mask(8, 3)]),
)
def test_values_stay_in_range_and_come_back(name: str, u: list[float], mask: tuple[float, ...]) -> None:
    used = encoder(name, mask=mask)
    drive = used.drive(u)
    assert len(drive.values) == len(u) * len(mask)
    assert drive.step_s == pytest.approx(used.step_s / len(mask))
    assert (drive.values >= used.low * (1 - 1e-12)).all() and (drive.values <= used.high * (1 + 1e-12)).all()
    np.testing.assert_allclose(used.inputs(drive.values), u, atol=1e-9)


def test_work_carries_the_input_itself() -> None:
    assert encoder("work").drive([0.1, 0.4]).values.tolist() == pytest.approx([0.1, 0.4])
    assert encoder("work").drive([0.1]).channel == "work"


def test_the_published_law_of_the_difficulty() -> None:
    u = np.array([0.0, 0.2, 0.5])
    used = encoder("inverse-difficulty", base=256.0, epsilon=0.1)
    np.testing.assert_allclose(used.values(u), 256 / (u + 0.1))
    assert used.drive(u).channel == "difficulty"


def test_a_duty_cycle_has_its_two_levels() -> None:
    drive = encoder("duty").drive([0.0, 0.25, 0.5])
    assert drive.values.tolist() == pytest.approx([0, 0.5, 1])
    assert (drive.duty_setting, drive.low, drive.high) == ("frequency_mhz", 400, 500)


@pytest.mark.parametrize("wrong", [-0.01, 0.51, math.nan, math.inf])
def test_an_input_outside_the_range_is_named(wrong: float) -> None:
    with pytest.raises(UsageError, match=r"in step 2, outside the range 0 to 0\.5 .* 1 of 4"):
        encoder("frequency").drive([0.1, 0.2, wrong, 0.3])


@pytest.mark.parametrize(
    "options",
    [
        {"low": 500.0, "high": 400.0},
        {"mask": ()},
        {"mask": (0.0,)},
        {"mask": (1.5,)},
        {"step_s": 0.0},
        {"u_low": 0.5, "u_high": 0.5},
        {"unheard": 1},
    ],
)
def test_what_makes_no_encoder_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        encoder("frequency", **options)


def test_no_law_divides_by_zero() -> None:
    with pytest.raises(UsageError, match="epsilon"):
        encoder("inverse-difficulty", epsilon=0.0)
    with pytest.raises(UsageError, match="no encoder is called"):
        encoder_for("extranonce3")


def test_an_encoder_comes_back_from_its_json() -> None:
    for name in ENCODERS:
        used = encoder(name, mask=(1.0, -0.5))
        assert str(Encoder.from_json(used.as_json())) == str(used)  # NaN is not equal to itself
    with pytest.raises(UsageError, match="no encoder"):
        Encoder.from_json({"name": "work"})


def test_the_drive_is_taken_as_it_was_read_back() -> None:
    used = encoder("frequency", mask=(1.0, -1.0))
    u = [0.1, 0.3, 0.45]
    found = applied_drive(readings(used, u, {0: 421.0}), used, steps=3)
    assert found.applied[0] == 421.0
    assert found.u[0] == pytest.approx(0.1025)  # of 0.105 and 0.1
    np.testing.assert_allclose(found.u[1:], u[1:])
    assert found.starts_ns.tolist() == [0, 2 * 10**9, 4 * 10**9, 6 * 10**9]
    assert len(found.node_starts_ns) == 7
    assert found.missing_steps == 0


@pytest.mark.parametrize("answer", [440.0, math.nan])
def test_a_drive_that_was_not_applied_is_an_error_or_missing(answer: float) -> None:
    used = encoder("frequency")
    made = readings(used, [0.0, 0.5, 0.25], {1: answer})
    with pytest.raises(NoAnswer, match=r"not applied in 1 of 3 steps: in step 1 .* frequency_mhz = 500"):
        applied_drive(made, used)
    found = applied_drive(made, used, allow_missing=True)
    assert found.missing_steps == 1
    assert np.isnan(found.u).tolist() == [False, True, False]
    assert np.isnan(found.applied[1])


def test_mismatched_lengths_are_errors() -> None:
    used = encoder("work")
    made = readings(used, [0.1, 0.2, 0.3])
    with pytest.raises(NoAnswer, match="3 steps of the input, not 4"):
        applied_drive(made, used, steps=4)
    with pytest.raises(NoAnswer, match="no whole steps of 2"):
        applied_drive(made, encoder("work", mask=(1.0, -1.0)))
    with pytest.raises(NoAnswer, match="no drive"):
        applied_drive(made[:-1], used)
    with pytest.raises(NoAnswer, match="3 steps were asked for and 2 answered"):
        applied_drive([m for k, m in enumerate(made) if k != 1], used)
    with pytest.raises(UsageError, match="steps of 2 nodes"):
        encoder("work", mask=(1.0, -1.0)).inputs([0.1])
