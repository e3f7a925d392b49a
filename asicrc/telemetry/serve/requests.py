"""What a request has to be like to be answered: it comes from this machine and from the page itself.

A page elsewhere can make a browser send requests to 127.0.0.1. It cannot choose the `Host` that goes with a
name of its own (DNS rebinding: Jackson et al. 2007), nor hide its `Origin`.
"""

from __future__ import annotations

from email.message import Message
from http import HTTPStatus
from typing import NamedTuple

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Refusal(NamedTuple):
    status: HTTPStatus
    text: str


def refusal(path: str, headers: Message, port: int) -> Refusal | None:
    """None for a request that may be answered."""
    hosts = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())
    given = headers.get_all("Host", [])
    if len(given) != 1 or given[0].strip().lower() not in hosts:
        return Refusal(
            HTTPStatus.FORBIDDEN, f"this page is at http://{ADDRESS}:{port}/ and under no other name"
        )
    for origin in headers.get_all("Origin", []):
        if origin.strip().lower() not in {f"http://{host}" for host in hosts}:
            return Refusal(HTTPStatus.FORBIDDEN, "other pages are not answered")
    site = headers.get("Sec-Fetch-Site", "none").strip().lower()
    if path != "/" and site not in ("same-origin", "none"):
        return Refusal(HTTPStatus.FORBIDDEN, "other pages are not answered")
    if not path.startswith("/"):
        return Refusal(HTTPStatus.BAD_REQUEST, "ask for a path, for example /")
    return None
