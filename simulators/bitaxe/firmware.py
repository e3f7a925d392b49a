"""The bitaxe-raw firmware: what it makes of the bytes on the control port.

Version 0 is as the firmware of the Bitaxe (korbin/bitaxe-raw). Version 1 differs in the form of its
replies, and knows the light and the restart, which are said of the firmware that has it. Requests are
answered at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from firmware_protocols.bitaxe_raw import (
    ADC_VDD,
    ASIC_RESET_PIN,
    SILENCE_S,
    UNREADABLE_ID,
    AdcRead,
    Damaged,
    DeviceDecoder,
    ErrorCode,
    GpioGet,
    GpioSet,
    I2cRead,
    I2cSetFrequency,
    I2cWrite,
    I2cWriteRead,
    LedSet,
    ReplyVersion,
    Request,
    SystemBootloader,
    SystemReboot,
    encode_answer,
    encode_refusal,
)
from simulators.bitaxe.parts import Part, Unanswered

ADC_FULL_MV, ADC_STEPS = 3100.0, 4095
"""Of an ESP32-S3 at 12 dB, without its calibration."""


class Firmware:
    """Sans-I/O. `set_reset` is called with the level of the chip's reset line, low after power-on."""

    def __init__(
        self,
        version: ReplyVersion,
        parts: Mapping[int, Part],
        *,
        set_reset: Callable[[bool], None],
        core_mv: Callable[[], float],
        restart: Callable[[SystemReboot | SystemBootloader], None],
    ) -> None:
        self.version = version
        self._parts = parts
        self._set_reset = set_reset
        self._core_mv = core_mv
        self._restart = restart
        self._reset_level = False
        self._decoder = DeviceDecoder()
        self._heard_ns = 0

    def receive(self, data: bytes, at_ns: int) -> Iterator[bytes]:
        """Do what these bytes complete, request by request; after each its reply, empty where there is none.

        After 4 ms of silence a request begins anew.
        """
        if at_ns - self._heard_ns > SILENCE_S * 1e9:
            self._decoder.fell_silent()
        self._heard_ns = at_ns
        for received in self._decoder.receive_data(data):
            if received.request_id is None:
                continue
            if isinstance(received.request, Damaged) or not self._knows(received.request):
                yield encode_refusal(ErrorCode.INVALID, "", UNREADABLE_ID)
            else:
                yield self._reply(received.request, received.request_id)

    def _knows(self, request: Request) -> bool:
        match request:
            case GpioSet(pin) | GpioGet(pin):
                return pin == ASIC_RESET_PIN
            case AdcRead(channel):
                return channel == ADC_VDD
            case LedSet() | SystemReboot() | SystemBootloader():
                return self.version is ReplyVersion.V1
        return True

    def _reply(self, request: Request, request_id: int) -> bytes:
        if isinstance(request, SystemReboot | SystemBootloader):
            self._restart(request)
            return b""
        try:
            data = self._do(request)
        except Unanswered:
            names = {I2cWrite: "Write", I2cRead: "Read", I2cWriteRead: "WriteRead"}
            return encode_refusal(ErrorCode.CUSTOM, f"I2C {names[type(request)]} Error", request_id)
        return encode_answer(data, request_id, self.version)

    def _do(self, request: Request) -> bytes:
        match request:
            case I2cSetFrequency(hz):
                return hz.to_bytes(4, "little")
            case I2cWrite(address, data):
                self._part(address).write(data)
                return bytes((len(data),))
            case I2cRead(address, size):
                return self._part(address).read(size)
            case I2cWriteRead(address, data, size):
                self._part(address).write(data)
                return self._part(address).read(size)
            case GpioSet(_, level):
                self._reset_level = level
                self._set_reset(level)
                return bytes((level,))
            case GpioGet():
                return bytes((self._reset_level,))
            case LedSet(red, green, blue):
                return bytes((red, green, blue))
        return round(self._core_mv() / ADC_FULL_MV * ADC_STEPS).to_bytes(2, "little")

    def _part(self, address: int) -> Part:
        if address not in self._parts:
            raise Unanswered
        return self._parts[address]
