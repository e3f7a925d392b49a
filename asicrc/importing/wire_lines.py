"""Lines of a wire dump: an optional time, an optional direction, bytes in hexadecimal.

    tx 55aa520500000a
    0.012345 RX: AA 55 13 66 00 00 00 00 00 00 05

A time with a decimal point (or the unit `s`, `ms`, `us`) is what it looks like, a whole number is
nanoseconds. A line without a direction is taken when it begins with a preamble: 55 AA is from the host,
AA 55 from a chip.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from asicrc.importing.row_fields import BadField, exact_ns
from firmware_protocols.device import NO_TIME, Direction

_LINE = re.compile(
    r"(?:\[?(?P<time>[0-9.]{1,40})(?P<unit>ns|us|ms|s)?\]?[\s,]+)?(?P<way>tx|rx)\s*[:,]?\s*(?P<hex>.*)"
)
_BARE = re.compile(
    r"(?:\[?(?P<time>[0-9.]{1,40})(?P<unit>ns|us|ms|s)?\]?[\s,]+)?(?P<hex>(?:55\s*aa|aa\s*55).*)"
)
_TIME = re.compile(r"[0-9]{1,20}(?:\.[0-9]{0,20})?")
_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_HEX = re.compile(r"(?:[0-9a-f]{2})+")


class WireLine(NamedTuple):
    """Bytes that passed; `t_ns` is NO_TIME where the line has none."""

    direction: Direction
    t_ns: int
    data: bytes


def parse_wire_line(text: str) -> WireLine:
    """One line that is neither blank nor a comment. Raises BadField."""
    line = text.strip().lower()
    found = _LINE.fullmatch(line)
    if found:
        direction = Direction(found["way"])
    else:
        # With the preamble first a number before it can only be a time, whatever its digits.
        found = _BARE.fullmatch(line)
        if not found:
            raise BadField("neither tx nor rx, nor bytes that begin with a preamble")
        direction = Direction.TX if found["hex"].startswith("55") else Direction.RX
    digits = "".join(found["hex"].split())
    if not digits:
        raise BadField("no bytes")
    if not _HEX.fullmatch(digits):
        raise BadField("the bytes have to be hexadecimal, two digits each")
    return WireLine(direction, _time_ns(found["time"], found["unit"]), bytes.fromhex(digits))


def looks_like_wire(text: str) -> bool:
    """Whether the line can be read as one of a dump."""
    try:
        parse_wire_line(text)
    except BadField:
        return False
    return True


def _time_ns(time: str | None, unit: str | None) -> int:
    if time is None:
        return NO_TIME
    if not _TIME.fullmatch(time):
        raise BadField("the time has to be a decimal number")
    return exact_ns(Decimal(time), _NS[unit or ("s" if "." in time else "ns")], "the time")
