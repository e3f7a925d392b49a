"""A Goldshell LB-Box: LBRY's proof of work at the pace of its power plan, a web API, and a TCP API.

What is known is of other boxes of the maker (SC-BOX, UpstreamData/pyasic); no LB-Box has been read. Its maker
states 175 GH/s at 162 W; the points of its plans are assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simulators.bitaxe.physics import BoardModel
from simulators.miners.cgminer_api import CgminerApi
from simulators.miners.command_port import Command, CommandPort
from simulators.miners.dialects import LBBOX
from simulators.miners.feeding import FlowingFeed, cgminer_work
from simulators.miners.firmware import Firmware
from simulators.miners.hash_meter import CountedRate
from simulators.miners.http_port import Answer, HttpPort, Request
from simulators.miners.lbbox import goldshell, intminer
from simulators.miners.lbbox.box import PLANS, BoxPool, Plan
from simulators.miners.options import MinerOptions
from simulators.miners.pool_link import CGMINER_POOLS, Pool
from simulators.miners.reactor import Reactor
from simulators.models import MACHINES, DevicePhysics

_MACHINE = MACHINES["lbbox"]
FULL_RPM = 3000.0
OVERHEAT_C = 100.0
TARGET_C = 65.0


class LbBox(Firmware):
    def __init__(self, options: MinerOptions, reactor: Reactor, ring: Callable[[], None]) -> None:
        super().__init__(options, reactor, ring, LBBOX, CGMINER_POOLS)
        self.model: BoardModel = DevicePhysics(
            _MACHINE, ambient_c=options.ambient_c, speed=options.heat_speed
        )
        self.plans = PLANS
        self.select = 0
        """Place of the plan in force."""
        self.fan_percent = 50.0
        self.overheated = False
        self.temp_target_c = TARGET_C
        self.rate = CountedRate(options.telemetry_s)
        addresses = [options.pool, options.fallback] if options.fallback else [options.pool]
        own = options.user, options.password
        self.box_pools = [BoxPool(f"stratum+tcp://{address}", *own) for address in addresses]
        self.feed = FlowingFeed(
            reactor, self.hasher, self.truth, cgminer_work(self.scale, 1), options.pickup_ms / 1e3
        )
        self._web = goldshell.Goldshell(self)
        cut_at = options.faults.cut_reply
        self._commands = CgminerApi(
            intminer.DESCRIPTION, intminer.reports(self), groups=intminer.ALLOWED, cut_at=cut_at
        )
        self._http = HttpPort(reactor, options.api_port, self._answer)
        self._port = CommandPort(reactor, options.command_port, self._answer_command)
        self._since_sample_s = 0.0

    @property
    def plan(self) -> Plan:
        return self.plans[self.select]

    @property
    def mhz(self) -> float:
        """A box found at 50 MHz stays there until a plan is chosen."""
        if self.options.faults.stuck_50mhz and self.select == 0:
            return 50.0
        return 0.0 if self.overheated else self.plan.mhz

    @property
    def real_hashes_per_s(self) -> float:
        return _MACHINE.rate_ghs(self.mhz) * 1e9 * self.model.rate

    @property
    def model_w(self) -> float:
        return self.model.power_w

    @property
    def rpm(self) -> int:
        return round(FULL_RPM * self.fan_percent / 100 / 30) * 30

    def url(self) -> str:
        query = f"{self.options.url_query()}&command_port={self._port.number}"
        return f"goldshell://127.0.0.1:{self._http.number}?{query}"

    def pools(self) -> Sequence[Pool]:
        return [entry.pool for entry in self.box_pools]

    def change_pools(self, pools: list[BoxPool]) -> None:
        """To the first of the new ones, unless that is where it is."""
        if self.options.faults.ignore_settings:
            return
        at = self.link.pools[self.link.index] if self.link.pools else None
        self.box_pools = pools
        order = self.pools()
        if order and order[0] == at:
            self.link.pools, self.link.index = tuple(order), 0
        elif self.up:
            self.pool_lost()
            self.link.start(order)

    def choose_plan(self, place: int) -> None:
        if not self.options.faults.ignore_settings:
            self.select = place

    def booted(self) -> None:
        self.rate.forget()
        self.model.restart()
        self.overheated = False
        self.counts.accepted = self.counts.rejected = 0

    def open_api(self) -> None:
        self._http.open()
        self._port.open()

    def shut_api(self) -> None:
        self._http.shut()
        self._port.shut()

    def step(self, dt_s: float) -> None:
        self.overheated = self.overheated or self.model.temperature_c > OVERHEAT_C
        away_c = self.model.temperature_c - self.temp_target_c
        self.fan_percent = min(max(self.fan_percent + 0.5 * dt_s * away_c, 30.0), 100.0)
        self.model.set("frequency_mhz", self.mhz)
        self.model.set("voltage_mv", self.plan.millivolts)
        self.model.set("fan_percent", self.fan_percent)
        self.model.step(dt_s)
        self._since_sample_s += dt_s
        if self._since_sample_s >= 1.0 and self.up:
            self._since_sample_s = 0.0
            self.rate.sample(self.uptime_s, self.hasher.count.hashes * self.scale.hash_rate_scale)

    def lose_heat_sink(self) -> None:
        self.model.set("heat_sink", 0.0)

    def lower_settings(self) -> None:
        awake = [place for place, plan in enumerate(self.plans) if plan.mhz]
        self.choose_plan(min(awake, key=lambda place: self.plans[place].mhz))

    def _answer(self, request: Request) -> Answer | None:
        return None if self.api_hangs else self._web.respond(request)

    def _answer_command(self, command: Command) -> bytes | None:
        return None if self.api_hangs else self._commands.answer(command)
