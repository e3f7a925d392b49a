"""An Antminer S9 under bmminer or LuxOS: its pools, its chips' work, and its command port."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from simulators.miners.cgminer_api import CgminerApi, Entry
from simulators.miners.cgminer_pools import Entry as PoolEntry
from simulators.miners.cgminer_pools import PoolTable, active_entry
from simulators.miners.cgminer_reply import Reply
from simulators.miners.command_port import Command, CommandPort
from simulators.miners.dialects import BMMINER, LUXOS, Dialect
from simulators.miners.feeding import FlowingFeed, cgminer_work
from simulators.miners.firmware import Firmware
from simulators.miners.hash_meter import CountedRate
from simulators.miners.options import MinerOptions
from simulators.miners.pool_link import CGMINER_POOLS, Pool
from simulators.miners.reactor import Reactor
from simulators.miners.s9 import bmminer, luxos
from simulators.miners.s9.boards import Boards, on_grid

THERMAL_STOP_C = 125.0
"""Of a chip, at which the boards are stopped (assumed)."""
MIDSTATES = 4
"""Versions of a work, where they may be rolled."""
REDUCTION_MHZ = 100.0
"""Of a board whose firmware goes to a lower clock by itself (assumed)."""
STOCK_COMMANDS = frozenset({"stats", "pools", "devs", "summary", "version"})
"""What a factory image lets anyone do: api-groups A:stats:pools:devs:summary:version."""


class S9(Firmware):
    def __init__(self, options: MinerOptions, reactor: Reactor, ring: Callable[[], None]) -> None:
        super().__init__(options, reactor, ring, _dialect(options), CGMINER_POOLS)
        self.is_luxos = options.profile == "luxos"
        frequency_mhz = 50.0 if options.faults.stuck_50mhz else on_grid(options.frequency_mhz)
        self.boards = Boards(options, frequency_mhz if self.is_luxos else options.frequency_mhz)
        if options.faults.stuck_50mhz:
            for board in self.boards.all:
                board.frequency_mhz = board.target_mhz = 50.0
        self.rate = CountedRate(options.telemetry_s)
        self.feed = FlowingFeed(
            reactor, self.hasher, self.truth, cgminer_work(self.scale, MIDSTATES), options.pickup_ms / 1e3
        )
        self.table = PoolTable(_configured(options), self._pools_changed)
        self.luxos = luxos.LuxOs(self)
        self._api = self._make_api()
        self._port = CommandPort(reactor, options.api_port, self._answer)
        self._since_sample_s = 0.0

    @property
    def real_hashes_per_s(self) -> float:
        return self.boards.hashes_per_s

    @property
    def model_w(self) -> float:
        return self.boards.power_w

    def url(self) -> str:
        scheme = "luxos" if self.is_luxos else "cgminer"
        return f"{scheme}://127.0.0.1:{self._port.number}?{self.options.url_query()}"

    def pools(self) -> Sequence[Pool]:
        return self.table.pools()

    def booted(self) -> None:
        self.rate.forget()
        self.boards.restart()
        self.table.restore()
        self.counts.accepted = self.counts.rejected = 0

    def open_api(self) -> None:
        self._port.open()

    def shut_api(self) -> None:
        self._port.shut()

    def step(self, dt_s: float) -> None:
        if self.boards.hottest_c > THERMAL_STOP_C:
            self.boards.set_power(False)
        self.boards.step(dt_s)
        self._since_sample_s += dt_s
        if self._since_sample_s >= 1.0 and self.up:
            self._since_sample_s = 0.0
            self.rate.sample(self.uptime_s, self.hasher.count.hashes * self.scale.hash_rate_scale)

    def lose_heat_sink(self) -> None:
        self.boards.lose_heat_sink()

    def lower_settings(self) -> None:
        for board in self.boards.all:
            board.frequency_mhz = board.target_mhz = on_grid(board.target_mhz - REDUCTION_MHZ)

    def told_to_reconnect(self, host: str | None, port: int | None) -> None:
        """Not to another host: cgminer goes nowhere outside its pool's domain, and an address has none."""
        if host in (None, self.link.pools[self.link.index].host):
            super().told_to_reconnect(host, port)

    def active(self) -> PoolEntry | None:
        return active_entry(self.table, self)

    def _pools_changed(self) -> None:
        """Go to the pool that is now the first in order, if that is another one."""
        order = self.table.pools()
        if self.is_luxos:
            self.table.save()  # it keeps what it is told
        if self.up and order != list(self.link.pools):
            at = self.link.pools[self.link.index] if self.link.pools else None
            self.link.pools = tuple(order)
            if order and order[0] == at:
                self.link.index = 0
                return
            self.pool_lost()
            self.link.start(order)

    def _answer(self, command: Command) -> bytes | None:
        return None if self.api_hangs else self._api.answer(command)

    def _make_api(self) -> CgminerApi:
        table = self.table
        pool_commands = {
            "addpool": Entry(self._unless_ignored(table.add)),
            "switchpool": Entry(self._unless_ignored(table.switch)),
            "enablepool": Entry(self._unless_ignored(table.enable)),
            "disablepool": Entry(self._unless_ignored(table.disable)),
            "removepool": Entry(self._unless_ignored(lambda text: table.remove(text, self.active()))),
            "poolpriority": Entry(self._unless_ignored(table.order)),
        }
        groups = STOCK_COMMANDS if self.options.api_allow == "stock" else None
        cut_at = self.options.faults.cut_reply
        if self.is_luxos:
            entries = {**pool_commands, **bmminer.reports(self), **self.luxos.entries()}
            return CgminerApi(luxos.DESCRIPTION, entries, groups=groups, cut_at=cut_at)
        entries = {**pool_commands, **bmminer.reports(self), **bmminer.actions(self)}
        return CgminerApi(
            bmminer.DESCRIPTION, entries, groups=groups, joins=False, damage=bmminer.damage, cut_at=cut_at
        )

    def _unless_ignored(self, run: Callable[[str], Reply]) -> Callable[[str], Reply]:
        """What the fault `ignore_settings` makes of a command: the reply, and nothing else."""
        if not self.options.faults.ignore_settings:
            return run

        def pretend(parameter: str) -> Reply:
            before = [dataclasses.replace(entry) for entry in self.table.entries]
            changed, self.table.changed = self.table.changed, lambda: None
            reply = run(parameter)
            self.table.entries, self.table.changed = before, changed
            return reply

        return pretend


def _dialect(options: MinerOptions) -> Dialect:
    if options.profile == "luxos":
        return (
            LUXOS if options.asicboost else dataclasses.replace(LUXOS, rolling="never", steps=BMMINER.steps)
        )
    if options.asicboost:
        steps = (("configure",), *BMMINER.steps)
        return dataclasses.replace(BMMINER, rolling="if granted", least_bits=2, steps=steps)
    return BMMINER


def _configured(options: MinerOptions) -> list[PoolEntry]:
    addresses = [options.pool, options.fallback] if options.fallback else [options.pool]
    return [
        PoolEntry(f"stratum+tcp://{address}", options.user, options.password, priority)
        for priority, address in enumerate(addresses)
    ]
