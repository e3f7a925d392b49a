"""The table of AxeosInfo: which member stands under which name, of which kind, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from firmware_protocols.axeos.profiles import Generation


class Kind(Enum):
    NUMBER = auto()
    SENSOR = auto()
    """A number; -1 says that there is no reading."""
    COUNT = auto()
    TEXT = auto()
    FLAG = auto()
    """Written true or false."""
    SWITCH = auto()
    """Written 1 or 0."""
    DIFFICULTY = auto()
    """A number; up to v2.10 text such as `12.34M`."""


@dataclass(frozen=True, slots=True)
class InfoField:
    """`name` is what the firmware writes; it is read in every generation, as are the `other_names`."""

    member: str
    kind: Kind
    name: str
    first: Generation = Generation.OLD
    """Since when it is written."""
    other_names: tuple[str, ...] = ()
    old_name: str | None = None
    """What `esp-old` writes instead."""
    written: bool = True

    def name_in(self, generation: Generation) -> str | None:
        """The name under which this generation writes the member, None where it does not."""
        if not self.written or generation < self.first:
            return None
        return self.old_name if self.old_name and generation is Generation.OLD else self.name

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.other_names)


_OLD, _LIVE, _FAN, _HEAD = Generation
_NUMBER, _COUNT, _TEXT = Kind.NUMBER, Kind.COUNT, Kind.TEXT

INFO_FIELDS = (
    InfoField("power_w", _NUMBER, "power"),
    InfoField("input_voltage_mv", _NUMBER, "voltage"),
    InfoField("input_current_ma", _NUMBER, "current"),
    InfoField("core_voltage_mv", _COUNT, "coreVoltage"),
    InfoField("core_voltage_actual_mv", _NUMBER, "coreVoltageActual"),
    InfoField("frequency_mhz", _NUMBER, "frequency"),
    InfoField("frequency_actual_mhz", _NUMBER, "actualFrequency", _FAN),
    InfoField("chip_temp_c", Kind.SENSOR, "temp"),
    InfoField("chip_temp2_c", Kind.SENSOR, "temp2", _LIVE),
    InfoField("regulator_temp_c", Kind.SENSOR, "vrTemp", _LIVE),
    InfoField("fan_percent", _NUMBER, "fanspeed"),
    InfoField("manual_fan_percent", _COUNT, "manualFanSpeed", _FAN),
    InfoField("min_fan_percent", _COUNT, "minFanSpeed", _LIVE),
    InfoField("fan_rpm", _NUMBER, "fanrpm", _OLD, ("fanSpeedRpm", "fanSpeed"), "fanSpeedRpm"),
    InfoField("fan2_rpm", _NUMBER, "fan2rpm", _FAN),
    InfoField("auto_fan", Kind.SWITCH, "autofanspeed"),
    InfoField("temp_target_c", _COUNT, "temptarget", _LIVE),
    InfoField("overheat_mode", Kind.SWITCH, "overheat_mode", _LIVE),
    InfoField("power_fault", _TEXT, "power_fault", _LIVE),
    InfoField("hardware_fault", _TEXT, "hardware_fault", _HEAD),
    InfoField("mining_paused", Kind.FLAG, "miningPaused", _FAN),
    InfoField("hash_rate_ghs", _NUMBER, "hashRate"),
    InfoField("hash_rate_1m_ghs", _NUMBER, "hashRate_1m", _FAN),
    InfoField("hash_rate_10m_ghs", _NUMBER, "hashRate_10m", _FAN),
    InfoField("hash_rate_1h_ghs", _NUMBER, "hashRate_1h", _FAN),
    InfoField("expected_hash_rate_ghs", _NUMBER, "expectedHashrate", _LIVE),
    InfoField("error_percent", _NUMBER, "errorPercentage", _FAN),
    InfoField("shares_accepted", _COUNT, "sharesAccepted"),
    InfoField("shares_rejected", _COUNT, "sharesRejected"),
    InfoField("shares_pending", _COUNT, "sharesPending", _HEAD),
    InfoField("best_difficulty", Kind.DIFFICULTY, "bestDiff"),
    InfoField("best_session_difficulty", Kind.DIFFICULTY, "bestSessionDiff"),
    InfoField("pool_difficulty", _NUMBER, "poolDifficulty", _LIVE, ("stratumDiff",)),
    InfoField("response_time_ms", _NUMBER, "responseTime", _LIVE),
    InfoField("process_time_ms", _NUMBER, "processTime", _FAN),
    InfoField("work_received", _COUNT, "workReceived", _HEAD),
    InfoField("uptime_s", _COUNT, "uptimeSeconds"),
    InfoField("total_uptime_s", _COUNT, "totalUptimeSeconds", _HEAD),
    InfoField("reset_reason", _TEXT, "resetReason", _FAN),
    InfoField("version", _TEXT, "version"),
    InfoField("axeos_version", _TEXT, "axeOSVersion", _LIVE),
    InfoField("board_version", _TEXT, "boardVersion"),
    InfoField("running_partition", _TEXT, "runningPartition"),
    InfoField("asic_model", _TEXT, "ASICModel"),
    InfoField("miner_model", _TEXT, "minerModel"),
    InfoField("device_model", _TEXT, "deviceModel", written=False),
    InfoField("asic_count", _COUNT, "asicCount", written=False),
    InfoField("small_core_count", _COUNT, "smallCoreCount", _LIVE),
    InfoField("max_power_w", _NUMBER, "maxPower", _LIVE),
    InfoField("nominal_voltage_v", _NUMBER, "nominalVoltage", _LIVE),
    InfoField("overclock_enabled", Kind.SWITCH, "overclockEnabled", _LIVE),
    InfoField("stats_interval_s", _COUNT, "statsFrequency", _LIVE),
    InfoField("free_heap_bytes", _COUNT, "freeHeap"),
    InfoField("wifi_rssi_dbm", _NUMBER, "wifiRSSI", _LIVE),
    InfoField("wifi_status", _TEXT, "wifiStatus"),
    InfoField("mac", _TEXT, "macAddr", _LIVE),
    InfoField("hostname", _TEXT, "hostname"),
    InfoField("ssid", _TEXT, "ssid"),
    InfoField("wifi_password", _TEXT, "wifiPass", written=False),
    InfoField("ipv4", _TEXT, "ipv4", _FAN),
    InfoField("using_fallback_pool", Kind.SWITCH, "isUsingFallbackStratum", _LIVE),
    InfoField("use_fallback_pool", Kind.SWITCH, "useFallbackStratum", _HEAD),
    InfoField("primary_pool_index", _COUNT, "primaryPoolIndex", _HEAD),
    InfoField("secondary_pool_index", _COUNT, "secondaryPoolIndex", _HEAD),
)
"""All but the pools, the chips and the reasons of rejected shares, which have members of their own."""
