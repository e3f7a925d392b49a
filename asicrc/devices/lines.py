"""Where the lines of a device come from: serial ports, the same with a witness, or a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from asicrc.transports.dialogue import Language
from asicrc.transports.recorded import RecordedLines
from asicrc.transports.recording import RecordedChunk, RecordingTransport, WireRecord
from asicrc.transports.serial_port import SerialTransport
from asicrc.transports.transport import Transport

CHIP, CONTROL = "chip", "control"
"""The lines that a direct device may have: to its chips, and to the board's microcontroller."""


class Lines(Protocol):
    def open(self, channel: str, path: str, baud: int) -> Transport:
        """Raises DeviceError for a port that cannot be opened."""


class SerialLines:
    def open(self, channel: str, path: str, baud: int) -> Transport:
        return SerialTransport(path, baud)


class WitnessedLines:
    """The lines of another source, with all that passes kept in a record."""

    def __init__(self, lines: Lines, record: WireRecord) -> None:
        self._lines = lines
        self._record = record

    def open(self, channel: str, path: str, baud: int) -> Transport:
        return RecordingTransport(self._lines.open(channel, path, baud), channel, self._record)


class RecordedDeviceLines:
    """Lines that only answer what they answered once. `languages` by channel: what a write there means."""

    def __init__(self, chunks: Sequence[RecordedChunk], languages: Mapping[str, Language]) -> None:
        self._lines = RecordedLines(chunks, 0, languages)

    def open(self, channel: str, path: str, baud: int) -> Transport:
        return self._lines.line(channel, path, baud)
