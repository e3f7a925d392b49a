"""Secrets that a person keeps in a file of their own: mode 0600, the first line."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from asicrc.errors import UsageError

MOST_BYTES = 1024


def secret_from_file(path: Path, called: str, hint: str) -> str:
    """The first line. The mode is looked at on the open file: its name may mean another one by then.

    `called` says where the name of the file came from. Raises UsageError for a file that others may read,
    that cannot be read, or that holds nothing.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UsageError(f"{path} ({called}) is no file", hint)
            if found.st_mode & 0o077 or found.st_uid != os.geteuid():
                mode = stat.S_IMODE(found.st_mode)
                raise UsageError(
                    f"{path} ({called}) is not yours alone: its mode is {mode:04o}", f"chmod 600 {path}"
                )
            text = file.read(MOST_BYTES).decode()
    except OSError as error:
        raise UsageError(f"{path} ({called}) cannot be read: {error.strerror}", hint) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} ({called}) is no UTF-8 text", hint) from None
    secret = text.split("\n", 1)[0].rstrip("\r")
    if not secret:
        raise UsageError(f"{path} ({called}) holds nothing on its first line", hint)
    return secret
