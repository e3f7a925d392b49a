"""Messages to bytes, and complete requests back.

    request    length16 id 00 page command data...     length of the whole
    v0 answer  length16 id data...                     length of the data alone
    v0 error   length16 id code message...             length of the whole
    v1 reply   length16 id status data...              length of the whole; status 00, or a code and a message

All little-endian (256foundation/mujina:mgmt_protocol/bitaxe_raw; korbin/bitaxe-raw:src/control/mod.rs, from
which the form of the v0 error is: see QUIRKS.md).
"""

from __future__ import annotations

from enum import IntEnum

from firmware_protocols.bitaxe_raw.requests import (
    MAX_I2C_DATA,
    AdcRead,
    ErrorCode,
    GpioGet,
    GpioSet,
    I2cRead,
    I2cSetFrequency,
    I2cWrite,
    I2cWriteRead,
    LedSet,
    Request,
    SystemBootloader,
    SystemReboot,
)
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

HEADER = 6
MAX_REQUEST = HEADER + 1 + MAX_I2C_DATA + 1
MAX_MESSAGE = 252
"""Characters of an error: a reply of the firmware has 260 bytes."""

MAX_REPLY = 260
UNREADABLE_ID = 0xFF
"""Under which the firmware refuses a request that it cannot read; not used for requests."""


class ReplyVersion(IntEnum):
    """Which of the two forms the replies have; a firmware does not say. See `probe`."""

    V0 = 0
    V1 = 1


class Page(IntEnum):
    I2C = 0x05
    GPIO = 0x06
    ADC = 0x07
    LED = 0x08
    SYSTEM = 0x09


class I2cCommand(IntEnum):
    SET_FREQUENCY = 0x10
    WRITE = 0x20
    READ = 0x30
    WRITE_READ = 0x40


LED_SET = 0x10
REBOOT, BOOTLOADER = 0x01, 0x02
REBOOT_KEY = bytes.fromhex("DEADBEEF")
BOOTLOADER_KEY = bytes.fromhex("B00710AD")


def encode(request: Request, request_id: int) -> bytes:
    """The request as bytes. Raises LocalProtocolError for a number that its field cannot hold."""
    page, command, data = _parts(request)
    if not 0 <= request_id < UNREADABLE_ID:
        raise LocalProtocolError(f"a request id lies between 0 and 254, not at {request_id}")
    head = (HEADER + len(data)).to_bytes(2, "little")
    return head + bytes((request_id, 0, page, command)) + data


def decode_request(raw: bytes) -> Request:
    """A whole request back from its bytes. Raises RemoteProtocolError when it is none that is known."""
    if not HEADER <= len(raw) <= MAX_REQUEST or int.from_bytes(raw[:2], "little") != len(raw):
        raise RemoteProtocolError(f"{raw[:8].hex(' ')} is not the start of a request of {len(raw)} bytes")
    page, command, data = raw[4], raw[5], raw[HEADER:]
    request = _read(page, command, data)
    if request is None:
        raise RemoteProtocolError(
            f"no request has page {page:02x}, command {command:02x} and {len(data)} bytes of data"
        )
    return request


def encode_answer(data: bytes, request_id: int, version: ReplyVersion) -> bytes:
    """The reply to a request that was done."""
    if version is ReplyVersion.V0:
        return len(data).to_bytes(2, "little") + bytes((request_id,)) + data
    return (4 + len(data)).to_bytes(2, "little") + bytes((request_id, 0)) + data


def encode_refusal(code: int, message: str, request_id: int) -> bytes:
    """The reply to a request that was not done: the same bytes in both versions."""
    text = message.encode("ascii", "replace")[:MAX_MESSAGE] if code == ErrorCode.CUSTOM else b""
    return (4 + len(text)).to_bytes(2, "little") + bytes((request_id, code)) + text


def _parts(request: Request) -> tuple[int, int, bytes]:
    """Page, command and data."""
    match request:
        case I2cSetFrequency(hz):
            return Page.I2C, I2cCommand.SET_FREQUENCY, _number("bus clock in Hz", hz, 4)
        case I2cWrite(address, data):
            return Page.I2C, I2cCommand.WRITE, _address(address) + _sent(data)
        case I2cRead(address, size):
            return Page.I2C, I2cCommand.READ, _address(address) + _size(size)
        case I2cWriteRead(address, data, size):
            return Page.I2C, I2cCommand.WRITE_READ, _address(address) + _sent(data) + _size(size)
        case GpioSet(pin, level):
            return Page.GPIO, _number("pin", pin, 1)[0], bytes((level,))
        case GpioGet(pin):
            return Page.GPIO, _number("pin", pin, 1)[0], b""
        case AdcRead(channel):
            return Page.ADC, _number("channel", channel, 1)[0], b""
        case LedSet(red, green, blue):
            return Page.LED, LED_SET, b"".join(_number("colour", part, 1) for part in (red, green, blue))
        case SystemReboot():
            return Page.SYSTEM, REBOOT, REBOOT_KEY
    _: SystemBootloader = request  # all the others are dealt with
    return Page.SYSTEM, BOOTLOADER, BOOTLOADER_KEY


def _read(page: int, command: int, data: bytes) -> Request | None:
    match page:
        case Page.I2C:
            return _read_i2c(command, data)
        case Page.GPIO if not data:
            return GpioGet(command)
        case Page.GPIO if len(data) == 1:
            return GpioSet(command, data[0] != 0)
        case Page.ADC if not data:
            return AdcRead(command)
        case Page.LED if command == LED_SET and len(data) == 3:
            return LedSet(*data)
        case Page.SYSTEM if (command, data) == (REBOOT, REBOOT_KEY):
            return SystemReboot()
        case Page.SYSTEM if (command, data) == (BOOTLOADER, BOOTLOADER_KEY):
            return SystemBootloader()
    return None


def _read_i2c(command: int, data: bytes) -> Request | None:
    if command == I2cCommand.SET_FREQUENCY:
        return I2cSetFrequency(int.from_bytes(data, "little")) if len(data) == 4 else None
    if not data or data[0] > 0x7F:
        return None
    address, rest = data[0], data[1:]
    if command == I2cCommand.WRITE and len(rest) <= MAX_I2C_DATA:
        return I2cWrite(address, rest)
    if not rest or not 1 <= rest[-1] <= MAX_I2C_DATA:
        return None
    if command == I2cCommand.READ and len(rest) == 1:
        return I2cRead(address, rest[0])
    if command == I2cCommand.WRITE_READ:
        return I2cWriteRead(address, rest[:-1], rest[-1])
    return None


def _number(name: str, value: int, size: int) -> bytes:
    if not 0 <= value < 1 << 8 * size:
        raise LocalProtocolError(f"a {name} of {value} does not fit into {size} bytes")
    return value.to_bytes(size, "little")


def _address(address: int) -> bytes:
    if not 0 <= address <= 0x7F:
        raise LocalProtocolError(f"an I2C address has 7 bits: {address} is none")
    return bytes((address,))


def _sent(data: bytes) -> bytes:
    if len(data) > MAX_I2C_DATA:
        raise LocalProtocolError(f"the firmware sends at most {MAX_I2C_DATA} bytes at once, not {len(data)}")
    return data


def _size(size: int) -> bytes:
    if not 1 <= size <= MAX_I2C_DATA:
        raise LocalProtocolError(f"the firmware reads 1 to {MAX_I2C_DATA} bytes at once, not {size}")
    return bytes((size,))
