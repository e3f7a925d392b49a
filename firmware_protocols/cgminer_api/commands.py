"""Commands of the cgminer family on TCP 4028, as a client writes them and as a miner reads them.

    {"command":"switchpool","parameter":"1"}        one a connection; answered in JSON
    switchpool|1                                    answered in text

From ckolivas/cgminer: API-README and api.c. Parameters of one command are joined by commas; a comma or a
backslash inside one is escaped by a backslash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.json_values import read_object, write_json

PORT = 4028
MAX_COMMAND = 8191
"""Bytes that the miner reads of a command."""

REPORTS = frozenset(
    {
        "asccount",
        "coin",
        "config",
        "devdetails",
        "devs",
        "edevs",
        "estats",
        "lcd",
        "notify",
        "pgacount",
        "pools",
        "stats",
        "summary",
        "usbstats",
        "version",
    }
)
"""Commands that change nothing and need no parameter: these alone may be joined."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Command:
    """`parameter` may carry a wallet or a session and is not shown by `repr`."""

    name: str
    parameter: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ReceivedCommand:
    """What a miner was sent. More than one name, or `joined`, asks for a reply in sections by name."""

    names: tuple[str, ...]
    parameter: str | None = field(default=None, repr=False)
    joined: bool = False
    in_text: bool = False
    """To be answered in text."""


class BadCommand(RemoteProtocolError):
    """Bytes that are no command; `code` is what cgminer answers: 23 for bad JSON, 24 without a command."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def encode_command(command: Command, *, in_text: bool = False) -> bytes:
    """The bytes to write after connecting. Raises LocalProtocolError for what no miner could read."""
    for name in command.name.split("+"):
        if not _NAME.fullmatch(name):
            raise LocalProtocolError("a command has letters and digits only")
    if in_text:
        if any(character in (command.parameter or "") for character in "\n\r\0"):
            raise LocalProtocolError("a line of text cannot hold this parameter; JSON can")
        data = f"{command.name}|{command.parameter or ''}\n".encode("utf-8", "surrogatepass")
    else:
        data = write_json({"command": command.name} | _parameter(command))
    if len(data) > MAX_COMMAND:
        raise LocalProtocolError(f"a command of {len(data)} bytes; the miner reads {MAX_COMMAND}")
    return data


def decode_command(data: bytes) -> ReceivedCommand:
    """What a miner makes of all bytes that a client sent. Raises BadCommand."""
    if len(data) > MAX_COMMAND:
        raise BadCommand(f"a command of {len(data)} bytes, more than the {MAX_COMMAND} that are read", 23)
    stripped = data.strip(b" \t\r\n\0")
    in_text = not stripped.startswith(b"{")
    name, parameter = _text_parts(stripped) if in_text else _json_parts(stripped)
    names = tuple(dict.fromkeys(part for part in name.split("+") if part))
    if not names or not all(_NAME.fullmatch(part) for part in names):
        raise BadCommand("no command in what was sent", 24)
    return ReceivedCommand(names, parameter, "+" in name, in_text)


def join(*names: str) -> Command:
    """Several reports at once. A miner that cannot do that refuses: then ask one after the other."""
    if not names or not set(names) <= REPORTS:
        raise LocalProtocolError(f"only reports can be joined: {', '.join(sorted(REPORTS))}")
    return Command("+".join(names))


def parameters(*values: str | int | float | bool) -> str:
    """Several values as one parameter."""
    return ",".join(_escaped(value) for value in values)


def split_parameters(parameter: str) -> tuple[str, ...]:
    """The values of one parameter."""
    parts, escaped = [""], False
    for character in parameter:
        if escaped or character not in ",\\":
            parts[-1] += character
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append("")
    return tuple(parts)


def add_pool(url: str, user: str, password: str = "x") -> Command:
    """Adds a pool behind the others. Raises LocalProtocolError for an empty part, which cgminer refuses."""
    if not (url and user and password):
        raise LocalProtocolError("a pool has an address, a user and a password; x where none is needed")
    return Command("addpool", parameters(url, user, password))


def switch_pool(number: int) -> Command:
    """Makes it the first in order, and enables it."""
    return Command("switchpool", parameters(number))


def enable_pool(number: int) -> Command:
    return Command("enablepool", parameters(number))


def disable_pool(number: int) -> Command:
    return Command("disablepool", parameters(number))


def remove_pool(number: int) -> Command:
    return Command("removepool", parameters(number))


def order_pools(*numbers: int) -> Command:
    """Those not named come behind, in the order they had."""
    return Command("poolpriority", parameters(*numbers))


def probe_privileged() -> Command:
    """Changes nothing; answered with success where commands that change something are allowed."""
    return Command("privileged")


def check(name: str) -> Command:
    """Whether the miner knows a command, and allows it."""
    return Command("check", name)


def _parameter(command: Command) -> dict[str, str]:
    return {} if command.parameter is None else {"parameter": command.parameter}


def _escaped(value: str | int | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("\\", "\\\\").replace(",", "\\,")


def _text_parts(data: bytes) -> tuple[str, str | None]:
    try:
        name, _, parameter = data.decode("utf-8").partition("|")
    except UnicodeDecodeError as error:
        raise BadCommand(f"byte {error.start} of a command is not UTF-8", 24) from None
    return name.strip(), parameter or None


def _json_parts(data: bytes) -> tuple[str, str | None]:
    try:
        members = read_object(data, "a command", limit=MAX_COMMAND)
    except RemoteProtocolError as error:
        raise BadCommand(str(error), 23) from None
    name, parameter = members.get("command"), members.get("parameter")
    if not isinstance(name, str):
        raise BadCommand("JSON without a command", 24)
    if isinstance(parameter, bool):
        parameter = "true" if parameter else "false"
    if not isinstance(parameter, str | int | float | None):
        raise BadCommand("a parameter that is neither text nor a number", 23)
    return name, None if parameter is None else str(parameter)
