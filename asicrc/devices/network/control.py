"""What a driver of one family of miners does for the device above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from asicrc.bench.envelope import Envelope
from firmware_protocols.device import Capability, DeviceIdentity, Reading, Setting
from firmware_protocols.json_values import JsonObject
from firmware_protocols.stratum_v1 import Algorithm


class PointedBy(StrEnum):
    """How a miner comes to mine at our server."""

    LIVE = "live"
    RESTART = "restart"
    HAND = "hand"
    """By its owner: the miner takes no pool from here."""


class MinesAt(StrEnum):
    """What the miner says of the pool that it works for."""

    HERE = "here"
    ELSEWHERE = "elsewhere"
    NOT_TOLD = "not told"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Of the work server, as the miner reaches it."""

    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"stratum+tcp://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Observation:
    """What a miner said of itself at one moment; None is what it did not say.

    `setpoints` has what it is set to, by the names of `requested`. `temperature_c` is the hottest chip's.
    """

    t_ns: int
    readings: tuple[Reading, ...] = ()
    setpoints: Mapping[str, float] = field(default_factory=dict)
    frequency_actual_mhz: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    hash_rate_ghs: float | None = None
    hash_rate_from_shares: bool = False
    """Estimated from the shares found: as noisy as their number is small."""
    expected_hash_rate_ghs: float | None = None
    overheated: bool | None = None
    paused: bool | None = None
    faults: tuple[str, ...] = ()
    uptime_s: float | None = None
    mines_at: MinesAt = MinesAt.NOT_TOLD


@dataclass(frozen=True, slots=True)
class Habits:
    """What is known of a family before any of its members is asked.

    `lowest_difficulty` is the easiest proof that the firmware reports, whatever it is asked for.
    `fall_back_mhz` is the clock at which old firmware leaves a miner that overheated.
    """

    algorithm: Algorithm
    usual_difficulty: float
    lowest_difficulty: float | None = None
    fall_back_mhz: float | None = None
    other_unit: float | None = None
    """Some of the family are said to mean this many times as much by a difficulty; not known before."""
    hash_rate_tolerance: float = 0.15
    """Of the hash rate against cores times clock: the share by which it may be off."""


class MinerControl(Protocol):
    """A miner's management interface. The order of calls is the order here; all of them may raise DeviceLost.

    `log` takes lines for the capture. Nothing is written before `point_to`.
    """

    log: list[str]

    @property
    def identity(self) -> DeviceIdentity: ...

    @property
    def capabilities(self) -> dict[str, Capability]: ...

    @property
    def envelope(self) -> Envelope: ...

    @property
    def habits(self) -> Habits: ...

    def check(self, requested: Mapping[str, float]) -> None:
        """Raise SettingRefused for what `configure` would refuse."""

    def originals(self) -> list[Setting]:
        """Every setting that may be changed, as it is now."""

    def adopt_originals(self, settings: list[Setting], kept: JsonObject | None) -> None:
        """Take the originals from a capture and from the file beside it, instead of the miner.

        Raises SettingRefused for values that no such miner can have had.
        """

    def pointed_by(self) -> PointedBy:
        """How it can be pointed, found out without changing anything."""

    def kept(self, server: ServerAddress) -> JsonObject:
        """What is needed to put its pools back: names and hosts, for a file that only its owner can read.

        Raises SettingRefused where they could not be put back, or could not be told from `server`.
        """

    def point_to(self, server: ServerAddress, user: str | None, requested: Mapping[str, float]) -> None:
        """Have it mine at `server`, and take what takes effect only by the restart that this may need.

        Raises SettingRefused where it does not take the pool.
        """

    def by_hand(self, server: ServerAddress) -> str:
        """What its owner has to do to point it there, in words."""

    def pointed_by_hand_to(self, server: ServerAddress) -> None:
        """Which pool to look for, where its owner writes it there."""

    def is_pointed_to(self, server: ServerAddress) -> bool:
        """Whether the miner's own list still has `server` as a pool of it."""

    def has_pools(self, kept: JsonObject) -> bool:
        """Whether the miner stores the pools of `kept` by now, and may still have to restart for them."""

    def configure(self, requested: Mapping[str, float]) -> list[Setting]:
        """Go to the settings, in steps, each read back. Raises SettingRefused, SafetyStop."""

    def observe(self) -> Observation:
        """Raises RemoteProtocolError for an answer that is none."""

    def calm(self) -> None:
        """It is too hot: take it to where it makes least heat. Raises SettingRefused where it does not go."""

    def restore(self, *, overheated: bool) -> list[Setting]:
        """Put everything back that was changed; after an overheat only what makes no more heat."""

    def close(self) -> None: ...
