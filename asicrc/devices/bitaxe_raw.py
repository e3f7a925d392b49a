"""A Bitaxe whose microcontroller runs bitaxe-raw: the chip on one port, its board on the other.

The bring-up holds the chip in reset while the fan and then the core voltage are set, releases it, and ramps
the clock from its lowest. The way back goes in the opposite order. Run against the emulated board and
recorded bytes only: no board has been attached yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from asicrc.bench.guardian import SafeStep
from asicrc.bench.supervision import LimitWatch, thresholds_for
from asicrc.devices.bitaxe_board import FULL_FAN_PERCENT, Board
from asicrc.devices.bitaxe_return import WayBack
from asicrc.devices.board_originals import checked_board_originals
from asicrc.devices.chain_device import ChainDevice
from asicrc.devices.safe_line import steps_to_halt
from asicrc.devices.watch import Watch
from asicrc.transports.transport import Transport
from firmware_protocols.device import (
    Batch,
    Capability,
    Clock,
    DeviceIdentity,
    DeviceLost,
    JitterFloor,
    Job,
    NonceBatch,
    Reading,
    Setting,
    SettingRefused,
    WorkForm,
)
from firmware_protocols.errors import ProtocolError

LOWEST_OFFERED_MV = {"ultra": 1100.0, "gamma": 1000.0}
"""Core voltage unless asked: the lowest that bitaxeorg/ESP-Miner:main/device_config.h offers for the chip."""
LOOK_INTERVAL_NS = 1_000_000_000


class BitaxeRawDevice:
    """Implements `DeviceProtocol`. Made by `asicrc.devices.open_device`."""

    def __init__(
        self,
        chain: ChainDevice,
        board: Board,
        control: Transport,
        watch: Watch,
        log: list[str],
        *,
        fan_has_tachometer: bool = True,
    ) -> None:
        self._chain = chain
        self._board = board
        self._control = control
        self._watch = watch
        self._log = log
        self._originals: dict[str, float] = {}
        self._next_look_ns = 0
        thresholds = thresholds_for(chain.identity.family, board.envelope.limits())
        self._limits = LimitWatch(thresholds, firmware_watches=False, fan_tells=fan_has_tachometer)
        """Of the whole time in which the board is driven, a capture or not."""
        self._readings: list[Reading] = []
        self._looking = False
        self._way_back = WayBack(chain, board, log)
        chain.line.attend = board.attend = self._attend
        self._chip_answered = False
        """Before anything was changed."""
        self._awake = False
        """Whether there is an answering chip at all: one in reset is not asked."""
        self._at_work = False
        """Whether the chip was brought up here, and the way back has not begun."""
        self._board_goal: tuple[float, float] | None = None
        """Voltage and fan that it was brought up with."""
        self._fan_told: float | None = None

    @property
    def identity(self) -> DeviceIdentity:
        return self._chain.identity

    @property
    def capabilities(self) -> dict[str, Capability]:
        return self._chain.capabilities | {
            "voltage_mv": Capability.RESTART,
            "fan_percent": Capability.LIVE,
        }

    @property
    def clock(self) -> Clock:
        return self._chain.clock

    @property
    def stamps(self) -> dict[str, str]:
        return self._chain.stamps

    @property
    def limits(self) -> dict[str, Any]:
        return self._chain.limits

    @property
    def job_interval_s(self) -> float:
        return self._chain.job_interval_s

    @property
    def work_form(self) -> WorkForm:
        return self._chain.work_form

    def check(self, requested: dict[str, float]) -> None:
        voltage_mv, fan_percent, rest = self._split(requested)
        for name, value, limits in (
            ("voltage_mv", voltage_mv, self._board.envelope.voltage_mv),
            ("fan_percent", fan_percent, self._board.envelope.fan_percent),
        ):
            if limits is not None:
                limits.check(name, value)
        self._chain.check(rest)

    def originals(self) -> list[Setting]:
        """Of the board, and of the chip where it is out of reset and answers."""
        released = self._board.reset_released
        found = {
            "reset_released": float(released),
            "voltage_mv": self._board.regulator.voltage_mv(),
            **{name: float(value) for name, value in self._board.fan_registers().items()},
        }
        if not found["voltage_mv"]:  # one that is on is not set up anew, unless it is outside the limits
            set_up = self._board.regulator.set_up_registers()
            found |= {name: float(value) for name, value in set_up.items()}
        self._originals = found
        now_ns = self.clock.now_ns()
        settings = [Setting(now_ns, name, None, value, kind="original") for name, value in found.items()]
        if not released:
            self._log.append("the chip was found in reset: that is what it is put back to")
            return settings
        of_chip = self._chain.originals()
        self._chip_answered = self._awake = _has_answered(of_chip)
        return settings + of_chip

    def adopt_originals(self, settings: list[Setting]) -> None:
        self._originals, of_chip = checked_board_originals(settings)
        self._chip_answered = _has_answered(of_chip)
        if of_chip:
            self._chain.adopt_originals(of_chip)

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        """The whole bring-up; of a chip that works already only what changes, unless that is the voltage."""
        self.check(requested)
        if self._at_work and requested.keys() == {"fan_percent"}:
            return [self._set_fan(requested["fan_percent"])]
        voltage_mv, fan_percent, rest = self._split(requested)
        if self._at_work and (voltage_mv, fan_percent) == self._board_goal:
            # what was told the fan alone meanwhile is no part of the bring-up
            asked = requested.get("fan_percent", self._fan_told)
            fans = [] if asked is None or asked == self._fan_told else [self._set_fan(asked)]
            return [*fans, *self._chain.configure(rest)]
        self._at_work = False
        self._chain.put_to_reset()
        self._board.check_cool()
        self._watch.arm(self._steps_to_safety())
        board, now_ns = self._board, self.clock.now_ns
        board.set_reset(released=False)
        board.prepare_fan()
        fan = self._set_fan(fan_percent)
        self._limits.changed()
        self._next_look_ns = now_ns()
        reached_mv = board.set_voltage(voltage_mv)
        voltage = Setting(now_ns(), "voltage_mv", voltage_mv, reached_mv)
        settings = [fan, voltage, *self._chain.configure(rest)]
        self._awake = self._at_work = True
        self._board_goal = (voltage_mv, fan_percent)
        return settings

    def begin_point(self, key: tuple[int, ...]) -> None:
        pass  # silicon has no seed

    def jitter_floor(self) -> JitterFloor | None:
        return self._chain.jitter_floor() if self._awake else None

    def send(self, job: Job) -> list[Job]:
        return self._chain.send(job)

    def read(self, until_ns: int) -> Batch:
        self._attend()
        batch = self._chain.read(until_ns)
        batch.readings += self._readings
        batch.log += self._log
        self._readings = []
        self._log.clear()
        return batch

    def judged(self, events: NonceBatch) -> None:
        """A chip is told nothing about its nonces."""

    def restore(self) -> list[Setting]:
        """Chip first (halted, or back in reset), then voltage, then fan; goes on when one of them fails."""
        return self._go_back(lambda: self._way_back.restore(self._originals, self._chip_answered))

    def make_safe(self) -> list[Setting]:
        return self._go_back(self._way_back.make_safe)

    def wire_counters(self) -> dict[str, int]:
        return self._chain.wire_counters()

    def close(self) -> None:
        try:
            self._watch.close()
        finally:
            self._chain.close()
            self._control.close()

    def _set_fan(self, percent: float) -> Setting:
        """What is asked for is met by the step of the fan controller that is nearest."""
        reached = self._board.set_fan(percent)
        self._fan_told = percent
        return Setting(self.clock.now_ns(), "fan_percent", percent, reached)

    def _go_back(self, way: Callable[[], list[Setting]]) -> list[Setting]:
        self._next_look_ns = 0
        self._at_work = False
        self._watch.arm_for_the_way_back(self._steps_to_safety(), self._log)
        settings = way()
        self._watch.finish(self._log, came_back=all(setting.came_true for setting in settings))
        return settings

    def _split(self, requested: dict[str, float]) -> tuple[float, float, dict[str, float]]:
        rest = dict(requested)
        lowest_mv = LOWEST_OFFERED_MV[self._board.kind.name]
        limits = self._board.envelope.voltage_mv
        usual_mv = lowest_mv if limits is None else limits.clamp(lowest_mv)
        return rest.pop("voltage_mv", usual_mv), rest.pop("fan_percent", FULL_FAN_PERCENT), rest

    def _steps_to_safety(self) -> list[SafeStep]:
        """The board first; and the chip by its own line, for a control port that does not answer any more."""
        fd = self._control.descriptor
        if fd is None:
            return []
        return self._board.steps_to_safety(fd) + steps_to_halt(self._chain.line, self._board.envelope)

    def _attend(self) -> None:
        """Before every write and while anything is waited for: the guardian, and each second the board."""
        self._watch.check()
        if self._looking or not self._next_look_ns or self.clock.now_ns() < self._next_look_ns:
            return
        self._looking = True
        try:
            self._readings += self._look()
        finally:
            self._looking = False
            self._next_look_ns = self.clock.now_ns() + LOOK_INTERVAL_NS

    def _look(self) -> list[Reading]:
        """Readings of the board. Raises SafetyStop when they say that it must not go on, DeviceLost when it
        has started anew."""
        try:
            readings = self._board.readings(self.clock.now_ns())
        except (SettingRefused, ProtocolError) as error:
            misses = self._limits.missed(str(error))
            self._log.append(f"{error} (try {misses})")
            return []
        if not any(reading.channel == "fan_rpm" for reading in readings):
            self._limits.take("fan_rpm", math.nan, self.clock.now_ns())
        for reading in readings:
            self._limits.take(reading.channel, reading.value, reading.t_ns)
            if reading.channel == "reset_released" and self._at_work and not reading.value:
                raise DeviceLost(
                    f"{self._control.path}: the chip is held in reset, which nobody asked for: the board's "
                    "microcontroller has started anew; is its supply strong enough?"
                )
        return readings


def _has_answered(of_chip: list[Setting]) -> bool:
    return any(setting.read_back is not None for setting in of_chip if setting.name != "host_baud")
