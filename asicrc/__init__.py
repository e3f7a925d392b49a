"""asicrc: drives mining ASICs, stamps and verifies every nonce, and prints scores beside their nulls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asicrc.capture.reader import Capture, load

__version__ = "0.1.0"

__all__ = ["Capture", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """`Capture` and `load`, once they are asked for: `asicrc --help` does not wait for numpy."""
    if name in ("Capture", "load"):
        from asicrc.capture import reader

        return getattr(reader, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
