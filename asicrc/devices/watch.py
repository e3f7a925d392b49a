"""The guardian of one device, started when the device is first written to."""

from __future__ import annotations

from collections.abc import Sequence

from asicrc.bench.guardian import Guardian, SafeStep
from firmware_protocols.device import SafetyStop

ATTENTION_S = 30.0
"""The program counts as hung when its main loop did not come by for so long. Storage may hold it up for some
seconds on a slow disk; a device within its limits takes longer to get hot."""


class Watch:
    """A guardian over lines that it inherits; over recorded lines, which have no descriptor, there is none.

    Looking at a device needs no guardian, so none is started before `arm`.
    """

    def __init__(self, name: str, descriptors: Sequence[int | None]) -> None:
        self._name = name
        self._fds = [fd for fd in descriptors if fd is not None]
        self._guardian: Guardian | None = None
        self._on_the_way_back = False

    def arm(self, steps: Sequence[SafeStep]) -> None:
        """From here on a death of this process makes the device safe. Raises SafetyStop."""
        self._on_the_way_back = False
        if not self._fds:
            return
        if self._guardian is None:
            self._guardian = Guardian(self._name, self._fds, attention_s=ATTENTION_S)
        self._guardian.arm(steps)

    def arm_for_the_way_back(self, steps: Sequence[SafeStep], log: list[str]) -> None:
        """As `arm`; a guardian that is gone is no reason to leave a device at work."""
        try:
            self.arm(steps)
        except SafetyStop as error:
            log.append(f"on the way back without a guardian: {error}")
        self._on_the_way_back = True

    def finish(self, log: list[str], *, came_back: bool) -> None:
        """The way back is over. Where not all of it worked the guardian stays armed, and acts at `close`."""
        if self._guardian is None:
            return
        if not came_back:
            log.append("not everything was put back: the guardian makes the device safe")
            return
        try:
            self._guardian.disarm()
        except SafetyStop as error:
            log.append(f"the guardian had acted meanwhile: {error}")

    def check(self) -> None:
        """Say that this program is awake. Raises SafetyStop when the guardian is gone, or has acted; not on
        the way back, which is to be gone whatever happens."""
        if self._guardian is None:
            return
        try:
            self._guardian.check()
        except SafetyStop:
            if not self._on_the_way_back:
                raise

    def close(self) -> None:
        """End the guardian; one that is still armed acts first. Raises SafetyStop where it could not."""
        if self._guardian is not None:
            self._guardian.close()
