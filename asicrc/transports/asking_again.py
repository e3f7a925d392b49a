"""How long a network miner is asked once more where one reply is lost or late."""

from __future__ import annotations

AGAIN_AFTER_S = 0.3
"""For a miner that was too busy to answer, or to take the connection."""
AGAIN_WITHIN_S = 2.0
"""Where no reply came in time: a miner that goes on answers soon, and one that does not is not waited for."""
