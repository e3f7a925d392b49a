"""What the writes on a recorded line mean: frames to chips, requests to a board's microcontroller."""

from __future__ import annotations

from asicrc.transports.dialogue import Kind, Meaning
from firmware_protocols.bitaxe_raw import (
    AdcRead,
    GpioGet,
    GpioSet,
    I2cRead,
    I2cWrite,
    I2cWriteRead,
    Request,
    decode_request,
)
from firmware_protocols.bm13xx import (
    ChipModel,
    FullJob,
    MidstateJob,
    ReadRegister,
    WriteRegister,
    decode_command,
)
from firmware_protocols.board_parts import tps546
from firmware_protocols.errors import RemoteProtocolError

ID_AT = 2
"""Where a request and its reply carry their id."""


class ChipFrames:
    """Implements `Language` for a line to chips of one model."""

    def __init__(self, model: ChipModel) -> None:
        self._model = model

    def meaning(self, data: bytes) -> Meaning:
        try:
            frame = decode_command(data, self._model)
        except RemoteProtocolError:  # written by a driver of another day: known by its bytes alone
            return Meaning(Kind.COMMAND, data)
        match frame:
            case ReadRegister(register):
                return Meaning(Kind.QUESTION, data, register)
            case FullJob() | MidstateJob():
                return Meaning(Kind.WORK, data)
            case WriteRegister(register):
                return Meaning(Kind.COMMAND, data, register)
        return Meaning(Kind.COMMAND, data)

    def readdressed(self, answer: bytes, recorded: bytes, written: bytes) -> bytes:
        """Chips do not number their answers."""
        return answer


class BoardRequests:
    """Implements `Language` for a control channel, whose requests are numbered and say what they want."""

    def meaning(self, data: bytes) -> Meaning:
        try:
            request = decode_request(data)
        except RemoteProtocolError:
            return Meaning(Kind.COMMAND, data)
        return Meaning(_kind(request), request, _place(request))

    def readdressed(self, answer: bytes, recorded: bytes, written: bytes) -> bytes:
        """With the id of now in the reply, which is the last of what came."""
        for start in range(max(0, len(answer) - ID_AT)):
            size, left = int.from_bytes(answer[start : start + ID_AT], "little"), len(answer) - start
            # an answer of version 0 says how long its data are, everything else how long it is
            if answer[start + ID_AT] == recorded[ID_AT] and size in (left, left - ID_AT - 1):
                at = start + ID_AT
                return answer[:at] + written[at - start : at - start + 1] + answer[at + 1 :]
        return answer


def _kind(request: Request) -> Kind:
    if isinstance(request, I2cWrite):
        selects = request.address == tps546.ADDRESS and request.data == tps546.READ_ALL_PHASES
        return Kind.QUESTION if selects else Kind.COMMAND  # it goes with the reading of a current
    return Kind.QUESTION if isinstance(request, GpioGet | I2cRead | I2cWriteRead | AdcRead) else Kind.COMMAND


def _place(request: Request) -> tuple[object, ...]:
    match request:
        case I2cWrite(address, data) | I2cWriteRead(address, data):
            return ("register", address, data[:1])
        case GpioGet(pin) | GpioSet(pin):
            return ("pin", pin)
    return ()
