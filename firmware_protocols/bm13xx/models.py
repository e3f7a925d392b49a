"""The chips of the family by name and by what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from firmware_protocols.bm13xx.chip_model import (
    CLKI_HZ,
    BaudField,
    ChipModel,
    Framing,
    GatedInitValues,
    InitValues,
    MidstateInitValues,
    PllLimits,
    RegisterMap,
)
from firmware_protocols.bm13xx.full_header_chips import BM1362, BM1366, BM1368, BM1370
from firmware_protocols.bm13xx.midstate_chips import BM1387, BM1397, midstate_variant
from firmware_protocols.errors import LocalProtocolError

MODELS: Mapping[str, ChipModel] = MappingProxyType(
    {model.name: model for model in (BM1362, BM1366, BM1368, BM1370, BM1387, BM1397)}
)
"""The midstate chips stand here with four midstates a job; `midstate_variant` has the others."""


def model_by_name(name: str) -> ChipModel:
    """The model of this name, in upper or lower case. Raises LocalProtocolError for an unknown one."""
    model = MODELS.get(name.upper())
    if model is None:
        raise LocalProtocolError(f"no chip is called {name!r}; known are {', '.join(MODELS)}")
    return model


def model_by_chip_id(chip_id: int) -> ChipModel | None:
    """The model that answers with this id (bits 31..16 of CHIP_ID), or None."""
    return next((model for model in MODELS.values() if model.chip_id == chip_id), None)


__all__ = [
    "CLKI_HZ",
    "MODELS",
    "BaudField",
    "ChipModel",
    "Framing",
    "GatedInitValues",
    "InitValues",
    "MidstateInitValues",
    "PllLimits",
    "RegisterMap",
    "midstate_variant",
    "model_by_chip_id",
    "model_by_name",
]
