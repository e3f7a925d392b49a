"""Where a miner's login comes from: the environment or a file of the user's own. Never from a URL."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from asicrc.errors import UsageError

PASSWORD = "ASICRC_MINER_PASSWORD"
PASSWORD_FILE = "ASICRC_MINER_PASSWORD_FILE"
USER = "ASICRC_MINER_USER"
HINT = (
    f"put the password into the environment as {PASSWORD}, or its file's name (mode 0600) as {PASSWORD_FILE}"
)
MOST_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """None: not given. Never shown by `repr`."""

    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls) -> Credentials:
        """Raises UsageError for a file that others may read, or that cannot be read."""
        user = os.environ.get(USER) or None
        if password := os.environ.get(PASSWORD):
            return cls(user, password)
        name = os.environ.get(PASSWORD_FILE)
        return cls(user, None if not name else _from_file(Path(name)))


def _from_file(path: Path) -> str:
    """The first line. The mode is looked at on the open file: its name may mean another one by then."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UsageError(f"{path} ({PASSWORD_FILE}) is no file", HINT)
            if found.st_mode & 0o077 or found.st_uid != os.geteuid():
                mode = stat.S_IMODE(found.st_mode)
                raise UsageError(
                    f"{path} ({PASSWORD_FILE}) is not yours alone: its mode is {mode:04o}",
                    f"chmod 600 {path}",
                )
            text = file.read(MOST_BYTES).decode()
    except OSError as error:
        raise UsageError(f"{path} ({PASSWORD_FILE}) cannot be read: {error.strerror}", HINT) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} ({PASSWORD_FILE}) is no UTF-8 text", HINT) from None
    password = text.split("\n", 1)[0].rstrip("\r")
    if not password:
        raise UsageError(f"{path} ({PASSWORD_FILE}) holds no password on its first line", HINT)
    return password
