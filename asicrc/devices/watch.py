"""The guardian of one device, started when the device is first written to."""

from __future__ import annotations

from collections.abc import Sequence

from asicrc.bench.guardian import Guardian, SafeStep
from firmware_protocols.device import SafetyStop


class Watch:
    """A guardian over lines that it inherits; over recorded lines, which have no descriptor, there is none.

    Looking at a device needs no guardian, so none is started before `arm`.
    """

    def __init__(self, name: str, descriptors: Sequence[int | None]) -> None:
        self._name = name
        self._fds = [fd for fd in descriptors if fd is not None]
        self._guardian: Guardian | None = None

    def arm(self, steps: Sequence[SafeStep]) -> None:
        """From here on a death of this process makes the device safe. Raises SafetyStop."""
        if not self._fds:
            return
        if self._guardian is None:
            self._guardian = Guardian(self._name, self._fds)
        self._guardian.arm(steps)

    def arm_for_the_way_back(self, steps: Sequence[SafeStep], log: list[str]) -> None:
        """As `arm`; a guardian that is gone is no reason to leave a device at work."""
        try:
            self.arm(steps)
        except SafetyStop as error:
            log.append(f"restored without a guardian: {error}")

    def disarm(self) -> None:
        """The device is as it was found. Raises SafetyStop when the guardian acted meanwhile."""
        if self._guardian is not None:
            self._guardian.disarm()

    def check(self) -> None:
        """Raises SafetyStop when the guardian is gone, or has acted."""
        if self._guardian is not None:
            self._guardian.check()

    def close(self) -> None:
        """End the guardian; one that is still armed acts first. Raises SafetyStop where it could not."""
        if self._guardian is not None:
            self._guardian.close()
