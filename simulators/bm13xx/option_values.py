"""From the text of an option to its value, or an OptionError that says what would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Parser = Callable[[str, str], Any]
"""Takes the option's name, for messages, and its text. Raises OptionError."""


class OptionError(ValueError):
    """An option that the emulator does not know, or a value that it cannot take."""


def integer(low: int, high: int) -> Callable[[str, str], int]:
    def parse(name: str, text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise OptionError(f"{name} is a whole number, not {text!r}") from None
        return int(_within(name, value, low, high))

    return parse


def real(low: float, high: float) -> Callable[[str, str], float]:
    def parse(name: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise OptionError(f"{name} is a number, not {text!r}") from None
        return float(_within(name, value, low, high))

    return parse


def pair(first: Parser, second: Parser, form: str) -> Callable[[str, str], tuple[Any, Any]]:
    """Two values with a slash between them; `form` names them for messages."""

    def parse(name: str, text: str) -> tuple[Any, Any]:
        one, slash, other = text.partition("/")
        if not slash:
            raise OptionError(f"{name} is written {form}, not {text!r}")
        return first(name, one), second(name, other)

    return parse


def one_of(names: Sequence[str]) -> Callable[[str, str], str]:
    def parse(name: str, text: str) -> str:
        if text not in names:
            raise OptionError(f"{name} is one of {', '.join(names)}, not {text!r}")
        return text

    return parse


def flag(name: str, text: str) -> bool:
    if text not in ("0", "1"):
        raise OptionError(f"{name} is 0 or 1, not {text!r}")
    return text == "1"


def chip_id(name: str, text: str) -> int:
    try:
        value = int(text, 16)
    except ValueError:
        raise OptionError(f"{name} is a chip id in hexadecimal such as 1368, not {text!r}") from None
    return int(_within(name, value, 0, 0xFFFF))


def path(name: str, text: str) -> Path:
    if not text:
        raise OptionError(f"{name} lacks the name of a file")
    return Path(text)


def _within(name: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise OptionError(f"{name} lies between {low:g} and {high:g}, not at {value:g}")
    return value
