"""AxeOS as of ESP-Miner v2.15: settings checked as a whole, a list of pools, everything live, telemetry from
the chip's counters, and a firmware that cuts the chip's power when no pool answers.

bitaxeorg/ESP-Miner at HEAD (5c277131): main/http_server/, main/tasks/power_management_task.c,
main/tasks/protocol_coordinator.c.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from simulators.miners.dialects import ESP_HEAD
from simulators.miners.feeding import TickedFeed, esp_work
from simulators.miners.hash_meter import CountedRate
from simulators.miners.hasher import Hit
from simulators.miners.http_port import Answer, Request
from simulators.miners.lv06.esp_firmware import MAX_SOCKETS, REDUCTION, EspFirmware
from simulators.miners.lv06.head_info import full_info, statistics_row
from simulators.miners.lv06.head_routes import respond
from simulators.miners.lv06.head_settings import (
    POOL_SLOTS,
    SettingRefused,
    checked_settings,
    initial_settings,
)
from simulators.miners.options import MinerOptions
from simulators.miners.pool_link import ESP_POOLS, Pool
from simulators.miners.reactor import Reactor
from simulators.miners.websocket import WebSocket

THROTTLE_C, REGULATOR_THROTTLE_C, SAFE_C = 75.0, 105.0, 45.0
COOLING_S = 30.0
"""Least time without power after overheating."""
START_S = 0.6
"""From power to a chip that takes a clock."""
LIVE_S = 0.5
_STATISTICS_KEPT = 720
_SCORES_KEPT = 20


class EspHead(EspFirmware):
    def __init__(self, options: MinerOptions, reactor: Reactor, ring: Callable[[], None]) -> None:
        super().__init__(options, reactor, ring, ESP_HEAD, ESP_POOLS)
        self.nvs = initial_settings(options)
        if options.faults.stuck_50mhz:
            self.nvs |= {"frequency": 50.0, "coreVoltage": 1000, "overheat_mode": True}
            self.nvs |= {"autofanspeed": False, "manualFanSpeed": 100}
            self.board.start_chip()
        self.feed = TickedFeed(
            reactor, self.hasher, self.truth, esp_work(self.scale), options.job_s, options.pickup_ms / 1e3
        )
        self.rate = CountedRate(options.telemetry_s)
        self.best_ever = 0.0
        self.scores: list[dict[str, Any]] = []
        self.statistics: deque[dict[str, float]] = deque(maxlen=_STATISTICS_KEPT)
        self.paused = False
        self.pools_unavailable = False
        self.cooling_s: float | None = None
        """How long an overheated board has been off; None for one that is not."""
        self.total_uptime_s = 0.0
        self._starts_in_s = 0.0
        self._since_s = {"sample": 0.0, "statistics": 0.0, "live": 0.0}
        self._live: list[WebSocket] = []
        self._last_live: dict[str, Any] = {}
        self._fan_percent = 100.0

    def pools(self) -> Sequence[Pool]:
        listed = [self.pool_in(self.nvs["primaryPoolIndex"]), self.pool_in(self.nvs["secondaryPoolIndex"])]
        pools = [
            Pool(
                pool["stratumURL"],
                pool["stratumPort"],
                pool["stratumUser"],
                pool["stratumPassword"],
                pool["stratumSuggestedDifficulty"],
                pool["stratumExtranonceSubscribe"],
            )
            for pool in listed
            if pool is not None
        ]
        self.link.stays = self.nvs["useFallbackStratum"]
        return pools[::-1] if self.nvs["useFallbackStratum"] else pools

    def pool_in(self, slot: int) -> dict[str, Any] | None:
        pool: dict[str, Any] | None = self.nvs["pools"][slot]
        return pool

    @property
    def uses_fallback(self) -> bool:
        return (self.link.index > 0) != bool(self.nvs["useFallbackStratum"])

    def booted(self) -> None:
        self.rate.forget()
        self.counts.accepted = self.counts.rejected = self.counts.jobs = 0
        self.counts.reasons.clear()
        self.best_ever, self.counts.best = max(self.best_ever, self.counts.best), 0.0
        self.paused = self.pools_unavailable = False
        self.cooling_s = None
        if self.reset_reason != "Reset due to power-on event":
            self._power(True)

    def ticket(self, hit: Hit) -> None:
        found, job = hit.found, hit.work.job
        self.scores.append(
            {
                "difficulty": round(self.scale.difficulty_of(found.value), 1),
                "job_id": job.job_id[:31],
                "extranonce2": found.extranonce2.hex()[:31],
                "ntime": job.ntime,
                "nonce": f"{found.nonce:08X}",
                "version_bits": f"{found.version ^ job.version:08X}",
            }
        )
        self.scores = sorted(self.scores, key=lambda score: -score["difficulty"])[:_SCORES_KEPT]

    def step(self, dt_s: float) -> None:
        self.total_uptime_s += dt_s
        if self.up:
            self._manage_power(dt_s)
            self._tell(dt_s)
        target = self.nvs["frequency"] if self._starts_in_s <= 0 and self.up else self.board.frequency_mhz
        self.board.step(dt_s, target, self.nvs["coreVoltage"], self._fan_percent)

    def pools_gone(self, gone: bool) -> None:
        super().pools_gone(gone)
        self.pools_unavailable = gone

    def respond(self, request: Request) -> Answer:
        return respond(self, request)

    def info(self) -> dict[str, Any]:
        return full_info(self)

    def change(self, members: dict[str, Any]) -> None:
        """Raises SettingRefused, and then nothing has changed."""
        values, pools = checked_settings(members)
        if self.options.faults.ignore_settings:
            return
        self.nvs |= values
        for slot, pool in pools.items():
            self.put_pool(slot, pool)

    def put_pool(self, slot: int, pool: dict[str, Any] | None) -> None:
        """None empties the slot. Five stars keep the password that is there."""
        if self.options.faults.ignore_settings:
            return
        if not 0 <= slot < POOL_SLOTS:
            raise SettingRefused(f"slot {slot}")
        if pool is not None and pool["stratumPassword"] == "*****":
            before = self.nvs["pools"][slot]
            pool = pool | {"stratumPassword": before["stratumPassword"] if before else "x"}
        self.nvs["pools"][slot] = pool

    def pause(self, on: bool) -> None:
        """A stopped miner leaves its pool."""
        if on != self.paused:
            self.paused = on
            self.log(f"Mining {'paused' if on else 'resumed'} by API request")
            if on:
                self.link.stop()
                self.pool_lost()
            else:
                self.reactor.after(START_S, lambda: self.link.start(self.pools()))

    def open_live(self, socket: WebSocket) -> bool:
        """The whole of it first, then what differs, twice a second at most."""
        if len(self._live) >= MAX_SOCKETS:
            return False
        self._live.append(socket)
        if not self._last_live:
            self._last_live = self.info()
        socket.send(_event(self.info()))
        return True

    def shut_api(self) -> None:
        super().shut_api()
        for socket in self._live:
            socket.close()
        self._live.clear()

    def _manage_power(self, dt_s: float) -> None:
        if self._starts_in_s > 0:
            self._starts_in_s -= dt_s
        if self.cooling_s is not None:
            self._cool(dt_s)
            return
        stopped = self.paused or self.pools_unavailable
        if stopped == self.board.powered:
            self._power(not stopped)
        self._steer_fan(stopped)
        too_hot = self.board.chip_c > THROTTLE_C or self.board.regulator_c > REGULATOR_THROTTLE_C
        if not stopped and too_hot:
            self.log(f"OVERHEAT! VR: {self.board.regulator_c:f}C ASIC: {self.board.chip_c:f}C")
            self.nvs |= {"autofanspeed": False, "manualFanSpeed": 100, "overheat_mode": True}
            self._power(False)
            self._fan_percent = 100.0
            self.cooling_s = 0.0

    def _cool(self, dt_s: float) -> None:
        """No power for long enough and until it is cool; then lower by 100 mV and 100 MHz, for good."""
        self.cooling_s = (self.cooling_s or 0.0) + dt_s * self.options.heat_speed
        if self.cooling_s >= COOLING_S and self.board.chip_c <= SAFE_C:
            self.cooling_s = None
            millivolts, mhz = self.nvs["coreVoltage"], self.nvs["frequency"]
            self.nvs["coreVoltage"] = millivolts - REDUCTION if millivolts > REDUCTION else 1000
            self.nvs["frequency"] = mhz - REDUCTION if mhz > REDUCTION else 400.0
            self.nvs["overheat_mode"] = False
            self._power(True)

    def _power(self, on: bool) -> None:
        if not on:
            self.rate.forget()
        self.board.set_power(on)
        if on:
            self.board.start_chip()
            self._starts_in_s = START_S

    def _steer_fan(self, stopped: bool) -> None:
        nvs = self.nvs
        if nvs["overheat_mode"]:
            self._fan_percent = 100.0
        elif stopped:
            self._fan_percent = 30.0
        elif not nvs["autofanspeed"]:
            self._fan_percent = float(nvs["manualFanSpeed"])
        else:  # a controller that creeps to its target, in place of the firmware's PID
            change = 0.4 * (self.board.chip_c - nvs["temptarget"])
            self._fan_percent = min(max(self._fan_percent + change, float(nvs["minFanSpeed"])), 100.0)

    def _tell(self, dt_s: float) -> None:
        for name in self._since_s:
            self._since_s[name] += dt_s
        if self._since_s["sample"] >= 1.0:
            self._since_s["sample"] = 0.0
            if self.board.powered:
                self.rate.sample(self.uptime_s, self.hasher.count.hashes * self.scale.hash_rate_scale)
        interval_s = self.nvs["statsFrequency"]
        if interval_s and self._since_s["statistics"] >= interval_s:
            self._since_s["statistics"] = 0.0
            self.statistics.append(statistics_row(self))
        if self._since_s["live"] >= LIVE_S:
            self._since_s["live"] = 0.0
            self._tell_live()

    def _tell_live(self) -> None:
        self._live = [socket for socket in self._live if not socket.closed]
        if not self._live:
            self._last_live = {}
            return
        now = self.info()
        differing = {key: value for key, value in now.items() if self._last_live.get(key) != value}
        self._last_live = now
        if differing:
            for socket in self._live:
                socket.send(_event(differing))


def _event(data: dict[str, Any]) -> str:
    return json.dumps({"event": "update", "data": data}, separators=(",", ":"))
