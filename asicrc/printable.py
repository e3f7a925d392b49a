"""Strings from a device or a file may hold any character: what does not print is made visible."""

from __future__ import annotations


def printable(text: str) -> str:
    """Control, direction and other invisible characters become escapes; line breaks stay."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)
