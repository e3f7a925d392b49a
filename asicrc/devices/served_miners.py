"""Miners that their owner points at our work server by hand: no management interface, any make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.jitter import floor_of
from asicrc.devices.url import DeviceUrl
from asicrc.errors import UsageError
from asicrc.work.listening import accepted_hosts, listen_address
from asicrc.work.stratum_server import WorkServer
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.device import (
    Batch,
    Capability,
    Clock,
    DeviceIdentity,
    JitterFloor,
    Job,
    NonceBatch,
    Setting,
    SettingRefused,
    WorkForm,
)
from firmware_protocols.lbry import Lbry
from firmware_protocols.stratum_v1 import BIP320_MASK, SHA256D, Algorithm

ALGORITHMS: dict[str, Algorithm] = {"sha256d": SHA256D, "lbry": Lbry()}
USUAL_DIFFICULTY = {"sha256d": 1024.0, "lbry": 4096.0}
MIN_DELAYS = 16
PATIENCE_NS = 60_000_000_000
OPTIONS = {"algorithm", "accept_from", "version_mask", "difficulty_one"}


class ServedMiners:
    """Implements `DeviceProtocol`. Only the difficulty can be set: everything else is the miners' owner's."""

    def __init__(self, url: str, server: WorkServer, clock: Clock = MACHINE_CLOCK) -> None:
        host, port = server.address
        self.identity = DeviceIdentity(
            url, "stratum", "miners on a work server", chips=0, details={"host": host, "port": port}
        )
        self.server = server
        self.clock = clock
        self._log = [f"miners can be pointed at {host}, port {port}"]
        self._alone_since_ns: int | None = clock.now_ns()

    @property
    def capabilities(self) -> dict[str, Capability]:
        return {"difficulty": Capability.LIVE, "work": Capability.LIVE}

    @property
    def limits(self) -> dict[str, Any]:
        return {}

    @property
    def stamps(self) -> dict[str, str]:
        stamps = {"t_ns": "CLOCK_MONOTONIC of the host", "stamped": "after each read of a connection"}
        if self.server.has_kernel_stamps:
            stamps["t_kernel_ns"] = "CLOCK_REALTIME, set by the kernel on the last packet of the read"
        return stamps

    @property
    def job_interval_s(self) -> float:
        return 10.0

    @property
    def work_form(self) -> WorkForm:
        return WorkForm(coinbase=True, algorithm=self.server.algorithm.name, wants_verdicts=True)

    def check(self, requested: dict[str, float]) -> None:
        unknown = sorted(set(requested) - {"difficulty"})
        if unknown:
            raise SettingRefused(f"miners that were pointed here by hand cannot be set: {', '.join(unknown)}")
        difficulty = requested.get("difficulty", 1.0)
        if not 0 < difficulty < float("inf"):
            raise SettingRefused(f"a difficulty is above 0 and finite, not {difficulty}")

    def originals(self) -> list[Setting]:
        return []

    def adopt_originals(self, settings: list[Setting]) -> None:
        raise SettingRefused("miners that were pointed here by hand have no settings to put back")

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        """A miner does not say whether it does as asked; its shares do (`effective_difficulty`)."""
        self.check(requested)
        difficulty = requested.get("difficulty", self.server.difficulty)
        self.server.set_difficulty(difficulty)
        return [Setting(self.clock.now_ns(), "difficulty", difficulty, None)]

    def begin_point(self, key: tuple[int, ...]) -> None:
        pass  # silicon has no seed

    def jitter_floor(self) -> JitterFloor | None:
        delays_ns = self.server.read_delays_ns
        if len(delays_ns) < MIN_DELAYS:
            return None
        return floor_of(delays_ns, "from the kernel's stamp of a packet to the stamp of its read")

    def send(self, job: Job) -> list[Job]:
        return self.server.dispatch(job, clean=job.clean)

    def read(self, until_ns: int) -> Batch:
        batch = self.server.take(until_ns).as_batch()
        self._look_for_miners()
        batch.log = self._log + batch.log
        self._log = []
        return batch

    def judged(self, events: NonceBatch) -> None:
        self.server.judged(events)

    def restore(self) -> list[Setting]:
        return []

    def make_safe(self) -> list[Setting]:
        """Nothing was written to them."""
        return []

    def wire_counters(self) -> dict[str, int]:
        return self.server.counters()

    def close(self) -> None:
        self.server.close()

    def _look_for_miners(self) -> None:
        """Say once what to look at, where nobody comes."""
        if self._alone_since_ns is None or self.server.miners:
            self._alone_since_ns = None
        elif self.clock.now_ns() - self._alone_since_ns > PATIENCE_NS:
            self._alone_since_ns = None
            host, port = self.server.address
            self._log.append(
                f"no miner has come to {host}, port {port}, within {PATIENCE_NS / 1e9:.0f} s: is a "
                f"firewall in the way? Try `nc -vz {host} {port}` from another machine"
            )


def open_served_miners(url: DeviceUrl, say: Callable[[str], None] = lambda _: None) -> ServedMiners:
    """Open `stratum://HOST:PORT`, and `say` where it is. Raises UsageError, DeviceError."""
    url.reject_unknown(OPTIONS)
    listen = listen_address(url.target, "stratum://ADDRESS:PORT, an address of this machine")
    name = url.options.get("algorithm", "sha256d")
    if name not in ALGORITHMS:
        raise UsageError(f"there is no algorithm {name!r}", f"known: {', '.join(ALGORITHMS)}")
    server = WorkServer(
        listen,
        algorithm=ALGORITHMS[name],
        difficulty=USUAL_DIFFICULTY[name],
        version_mask=_number(url, "version_mask", 16, 0 if name == "lbry" else BIP320_MASK, 32),
        accept_from=accepted_hosts(url.options.get("accept_from"), "accept_from="),
        difficulty_one=_number(url, "difficulty_one", 0, DIFFICULTY_1_TARGET, 256),
    )
    host, bound = server.address
    say(f"point miners at stratum+tcp://{host}:{bound}, any user and password")
    return ServedMiners(url.text, server)


def _number(url: DeviceUrl, key: str, base: int, usual: int, bits: int) -> int:
    text = url.options.get(key)
    if text is None:
        return usual
    try:
        value = int(text, base)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << bits or (key == "difficulty_one" and value == 0):
        raise UsageError(f"{key}={text[:80]} in {url.text!r} is no number of {bits} bits")
    return value
