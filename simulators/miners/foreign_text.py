"""Numbers and addresses in text that somebody sent: whatever it is, it is read or told to be none."""

from __future__ import annotations


def whole_number(text: str) -> int | None:
    """Of a parameter or a port: digits, and no more of them than there can be; None for anything else."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 9 else None


def address_of(url: str) -> tuple[str, int]:
    """Host and port of a pool's address; port 0 where it has none: then nothing is reached."""
    host, _, port = url.rpartition("://")[2].split("/")[0].rpartition(":")
    number = whole_number(port)
    return host, number if number is not None and number < 65_536 else 0
