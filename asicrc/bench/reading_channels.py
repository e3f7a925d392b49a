"""Names of the readings that devices here tell, so that a misspelt one is found before a plan runs."""

from __future__ import annotations

import re
from difflib import get_close_matches

NAMES = frozenset({
    "temperature_c", "temperature2_c", "regulator_c",
    "power_w", "input_v", "input_mv", "input_a", "input_ma", "input_w",
    "core_mv", "core_set_mv", "core_adc_mv", "core_voltage_mv", "core_a", "core_w",
    "frequency_mhz", "frequency_set_mhz",
    "fan_percent", "fan_set_percent", "auto_fan_set", "fan_rpm", "power_plan_set",
    "hash_rate_ghs", "hash_rate_1m_ghs", "hash_rate_10m_ghs", "hash_rate_average_ghs",
    "expected_hash_rate_ghs", "error_percent", "hardware_errors_n", "hardware_percent",
    "shares_accepted_n", "shares_rejected_n", "shares_stale_n", "no_matching_work_n", "pool_difficulty",
    "response_time_ms", "process_time_ms", "uptime_s", "wifi_rssi_dbm", "free_heap_bytes",
    "connected_n", "reset_released",
    "job_first_share_s", "old_job_last_share_s", "handshake_dead_time_s", "handshake_timed_out_s",
})  # fmt: skip
_OF_A_PART = re.compile(
    r"fan\d+_rpm|chip\d+_(?:hash_rate_ghs|errors_n|domain\d+_ghs)"
    r"|chain\d+_(?:hash_rate_ghs|frequency_mhz|board_c|chip_c|chips_alive_n|hardware_errors_n|power_w)"
    r"|board\d+_(?:hash_rate_ghs|hash_rate_average_ghs|temperature\d*_c|accepted_n|rejected_n"
    r"|hardware_errors_n|power_plan|uptime_s|frequency_mhz|overheat|restarts_n|fan\d+_rpm)",
    re.ASCII,
)


def is_known(channel: str) -> bool:
    """Whether some device here tells it; a driver of one's own may tell others."""
    return channel in NAMES or _OF_A_PART.fullmatch(channel) is not None


def nearest(channel: str) -> str | None:
    """The known name that it may have been meant for."""
    return next(iter(get_close_matches(channel, NAMES, n=1)), None)
