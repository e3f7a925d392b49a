"""Time by the chips' crystal, which need not run as the machine's clock does."""

from __future__ import annotations

from typing import NamedTuple


class _Anchor(NamedTuple):
    real_ns: int
    chip_ns: int
    ppm: float


class Crystal:
    """Turns times of the machine's monotonic clock into chip time and back.

    Chip time is what that clock would show if the crystal drove it: all of what a chip does is planned in it.
    A change of the rate bends the line from that moment on, for times that were turned before as for later
    ones. One thread sets the rate; any may ask.
    """

    def __init__(self, at_ns: int) -> None:
        self._anchor = _Anchor(at_ns, at_ns, 0.0)

    def set_ppm(self, ppm: float, at_ns: int) -> None:
        """From `at_ns` on the crystal is fast by this much."""
        if ppm != self._anchor.ppm:
            self._anchor = _Anchor(at_ns, self.chip_ns(at_ns), ppm)

    def chip_ns(self, real_ns: int) -> int:
        """What the crystal's clock shows at a moment."""
        anchor = self._anchor
        since_ns = real_ns - anchor.real_ns
        return anchor.chip_ns + since_ns + round(since_ns * anchor.ppm * 1e-6)

    def real_ns(self, chip_ns: int) -> int:
        """When the crystal's clock shows this, if it goes on as it does."""
        anchor = self._anchor
        since_ns = chip_ns - anchor.chip_ns
        share = anchor.ppm * 1e-6
        return anchor.real_ns + since_ns - round(since_ns * share / (1 + share))
