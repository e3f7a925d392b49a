"""Ports that a test names before somebody listens there."""

from __future__ import annotations

import random
import socket

BELOW_EPHEMERAL = range(20_000, 32_000)
"""Ports that no system gives out by itself: what else runs meanwhile cannot be given one of them."""
_CHANCE = random.SystemRandom()


def free_port() -> int:
    """One on 127.0.0.1, drawn by chance, that no other process of tests draws while this one lives.

    Whoever is to listen there may take seconds to begin. So an abstract socket holds the port's name, which
    Linux lets go when the process ends: the descriptor stays open on purpose.
    """
    while True:
        port = _CHANCE.choice(BELOW_EPHEMERAL)
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0asicrc test port {port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            continue
        name.detach()
        return port
