"""The answer to mining.configure (BIP 310)."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_protocols.stratum_v1.client_messages import Configure
from firmware_protocols.stratum_v1.json_lines import JsonValue

BIP320_MASK = 0x1FFFE000
"""Version bits 28..13, which BIP 320 sets free. ESP-Miner's chips take exactly these."""
VERSION_ROLLING = "version-rolling"


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What was agreed on. `version_mask` is None where version rolling was not asked for, or not granted."""

    result: dict[str, JsonValue]
    version_mask: int | None
    enough_bits: bool = True
    """False where the miner needs more bits than both sides have: it then runs below its rate."""


def negotiate(request: Configure, version_mask: int) -> Negotiated:
    """The answer of a server whose miners may roll `version_mask`; every other extension gets false.

    Each extension that was asked for gets an answer. The mask is what both sides have in common; too few
    bits are no reason to refuse (BIP 310), none at all are. Raises RemoteProtocolError for a request that was
    not decoded here and is malformed.
    """
    result: dict[str, JsonValue] = dict.fromkeys(request.extensions, False)
    common = version_mask & request.version_mask
    if VERSION_ROLLING not in result:
        return Negotiated(result, None)
    enough = common.bit_count() >= request.min_bit_count
    if not common:
        return Negotiated(result, None, enough)
    result[VERSION_ROLLING] = True
    result[f"{VERSION_ROLLING}.mask"] = f"{common:08x}"
    return Negotiated(result, common, enough)
