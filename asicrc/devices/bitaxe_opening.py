"""Opening a Bitaxe with bitaxe-raw firmware: `bitaxe-raw:CONTROL,DATA?board=ultra`."""

from __future__ import annotations

from contextlib import ExitStack

from asicrc.bench.envelope import Envelope
from asicrc.devices.bitaxe_board import Board
from asicrc.devices.bitaxe_raw import BitaxeRawDevice
from asicrc.devices.chain_device import ChainDevice
from asicrc.devices.chain_opening import chain_identity, check_model, find_chips
from asicrc.devices.chip_line import ChipLine
from asicrc.devices.chip_settings import RESET_BAUD, fast_baud
from asicrc.devices.control_channel import ControlChannel
from asicrc.devices.limits_in_force import LimitsInForce
from asicrc.devices.lines import CHIP, CONTROL, Lines
from asicrc.devices.scale import SCALE_OPTIONS, Scale
from asicrc.devices.url import DeviceUrl
from asicrc.devices.watch import Watch
from asicrc.errors import UsageError
from firmware_protocols.bm13xx import RegisterResponse, model_by_name
from firmware_protocols.board_parts import BOARDS, BitaxeBoard

CONTROL_BAUD = 115_200
"""Of a USB port, where it means nothing; both ports are opened so (256foundation/mujina:board/bitaxe.rs)."""
USUAL_BOARD = "ultra"


def open_bitaxe_raw(
    url: DeviceUrl, lines: Lines, limits: LimitsInForce, *, takes_work: bool = True
) -> BitaxeRawDevice:
    """Nothing is written but requests to read. Raises UsageError, DeviceError, DeviceLost."""
    url.reject_unknown({"board", "chip"} | SCALE_OPTIONS)
    control_path, comma, data_path = url.target.partition(",")
    if not (comma and control_path and data_path):
        raise UsageError(
            f"{url.text!r} does not name both ports of a board",
            "bitaxe-raw:/dev/ttyACM0,/dev/ttyACM1 (control port first)",
        )
    kind = board_of(url)
    model = model_by_name(kind.chip)
    if url.options.get("chip", kind.chip).lower() != kind.chip.lower():
        raise UsageError(f"a Bitaxe {kind.name} carries a {model.name}, not a {url.options['chip']}")
    envelope = limits.envelope(f"bitaxe-{kind.name}", model.name)
    scale = Scale.from_url(url, model)
    log = limits.remarks()
    with ExitStack() as opened:
        control = lines.open(CONTROL, control_path, CONTROL_BAUD)
        opened.callback(control.close)
        channel = ControlChannel(control)
        data = lines.open(CHIP, data_path, RESET_BAUD)
        opened.callback(data.close)
        line = ChipLine(data, model, scale.zero_bits, envelope.frequency_mhz)
        board = Board(channel, kind, envelope, lambda seconds: line.wait(seconds * scale.waits), log)
        _check_reach(board, envelope)
        answers: list[RegisterResponse] = []
        if board.reset_released:
            answers = find_chips(line, (RESET_BAUD, fast_baud(model)))
            check_model(line, answers)
        details = {
            "board": kind.name,
            "control_replies": f"v{int(channel.version)}",
            "fan_controller": board.fan_controller,
        }
        identity = chain_identity(url, line, scale, answers, chips=1, details=details)
        chain = ChainDevice(line, identity, scale, envelope, board=board, takes_work=takes_work)
        watch = Watch(control_path, [control.descriptor, data.descriptor])
        device = BitaxeRawDevice(
            chain, board, control, watch, log, fan_has_tachometer=limits.fan_has_tachometer
        )
        opened.pop_all()
        return device


def _check_reach(board: Board, envelope: Envelope) -> None:
    """A limit that was widened beyond what the regulator can be told would be no limit at all."""
    low_mv, high_mv = board.regulator.reach_mv
    limits = envelope.voltage_mv
    if limits is not None and not low_mv <= limits.low <= limits.high <= high_mv:
        raise UsageError(
            f"the limits of {limits.low:g} to {limits.high:g} mV go beyond what the regulator of a Bitaxe "
            f"{board.kind.name} can be told: {low_mv:.0f} to {high_mv:.0f} mV",
            "correct the station file",
        )


def board_of(url: DeviceUrl) -> BitaxeBoard:
    """The board that a URL names. Raises UsageError."""
    name = url.options.get("board", USUAL_BOARD)
    if name not in BOARDS:
        raise UsageError(f"there is no board {name!r}", f"known: {', '.join(BOARDS)}")
    return BOARDS[name]
