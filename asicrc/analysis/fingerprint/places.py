"""Where on the device each event was found: its core, or its chip where cores have too few events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicrc.bench.plan_rates import CHIPS_OF_TWINS
from asicrc.errors import NoAnswer
from firmware_protocols.bm13xx import model_by_name, nonce_fields
from firmware_protocols.device import DeviceIdentity, NonceBatch
from firmware_protocols.errors import ProtocolError

Ints = NDArray[np.int64]

CORE, CHIP = "core", "chip"
FEWEST_A_PLACE = 10
"""Events in the middle place: below it a mean of them is not normal yet, and their number says little."""
_CORE_BITS = 10
UNKNOWN = -1


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """`label` is the place of each event, an index into `names`, or -1. `level` is core or chip."""

    level: str
    label: Ints
    names: tuple[str, ...]

    @property
    def counts(self) -> Ints:
        """Events of each place."""
        return np.bincount(self.label[self.label >= 0], minlength=len(self.names))


def places(identity: DeviceIdentity, events: NonceBatch, *, level: str | None = None) -> Places:
    """The finest division of the events into places that has enough of them; with `level`, into those.

    A chip on a line names its core; a miner on a network does not, but its nonces do, for chips whose fields
    are known. Raises NoAnswer where neither says so, where there is one place only, and for too few events.
    """
    numbers = place_numbers(identity, events)
    known = numbers[numbers >= 0]
    for fineness, shift in ((CORE, 0), (CHIP, _CORE_BITS)):
        found, counts = np.unique(known >> shift, return_counts=True)
        enough = len(found) > 1 and float(np.median(counts)) >= FEWEST_A_PLACE
        if len(found) and (enough if level is None else fineness == level):
            label = np.full(len(numbers), UNKNOWN, np.int64)
            label[numbers >= 0] = np.searchsorted(found, known >> shift)
            return Places(fineness, label, tuple(_name(int(number), fineness) for number in found))
    if not len(known):
        raise NoAnswer(
            f"it is not known which core of a {identity.model} finds a nonce",
            "cores are named on a serial line, and by the nonces of chips of the BM13xx family",
        )
    raise NoAnswer(
        f"{len(known)} events on {len(np.unique(known))} cores: too few of each to compare them",
        f"{FEWEST_A_PLACE} on the middle core: capture for longer, or lower the difficulty",
    )


def place_numbers(identity: DeviceIdentity, events: NonceBatch) -> Ints:
    """(n,) one number for chip and core of each event, -1 where they are not known."""
    core = events["core"].astype(np.int64)
    chip = np.maximum(events["chip"].astype(np.int64), 0)
    if len(core) and not np.any(core >= 0):
        try:
            model = model_by_name(CHIPS_OF_TWINS.get(identity.model, identity.model))
            apart = 256 // max(identity.chips, 1)  # as a chain is addressed; more chips: as the factory does
            interval = apart if apart >= model.address_interval_min else None
            fields = nonce_fields(model, events["nonce"], address_interval=interval)
        except ProtocolError:
            return np.full(len(events), UNKNOWN, np.int64)
        core, chip = fields.core, np.maximum(fields.chip, 0)
    inside = (core >= 0) & (core < 1 << _CORE_BITS) & (chip < 1 << _CORE_BITS)
    return np.where(inside, chip << _CORE_BITS | core, UNKNOWN)


def _name(number: int, level: str) -> str:
    if level == CHIP:
        return str(number)
    return f"{number >> _CORE_BITS}/{number & (1 << _CORE_BITS) - 1}"
