"""The work server of one miner: where it listens, whom it lets in, and its events numbered as a capture's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from asicrc.devices.jitter import floor_of
from asicrc.devices.network.control import ServerAddress
from asicrc.devices.network.local_address import address_towards
from asicrc.devices.network.network_url import NetworkUrl
from asicrc.errors import DeviceError
from asicrc.work.stratum_server import ListenAddress, WorkServer
from firmware_protocols.device import Batch, Clock, DeviceLost, JitterFloor, NonceBatch
from firmware_protocols.stratum_v1 import BIP320_MASK, Algorithm

MIN_DELAYS = 16
ABSENT_S = 120.0
"""Without a connection: a restart and its way back to the server are over by then."""


class Serving:
    """`address` is how the miner reaches it."""

    def __init__(self, server: WorkServer, address: ServerAddress) -> None:
        self.server = server
        self.address = address
        self._taken = 0
        self._first_seq = 0
        self._absent_since_ns: int | None = None

    @property
    def has_miner(self) -> bool:
        """Whether somebody is there who can be sent work."""
        return bool(self.server.miners)

    def check_presence(self, now_ns: int) -> None:
        """Raises DeviceLost where nobody has been there for too long."""
        if self.has_miner:
            self._absent_since_ns = None
            return
        if self._absent_since_ns is None:
            self._absent_since_ns = now_ns
        absent_s = (now_ns - self._absent_since_ns) / 1e9
        if absent_s > ABSENT_S:
            raise DeviceLost(
                f"the miner has not been at the work server for {absent_s:.0f} s: it may have gone over to a "
                "pool of its own, or lost its network"
            )

    def take(self, until_ns: int) -> Batch:
        """What has arrived, its events numbered from 0 since `begin_recording`. Raises DeviceLost."""
        batch = self.server.take(until_ns).as_batch()
        self._taken += len(batch.nonces)
        batch.nonces["seq"] -= self._first_seq
        return batch

    def judged(self, events: NonceBatch) -> None:
        numbered = events.copy()
        numbered["seq"] += self._first_seq
        self.server.judged(numbered)

    def begin_recording(self) -> None:
        """The next event is the capture's first."""
        self._first_seq = self._taken

    def jitter_floor(self) -> JitterFloor | None:
        """None before there were enough packets, and where the kernel stamps none."""
        delays_ns = self.server.read_delays_ns
        if len(delays_ns) < MIN_DELAYS:
            return None
        return floor_of(delays_ns, "from the kernel's stamp of a packet to the stamp of its read")

    def wire_counters(self) -> dict[str, int]:
        return self.server.counters()


@contextmanager
def bound_server(
    url: NetworkUrl, miner: str, algorithm: Algorithm, difficulty: float, clock: Clock
) -> Iterator[Serving]:
    """Listen on the one address from which `miner`, an IP address, is reached, and let only it in.

    Raises DeviceError where that cannot be.
    """
    host = url.listen or address_towards(miner, url.port)
    port = url.usual_server_port if url.server_port is None else url.server_port
    try:
        server = WorkServer(
            ListenAddress(host, port),
            algorithm=algorithm,
            difficulty=difficulty,
            version_mask=BIP320_MASK,
            accept_from=frozenset({miner}),
            clock=clock,
            difficulty_one=url.difficulty_one,
        )
    except DeviceError as error:
        hint = f"{error.hint}; " if error.hint else ""
        raise DeviceError(
            error.message, f"{hint}?server_port= names another port, ?listen= another address"
        ) from None
    with server:
        yield Serving(server, ServerAddress(host, server.address[1]))


def nobody_came(address: ServerAddress, miner: str, waited_s: float) -> str:
    """What to look at when a miner does not come."""
    host, port = address.host, address.port
    return (
        f"no miner has come to {host}, port {port}, for {waited_s:.0f} s. Is a firewall of this machine in "
        f"the way (with ufw: sudo ufw allow from {miner} to {host} port {port} proto tcp)? Does `nc -vz "
        f"{host} {port}` on another machine of the miner's network connect (it is then hung up on: only "
        f"{miner} is let in)? A virtual machine or a container needs a bridged network. The miner's own log "
        "says where it tries"
    )
