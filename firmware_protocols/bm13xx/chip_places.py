"""Which chip of a line counted to a nonce, from the addresses and nonce offsets that the host gave out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.bm13xx.frames import ChainInactive, Command, SetAddress, WriteRegister
from firmware_protocols.bm13xx.models import ChipModel
from firmware_protocols.bm13xx.nonce import NonceFields
from firmware_protocols.bm13xx.received import Damaged

_OFFSET_ENABLED = 1 << 31
_OFFSET_BITS = 0xFFFF


class ChipPlaces:
    """Where in the 25-bit counter each chip starts. A chip counts upward from there, to the next one's start.

    Without places on the record, a chip is the address field of the nonce, which holds for factory chains, or
    -1 for the models that have no such field.
    """

    def __init__(self, model: ChipModel) -> None:
        self._model = model
        self._addresses: set[int] = set()
        self._offsets: dict[int, int] = {}

    def note(self, frame: Command | Damaged) -> None:
        """Take what the host sent."""
        if isinstance(frame, ChainInactive):
            self._addresses.clear()
            self._offsets.clear()
        elif isinstance(frame, SetAddress):
            self._addresses.add(frame.address)
        elif isinstance(frame, WriteRegister) and frame.register == self._model.registers.nonce_offset:
            self._note_offset(frame)

    def chips_of(self, fields: NonceFields) -> NDArray[np.int64]:
        """Address of the chip that counted to each nonce, -1 where that cannot be told."""
        shift, places = self._model.nonce_start_shift, self._places()
        if shift is None or not places:
            return fields.chip
        starts = np.array(sorted(places), np.int64)
        chips = np.array([places[start] for start in sorted(places)], np.int64)
        return chips[np.searchsorted(starts, fields.counter25 >> shift, side="right") - 1]

    def _places(self) -> dict[int, int]:
        """Address of each chip by its start, in the unit of `nonce_start_shift`."""
        if self._model.nonce_has_address:
            return {address: address for address in self._addresses}
        return {offset: address for address, offset in self._offsets.items()}

    def _note_offset(self, frame: WriteRegister) -> None:
        """An offset that is switched off leaves its chip without a known start; one for all chips too, unless
        there is only one."""
        if frame.address is None:
            self._offsets.clear()
            addresses = self._addresses if len(self._addresses) == 1 else set()
        else:
            addresses = {frame.address}
        for address in addresses:
            self._offsets.pop(address, None)
            if frame.value & _OFFSET_ENABLED:
                self._offsets[address] = frame.value & _OFFSET_BITS
