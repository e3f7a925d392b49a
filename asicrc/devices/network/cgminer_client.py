"""Commands to a miner of the cgminer family on TCP, read and typed; its pools told by their address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from asicrc.devices.network.control import ServerAddress
from asicrc.devices.network.waiting import Waiting
from asicrc.transports.command_exchange import CommandExchange
from firmware_protocols.cgminer_api import (
    Command,
    CommandRefused,
    Device,
    Pool,
    Reply,
    S9Stats,
    Summary,
    Version,
    encode_command,
    is_privileged,
    luxos,
    probe_privileged,
    read_devices,
    read_pools,
    read_reply,
    read_stats,
    read_summary,
    read_version,
)
from firmware_protocols.device import DeviceLost, SettingRefused
from firmware_protocols.errors import RemoteProtocolError

T = TypeVar("T")

REPEATABLE = frozenset({"switchpool", "poolpriority", "disablepool", "frequencyset", "voltageset"})
"""Commands that may be said twice: each names what is to be. To add or to remove a pool is none of them, as
the pools that are left get other numbers."""


class CgminerClient:
    """Raises DeviceLost where the miner does not answer in time or refuses a report, and RemoteProtocolError
    for answers that are none."""

    def __init__(self, exchange: CommandExchange) -> None:
        self.name = exchange.name
        self._exchange = exchange
        self._may_have_left_a_session = False

    def version(self) -> Version:
        return self._reported(self.asked(Command("version"), read_version), "version")

    def stats(self) -> S9Stats:
        return self._reported(self.asked(Command("stats"), read_stats), "stats")

    def summary(self) -> Summary:
        return self._reported(self.asked(Command("summary"), read_summary), "summary")

    def devices(self) -> tuple[Device, ...]:
        return self._reported(self.asked(Command("devs"), read_devices), "devs")

    def pools(self) -> tuple[Pool, ...]:
        return self._reported(self.asked(Command("pools"), read_pools), "pools")

    def may_write(self) -> bool | None:
        """Whether this host may change something; None where the miner does not know the question."""
        return self.asked(probe_privileged(), is_privileged)

    def do(self, command: Command) -> Reply:
        """A command that changes something. Raises SettingRefused with the miner's own words."""
        reply = self._ask(command, again=command.name in REPEATABLE)
        if (refused := reply.refusal) is not None:
            raise SettingRefused(f"the miner refuses {command.name}: {refused.message} (code {refused.code})")
        return reply

    @contextmanager
    def luxos_session(self, log: list[str], waiting: Waiting) -> Iterator[str]:
        """The one session that LuxOS has, given back on every way out. Raises SettingRefused while another
        holds it."""
        session_id = self._begun_session(log, waiting)
        try:
            yield session_id
        finally:
            try:
                self.do(luxos.logoff(session_id))
            except (SettingRefused, DeviceLost, RemoteProtocolError) as error:
                self._may_have_left_a_session = True
                log.append(
                    f"the session of LuxOS was not closed ({error}); it ends after {luxos.SESSION_S} s"
                )

    def _begun_session(self, log: list[str], waiting: Waiting) -> str:
        """The id of a new session.

        The end of one that may be ours, as an answer about it was lost, is waited for: nobody knows its id,
        and without a session nothing is put back.
        """
        begun: luxos.Session | CommandRefused

        def has_begun() -> bool:
            nonlocal begun
            begun = luxos.read_session(self._ask(luxos.logon()))
            return isinstance(begun, luxos.Session)

        try:
            free = has_begun()
        except (DeviceLost, RemoteProtocolError):
            self._may_have_left_a_session = True
            free = has_begun()
        if not free and self._may_have_left_a_session:
            log.append(f"LuxOS has a session that may be of here: its end is waited for, {luxos.SESSION_S} s")
            free = waiting.until(has_begun, luxos.SESSION_S + 5.0, each_s=2.0)
        self._may_have_left_a_session = False
        if isinstance(begun, CommandRefused) or not begun.session_id:
            said = begun.message if isinstance(begun, CommandRefused) else "it gives no session"
            raise SettingRefused(
                f"the miner lets nobody change it now: {said}. LuxOS has one session at a time: close its "
                f"web page or whatever else holds it; unused it ends after {luxos.SESSION_S} s"
            )
        return begun.session_id

    def asked(self, command: Command, read: Callable[[Reply], T]) -> T:
        """A question, once more where its answer is lost or damaged."""
        try:
            return read(self._ask(command, again=True))
        except RemoteProtocolError:
            return read(self._ask(command))

    def _ask(self, command: Command, *, again: bool = False) -> Reply:
        data = self._exchange.ask(encode_command(command), command.name, again=again)
        return read_reply(data, f"{self.name}: {command.name}")

    def close(self) -> None:
        self._exchange.close()

    def _reported(self, report: T | CommandRefused, what: str) -> T:
        if isinstance(report, CommandRefused):
            raise DeviceLost(f"{self.name} refuses to report {what}: {report.message} (code {report.code})")
        return report


def is_at(pool: Pool, server: ServerAddress) -> bool:
    """Whether a pool of the miner is our server: by host and port, however the address is written.

    `Stratum URL` is the host alone, which another pool of the owner may share: it counts only where the
    miner tells no address.
    """
    if pool.url is None:
        return pool.stratum_active is True and _address(pool.stratum_url or "").strip("[]") == server.host
    host, _, port = _address(pool.url).rpartition(":")
    return port == str(server.port) and host.strip("[]") == server.host


def in_order(pools: tuple[Pool, ...]) -> list[Pool]:
    """As the miner prefers them; those without a number cannot be named to it."""
    numbered = [pool for pool in pools if pool.number is not None]
    return sorted(numbered, key=lambda pool: pool.priority if pool.priority is not None else 1 << 30)


def active(pools: tuple[Pool, ...]) -> Pool | None:
    """The pool that it works for now."""
    return next((pool for pool in pools if pool.stratum_active), None)


def _address(url: str) -> str:
    return url.rpartition("://")[2].split("/", 1)[0].rpartition("@")[2]
