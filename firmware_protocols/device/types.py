"""Types that cross between the packages: what a device is told, and what it hands back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from firmware_protocols.device.events import NO_TIME, NonceBatch, empty_events


class DeviceLost(Exception):
    """The device or the line to it is gone; `str()` names the port and what to try."""


class SettingRefused(Exception):
    """A setting is outside the limits, or the device did not take it."""


class SafetyStop(Exception):
    """The device has to stop, or was stopped, for safety; `str()` says what was seen and where."""


class Capability(StrEnum):
    """How a setting can be changed on a device."""

    NONE = "none"
    RESTART = "restart"
    LIVE = "live"


class Clock(Protocol):
    """Time as the session sees it. Real transports use the machine's, a twin its own."""

    def now_ns(self) -> int:
        """Monotonic time, ns."""

    def realtime_ns(self) -> int:
        """Wall time (CLOCK_REALTIME), ns since 1970."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """When bytes arrived. `kernel_ns` is CLOCK_REALTIME or NO_TIME."""

    t_ns: int
    kernel_ns: int = NO_TIME


class Direction(StrEnum):
    """Of bytes on a line, seen from the host."""

    TX = "tx"
    RX = "rx"


@dataclass(frozen=True, slots=True)
class WireChunk:
    """Bytes as one read or write moved them."""

    direction: Direction
    stamp: Stamp
    data: bytes


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of work, with all that is needed to rebuild the header it asks for.

    Either `merkle_root` is given (chips that take whole headers), or the coinbase parts and the
    branch are, and each event brings its extranonce2. 32-byte values are in header byte order.
    `target` is what a proof has to be below to count as valid; `chip_target` is what the device
    itself applies before it reports anything. Both are integers of the hash. `clean` tells a network miner
    to drop all jobs before this one. `algorithm` is the proof of work, `sha256d` or `lbry`; LBRY's headers
    alone have a `claimtrie`.
    """

    number: int
    wire_id: str
    version: int
    prev_hash: bytes
    ntime: int
    nbits: int
    target: int
    merkle_root: bytes | None = None
    coinbase1: bytes = b""
    extranonce1: bytes = b""
    coinbase2: bytes = b""
    branch: tuple[bytes, ...] = ()
    version_mask: int = 0
    chip_target: int | None = None
    sent_ns: int = NO_TIME
    damaged: bool = False
    algorithm: str = "sha256d"
    claimtrie: bytes | None = None
    clean: bool = False


@dataclass(frozen=True, slots=True)
class WorkForm:
    """What jobs a device takes, and whether somebody behind it waits for the verdicts.

    With `coinbase` a job is the two halves of a coinbase and a branch, as a pool sends it; without, it is a
    merkle root. `algorithm` as in `Job`.
    """

    coinbase: bool = False
    algorithm: str = "sha256d"
    wants_verdicts: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """One telemetry value. The unit stands at the end of the channel name."""

    t_ns: int
    channel: str
    value: float


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that was written: what was asked for and what the device says it now is.

    `kind` is `original` (read before the first write), `set`, `restored`, or `made_safe` after a stop for
    safety.
    `read_back` is None where the device cannot be asked.
    """

    t_ns: int
    name: str
    requested: float | None
    read_back: float | None
    kind: str = "set"

    @property
    def came_true(self) -> bool:
        """Whether the device says that it now is as asked; nothing asked (None) is met by any answer."""
        return self.read_back is not None and self.requested in (None, self.read_back)


@dataclass(frozen=True, slots=True)
class JitterFloor:
    """Spread of stamps whose true spacing is known: no analysis reports structure below it.

    `rms_s` is the standard deviation and `rms_high_s` the upper end of its 95 % interval; `median_s` and
    `p99_s` describe the delay itself.
    """

    rms_s: float
    rms_high_s: float
    median_s: float
    p99_s: float
    n: int
    method: str


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """What the device says it is. Secrets and addresses of people never stand here."""

    url: str
    family: str
    model: str
    chips: int
    chip_ids: tuple[int, ...] = ()
    serial: str | None = None
    firmware: str | None = None
    simulated: bool = False
    details: dict[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SegmentStart:
    """No interval crosses it: a miner came back, a server started anew, a clock was set."""

    t_ns: int
    reason: str


@dataclass(slots=True)
class Batch:
    """What one `read` brought. Events are PENDING: the storage process judges them.

    With a `segment` everything else in the batch belongs to the new one. `meta` goes into the capture's
    table `capture` and replaces what is there under the same keys. `faults` is what the device itself says
    is wrong with it: reason enough to stop for safety.
    """

    nonces: NonceBatch = field(default_factory=empty_events)
    wire: list[WireChunk] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    segment: SegmentStart | None = None
    ended: str | None = None
    """Set when a recording or an emulator has no more to give; a lost line raises instead."""


class DeviceProtocol(Protocol):
    """What a session needs of a device. The order of calls is the order here."""

    @property
    def identity(self) -> DeviceIdentity: ...

    @property
    def capabilities(self) -> dict[str, Capability]: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def limits(self) -> dict[str, Any]:
        """What the device is held to, as JSON for the capture; empty for what cannot be set."""

    @property
    def stamps(self) -> dict[str, str]:
        """Which clock the stamps are of, and where they are taken, in words."""

    @property
    def job_interval_s(self) -> float:
        """How often a new job is sent unless told otherwise, s of the host's clock."""

    @property
    def work_form(self) -> WorkForm:
        """The form in which `send` takes jobs."""

    def check(self, requested: dict[str, float]) -> None:
        """Raise SettingRefused where `configure` would, without touching the device."""

    def originals(self) -> list[Setting]:
        """Read, without writing anything, every setting that `configure` may change."""

    def adopt_originals(self, settings: list[Setting]) -> None:
        """Take the originals from a capture whose session was killed, instead of reading them.

        `settings` has what the capture says was restored too, which tells what is back already.
        """

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        """Write settings within the limits, read each back. Raises SettingRefused, DeviceLost."""

    def begin_point(self, key: tuple[int, ...]) -> None:
        """A point of a plan begins. A twin makes its state and randomness a function of (its seed, key).

        The state of a real one is what it is; a driver may look whether it is where it was set. Raises
        SettingRefused where it is not, SafetyStop, DeviceLost.
        """

    def jitter_floor(self) -> JitterFloor | None:
        """Measure the spread of the stamps without changing a setting; None where that cannot be done."""

    def send(self, job: Job) -> list[Job]:
        """Hand over a job; return what was sent, with `wire_id`, targets and `sent_ns` filled in.

        A chip is sent that one job. A server sends each miner one of its own number and extranonce1, and
        nothing while none is there.
        """

    def read(self, until_ns: int) -> Batch:
        """Return as soon as there is data, or when device time reaches `until_ns`.

        Raises DeviceLost, and SafetyStop where going on would not be safe.
        """

    def judged(self, events: NonceBatch) -> None:
        """The verdicts on events that `read` returned, for whoever waits for an answer to a share."""

    def restore(self) -> list[Setting]:
        """Put the originals back; what did not come back has `read_back` None. Raises DeviceLost."""

    def make_safe(self) -> list[Setting]:
        """After a stop for safety: leave the device cold and at rest instead of as it was found.

        What did not come true has `read_back` None. Raises DeviceLost.
        """

    def wire_counters(self) -> dict[str, int]:
        """`frames`, `damaged_frames` and `skipped_bytes` of the line so far; empty without a line."""

    def close(self) -> None:
        """Let go of the line. Raises SafetyStop where a guardian had to act and could not."""
