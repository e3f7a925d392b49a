"""Where to listen and for whom, as a person writes it: one address of this machine, and who may connect."""

from __future__ import annotations

import ipaddress

from asicrc.errors import UsageError
from asicrc.transports.tcp_receiver import ListenAddress


def listen_address(text: str, form: str = "--listen 127.0.0.1:3333") -> ListenAddress:
    """`ADDRESS:PORT`; `form` shows how it is written.

    Raises UsageError, for every address at once too: miners are told where to come.
    """
    host, colon, port = text.rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) < 65_536):
        raise UsageError(f"{text[:100]!r} does not say where to listen", form)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ListenAddress(host, int(port))  # a name, which is looked up
    if address.is_unspecified or address.is_multicast:
        raise UsageError(
            f"{host} is no one address of this machine",
            "name the address that the miners reach; `ip address` lists those of this machine",
        )
    return ListenAddress(host, int(port))


def accepted_hosts(text: str | None, option: str = "--accept-from") -> frozenset[str] | None:
    """IP addresses with commas between them; None lets everybody in. Raises UsageError with `option`."""
    if text is None:
        return None
    try:
        return frozenset(str(ipaddress.ip_address(part.strip())) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} {text[:80]}: {error}", "IP addresses, with commas between them") from None
