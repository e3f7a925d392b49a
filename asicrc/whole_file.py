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
