"""What has to be so before anything is recorded: the miner runs as it is set, and answers as it is asked.

A miner that sits at 50 MHz after an overheat answers every request with success and finds a tenth of the
shares; firmware that ignores a difficulty sends others than were asked for. A capture of either would be
analysed in good faith.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from asicrc.bench.envelope import Envelope
from asicrc.devices.network.control import Habits, Observation

CLOCK_WITHIN_MHZ = 7.0
"""The PLL's rounding, and a step of ESP-Miner's ramp."""
LEAST_POWER_W = 3.0
"""An idle board of this class draws 1.4 W, one whose chip hashes 5 W and more."""
LOOSE_TOLERANCE = 0.5
"""Where the miner estimates its hash rate from its shares: half as many as expected, or half more."""
DECIDES_AT = 24.0
"""Shares that are to be expected before their number says anything. Fewer than 9 of 24 are refused, and a
miner at a tenth of its rate brings more than 8 once in 1,000 times."""
LEVEL = 1e-4
"""How improbable it has to be, for a miner that is as it should be, to be refused."""
EASIER_BORNE = 1
"""Shares that may be easier than asked for: one found under the difficulty before."""
RESOLVED = 1.5
"""A floor this many times as high as what was asked for counts as another difficulty."""


@dataclass(frozen=True, slots=True)
class Expected:
    """`requested` are the settings that were asked for; `difficulty` is in force on our server, and
    `difficulty_asked` whether somebody asked for it."""

    requested: Mapping[str, float]
    difficulty: float
    difficulty_asked: bool
    habits: Habits
    envelope: Envelope
    has_power_meter: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """Why it does not open. `passes` says that time may mend it, `unsafe` that the miner has to be slowed
    down rather than put back as it was."""

    text: str
    passes: bool
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class GateShares:
    """`scaled` are hash over target of each share, in (0, 1] where all is well. `expected` is how many should
    have come while `counted` did, None where the hash rate is not known."""

    scaled: NDArray[np.float64]
    expected: float | None
    counted: int


def of_the_miner(seen: Observation, expected: Expected, *, with_averages: bool = True) -> list[Finding]:
    """What the miner's own words have against it; `with_averages` those too that it tells as an average of
    the time before."""
    return [
        finding
        for finding in (
            _overheated(seen),
            *(Finding(f"the miner reports a fault: {fault}", False) for fault in seen.faults),
            *_settings(seen, expected),
            _fall_back(seen, expected),
            _heat(seen, expected),
            _paused(seen),
            _clock(seen),
            _power(seen, expected),
            _hash_rate(seen, expected) if with_averages else None,
        )
        if finding is not None
    ]


def not_checked(seen: Observation, expected: Expected) -> list[str]:
    """Checks that could not be made, as the miner does not tell what they need: they have passed unasked."""
    rate, should = seen.hash_rate_ghs, seen.expected_hash_rate_ghs
    made = {
        "that it has not shut down for heat": seen.overheated is not None,
        "its temperature": seen.temperature_c is not None and expected.envelope.temperature_c is not None,
        "the clock that it runs at": seen.frequency_actual_mhz is not None
        and "frequency_mhz" in seen.setpoints,
        "its power": seen.power_w is not None and expected.has_power_meter,
        "its hash rate against its clock": rate is not None and bool(should),
        "how many shares come": should is not None,
    }
    asked = {f"{name}, which was asked for": name in seen.setpoints for name in expected.requested}
    return [what for what, is_made in (asked | made).items() if not is_made]


def of_the_shares(shares: GateShares, expected: Expected) -> list[Finding]:
    """What its shares have against it; nothing is said before there are enough of them."""
    found = [_easier(shares, expected), _floor(shares, expected), _number(shares)]
    return [finding for finding in found if finding is not None]


def is_decided(shares: GateShares) -> bool:
    """Whether the shares have said what they can say."""
    if shares.expected is None:
        return len(shares.scaled) >= DECIDES_AT
    return shares.expected >= DECIDES_AT and shares.counted > 0


def floor_of(shares: GateShares, difficulty: float) -> float | None:
    """The difficulty that the shares seem to have at least; None unless it is clearly above `difficulty`.

    The largest of n uniform numbers is below x with probability x**n. With DECIDES_AT of them the floor is
    known to a factor of RESOLVED, but once in 10,000 times.
    """
    if len(shares.scaled) < DECIDES_AT:
        return None
    largest = float(np.max(shares.scaled))
    if not 0 < largest < 1 / RESOLVED or len(shares.scaled) * math.log(largest) > math.log(LEVEL):
        return None
    return difficulty / largest


def is_in_other_unit(floor: float, expected: Expected) -> bool:
    """Whether the shares are as hard as they would be if the miner counted difficulties in its other unit."""
    unit = expected.habits.other_unit
    return unit is not None and unit / RESOLVED < floor / expected.difficulty < unit * RESOLVED


def unit_of(floor: float | None, expected: Expected) -> float | None:
    """How many times as much as the pools of its coin the miner means by a difficulty, as its shares tell.

    1, or the other unit of its family. None where a family has but one, or the shares fit neither.
    """
    other = expected.habits.other_unit
    if other is None or floor is None:
        return None if other is None else 1.0
    return other if is_in_other_unit(floor, expected) else None


def _overheated(seen: Observation) -> Finding | None:
    if not seen.overheated:
        return None
    return Finding(
        "the miner has shut down for heat and keeps a low clock until that is cleared. Find the cause (fan, "
        'dust, heatsink), then clear it in its web page, or send {"overheat_mode": 0} as PATCH /api/system, '
        "with clock and voltage",
        False,
    )


def _settings(seen: Observation, expected: Expected) -> list[Finding]:
    return [
        Finding(f"{name}: {asked:g} was asked for, the miner is set to {seen.setpoints[name]:g}", False)
        for name, asked in expected.requested.items()
        if name in seen.setpoints and not math.isclose(seen.setpoints[name], asked, rel_tol=0.01)
    ]


def _fall_back(seen: Observation, expected: Expected) -> Finding | None:
    low_mhz, set_mhz = expected.habits.fall_back_mhz, seen.setpoints.get("frequency_mhz")
    if low_mhz is None or set_mhz is None or set_mhz > low_mhz or "frequency_mhz" in expected.requested:
        return None
    return Finding(
        f"the miner is set to {set_mhz:g} MHz: that is where firmware up to v2.10 leaves a miner that "
        "overheated (with 990 or 1000 mV), and where it stays for ever. Find the cause of the heat, then ask "
        "for a clock and a voltage: --frequency-mhz 485 --voltage-mv 1200",
        False,
    )


def _heat(seen: Observation, expected: Expected) -> Finding | None:
    limit = expected.envelope.temperature_c
    if limit is None:
        return None
    if seen.temperature_c is None:
        return Finding("the miner tells no temperature", True)
    if seen.temperature_c <= limit:
        return None
    said = f"its chip is at {seen.temperature_c:g} degC, above the limit of {limit:g} degC"
    return Finding(said, passes=False, unsafe=True)


def _paused(seen: Observation) -> Finding | None:
    return (
        Finding("the miner does not mine: it says that it is paused, or asleep", True)
        if seen.paused
        else None
    )


def _clock(seen: Observation) -> Finding | None:
    set_mhz, runs_mhz = seen.setpoints.get("frequency_mhz"), seen.frequency_actual_mhz
    if set_mhz is None or runs_mhz is None or abs(runs_mhz - set_mhz) <= CLOCK_WITHIN_MHZ:
        return None
    return Finding(f"it is set to {set_mhz:g} MHz and runs at {runs_mhz:g} MHz", True)


def _power(seen: Observation, expected: Expected) -> Finding | None:
    if not expected.has_power_meter or seen.power_w is None or seen.power_w > LEAST_POWER_W:
        return None
    return Finding(f"it draws {seen.power_w:.1f} W: its chip does not hash", True)


def _hash_rate(seen: Observation, expected: Expected) -> Finding | None:
    rate, should = seen.hash_rate_ghs, seen.expected_hash_rate_ghs
    if rate is None or not should:
        return None
    tolerance = LOOSE_TOLERANCE if seen.hash_rate_from_shares else expected.habits.hash_rate_tolerance
    if abs(rate / should - 1) <= tolerance:
        return None
    return Finding(
        f"it reports {rate:.1f} GH/s where its clock makes {should:.1f} GH/s ({rate / should:.0%}): its "
        "chips do not run as they are set. Restart it; if it stays so, ask for another clock and voltage",
        True,
    )


def _number(shares: GateShares) -> Finding | None:
    count, should = shares.counted, shares.expected
    if should is None or should < DECIDES_AT:
        return None
    if special.pdtr(count, should) < LEVEL:
        return Finding(
            f"{count} shares came where its clock makes {should:.1f}: it hashes far less than it is set to, "
            "or its shares are lost. Look at its clock (50 MHz after an overheat?), its log and its network",
            True,
        )
    if special.pdtrc(count - 1, should) < LEVEL:
        return Finding(
            f"{count} shares came where its clock makes {should:.1f}: they are easier than they say, or "
            "another miner sends them too",
            True,
        )
    return None


def _easier(shares: GateShares, expected: Expected) -> Finding | None:
    easier = int(np.count_nonzero(shares.scaled > 1.0))
    if easier <= EASIER_BORNE:
        return None
    return Finding(
        f"the firmware ignores the difficulty: {easier} of {len(shares.scaled)} shares are easier than the "
        f"{expected.difficulty:g} that was asked for. Ask for one that it obeys (256 on AxeOS)",
        False,
    )


def _floor(shares: GateShares, expected: Expected) -> Finding | None:
    floor = floor_of(shares, expected.difficulty)
    if floor is None or not expected.difficulty_asked or is_in_other_unit(floor, expected):
        return None
    return Finding(
        f"the firmware ignores the difficulty: {expected.difficulty:g} was asked for, and no share is easier "
        f"than about {floor:.0f}. Ask for that, and plan with it: asicrc plan-rate --difficulty {floor:.0f}",
        False,
    )
