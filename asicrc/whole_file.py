"""A file that is there completely, or not at all, in place of whatever had its name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asicrc.errors import StorageError


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Gives the name of a draft beside `target`, which takes its place when the block ends well.

    Raises StorageError for an OSError, in the block too; the draft is gone whatever happened.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            yield draft
            descriptor = os.open(draft, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot write {target}: {error.strerror or error}",
            f"check that {target.parent} exists, can be written and has space left",
        ) from None


def check_place(target: Path) -> None:
    """Asked before hours are spent on what goes to `target`. Raises StorageError where it cannot be made."""
    folder = target.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(
            f"cannot write {target}: {'no permission' if folder.is_dir() else 'there is no such folder'}",
            f"check that {folder} exists and can be written",
        )
