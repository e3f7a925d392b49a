"""Where the broker is, as whom, and how it is trusted. Secrets come from the environment or from files."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from asicrc.errors import UsageError
from asicrc.secret_files import secret_from_file
from asicrc.telemetry.mqtt.topics import checked_prefix

FORM = "mqtt://HOST[:PORT][/PREFIX], or mqtts:// for TLS"
USER, PASSWORD = "ASICRC_MQTT_USERNAME", "ASICRC_MQTT_PASSWORD"
HINT = (
    f"put it into the environment as {USER} and {PASSWORD}, or into a file of mode 0600 that {PASSWORD}_FILE "
    "names"
)
USUAL_PREFIX = "asicrc"
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_OF_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """`username` and `password` are shown by no `repr` and in no message."""

    host: str
    port: int
    prefix: str = USUAL_PREFIX
    tls: bool = False
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """For messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}/{self.prefix}"

    @property
    def tls_context(self) -> ssl.SSLContext | None:
        """Trusts what the system trusts (OpenSSL's own SSL_CERT_FILE names another store)."""
        return ssl.create_default_context() if self.tls else None

    @property
    def remarks(self) -> list[str]:
        """What a person should know before a password goes out."""
        if self.password is None or self.tls or self.host in _OF_THIS_MACHINE:
            return []
        return [f"the password for {self.name} goes over the network unencrypted; mqtts:// encrypts it"]


def broker_address(url: str, environ: Mapping[str, str]) -> BrokerAddress:
    """Raises UsageError for what is no such URL, and for one that holds a login."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError("the address of the broker cannot be read", FORM) from None
    if "@" in parts.netloc:
        raise UsageError("the address of the broker holds a login, which others see", f"{FORM}; {HINT}")
    if parts.scheme not in _PORTS:
        raise UsageError(f"{url[:100]!r} is no mqtt:// or mqtts:// address of a broker", FORM)
    if not parts.hostname or port == 0:
        raise UsageError(f"{url[:100]!r} does not say which host", FORM)
    if "?" in url or "#" in url:
        raise UsageError(f"{url[:100]!r} has more than a host and a prefix", FORM)
    prefix = checked_prefix(parts.path.strip("/") or USUAL_PREFIX)
    username, password = _login(environ)
    tls = parts.scheme == "mqtts"
    return BrokerAddress(parts.hostname, port or _PORTS[parts.scheme], prefix, tls, username, password)


def _login(environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    username = environ.get(USER) or None
    password = environ.get(PASSWORD) or None
    if password is None and (path := environ.get(f"{PASSWORD}_FILE")):
        password = secret_from_file(Path(path), f"{PASSWORD}_FILE", HINT)
    if password is not None and username is None:
        raise UsageError("there is a password for the broker, but no name", f"set {USER}")
    return username, password
