"""A capture file that is there completely, or not at all; and the lock that says who writes it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from asicrc.errors import StorageError, UsageError


def place(target: Path, image: bytes) -> None:
    """Put a complete file under a name that was free; on failure leave nothing."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            with draft.open("xb") as stream:
                stream.write(image)
                stream.flush()
                os.fsync(stream.fileno())
            _link(draft, target)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        raise UsageError(
            f"{target} exists already", "choose another --output, or move it away first"
        ) from None
    except OSError as error:
        raise StorageError(
            f"cannot create {target}: {error.strerror}",
            f"free space in {target.parent} and check its permissions",
        ) from None


def _link(draft: Path, target: Path) -> None:
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError:  # FAT and the like have no hard links
        if target.exists():
            raise FileExistsError(str(target)) from None
        draft.rename(target)


def take_lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StorageError(
            f"another process is writing {path}", "wait until it has ended, or stop it, then resume"
        ) from None
    except OSError as error:
        raise StorageError(
            f"{path} cannot be locked: {error.strerror}",
            "write captures to a local disk, not a network drive",
        ) from None
