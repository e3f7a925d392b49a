"""What an AxeOS miner says of itself, as readings for a capture and as what a gate has to know."""

from __future__ import annotations

from asicrc.devices.network.control import MinesAt, Observation
from firmware_protocols.axeos import AxeosInfo, Generation, Profile
from firmware_protocols.bm13xx import model_by_name
from firmware_protocols.device import Reading
from firmware_protocols.errors import ProtocolError

CHANNELS = {
    "power_w": "power_w",
    "input_voltage_mv": "input_mv",
    "input_current_ma": "input_ma",
    "core_voltage_mv": "core_set_mv",
    "core_voltage_actual_mv": "core_mv",
    "frequency_mhz": "frequency_set_mhz",
    "frequency_actual_mhz": "frequency_mhz",
    "chip_temp_c": "temperature_c",
    "chip_temp2_c": "temperature2_c",
    "regulator_temp_c": "regulator_c",
    "fan_percent": "fan_percent",
    "fan_rpm": "fan_rpm",
    "fan2_rpm": "fan2_rpm",
    "hash_rate_ghs": "hash_rate_ghs",
    "hash_rate_1m_ghs": "hash_rate_1m_ghs",
    "hash_rate_10m_ghs": "hash_rate_10m_ghs",
    "expected_hash_rate_ghs": "expected_hash_rate_ghs",
    "error_percent": "error_percent",
    "shares_accepted": "shares_accepted_n",
    "shares_rejected": "shares_rejected_n",
    "pool_difficulty": "pool_difficulty",
    "response_time_ms": "response_time_ms",
    "process_time_ms": "process_time_ms",
    "uptime_s": "uptime_s",
    "wifi_rssi_dbm": "wifi_rssi_dbm",
    "free_heap_bytes": "free_heap_bytes",
}
"""Member of AxeosInfo -> channel of the capture: `core_set_mv` and `frequency_set_mhz` are what is set,
`core_mv` and `frequency_mhz` what is measured."""


def observation(
    info: AxeosInfo, profile: Profile, t_ns: int, *, chips: int, pool_slot: int | None, pointed: bool
) -> Observation:
    """`pool_slot` is our place in its list, None without a list; `pointed` whether we changed its pool."""
    readings = [
        Reading(t_ns, channel, float(value))
        for member, channel in CHANNELS.items()
        if (value := getattr(info, member)) is not None
    ]
    for number, chip in enumerate(info.chips or ()):
        readings += [
            Reading(t_ns, f"chip{number}_{what}", value)
            for what, value in (("hash_rate_ghs", chip.total_ghs), ("errors_n", chip.errors))
            if value is not None
        ]
        readings += [
            Reading(t_ns, f"chip{number}_domain{domain}_ghs", rate)
            for domain, rate in enumerate(chip.domains_ghs)
        ]
    temperatures = [t for t in (info.chip_temp_c, info.chip_temp2_c) if t is not None]
    return Observation(
        t_ns=t_ns,
        readings=tuple(readings),
        setpoints=setpoints(info, profile),
        frequency_actual_mhz=info.frequency_actual_mhz,
        temperature_c=max(temperatures, default=None),
        power_w=info.power_w,
        hash_rate_ghs=info.hash_rate_ghs,
        hash_rate_from_shares=profile.generation < Generation.FAN,
        expected_hash_rate_ghs=expected_ghs(info, chips),
        overheated=info.overheat_mode,
        paused=info.mining_paused,
        faults=tuple(fault for fault in (info.power_fault, info.hardware_fault) if fault),
        uptime_s=None if info.uptime_s is None else float(info.uptime_s),
        mines_at=_mines_at(info, pool_slot, pointed),
    )


def setpoints(info: AxeosInfo, profile: Profile) -> dict[str, float]:
    """What it is set to, of the clock, the core voltage and the fan; the fan only where it is set by hand."""
    found: dict[str, float] = {}
    if info.frequency_mhz is not None:
        found["frequency_mhz"] = float(info.frequency_mhz)
    if info.core_voltage_mv is not None:
        found["voltage_mv"] = float(info.core_voltage_mv)
    fan = info.manual_fan_percent if profile.fan_is_told_apart else info.fan_percent
    if fan is not None and info.auto_fan is False:
        found["fan_percent"] = float(fan)
    if info.auto_fan is not None:
        found["auto_fan"] = float(info.auto_fan)
    return found


def expected_ghs(info: AxeosInfo, chips: int) -> float | None:
    """The clock that is set times hashing units, one hash in each unit and cycle; else what the miner says,
    which may follow the clock that it really runs at."""
    units = info.small_core_count
    if not units:
        try:
            units = model_by_name(info.asic_model or "").small_cores
        except ProtocolError:
            return info.expected_hash_rate_ghs
    if info.frequency_mhz is None:
        return info.expected_hash_rate_ghs
    return info.frequency_mhz * units * chips / 1000


def _mines_at(info: AxeosInfo, pool_slot: int | None, pointed: bool) -> MinesAt:
    if not pointed:
        return MinesAt.NOT_TOLD
    if info.using_fallback_pool:
        return MinesAt.ELSEWHERE
    if pool_slot is not None and info.primary_pool_index not in (None, pool_slot):
        return MinesAt.ELSEWHERE
    return MinesAt.NOT_TOLD if info.using_fallback_pool is None else MinesAt.HERE
