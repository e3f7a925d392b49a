"""The one address of this machine from which a miner is reached: where the work server may listen."""

from __future__ import annotations

import socket

from asicrc.errors import DeviceError


def address_towards(host: str, port: int) -> str:
    """The local IP address that the system would use towards `host`, an IP address; nothing is sent.

    Raises DeviceError where there is no way there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, port))
            return str(probe.getsockname()[0])
    except OSError as error:
        raise DeviceError(
            f"this machine has no way to {host}: {error.strerror}",
            "is it in the miner's network? ?listen= names an address of this machine to listen on",
        ) from None
