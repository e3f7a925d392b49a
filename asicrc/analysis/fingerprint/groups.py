"""What a profile is made of: groups of numbers with their standard errors, and what could make them differ.

A contrast counts only by how places of one device differ from each other: whatever is common to all of them
(latency, jitter, loss, the crystal) drops out when two are compared. Nothing between chip and host knows
which core found a nonce, so a difference between cores is of the chip, or of nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """`values` with their standard `errors`, by name. `absent` is value and error of a name that this
    recording had no event of, where that itself says something."""

    names: tuple[str, ...]
    values: Floats
    errors: Floats
    absent: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class GroupKind:
    """`made_by` says what ordinary thing makes such numbers differ from device to device."""

    unit: str
    made_by: str
    contrast: bool


SILICON = "the chip"
CRYSTAL = "the crystal"
HOST = "firmware and network"
HEAT = "heat and supply"

GROUPS: Mapping[str, GroupKind] = {
    "core_delay": GroupKind("us of the host", SILICON, True),
    "chip_delay": GroupKind("us of the host", SILICON, True),
    "core_share": GroupKind("root of its share of the proofs over an equal one", SILICON, True),
    "chip_share": GroupKind("root of its share of the proofs over an equal one", SILICON, True),
    "core_wrong": GroupKind("share of its answers that do not hash", SILICON, True),
    "chip_wrong": GroupKind("share of its answers that do not hash", SILICON, True),
    "crystal": GroupKind("ppm by which it is fast", CRYSTAL, False),
    "line": GroupKind("by name", HOST, False),
    "arrivals": GroupKind("by name", HOST, False),
    "telemetry": GroupKind("by channel", HEAT, False),
}

WITHOUT_PPM, WITH_PPM, PPM_ALONE, EVERYTHING = "without_ppm", "with_ppm", "ppm_alone", "everything"
_CONTRASTS = tuple(name for name, kind in GROUPS.items() if kind.contrast)
VIEWS: Mapping[str, tuple[str, ...]] = {
    WITHOUT_PPM: _CONTRASTS,
    WITH_PPM: (*_CONTRASTS, "crystal"),
    PPM_ALONE: ("crystal",),
    EVERYTHING: tuple(GROUPS),
}
"""What is compared. The claim of a fingerprint of the silicon is about the first alone."""
