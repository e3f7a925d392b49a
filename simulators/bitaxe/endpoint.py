"""The emulator's process: the chip's line, as simulators.bm13xx serves it, with a board and its control port.

The reset line holds the chip: low, it hears nothing, says nothing, and has forgotten everything. So does
one that got too little voltage for its clock; it stays so until it is reset with enough. The board keeps
real time; only the chip's is stretched.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence

from firmware_protocols.bitaxe_raw import SystemBootloader, SystemReboot
from firmware_protocols.board_parts import BOARDS
from simulators.bitaxe.board_log import BoardLog
from simulators.bitaxe.circuit import Circuit
from simulators.bitaxe.firmware import Firmware
from simulators.bitaxe.options import CHIPS, FROM_THE_START_S, BoardOptions, parse_board_options
from simulators.bitaxe.parts import Ds4432u, Emc2101, Ina260, Part, Tps546
from simulators.bitaxe.physics import BoardModel
from simulators.bm13xx.endpoint import USAGE, Endpoint
from simulators.bm13xx.process import run_process
from simulators.bm13xx.report import SendRecord, warn
from simulators.bm13xx.scale import OptionError, options_from_arguments
from simulators.bm13xx.terminal import Terminal
from simulators.models import MACHINES, DevicePhysics

REGULATORS = {"ultra": 0x48, "gamma": 0x24}
"""Addresses of the core's regulators, by board."""


def main(arguments: Sequence[str]) -> int:
    """Run one board until stdin ends or a signal comes; return its exit code.

    2 is an option that is not understood (said on stderr), 1 a failure of the emulator itself.
    """
    try:
        options = parse_board_options(options_from_arguments(arguments))
        sends, log = SendRecord(options.scale.truth), BoardLog(options.board_log)
    except (OptionError, OSError) as error:
        warn(str(error))
        return USAGE
    in_real_time = options.scale.time_scale * options.heat_speed
    machine = MACHINES[f"bitaxe-{options.board}"]
    model = DevicePhysics(machine, ambient_c=options.ambient_c, speed=in_real_time)
    return run_process(lambda woken, wake: BitaxeEndpoint(options, model, sends, log, woken, wake))


