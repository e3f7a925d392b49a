"""Floods: more proofs a second than a chip finds, mined beforehand, for hosts to show what they can take."""

from __future__ import annotations

import time

from simulators.bm13xx.outbox import Outgoing
from simulators.bm13xx.proofs import Proof
from simulators.bm13xx.report import say
from simulators.bm13xx.scale import Scale


def bursts(proofs: list[Proof], scale: Scale) -> list[Outgoing]:
    """A flood's frames, from a moment after now on that leaves time to queue them."""
    burst, start_ns = scale.flood_burst, time.monotonic_ns() + 50_000_000 + 5_000 * len(proofs)
    outgoing: list[Outgoing] = []
    for first in range(0, len(proofs), burst):
        group = proofs[first : first + burst]
        due_ns = start_ns + round(first / scale.flood_rate * 1e9)
        data = b"".join(proof.frame for proof in group)
        pairs = tuple((proof.nonce, proof.version) for proof in group)
        outgoing.append(Outgoing(due_ns, due_ns, data, pairs, paced=False))
    return outgoing


class FloodCount:
    """What a flood really offered, said once when its last frame has left."""

    def __init__(self) -> None:
        self._offered = 0
        self._first_ns = 0

    def add(self, item: Outgoing, sent_ns: int, scale: Scale) -> None:
        """Count a burst that has left at `sent_ns`."""
        if not self._offered:
            self._first_ns = sent_ns
        self._offered += len(item.proofs)
        if self._offered < scale.flood_count:
            return
        seconds = (sent_ns - self._first_ns) / 1e9 + scale.flood_burst / scale.flood_rate
        say(
            {
                "flood": "done",
                "offered": self._offered,
                "burst": scale.flood_burst,
                "seconds": seconds,
                "asked_per_s": scale.flood_rate,
                "offered_per_s": self._offered / seconds,
            }
        )
