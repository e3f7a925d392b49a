"""asicrc: drives mining ASICs, stamps and verifies every nonce, and prints scores beside their nulls."""

from asicrc.capture.reader import Capture, load

__version__ = "0.1.0"

__all__ = ["Capture", "__version__", "load"]