class BitaxeEndpoint(Endpoint):
    """One board: its control port beside the line of its chip."""

    def __init__(
        self,
        options: BoardOptions,
        model: BoardModel,
        sends: SendRecord,
        log: BoardLog,
        woken: int,
        wake: int,
    ) -> None:
        super().__init__(options.scale, model, sends, woken, wake)
        self.control = Terminal()
        self._options = options
        self._physics = model
        self._log = log
        self._first_job_ns: int | None = None
        self._held = self.deaf = True
        self.circuit = Circuit(
            model, options.ambient_c, diode_wired=BOARDS[options.board].temperature_external
        )
        self._parts = _parts(options.board, self.circuit)
        self.firmware = self._powered_firmware()
        self._faults: dict[str, Callable[[bool], None]] = {
            "sensor_lost": self.circuit.lose_sensor,
            "fan_stopped": self.circuit.stop_fan,
            "voltage_ignored": self.circuit.keep_voltage,
            "overheat": lambda loose: model.set("heat_sink", 0.0 if loose else 1.0),
            "regulator_reset": self._reset_regulator,
            "reboot": self._reboot,
            "unplugged": self._unplug,
        }
        """What to do when one begins (True), and when it ends."""
        self._there: set[str] = set()
        self._begin_faults(time.monotonic_ns())
        self._link()

    def announce(self) -> None:
        board, scale = self._options.board, self._options.scale
        control, data = self._ports()
        chip = CHIPS[board]
        line = {
            "url": f"bitaxe-raw:{control},{data}?board={board}&chip={chip}&simulated=1&{scale.url_query()}",
            "device": "bitaxe" if board == "ultra" else f"bitaxe-{board}",
            "control": self.control.name,
            "pty": self.terminal.name,
            "pid": os.getpid(),
            "chips": scale.chips,
            "seed": scale.seed,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def further_fds(self) -> Sequence[int]:
        return (self.control.fd,)

    def serve(self, readable: Sequence[int], now_ns: int) -> None:
        if self.control.fd in readable:
            data = self.control.read()
            for reply in self.firmware.receive(data or b"", time.monotonic_ns()):
                self._note(time.monotonic_ns())
                self.control.write(reply)
        if self._first_job_ns is None and self._chain.work is not None:
            self._first_job_ns = now_ns
        self._begin_faults(now_ns)
        if not self.deaf and (self._physics.stopped or self.circuit.voltage_mv < self._physics.least_mv):
            self._silence(now_ns)
        self._note(now_ns)

    def _note(self, t_ns: int) -> None:
        self._log.write(
            t_ns,
            reset=self._held,
            voltage_mv=self.circuit.voltage_mv,
            fan_percent=self.circuit.turning_percent,
            temperature_c=self._physics.temperature_c,
            frequency_mhz=self._chain.frequency_mhz if self._chain.work is not None else 0.0,
        )

    def _begin_faults(self, now_ns: int) -> None:
        since_s = (now_ns - self._first_job_ns) / 1e9 if self._first_job_ns is not None else FROM_THE_START_S
        for name, turn in self._faults.items():
            spell = self._options.fault(name)
            is_there = spell.after_s <= since_s < spell.ends_s
            if is_there != (name in self._there):
                self._there ^= {name}
                turn(is_there)

    def _reset_regulator(self, begins: bool) -> None:
        """A glitch of its supply."""
        if begins:
            self._parts[REGULATORS[self._options.board]].power_on()

    def _reboot(self, begins: bool) -> None:
        if begins:
            self._restart(SystemReboot())

    def _unplug(self, begins: bool) -> None:
        """The board goes on as it is; the host's ends of its ports are dead, and others come."""
        if begins:
            self.control.change_hosts_end()
            self.terminal.change_hosts_end()
            self._link(none=True)
        else:
            self._link()

    def _ports(self) -> tuple[str, str]:
        """As a host opens them."""
        links = self._options.links
        if links is None:
            return self.control.name, self.terminal.name
        return str(links / "control"), str(links / "data")

    def _link(self, *, none: bool = False) -> None:
        links = self._options.links
        if links is None:
            return
        for name, terminal in (("control", self.control), ("data", self.terminal)):
            (links / name).unlink(missing_ok=True)
            if not none:
                (links / name).symlink_to(terminal.name)

    def _set_reset(self, level: bool) -> None:
        """The reset line, low to hold the chip. It comes up if there is the voltage for it."""
        released = level and self._held
        self._held = not level
        if self._held:
            self._silence(time.monotonic_ns())
        elif released:
            self._physics.restart()
            self.deaf = self.circuit.voltage_mv < self._physics.least_mv

    def _silence(self, at_ns: int) -> None:
        self.deaf = True
        self.reset_chips(at_ns)

    def _restart(self, request: SystemReboot | SystemBootloader) -> None:
        """The microcontroller starts again: the reset line falls; or it is gone, as a drive for firmware."""
        if isinstance(request, SystemBootloader):
            self._ended = "bootloader"
            return
        self._set_reset(False)
        self.firmware = self._powered_firmware()

    def _powered_firmware(self) -> Firmware:
        return Firmware(
            self._options.reply_version,
            self._parts,
            set_reset=self._set_reset,
            core_mv=lambda: self.circuit.voltage_mv,
            restart=self._restart,
        )

    def _close(self) -> int:
        code = super()._close()
        self._link(none=True)
        self.control.close()
        self._log.close()
        return code


def _parts(board: str, circuit: Circuit) -> dict[int, Part]:
    """By address on the bus."""
    at = REGULATORS[board]
    if BOARDS[board].regulator == "ds4432u":
        return {at: Ds4432u(circuit), 0x4C: Emc2101(circuit), 0x40: Ina260(circuit)}
    return {at: Tps546(circuit), 0x4C: Emc2101(circuit)}
