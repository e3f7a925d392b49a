"""asicrc: drives mining ASICs, stamps and verifies every nonce, and prints scores beside their nulls."""

__version__ = "0.1.0"
