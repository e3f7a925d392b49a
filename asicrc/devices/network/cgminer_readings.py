"""What a cgminer-family miner says of itself, as readings for a capture and as what a gate has to know."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from asicrc.devices.network.control import MinesAt, Observation
from firmware_protocols.bm13xx import model_by_name
from firmware_protocols.cgminer_api import S9Stats, Summary
from firmware_protocols.device import Reading

_CHIP = model_by_name("BM1387")
UNITS = _CHIP.small_cores


def observation(
    stats: S9Stats,
    summary: Summary,
    t_ns: int,
    mines_at: MinesAt,
    setpoints: Mapping[str, float],
    fans: Collection[int],
) -> Observation:
    """`fans` are the places of those that have turned: it tells 0 of every place where there is none too."""
    chains = stats.chains
    temperatures = [t for chain in chains if (t := chain.chip_temp_c or chain.board_temp_c) is not None]
    powers = [chain.power_w for chain in chains if chain.power_w is not None]
    # bmminer's `GHS 5s` is a decaying average of shares found
    rate_ghs = stats.rate_5s_ghs if stats.rate_5s_ghs is not None else summary.rate_5s_ghs
    values: dict[str, float | None] = {
        "hash_rate_ghs": rate_ghs,
        "hash_rate_average_ghs": stats.rate_average_ghs,
        "expected_hash_rate_ghs": expected_ghs(stats),
        "temperature_c": max(temperatures, default=None),
        "power_w": sum(powers) if powers else None,
        "frequency_set_mhz": stats.frequency_mhz,
        "frequency_mhz": stats.average_frequency_mhz,
        "uptime_s": stats.elapsed_s,
        "hardware_errors_n": summary.hardware_errors,
        "hardware_percent": stats.hardware_percent,
        "shares_accepted_n": summary.accepted,
        "shares_rejected_n": summary.rejected,
        "shares_stale_n": summary.stale,
        "no_matching_work_n": stats.no_matching_work,
        **{f"fan{place}_rpm": rpm for place, rpm in stats.fans_rpm.items() if place in fans},
    }
    for chain in chains:
        name = f"chain{chain.place}"
        values |= {
            f"{name}_hash_rate_ghs": chain.rate_ghs,
            f"{name}_frequency_mhz": chain.frequency_mhz,
            f"{name}_board_c": chain.board_temp_c,
            f"{name}_chip_c": chain.chip_temp_c,
            f"{name}_chips_alive_n": chain.chips_alive,
            f"{name}_hardware_errors_n": chain.hardware_errors,
            f"{name}_power_w": chain.power_w,
        }
    return Observation(
        t_ns=t_ns,
        readings=tuple(Reading(t_ns, name, float(v)) for name, v in values.items() if v is not None),
        setpoints=setpoints,
        frequency_actual_mhz=stats.average_frequency_mhz,
        temperature_c=values["temperature_c"],
        power_w=values["power_w"],
        hash_rate_ghs=rate_ghs,
        hash_rate_from_shares=True,
        expected_hash_rate_ghs=values["expected_hash_rate_ghs"],
        uptime_s=None if stats.elapsed_s is None else float(stats.elapsed_s),
        mines_at=mines_at,
    )


def expected_ghs(stats: S9Stats) -> float | None:
    """As the miner reckons it; else chips times hashing units times clock."""
    if stats.rate_ideal_ghs:
        return stats.rate_ideal_ghs
    rates = [
        chain.chips * UNITS * mhz / 1000
        for chain in stats.chains
        if (mhz := chain.frequency_mhz or stats.frequency_mhz)
    ]
    return sum(rates) if len(rates) == len(stats.chains) and rates else None
