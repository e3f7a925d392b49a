"""Fields of a CSV row as numbers and bytes, strictly: what is not plainly right is a BadField."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")
_HEX_U32 = re.compile(r"[0-9a-fA-F]{1,8}")
_HEX_U256 = re.compile(r"[0-9a-fA-F]{1,64}")
_WHOLE = re.compile(r"[0-9]{1,10}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,2})?")
_MAX_NS = 9 * 10**18
_MAX_NAME = 200
_MAX_BRANCH = 64
_MAX_COINBASE_BYTES = 100_000


class BadField(Exception):
    """A field that cannot be read. The text names the column and what is wrong, not the content."""


class Row:
    """One data row; `line` is its number in the file. Every getter raises BadField, naming the column."""

    __slots__ = ("_fields", "line")

    def __init__(self, line: int, fields: Mapping[str, str]) -> None:
        self.line = line
        self._fields = fields

    def has(self, column: str) -> bool:
        """Whether the column is there and not empty."""
        return bool(self._fields.get(column, "").strip())

    def text(self, column: str) -> str:
        """A short printable name."""
        value = self._get(column)
        if len(value) > _MAX_NAME or not value.isprintable():
            raise BadField(f"{column} is no printable name of up to {_MAX_NAME} characters")
        return value

    def hex_u32(self, column: str) -> int:
        """Hexadecimal of a big-endian 32-bit integer."""
        value = self._get(column).removeprefix("0x")
        if not _HEX_U32.fullmatch(value):
            raise BadField(f"{column} has to be 1 to 8 hexadecimal digits")
        return int(value, 16)

    def whole_u32(self, column: str) -> int:
        """Decimal 32-bit integer."""
        value = self._get(column)
        if not _WHOLE.fullmatch(value) or int(value) >> 32:
            raise BadField(f"{column} has to be a decimal integer of 32 bits")
        return int(value)

    def hex_bytes(
        self, column: str, size: int | None = None, longest: int = _MAX_COINBASE_BYTES, *, empty: bool = False
    ) -> bytes:
        """Bytes in hexadecimal: `size` of them, or up to `longest`; `empty` says that there may be none."""
        value = self._fields.get(column, "").strip() if empty else self._get(column)
        if not _HEX.fullmatch(value):
            raise BadField(f"{column} has to be hexadecimal, two digits a byte")
        data = bytes.fromhex(value)
        if size is not None and len(data) != size:
            raise BadField(f"{column} has {len(data)} bytes, it takes {size}")
        if len(data) > longest:
            raise BadField(f"{column} has {len(data)} bytes, it takes at most {longest}")
        return data

    def target(self, column: str) -> int:
        """Hexadecimal of a target, a big-endian integer above 0."""
        value = self._get(column).removeprefix("0x")
        if not _HEX_U256.fullmatch(value) or not int(value, 16):
            raise BadField(f"{column} has to be up to 64 hexadecimal digits, not all 0")
        return int(value, 16)

    def difficulty(self, column: str) -> Decimal:
        """A decimal number above 0, with the precision it was printed with."""
        value = self.decimal(column)
        if value <= 0:
            raise BadField(f"{column} has to be above 0")
        return value

    def time_ns(self, column: str, *, ns_per_unit: int) -> int:
        """A time or duration, converted exactly and rounded to whole ns once."""
        return exact_ns(self.decimal(column), ns_per_unit, column)

    def decimal(self, column: str) -> Decimal:
        value = self._get(column)
        if not _DECIMAL.fullmatch(value):
            raise BadField(f"{column} has to be a decimal number")
        return Decimal(value)

    def hashes(self, column: str) -> tuple[bytes, ...]:
        """A JSON list of 32-byte hashes in hexadecimal."""
        value = self._get(column)
        if value == "[]":
            return ()
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            raise BadField(f"{column} has to be a JSON list") from None
        if not isinstance(found, list) or len(found) > _MAX_BRANCH:
            raise BadField(f"{column} has to be a JSON list of at most {_MAX_BRANCH} hashes")
        if any(type(one) is not str or len(one) != 64 or not _HEX.fullmatch(one) for one in found):
            raise BadField(f"{column} has to hold hashes of 64 hexadecimal digits")
        return tuple(bytes.fromhex(one) for one in found)

    def _get(self, column: str) -> str:
        value = self._fields.get(column, "").strip()
        if not value:
            raise BadField(f"{column} is empty")
        return value


def exact_ns(value: Decimal, ns_per_unit: int, name: str) -> int:
    """Whole nanoseconds of a decimal time. Raises BadField beyond 285 years."""
    ns = round(Fraction(value) * ns_per_unit)
    if abs(ns) > _MAX_NS:
        raise BadField(f"{name} is out of range for a time")
    return ns
