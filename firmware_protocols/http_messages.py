"""One HTTP request and one reply, as values: what a client is to send, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.json_values import read_json

JSON_TYPE = "application/json"
MAX_TARGET = 2048
MAX_MESSAGE = 200
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`path` starts with a slash and is not encoded; `query` is in order. Both may carry secrets, as may
    `headers` and `body`, so none of them is shown by `repr` but the path.

    `once` is whether it comes to something else when it is said twice, whatever its method promises.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    once: bool = field(default=False, compare=False)

    @property
    def target(self) -> str:
        """Path and query as they stand in the request line."""
        return quote(self.path) + (f"?{urlencode(self.query, quote_via=quote)}" if self.query else "")

    @classmethod
    def received(
        cls, method: str, target: str, headers: Mapping[str, str] = NO_HEADERS, body: bytes = b""
    ) -> HttpRequest:
        """From a request line. Raises RemoteProtocolError for a target that is none."""
        if len(target) > MAX_TARGET or not target.startswith("/") or not target.isprintable():
            raise RemoteProtocolError(f"a target of {len(target)} characters that is no path of this device")
        try:
            parts = urlsplit(f"http://device{target}")
            path = unquote(parts.path, errors="strict")
            query = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=64, errors="strict")
        except ValueError:
            raise RemoteProtocolError("a target whose path or query cannot be decoded") from None
        return cls(method.upper(), path, tuple(query), headers, body)

    def header(self, name: str) -> str | None:
        """A header's value; names of headers do not tell upper from lower case."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A status and a body. The body may carry secrets and is not shown by `repr`."""

    status: int
    body: bytes = field(default=b"", repr=False)
    content_type: str = JSON_TYPE


@dataclass(frozen=True, slots=True)
class Refused:
    """The device answered, and did not do what was asked. `message` is its own words, or empty."""

    status: int
    message: str


@dataclass(frozen=True, slots=True)
class Done:
    """The device says that it did what was asked; whether it did is seen by reading back."""

    message: str | None = None


def refusal(reply: HttpReply) -> Refused | None:
    """What a reply other than 200 says; redirections are refusals too: no API sends one."""
    return None if reply.status == 200 else Refused(reply.status, plain_message(reply.body))


def plain_message(body: bytes) -> str:
    """The words of a body for people: a JSON `message` or `msg`, or its text, cut and made printable."""
    try:
        value = read_json(body[: MAX_TARGET + 1], "message", limit=MAX_TARGET)
    except RemoteProtocolError:
        value = None
    if isinstance(value, dict):
        value = value.get("message", value.get("msg"))
    text = value if isinstance(value, str) else body[:MAX_MESSAGE].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text[:MAX_MESSAGE]).strip()
