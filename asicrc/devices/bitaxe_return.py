"""The way back of a Bitaxe: as it was found, or, after a stop for safety, cold and at rest.

Whatever fails, the rest is still done: a control port that is silent must not keep the chip from being halted
over its own line, nor a silent chip the board from being put back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asicrc.devices.bitaxe_board import FAN_REGISTERS, FULL_FAN_PERCENT, Board
from asicrc.devices.chain_device import ChainDevice
from asicrc.devices.core_regulators import SET_UP_NAMES
from firmware_protocols.board_parts import emc2101
from firmware_protocols.device import DeviceLost, SafetyStop, Setting, SettingRefused
from firmware_protocols.errors import ProtocolError

RESTORED, MADE_SAFE = "restored", "made_safe"


class WayBack:
    """Every method goes on when a part fails: such a setting has `read_back` None, and the log says why."""

    def __init__(self, chain: ChainDevice, board: Board, log: list[str]) -> None:
        self._chain = chain
        self._board = board
        self._log = log

    def restore(self, originals: Mapping[str, float], chip_answered: bool) -> list[Setting]:
        """`originals` are the board's; the chain has its own. A chip that was found silent stays in reset."""
        halted = self._done(self._chain.halt, "the chip was not halted over its own line")
        goal_mv = self._goal_mv(originals.get("voltage_mv"))
        if not (originals.get("reset_released") and chip_answered):
            settings = self._hold(originals.get("reset_released"), RESTORED)
            settings += self._voltage(goal_mv, RESTORED) + self._set_up(goal_mv, originals)
            return settings + self._fan(originals, running=False)
        held, rises = self._held(), self._rises(goal_mv)
        settings = self._voltage(goal_mv, RESTORED) if held or rises else []
        if held:
            self._done(self._wake, "the chip was not taken out of reset")
        elif not halted:
            self._done(self._chain.halt, "the chip was not halted")
        settings += self._chip()
        if not (held or rises):
            settings += self._voltage(goal_mv, RESTORED)
        return settings + self._fan(originals, running=True)

    def make_safe(self) -> list[Setting]:
        """In reset, at the lowest voltage or none, with the fan at full speed."""
        self._done(self._chain.halt, "the chip was not halted over its own line")
        settings = self._hold(None, MADE_SAFE) + self._voltage(0.0, MADE_SAFE)
        now_ns = self._chain.clock.now_ns()
        full = Setting(now_ns, "fan_percent", FULL_FAN_PERCENT, None, MADE_SAFE)
        reached: list[float] = []
        if self._done(lambda: reached.append(self._board.set_fan(FULL_FAN_PERCENT)), "the fan was not set"):
            full = Setting(now_ns, "fan_percent", FULL_FAN_PERCENT, reached[0], MADE_SAFE)
        return [*settings, full]

    def _goal_mv(self, original: float | None) -> float | None:
        """0 for off; an original outside the limits becomes their lowest; None where none is known."""
        limits = self._board.envelope.voltage_mv
        if original is None or limits is None or original == 0:
            return original
        if limits.low <= original <= limits.high:
            return original
        self._log.append(
            f"the original core voltage of {original:.0f} mV is outside the limits: the lowest, "
            f"{limits.low:g} mV, is set"
        )
        return limits.low

    def _held(self) -> bool:
        """Whether the chip is in reset now; taken for no where the board does not say."""
        levels: list[bool] = []
        known = self._done(lambda: levels.append(self._board.reset_released), "the reset line is not known")
        return known and not levels[0]

    def _rises(self, goal_mv: float | None) -> bool:
        voltages: list[float] = []
        known = self._done(
            lambda: voltages.append(self._board.regulator.voltage_mv()), "the core voltage is not known"
        )
        return known and goal_mv is not None and goal_mv > voltages[0]

    def _hold(self, original: float | None, kind: str) -> list[Setting]:
        """The chip back in reset, as it was found; or for safety, where it could not be read before."""
        if original:
            self._log.append("the chip did not answer before it was changed: it is left in reset")
        held = self._done(lambda: self._board.set_reset(released=False), "the chip is not held in reset")
        asked = 0.0 if original is None else original
        return [Setting(self._chain.clock.now_ns(), "reset_released", asked, 0.0 if held else None, kind)]

    def _wake(self) -> None:
        self._board.pulse_reset()
        self._chain.was_reset()

    def _chip(self) -> list[Setting]:
        settings: list[Setting] = []
        if not self._done(lambda: settings.extend(self._chain.restore()), "the chip was not restored"):
            settings.append(Setting(self._chain.clock.now_ns(), "frequency_mhz", None, None, RESTORED))
        return settings

    def _voltage(self, goal_mv: float | None, kind: str) -> list[Setting]:
        """`goal_mv` 0 is off, or the lowest where the regulator cannot be turned off."""
        limits = self._board.envelope.voltage_mv
        if goal_mv is None or limits is None:
            return []
        asked, reached = goal_mv, list[float]()

        def set_it() -> None:
            reached.append(self._board.set_voltage(goal_mv or limits.low, turn_on=goal_mv > 0))
            if not goal_mv:
                reached.append(self._board.turn_off())

        read_back = reached[-1] if self._done(set_it, "the core voltage was not set") else None
        if not goal_mv and not self._board.regulator.can_turn_off:
            asked = limits.low
        if read_back is not None and abs(read_back - asked) <= self._board.regulator.step_mv():
            read_back = asked  # as near as the regulator's steps are
        return [Setting(self._chain.clock.now_ns(), "voltage_mv", asked, read_back, kind)]

    def _set_up(self, goal_mv: float | None, originals: Mapping[str, float]) -> list[Setting]:
        """Of a regulator that was found off, and is off again."""
        registers = {name: int(originals[name]) for name in SET_UP_NAMES if name in originals}
        if goal_mv != 0 or not registers:
            return []
        back = self._done(
            lambda: self._board.regulator.restore_set_up(registers),
            "the set-up of the core's regulator was not put back",
        )
        return _restored(registers, self._chain.clock.now_ns(), back=back)

    def _fan(self, originals: Mapping[str, float], *, running: bool) -> list[Setting]:
        registers = {name: int(originals[name]) for name in FAN_REGISTERS if name in originals}
        limits = self._board.envelope.fan_percent
        if running and limits is not None and "fan_setting" in registers:
            slowest = emc2101.duty_for(limits.low)
            if registers["fan_setting"] & emc2101.HIGHEST_DUTY < slowest:
                self._log.append(f"the original fan speed is below the limits: {limits.low:g} % is set")
                registers["fan_setting"] = slowest
        back = self._done(lambda: self._board.restore_fan(registers), "the fan was not put back")
        return _restored(registers, self._chain.clock.now_ns(), back=back)

    def _done(self, action: Callable[[], object], otherwise: str) -> bool:
        """Do one thing; whether it worked. What went wrong stands in the log."""
        try:
            action()
        except (SettingRefused, DeviceLost, SafetyStop, ProtocolError) as error:
            self._log.append(f"{otherwise}: {error}")
            return False
        return True


def _restored(registers: Mapping[str, int], t_ns: int, *, back: bool) -> list[Setting]:
    return [
        Setting(t_ns, name, float(value), float(value) if back else None, RESTORED)
        for name, value in registers.items()
    ]
