"""A Bitaxe without a process behind it: the emulator's chain and parts on lines of paper, at the CPU's speed.

Every clock and core voltage that reaches them is kept, whatever the host believed it was doing.
"""

from __future__ import annotations

from collections.abc import Callable

from asicrc.bench.envelope import Envelope
from asicrc.bench.limits import envelope_for
from asicrc.devices.lines import CONTROL
from asicrc.transports.recorded import RecordedClock
from asicrc.transports.transport import LatencyTimer, Transport
from firmware_protocols.bitaxe_raw import ReplyVersion
from firmware_protocols.bm13xx import (
    ChipDecoder,
    Damaged,
    WriteRegister,
    encode,
    model_by_name,
    pll_from_register,
)
from firmware_protocols.device import Clock, Direction, Stamp, WireChunk
from simulators.bitaxe.circuit import Circuit
from simulators.bitaxe.firmware import Firmware
from simulators.bitaxe.parts import Ds4432u, Emc2101, Ina260, Part, Tps546
from simulators.bm13xx.chain import Chain
from simulators.models import MACHINES, DevicePhysics

URL = "bitaxe-raw:/paper/control,/paper/data?board=ultra"
BUILT_IN = envelope_for("bitaxe-ultra", "BM1366")
STEP_MV = 3.71
ANSWER_NS = 100_000


class PaperBench:
    """Chain and board of a Bitaxe Ultra, or with `chip` bm1370 of a Gamma.

    `clocks_mhz` and `voltages_mv` are what was ever set from outside.
    """

    def __init__(self, chip: str = "bm1366") -> None:
        self.clock = RecordedClock(1_000_000_000, 0)
        self.clocks_mhz: list[float] = []
        self.voltages_mv: list[float] = []
        self._model = model_by_name(chip)
        self._chain = Chain(self._model, chips=1, time_scale=1.0)
        self._decoder = ChipDecoder(self._model)
        gamma = chip == "bm1370"
        machine = MACHINES["bitaxe-gamma" if gamma else "bitaxe-ultra"]
        self.circuit = Circuit(DevicePhysics(machine), 25.0, diode_wired=gamma)
        self.regulator: Ds4432u | Tps546 = Tps546(self.circuit) if gamma else Ds4432u(self.circuit)
        parts: dict[int, Part] = {0x24 if gamma else 0x48: self.regulator, 0x4C: Emc2101(self.circuit)}
        if not gamma:
            parts[0x40] = Ina260(self.circuit)
        set_voltage = self.circuit.set_voltage

        def kept(millivolts: float) -> None:
            self.voltages_mv.append(millivolts)
            set_voltage(millivolts)

        self.regulator._circuit = _Watched(self.circuit, kept)  # type: ignore[assignment]
        self._firmware = Firmware(
            ReplyVersion.V0,
            parts,
            set_reset=self._set_reset,
            core_mv=lambda: self.circuit.voltage_mv,
            restart=lambda request: None,
        )
        self._held = True

    def open(self, channel: str, path: str, baud: int) -> Transport:
        """As a source of lines."""
        return PaperLine(self, path, baud, self._to_board if channel == CONTROL else self._to_chip)

    def _set_reset(self, level: bool) -> None:
        self._held = not level
        self._chain = Chain(self._model, chips=1, time_scale=1.0)

    def _to_board(self, data: bytes) -> list[bytes]:
        return [reply for reply in self._firmware.receive(data, self.clock.now_ns()) if reply]

    def _to_chip(self, data: bytes) -> list[bytes]:
        if self._held:
            return []
        answers: list[bytes] = []
        for received in self._decoder.receive_data(data, self.clock.now_ns()):
            frame = received.frame
            if isinstance(frame, Damaged):
                continue
            if isinstance(frame, WriteRegister) and frame.register == self._model.registers.pll0:
                self.clocks_mhz.append(pll_from_register(self._model, frame.value).mhz)
            for answer in self._chain.receive(frame, self.clock.now_ns()):
                answers.append(encode(answer.response, self._model, short=answer.short))
        return answers


class _Watched:
    """The circuit as the regulator sees it."""

    def __init__(self, circuit: Circuit, set_voltage: Callable[[float], None]) -> None:
        self._circuit = circuit
        self.set_voltage = set_voltage

    def __getattr__(self, name: str) -> object:
        return getattr(self._circuit, name)


class PaperLine:
    """Implements `Transport`: what is written is answered a moment later."""

    def __init__(
        self, bench: PaperBench, path: str, baud: int, answer: Callable[[bytes], list[bytes]]
    ) -> None:
        self.path = path
        self.clock: Clock = bench.clock
        self.baud = baud
        self._bench = bench
        self._answer = answer
        self._coming: list[WireChunk] = []

    @property
    def descriptor(self) -> int | None:
        return None

    @property
    def latency_timer(self) -> LatencyTimer:
        return LatencyTimer(None, None)

    def set_baud(self, baud: int) -> None:
        self.baud = baud

    def write(self, data: bytes) -> Stamp:
        stamp = Stamp(self._bench.clock.now_ns())
        due = Stamp(stamp.t_ns + ANSWER_NS)
        self._coming += [WireChunk(Direction.RX, due, reply) for reply in self._answer(data)]
        return stamp

    def read(self, until_ns: int) -> list[WireChunk]:
        due = [chunk for chunk in self._coming if chunk.stamp.t_ns <= until_ns]
        self._coming = [chunk for chunk in self._coming if chunk.stamp.t_ns > until_ns]
        self._bench.clock.advance_to(max((chunk.stamp.t_ns for chunk in due), default=until_ns))
        return due

    def close(self) -> None:
        """There is nothing to let go of."""


def check_held(bench: PaperBench, envelope: Envelope) -> None:
    limits = envelope.voltage_mv
    assert limits is not None
    for mhz in bench.clocks_mhz:
        assert envelope.frequency_mhz.low <= mhz <= envelope.frequency_mhz.high
    for mv in bench.voltages_mv:
        assert limits.low - STEP_MV <= mv <= limits.high
