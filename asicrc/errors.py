"""Errors that a person reads, each with its exit code. The codes are documented in the README."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    NO_ANSWER = 1
    USAGE = 2
    DEVICE = 3
    BAD_FILE = 4
    REFUSED = 5
    STORAGE = 6
    INTERRUPTED = 130


class AsicrcError(Exception):
    """What happened and where (`message`), and what to try (`hint`)."""

    exit_code = ExitCode.NO_ANSWER
    code = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NoAnswer(AsicrcError):
    """The data cannot answer the question that was asked."""

    code = "no_answer"


class UsageError(AsicrcError):
    exit_code = ExitCode.USAGE
    code = "usage"


class DeviceError(AsicrcError):
    """The device is unreachable, is not what was said, or went away."""

    exit_code = ExitCode.DEVICE
    code = "device"


class BadFile(AsicrcError):
    exit_code = ExitCode.BAD_FILE
    code = "bad_file"


class Refused(AsicrcError):
    """Refused by the safety limits, or stopped because of them."""

    exit_code = ExitCode.REFUSED
    code = "refused"


class StorageError(AsicrcError):
    exit_code = ExitCode.STORAGE
    code = "storage"


class StorageFull(StorageError):
    """Nothing more can be kept but how it ended."""
