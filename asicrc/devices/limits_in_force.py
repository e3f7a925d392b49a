"""The limits that hold for one device: built in, narrowed by the station file."""

from __future__ import annotations

from dataclasses import dataclass

from asicrc.bench.envelope import Envelope
from asicrc.bench.limits import BARE, allowed_envelope
from asicrc.bench.station import Station, StationDevice
from asicrc.bench.widening import BEYOND_FLAG
from asicrc.errors import UsageError


@dataclass(frozen=True, slots=True)
class LimitsInForce:
    """`named` is the URL by which the station file knows the device."""

    station: Station | None
    allow_beyond: bool
    named: str

    @classmethod
    def built_in(cls) -> LimitsInForce:
        """For what nothing is written to."""
        return cls(None, False, "")

    def remarks(self) -> list[str]:
        """What a user may not expect: a station file that says nothing of this device, or may say more."""
        if self.station is None:
            return []
        entry = self._entry
        if entry is None:
            return [f"{self.station.path} says nothing of {self.named}: the built-in limits hold for it"]
        return [
            f"the limits of {entry.label!r} hold; whether {self.station.path} means the miner elsewhere is "
            f"not known, as a host cannot be looked up: {doubt}"
            for doubt in self.station.doubts(self.named)
        ]

    @property
    def fan_has_tachometer(self) -> bool:
        """Unless the station file says otherwise."""
        entry = self._entry
        return entry is None or entry.fan_tachometer

    @property
    def supervision(self) -> dict[str, float]:
        """Thresholds of the device's own entry, by key."""
        entry = self._entry
        return {} if entry is None else entry.supervision.by_key()

    @property
    def supervision_of_all(self) -> dict[str, float]:
        """Thresholds for every device of the bench."""
        return {} if self.station is None else self.station.supervision.by_key()

    @property
    def where(self) -> str:
        """Where limits beside the built-in ones are from."""
        return "the station file" if self.station is None else str(self.station.path)

    @property
    def asked(self) -> list[str]:
        """What the device's own entry asks for, by key, and the flag that lets it go beyond."""
        entry = self._entry
        keys = [] if entry is None else [*entry.limits.by_key(), *entry.widen_beyond_built_in.by_key()]
        return [*keys, BEYOND_FLAG] if self.allow_beyond else keys

    @property
    def _entry(self) -> StationDevice | None:
        return None if self.station is None else self.station.device_for(self.named)

    def envelope(self, board: str | None, chip: str) -> Envelope:
        """Raises UsageError where the station file means another device, or asks for what cannot be."""
        entry, where = self._entry, self.where
        if entry is None:
            return allowed_envelope(board, chip, allow_beyond=self.allow_beyond)
        for what, stated, found in (("board", entry.board, board or BARE), ("chip", entry.chip, chip)):
            if stated is not None and stated != found:
                raise UsageError(
                    f"{where} says that {self.named} has the {what} {stated}, but it is opened as {found}",
                    "correct the station file, or the URL",
                )
        return allowed_envelope(
            board,
            chip,
            entry.limits.by_key(),
            entry.widen_beyond_built_in.by_key(),
            allow_beyond=self.allow_beyond,
            where=where,
        )
