"""Space that is held on a capture's disk from its beginning on: on a full one its end is written there."""

from __future__ import annotations

import os
from pathlib import Path

SIZE_BYTES = 8 << 20
"""Twice the write-ahead log, which goes into the file as it is sealed, at its usual length."""


class Ballast:
    """In a file without a name, which is gone with this process whatever happens.

    Where the disk has no room for it, or knows no such files, there is none, and `release` says so; nor is
    there without a folder.
    """

    def __init__(self, folder: Path | None, size_bytes: int = SIZE_BYTES) -> None:
        self._fd = -1
        if folder is None:
            return
        try:
            fd = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            os.posix_fallocate(fd, 0, size_bytes)
        except OSError:
            os.close(fd)
            return
        self._fd = fd

    @property
    def is_held(self) -> bool:
        return self._fd >= 0

    def release(self) -> bool:
        """Give the space back; whether there was any."""
        if self._fd < 0:
            return False
        os.close(self._fd)
        self._fd = -1
        return True
