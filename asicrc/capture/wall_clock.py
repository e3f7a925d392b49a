"""Whether the wall clock was set while a capture runs.

Host stamps are monotonic and do not notice, but kernel stamps are of the wall clock: across a step they
cannot be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_protocols.device import NO_TIME, Clock, NonceBatch

STEP_NS = 10_000_000
"""Between two looks; a clock that is slewed by 500 ppm drifts by as much in 20 s."""
UNDISTURBED_NS = 1_000_000
"""How long reading both clocks may take: this process may be set aside in between."""
TRIES = 5


@dataclass(frozen=True, slots=True)
class ClockStep:
    """Wall time minus monotonic time before and after, and when it was noticed."""

    t_ns: int
    before_ns: int
    after_ns: int

    @property
    def reason(self) -> str:
        forward_ns = self.after_ns - self.before_ns
        way = "forward" if forward_ns > 0 else "back"
        return f"the wall clock was set {way} by {abs(forward_ns) / 1e9:.3f} s"

    def first_after(self, events: NonceBatch) -> int:
        """Index of the first event whose kernel stamp is of the clock as it was set; their number if none."""
        kernel_ns = events["t_kernel_ns"]
        offset_ns = kernel_ns - events["t_ns"]
        is_after = np.abs(offset_ns - self.after_ns) < np.abs(offset_ns - self.before_ns)
        is_after &= (kernel_ns != NO_TIME) & (events["t_ns"] != NO_TIME)
        found = np.flatnonzero(is_after)
        return int(found[0]) if found.size else len(events)


class WallClockWatch:
    """Ask `look` often: what lies between two looks is one step."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ns = self._read()

    def look(self) -> ClockStep | None:
        """The step since the last look, if there was one."""
        now_ns = self._read()
        if now_ns is None:
            return None
        before_ns, self._offset_ns = self._offset_ns, now_ns
        if before_ns is None or abs(now_ns - before_ns) < STEP_NS:
            return None
        return ClockStep(self._clock.now_ns(), before_ns, now_ns)

    def _read(self) -> int | None:
        """Wall time minus monotonic time; None while this process is being held up."""
        for _ in range(TRIES):
            begun_ns = self._clock.now_ns()
            wall_ns = self._clock.realtime_ns()
            done_ns = self._clock.now_ns()
            if done_ns - begun_ns <= UNDISTURBED_NS:
                return wall_ns - (begun_ns + done_ns) // 2
        return None
