"""What an AxeOS device says of itself: GET /api/system/info, typed, with units, from any generation.

Names, units and the meaning of -1 are from bitaxeorg/ESP-Miner: main/http_server/system_api_json.c at HEAD
and http_server.c at v2.0.0 to v2.14.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from firmware_protocols.axeos.pools import AxeosPool
from firmware_protocols.json_values import JsonValue


@dataclass(frozen=True, slots=True)
class ChipHashRate:
    """What one chip's own counters say, GH/s, whole and by domain."""

    total_ghs: float | None
    domains_ghs: tuple[float, ...]
    errors: float | None


@dataclass(frozen=True, slots=True)
class RejectedReason:
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class AxeosInfo:
    """Every member is None where the device did not say; a sensor that is absent or not powered is None too.

    Secrets and names are not shown by `repr`. `extra` has the members that are not understood, as they came.
    """

    power_w: float | None = None
    input_voltage_mv: float | None = None
    """Of the board's supply, about 5000 on a 5 V board. Not the chip's: that is `core_voltage_*`."""
    input_current_ma: float | None = None
    core_voltage_mv: int | None = None
    """As configured."""
    core_voltage_actual_mv: float | None = None
    frequency_mhz: float | None = None
    """As configured. A device that overheated has rewritten it."""
    frequency_actual_mhz: float | None = None
    chip_temp_c: float | None = None
    chip_temp2_c: float | None = None
    regulator_temp_c: float | None = None
    fan_percent: float | None = None
    """At present, in automatic mode too; in `esp-old` up to v2.1.8 it is what is set."""
    manual_fan_percent: int | None = None
    min_fan_percent: int | None = None
    fan_rpm: float | None = None
    fan2_rpm: float | None = None
    auto_fan: bool | None = None
    temp_target_c: int | None = None
    overheat_mode: bool | None = None
    """The device shut down for heat; `esp-old` up to v2.1.8 does not tell, and stays at 50 MHz and 990 mV."""
    power_fault: str | None = None
    hardware_fault: str | None = None
    mining_paused: bool | None = None

    hash_rate_ghs: float | None = None
    """Up to v2.10 an estimate from the shares found, noisy; later from the chip's counters."""
    hash_rate_1m_ghs: float | None = None
    hash_rate_10m_ghs: float | None = None
    hash_rate_1h_ghs: float | None = None
    expected_hash_rate_ghs: float | None = None
    error_percent: float | None = None
    chips: tuple[ChipHashRate, ...] | None = None
    shares_accepted: int | None = None
    shares_rejected: int | None = None
    shares_pending: int | None = None
    rejected_reasons: tuple[RejectedReason, ...] | None = None
    best_difficulty: float | None = None
    best_session_difficulty: float | None = None
    pool_difficulty: float | None = None
    response_time_ms: float | None = None
    process_time_ms: float | None = None
    """From the chip's reply to the write into the socket."""
    work_received: int | None = None

    uptime_s: int | None = None
    total_uptime_s: int | None = None
    reset_reason: str | None = None
    version: str | None = None
    axeos_version: str | None = None
    board_version: str | None = None
    running_partition: str | None = None
    asic_model: str | None = None
    miner_model: str | None = None
    """Of LuckyMiner's forks alone."""
    device_model: str | None = None
    asic_count: int | None = None
    """Up to v2.8 here, later in `AsicOptions`."""
    small_core_count: int | None = None
    max_power_w: float | None = None
    nominal_voltage_v: float | None = None
    overclock_enabled: bool | None = None
    stats_interval_s: int | None = None
    free_heap_bytes: int | None = None
    wifi_rssi_dbm: float | None = None
    wifi_status: str | None = field(default=None, repr=False)

    mac: str | None = field(default=None, repr=False)
    hostname: str | None = field(default=None, repr=False)
    ssid: str | None = field(default=None, repr=False)
    wifi_password: str | None = field(default=None, repr=False)
    """v2.0 tells it to whoever asks."""
    ipv4: str | None = field(default=None, repr=False)

    primary_pool: AxeosPool | None = None
    fallback_pool: AxeosPool | None = None
    using_fallback_pool: bool | None = None
    use_fallback_pool: bool | None = None
    pools: tuple[AxeosPool, ...] | None = None
    """By slot; from v2.15 on, where `primary_pool` and `fallback_pool` repeat two of them."""
    primary_pool_index: int | None = None
    secondary_pool_index: int | None = None

    extra: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)
