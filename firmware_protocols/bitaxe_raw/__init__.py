"""The control channel of the bitaxe-raw firmware: I2C, pins and ADC of a Bitaxe over USB, both ends.

Nothing here reads, writes or waits. QUIRKS.md beside this file tells where the sources disagree.
"""

from firmware_protocols.bitaxe_raw.device_decoder import SILENCE_S, DeviceDecoder, Received
from firmware_protocols.bitaxe_raw.encoding import (
    MAX_REQUEST,
    UNREADABLE_ID,
    Page,
    ReplyVersion,
    decode_request,
    encode,
    encode_answer,
    encode_refusal,
)
from firmware_protocols.bitaxe_raw.host_channel import Damaged, HostChannel
from firmware_protocols.bitaxe_raw.probe import PROBE_ID, probe, probe_answer
from firmware_protocols.bitaxe_raw.requests import (
    ADC_VDD,
    ASIC_RESET_PIN,
    MAX_I2C_DATA,
    AdcRead,
    Answer,
    ErrorCode,
    GpioGet,
    GpioSet,
    I2cRead,
    I2cSetFrequency,
    I2cWrite,
    I2cWriteRead,
    LedSet,
    Refused,
    Request,
    SystemBootloader,
    SystemReboot,
    answer_sizes,
)

__all__ = [
    "ADC_VDD",
    "ASIC_RESET_PIN",
    "MAX_I2C_DATA",
    "MAX_REQUEST",
    "PROBE_ID",
    "SILENCE_S",
    "UNREADABLE_ID",
    "AdcRead",
    "Answer",
    "Damaged",
    "DeviceDecoder",
    "ErrorCode",
    "GpioGet",
    "GpioSet",
    "HostChannel",
    "I2cRead",
    "I2cSetFrequency",
    "I2cWrite",
    "I2cWriteRead",
    "LedSet",
    "Page",
    "Received",
    "Refused",
    "ReplyVersion",
    "Request",
    "SystemBootloader",
    "SystemReboot",
    "answer_sizes",
    "decode_request",
    "encode",
    "encode_answer",
    "encode_refusal",
    "probe",
    "probe_answer",
]
