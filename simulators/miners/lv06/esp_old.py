"""AxeOS as of ESP-Miner v2.1.8: few fields, one pool, settings that nobody checks, a clock that is read once.

bitaxeorg/ESP-Miner at v2.1.8: main/http_server/http_server.c, main/system.c,
main/tasks/power_management_task.c.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from simulators.miners.dialects import ESP_OLD
from simulators.miners.feeding import QueuedFeed, esp_work
from simulators.miners.hash_meter import GuessedRate
from simulators.miners.hasher import Hit
from simulators.miners.http_port import Answer, Request
from simulators.miners.lv06.board import SUPPLY_MV, pll_mhz
from simulators.miners.lv06.esp_firmware import FREE_HEAP, EspFirmware, parsed_object, suffixed
from simulators.miners.options import MinerOptions
from simulators.miners.pool_link import ONE_POOL, Pool
from simulators.miners.reactor import Reactor

THROTTLE_C = 75.0
COLD_C = 50.0
POLL_S = 2.0
"""Between looks at the temperature."""
SAFE_MHZ, SAFE_MV = 50, 990
"""Where the firmware puts an overheated board, for ever."""
NO_DIVIDERS_MHZ = 200.0

_TEXTS = ("stratumURL", "stratumUser", "stratumPassword", "ssid", "wifiPass", "hostname")
_NUMBERS = (
    "stratumPort",
    "coreVoltage",
    "frequency",
    "flipscreen",
    "invertscreen",
    "invertfanpolarity",
    "autofanspeed",
    "fanspeed",
)


class EspOld(EspFirmware):
    def __init__(self, options: MinerOptions, reactor: Reactor, ring: Callable[[], None]) -> None:
        super().__init__(options, reactor, ring, ESP_OLD, ONE_POOL)
        host, _, port = options.pool.rpartition(":")
        self.nvs = {
            "stratumURL": host,
            "stratumPort": int(port),
            "stratumUser": options.user,
            "stratumPassword": options.password,
            "ssid": "workshop",
            "wifiPass": "not-told",
            "hostname": "LV06",
            "coreVoltage": int(options.voltage_mv),
            "frequency": int(options.frequency_mhz),
            "flipscreen": 1,
            "invertscreen": 0,
            "invertfanpolarity": 1,
            "autofanspeed": 1,
            "fanspeed": 100,
        }
        if options.faults.stuck_50mhz:
            self._save_safe_settings()
        self.feed = QueuedFeed(
            reactor,
            self.hasher,
            self.truth,
            esp_work(self.scale),
            options.job_s,
            options.pickup_ms / 1e3,
            options.queue_depth,
        )
        self._rate = GuessedRate()
        self._target_mhz = self._boot_mhz = float(self.nvs["frequency"])
        self._auto_fan = True
        self._since_poll_s = 0.0
        self._fan_percent = 100.0
        self._best = 0.0
        self.board.frequency_mhz = pll_mhz(_reached(self._boot_mhz))  # found running, not starting

    def pools(self) -> Sequence[Pool]:
        nvs = self.nvs
        return (Pool(nvs["stratumURL"], nvs["stratumPort"], nvs["stratumUser"], nvs["stratumPassword"]),)

    def booted(self) -> None:
        """The clock and the way the fan is steered are read here and nowhere else."""
        self._rate.start(self.uptime_s)
        self.counts.accepted = self.counts.rejected = 0
        self._best, self.counts.best = max(self._best, self.counts.best), 0.0
        if self.reset_reason != "Reset due to power-on event":
            self.board.start_chip()
        self._target_mhz = float(self.nvs["frequency"])
        self._auto_fan = self.nvs["autofanspeed"] == 1

    def ticket(self, hit: Hit) -> None:
        hashes = self.scale.hashes_per_ticket * self.scale.hash_rate_scale
        self._rate.found(self.uptime_s, hashes)

    def good_enough(self, hit: Hit) -> bool:
        """More than the pool asks for: hits at 0 or at a fraction of 1 are all submitted."""
        return self.scale.difficulty_of(hit.found.value) > hit.work.job.difficulty

    def step(self, dt_s: float) -> None:
        self._since_poll_s += dt_s
        if self._since_poll_s >= POLL_S / max(1.0, self.options.heat_speed) and self.up:
            self._since_poll_s = 0.0
            self._watch_temperature()
        target = _reached(self._target_mhz) if self.up else self.board.frequency_mhz
        self.board.step(dt_s, target, self.nvs["coreVoltage"], self._fan_percent)

    def respond(self, request: Request) -> Answer:
        match request.method, request.path:
            case "GET", "/api/system/info":
                return Answer.json(self.info())
            case "GET", "/api/swarm/info":
                return Answer.json([])
            case "PATCH", "/api/system":
                self._change(request.body)
                return Answer()
            case "POST", "/api/system/restart":
                self.restart("Software reset via esp_restart")
                return Answer.text("System will restart shortly.")
            case "GET", "/" | "/index.html":
                return Answer(200, b"<html><title>AxeOS</title></html>", "text/html")
            case "GET", _:
                return Answer(302, b"Redirect to the captive portal", "text/plain", location="/")
            case "OPTIONS", "/api/system" | "/api/swarm":
                return Answer()
        if request.path in ("/api/system/info", "/api/system", "/api/system/restart"):
            return Answer.text("Specified method is invalid for this resource", 405)
        return Answer.text("Nothing matches the given URI", 404)

    def info(self) -> dict[str, Any]:
        board, nvs = self.board, self.nvs
        power_w = board.power_w
        return {
            "power": round(power_w, 3),
            "voltage": SUPPLY_MV,
            "current": round(power_w / SUPPLY_MV * 1e6, 1),
            "fanSpeedRpm": board.rpm,
            "temp": round(board.chip_c),
            "hashRate": self._rate.value / 1e9,
            "bestDiff": suffixed(max(self._best, self.counts.best)),
            "bestSessionDiff": suffixed(self.counts.best),
            "freeHeap": FREE_HEAP,
            "coreVoltage": nvs["coreVoltage"],
            "coreVoltageActual": round(board.core_mv),
            "frequency": nvs["frequency"],
            "ssid": nvs["ssid"],
            "hostname": nvs["hostname"],
            "wifiStatus": "Connected!",
            "sharesAccepted": self.counts.accepted,
            "sharesRejected": self.counts.rejected,
            "uptimeSeconds": int(self.uptime_s),
            "ASICModel": "BM1366",
            "minerModel": "LV06",
            "stratumURL": nvs["stratumURL"],
            "stratumPort": nvs["stratumPort"],
            "stratumUser": nvs["stratumUser"],
            "version": "v2.1.8",
            "boardVersion": "201",
            "runningPartition": "ota_0",
            "flipscreen": nvs["flipscreen"],
            "invertscreen": nvs["invertscreen"],
            "invertfanpolarity": nvs["invertfanpolarity"],
            "autofanspeed": nvs["autofanspeed"],
            "fanspeed": nvs["fanspeed"],
        }

    def _change(self, body: bytes) -> None:
        """Whatever is there is stored as far as C makes something of it; the answer is 200 in any case."""
        members = parsed_object(body)
        if members is None or self.options.faults.ignore_settings:
            return
        for name in _TEXTS:
            if isinstance(members.get(name.lower()), str):
                self.nvs[name] = members[name.lower()][:255]
        for name in _NUMBERS:
            if name.lower() in members:
                self.nvs[name] = _valueint(members[name.lower()]) & 0xFFFF

    def _watch_temperature(self) -> None:
        hot_c = self.board.chip_c
        if hot_c > THROTTLE_C and self._target_mhz > SAFE_MHZ:
            self.log("OVERHEAT")
            self._fan_percent = 100.0
            self._save_safe_settings()
            self.restart("Software reset due to exception/panic", after_s=0.0)
        elif self._auto_fan:
            share = min(max((hot_c - COLD_C) / (THROTTLE_C - COLD_C), 0.0), 1.0)
            self._fan_percent = 20.0 + 80.0 * share
        else:
            self._fan_percent = float(min(self.nvs["fanspeed"], 100))

    def _save_safe_settings(self) -> None:
        self.nvs |= {"coreVoltage": SAFE_MV, "frequency": SAFE_MHZ, "fanspeed": 100, "autofanspeed": 0}


def _reached(target_mhz: float) -> float:
    """What the firmware goes to: without dividers for it, 200 MHz (components/bm1397/bm1366.c)."""
    return target_mhz if pll_mhz(target_mhz) else NO_DIVIDERS_MHZ


def _valueint(value: Any) -> int:
    """cJSON's `valueint`: a number cut to an integer, true as 1, anything else 0."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float) and abs(value) < 2**31:
        return int(value)
    return 0
