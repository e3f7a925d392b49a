"""Which form the replies have: to be found out by one harmless request.

Reading the reset pin changes nothing and answers with one byte, 0 or 1:

    01 00 id level       version 0: the length of the data
    05 00 id 00 level    version 1: the length of the whole, and a status

The first byte differs, and so does the number of bytes, so one cannot be the beginning of the other. An error
would not do: `04 00 id 11` is the same in both versions. Setting the bus clock would do, but it sets
something; reading a part on I2C would not, as a part that is missing gives an error.
"""

from __future__ import annotations

from firmware_protocols.bitaxe_raw.encoding import ReplyVersion, encode
from firmware_protocols.bitaxe_raw.requests import ASIC_RESET_PIN, ErrorCode, GpioGet
from firmware_protocols.errors import RemoteProtocolError

PROBE_ID = 0xA5
"""Unlike the lengths, levels and codes round it: late bytes of something else are not taken for it."""

_REFUSALS = (ErrorCode.TIMEOUT, ErrorCode.INVALID, ErrorCode.OVERFLOW, ErrorCode.CUSTOM)


def probe() -> bytes:
    """The request to write, once nothing has been written for a while and what had arrived was read."""
    return encode(GpioGet(ASIC_RESET_PIN), PROBE_ID)


def probe_answer(data: bytes) -> ReplyVersion | None:
    """The version that all bytes since the probe show, None while they show nothing yet.

    Bytes before the answer, of replies to an earlier host, are passed over. Raises RemoteProtocolError for an
    answer in which the version cannot be seen.
    """
    for start in range(len(data) - 3):
        head, last = data[start : start + 3], data[start + 3]
        if head == bytes((1, 0, PROBE_ID)) and last in (0, 1):
            return ReplyVersion.V0
        if head == bytes((5, 0, PROBE_ID)) and data[start + 3 : start + 5] in (b"\0\0", b"\0\1"):
            return ReplyVersion.V1
        if head == bytes((4, 0, PROBE_ID)) and last in (0, 1):
            raise RemoteProtocolError(
                f"{data[start : start + 4].hex(' ')}: the whole length without a status, as "
                "bitaxe-raw-bonanza answers; that firmware, and its board, are not known here"
            )
        if head[1:] == bytes((0, PROBE_ID)) and last in _REFUSALS and head[0] >= 4:
            raise RemoteProtocolError(
                f"the firmware refuses to read the reset pin (error {last:02x}), so the form of its replies "
                "cannot be seen; is it bitaxe-raw, and is this its first port?"
            )
    return None
