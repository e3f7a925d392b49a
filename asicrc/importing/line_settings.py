"""Settings that a host made on a chip line, told from the registers it wrote."""

from __future__ import annotations

from asicrc.errors import BadFile
from firmware_protocols.bm13xx import (
    ChipModel,
    Register,
    WriteRegister,
    difficulty_from_ticket_mask,
    pll_from_register,
)
from firmware_protocols.device import Setting
from firmware_protocols.errors import RemoteProtocolError

_UNSET = object()


class LineSettings:
    """Follows register writes; `changes` gives what is in force when work begins, not every step of a ramp.

    The clock is one number only while every chip has the same: once the host sets chips one by one and they
    differ, `frequency_mhz` has no value, `frequency_mhz_lowest` and `frequency_mhz_highest` have.
    """

    def __init__(self, model: ChipModel) -> None:
        self._model = model
        self._mhz_of_all: float | None = None
        self._mhz_of_chip: dict[int, float | None] = {}
        self._clock_was_set = False
        self._others: dict[str, float] = {}
        self._told: dict[str, float | None] = {}

    def note(self, frame: WriteRegister, line: int) -> str | None:
        """Take a write of line number `line`; return what to log. Raises BadFile for a senseless ticket mask,
        without which no proof of the dump can be judged."""
        if frame.register == Register.PLL0:
            return self._note_clock(frame)
        if frame.register == Register.TICKET_MASK:
            try:
                self._others["difficulty"] = float(difficulty_from_ticket_mask(frame.value))
            except RemoteProtocolError as error:
                raise BadFile(
                    f"line {line} sets a ticket mask that is none: {error}",
                    "check the dump there, or leave the line out if the chip was not meant",
                ) from None
        elif frame.register == Register.HASH_COUNTING_NUMBER:
            self._others["hash_counting_number"] = float(frame.value)
        return None

    def changes(self, t_ns: int) -> list[Setting]:
        """Settings that are in force and were not told yet. None read them back: they are as written."""
        now: dict[str, float | None] = {**self._clocks(), **self._others}
        changed = {name: value for name, value in now.items() if self._told.get(name, _UNSET) != value}
        self._told.update(changed)
        return [Setting(t_ns, name, value, value) for name, value in changed.items()]

    def _note_clock(self, frame: WriteRegister) -> str | None:
        mhz: float | None = None
        remark: str | None = None
        try:
            mhz = pll_from_register(self._model, frame.value).mhz
        except RemoteProtocolError as error:
            remark = f"the clock is not known from here on: {error}"
        if frame.address is None:
            self._mhz_of_all = mhz
            self._mhz_of_chip.clear()
        else:
            self._mhz_of_chip[frame.address] = mhz
        self._clock_was_set = True
        return remark

    def _clocks(self) -> dict[str, float | None]:
        if not self._clock_was_set:
            return {}
        clocks = {*self._mhz_of_chip.values()}
        if self._mhz_of_all is not None or not clocks:
            clocks.add(self._mhz_of_all)
        known = [clock for clock in clocks if clock is not None]
        if len(clocks) == 1:
            return {"frequency_mhz": known[0] if known else None}
        return {
            "frequency_mhz": None,
            "frequency_mhz_lowest": min(known),
            "frequency_mhz_highest": max(known),
        }
