"""The channels an input can take into a miner, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from asicrc.capture.plan import DUTY_CHANNEL, WORK_CHANNEL
from asicrc.errors import UsageError
from asicrc.reservoir.encoders.encoder import INVERSE, Encoder


def work(u_low: float = 0.0, u_high: float = 0.5, **step: Any) -> Encoder:
    """u itself, written into the coinbase: the papers' injection. It changes the hashes and no physics."""
    return Encoder("work", WORK_CHANNEL, u_low, u_high, u_low, u_high, **step)


def difficulty(
    low: float = 256.0, high: float = 1024.0, u_low: float = 0.0, u_high: float = 0.5, **step: Any
) -> Encoder:
    """Difficulty in proportion to u."""
    return Encoder("difficulty", "difficulty", low, high, u_low, u_high, **step)


def inverse_difficulty(
    base: float = 256.0, epsilon: float = 0.1, u_low: float = 0.0, u_high: float = 0.5, **step: Any
) -> Encoder:
    """D = base / (u + epsilon), as the published code sets it: the share rate goes with u + epsilon."""
    if not (base > 0 and u_low + epsilon > 0):
        raise UsageError(
            f"base / (u + epsilon) with base {base:g}, epsilon {epsilon:g} and u from {u_low:g}",
            "give a base above 0, and an epsilon that keeps u + epsilon above 0",
        )
    low, high = base / (u_high + epsilon), base / (u_low + epsilon)
    return Encoder(
        "inverse-difficulty",
        "difficulty",
        low,
        high,
        u_low,
        u_high,
        law=INVERSE,
        base=base,
        epsilon=epsilon,
        **step,
    )


def frequency(low: float, high: float, u_low: float = 0.0, u_high: float = 0.5, **step: Any) -> Encoder:
    """Hash clock in MHz, in proportion to u."""
    return Encoder("frequency", "frequency_mhz", low, high, u_low, u_high, **step)


def voltage(low: float, high: float, u_low: float = 0.0, u_high: float = 0.5, **step: Any) -> Encoder:
    """Core voltage in mV, in proportion to u."""
    return Encoder("voltage", "voltage_mv", low, high, u_low, u_high, **step)


def duty(
    low: float,
    high: float,
    setting: str = "frequency_mhz",
    u_low: float = 0.0,
    u_high: float = 0.5,
    **step: Any,
) -> Encoder:
    """The share of each step at `high` of `setting`, the rest at `low`: 0 .. 1 for u_low .. u_high."""
    return Encoder(
        "duty",
        DUTY_CHANNEL,
        0.0,
        1.0,
        u_low,
        u_high,
        duty_setting=setting,
        duty_low=low,
        duty_high=high,
        **step,
    )


ENCODERS: dict[str, Callable[..., Encoder]] = {
    "work": work,
    "difficulty": difficulty,
    "inverse-difficulty": inverse_difficulty,
    "frequency": frequency,
    "voltage": voltage,
    "duty": duty,
}
"""By the name on the command line."""
_OF_SOME = frozenset({"low", "high", "base", "epsilon", "setting"})
"""Options that some encoders take, and others do not."""


def encoder_for(name: str, **options: Any) -> Encoder:
    """Raises UsageError for a name or an option that no encoder has."""
    if name not in ENCODERS:
        raise UsageError(f"no encoder is called {name!r}", f"known: {', '.join(ENCODERS)}")
    own = {
        option: parameter
        for option, parameter in inspect.signature(ENCODERS[name]).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }
    foreign = [option for option in options if option in _OF_SOME and option not in own]
    if foreign:
        taken = ", ".join(option for option in own if option in _OF_SOME)
        raise UsageError(
            f"encoder {name} takes no {', '.join(foreign)}", f"it takes {taken}" if taken else "leave it out"
        )
    lacking = [key for key, one in own.items() if one.default is one.empty and key not in options]
    if lacking:
        raise UsageError(f"encoder {name} needs {', '.join(lacking)}", "its values at the ends of the input")
    try:
        return ENCODERS[name](**options)
    except TypeError as error:
        raise UsageError(
            f"encoder {name}: {error}", "frequency, voltage and duty need low and high"
        ) from None


def random_mask(nodes: int, seed: int) -> tuple[float, ...]:
    """A fixed random mask of two levels, -1 and 1 (Appeltant et al. 2011)."""
    drawn = np.random.default_rng(np.random.SeedSequence(seed)).integers(0, 2, nodes)
    return tuple((2.0 * drawn - 1.0).tolist())
