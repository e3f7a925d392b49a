"""The sizes that the named twins have unless they are asked for others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_ESP: Mapping[str, float] = MappingProxyType(
    {
        "dead_time_s": 0.002,
        "renewal_s": 2.0,
        "renewal_gap_s": 0.002,
        "fan_pwm_hz": 25_000.0,
        "fan_pwm_depth": 0.002,
        "pick_up_s": 0.050,
        "pick_up_spread_s": 0.010,
        "in_flight_s": 0.002,
        "batching_s": 0.010,
        "polling_s": 0.001,
        "jitter_s": 0.004,
        "tail_share": 0.02,
        "tail_s": 0.030,
        "beacon_s": 0.1024,
        "beacon_share": 0.1,
        "loss": 0.002,
        "stamp_s": 1e-6,
        "telemetry_s": 5.0,
    }
)
"""Of a board with ESP-Miner on WiFi. From its source: work anew each 2 s, a tick of its scheduler of 10 ms,
a fan at 25 kHz (bitaxeorg/ESP-Miner). From IEEE 802.11: the beacon, 100 units of 1.024 ms. That one share in
ten waits for one is assumed, as are the others."""

_S9: Mapping[str, float] = MappingProxyType(
    {
        "dead_time_s": 0.0002,
        "renewal_s": 30.0,
        "renewal_gap_s": 0.005,
        "fan_pwm_hz": 25_000.0,
        "fan_pwm_depth": 0.002,
        "pick_up_s": 0.020,
        "pick_up_spread_s": 0.022,
        "in_flight_s": 0.003,
        "batching_s": 0.001,
        "polling_s": 0.0005,
        "jitter_s": 0.0005,
        "tail_share": 0.01,
        "tail_s": 0.005,
        "loss": 0.001,
        "stamp_s": 1e-6,
        "telemetry_s": 5.0,
    }
)
"""Of an S9 on a cable. Pick-up and flight are those of its published shares; the others are assumed."""

_LBBOX: Mapping[str, float] = MappingProxyType(
    {
        "dead_time_s": 0.001,
        "renewal_s": 30.0,
        "renewal_gap_s": 0.005,
        "fan_pwm_hz": 25_000.0,
        "fan_pwm_depth": 0.002,
        "pick_up_s": 0.050,
        "pick_up_spread_s": 0.015,
        "in_flight_s": 0.002,
        "batching_s": 0.005,
        "polling_s": 0.001,
        "jitter_s": 0.002,
        "tail_share": 0.01,
        "tail_s": 0.010,
        "loss": 0.001,
        "stamp_s": 1e-6,
        "telemetry_s": 5.0,
    }
)
"""All assumed: no LB-Box has been read."""

_LINE: Mapping[str, float] = MappingProxyType(
    {
        "pick_up_s": 0.0009,
        "pick_up_spread_s": 0.00005,
        "in_flight_s": 0.00011,
        "batching_s": 0.001,
        "jitter_s": 0.00002,
        "tail_share": 0.01,
        "tail_s": 0.0005,
        "telemetry_s": 5.0,
    }
)
"""Of a chip on a serial line: 88 bytes of a job and 11 of an answer at 1 Mbaud, an adapter that hands over
each 1 ms, and a host whose delays are assumed."""

ORDINARY: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "lv06": _ESP,
        "bitaxe-ultra": _ESP,
        "bitaxe-gamma": _ESP,
        "s9": _S9,
        "lbbox": _LBBOX,
        "bm1366": _LINE,
    }
)
"""Confounds by machine."""

PLANTED: Mapping[str, float] = MappingProxyType(
    {
        "memory_gain": 1.0,
        "memory_tau": 3.0,
        "heartbeat_hz": 2.4,
        "heartbeat_depth": 0.25,
        "leak_auc": 0.52,
        "fingerprint_s": 0.002,
    }
)
"""Effects that are planted in a miner where none is asked for. A change of the rate is not among them: it
would be nothing but another hash rate."""

PLANTED_IN_CHIP: Mapping[str, float] = MappingProxyType({"fingerprint_s": 0.001})
"""In a chip that is followed in its scan order."""
