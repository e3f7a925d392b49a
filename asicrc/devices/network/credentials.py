"""Where a miner's login comes from: the environment or a file of the user's own. Never from a URL."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from asicrc.secret_files import secret_from_file

PASSWORD = "ASICRC_MINER_PASSWORD"
PASSWORD_FILE = "ASICRC_MINER_PASSWORD_FILE"
USER = "ASICRC_MINER_USER"
HINT = (
    f"put the password into the environment as {PASSWORD}, or its file's name (mode 0600) as {PASSWORD_FILE}"
)


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
        return cls(user, None if not name else secret_from_file(Path(name), PASSWORD_FILE, HINT))
