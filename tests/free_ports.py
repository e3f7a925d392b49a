"""Ports that a test names before somebody listens there."""

from __future__ import annotations

import random
import socket

BELOW_EPHEMERAL = range(20_000, 32_000)
"""Ports that no system gives out by itself: what else runs meanwhile cannot be given one of them."""
_CHANCE = random.SystemRandom()


def free_port() -> int:
    """One on 127.0.0.1, drawn by chance: other processes draw too."""
    while True:
        port = _CHANCE.choice(BELOW_EPHEMERAL)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
