"""Which pools to mine for, in which order, and as whom. Secrets come from the environment or from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from asicrc.errors import UsageError
from asicrc.secret_files import secret_from_file

SCHEME = "stratum+tcp://"
FORM = "stratum+tcp://HOST:PORT[,user=NAME][,user_file=PATH][,password_file=PATH]"
USER, PASSWORD = "ASICRC_POOL_USER", "ASICRC_POOL_PASSWORD"
HINT = (
    f"put it into the environment as {USER} or {PASSWORD} (of the second pool alone: {USER}_2), or into a "
    f"file of mode 0600 that {USER}_FILE, {PASSWORD}_FILE, user_file= or password_file= names"
)
USUAL_PASSWORD = "x"
"""What pools take where none is needed."""


@dataclass(frozen=True, slots=True)
class Pool:
    """`user` is often somebody's address: neither it nor the password is shown by `repr` or in a log."""

    host: str
    port: int
    user: str = field(repr=False)
    password: str = field(default=USUAL_PASSWORD, repr=False)

    @property
    def name(self) -> str:
        """For the log."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def pools_from(upstreams: Sequence[str], environ: Mapping[str, str]) -> tuple[Pool, ...]:
    """The pools of `--upstream` options, the preferred one first. Raises UsageError."""
    if not upstreams:
        raise UsageError("a proxy needs a pool to mine for", f"--upstream {FORM}")
    pools = tuple(_pool(text, number, environ) for number, text in enumerate(upstreams, 1))
    names = [pool.name for pool in pools]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name} is named twice as a pool", "name each once, the preferred one first")
    return pools


def _pool(text: str, number: int, environ: Mapping[str, str]) -> Pool:
    address, *options = text.split(",")
    host, port = _address(address)
    given: dict[str, str] = {}
    for option in options:
        key, _, value = option.partition("=")
        if key == "password":
            raise UsageError(f"the password of {host} stands on the command line, where others see it", HINT)
        if key not in ("user", "user_file", "password_file") or not value or key in given:
            raise UsageError(f"{key!r} is no option of a pool, or stands there twice or empty", FORM)
        given[key] = value
    if "user" in given and "user_file" in given:
        raise UsageError(f"{host} has both user= and user_file=", "give one of them")
    user = given.get("user") or _secret(given.get("user_file"), USER, number, environ)
    if user is None:
        raise UsageError(f"as whom to mine for {host}:{port} is not said", f"add ,user=NAME, or {HINT}")
    password = _secret(given.get("password_file"), PASSWORD, number, environ)
    return Pool(host, port, user, USUAL_PASSWORD if password is None else password)


def _address(text: str) -> tuple[str, int]:
    if "@" in text:
        raise UsageError("a pool's address holds a login, which others see", f"{FORM}; {HINT}")
    if not text.startswith(SCHEME):
        scheme = text.partition("://")[0] if "://" in text else "no scheme"
        raise UsageError(f"a pool is reached by {SCHEME}, not by {scheme[:20]!r}", FORM)
    host, colon, port = text.removeprefix(SCHEME).rstrip("/").rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise UsageError(f"{text[:100]!r} does not say host and port", FORM)
    return host, int(port)


def _secret(file: str | None, name: str, number: int, environ: Mapping[str, str]) -> str | None:
    """From the file that was named, else from the environment, where this pool's own comes first."""
    if file is not None:
        return secret_from_file(Path(file), "of the upstream", HINT)
    for variable in (f"{name}_{number}", name):
        if value := environ.get(variable):
            return value
        path = environ.get(f"{variable}_FILE")
        if path:
            return secret_from_file(Path(path), f"{variable}_FILE", HINT)
    return None
