"""A twin has a known truth: what the instrument says of it is a verdict on the instrument, not on silicon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from asicrc.evidence import EvidenceVerdict, Instrument
from asicrc.reservoir.attribution.channel import Attribution, Channel
from asicrc.reservoir.attribution.paired import CAPACITY_MARGINS

INPUT_VARIANCE = 0.5**2 / 12
"""Of an input uniform on 0 .. 0.5."""


def instrument_verdict(
    found: Attribution, truth: Mapping[str, Any], *, channel: str, events_per_step: float
) -> tuple[Instrument, str]:
    """Hold what was found against what the twin says of itself (`identity.details`).

    Memory is planted in the drive of the work and nowhere else. Where nothing is planted a supported claim is
    a false alarm; where it is, support is right, and refutation wrong if the planted capacity reaches the
    margin.
    """
    supported = found.computes is EvidenceVerdict.SUPPORTED
    gain = float(truth.get("effect_memory_gain", 0.0) or 0.0)
    if gain == 0.0 or channel != "work":
        if supported:
            return Instrument.FAILED, "no memory is planted, and some was claimed"
        return Instrument.VALIDATED, "no memory is planted, and none was claimed"
    tau = float(truth.get("effect_memory_tau", 3.0))
    expected = planted_capacity(gain, tau, events_per_step)
    said = f"planted memory of capacity about {expected:.2f}"
    if supported:
        right = found.channel is Channel.TIMING
        return (Instrument.VALIDATED if right else Instrument.FAILED), f"{said}, found in {found.channel}"
    if expected < CAPACITY_MARGINS.claimed:
        return Instrument.NOT_RESOLVED, f"{said}, below the margin of {CAPACITY_MARGINS.claimed:g}"
    return Instrument.FAILED, f"{said}, and not found"


def planted_capacity(
    gain: float, tau_steps: float, events_per_step: float, variance: float = INPUT_VARIANCE
) -> float:
    """Linear memory capacity beyond the present of a count whose rate is 1 + gain (m - centre).

    m is the fading mean with a = exp(-1/tau): var(m) = var(u) (1 - a)/(1 + a), of which a share a^2 is of
    earlier steps; the count has a variance of 1/n relative to its mean, so that the capacity is
    a^2 s with s = gain^2 var(m) / (gain^2 var(m) + 1/n).
    """
    a = float(np.exp(-1 / tau_steps))
    signal = gain**2 * variance * (1 - a) / (1 + a)
    return a**2 * signal / (signal + 1 / max(events_per_step, 1e-12))
