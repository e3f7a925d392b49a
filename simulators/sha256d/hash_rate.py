"""How fast this machine scans, measured when asked: an emulator sizes its slices by it."""

from __future__ import annotations

import time

from simulators.sha256d.scanner import scan_chip_order

_SLICE = 1 << 14
_HEADER = bytes(80)


def hash_rate_estimate(seconds: float = 0.05) -> float:
    """Hashes per second of one thread, from scans that run for `seconds` once the kernel is compiled.

    Raises ValueError unless `seconds` is above 0.
    """
    if not seconds > 0:
        raise ValueError(f"a rate is measured over more than 0 s, not {seconds}")
    scan_chip_order(_HEADER, 0, 1, 0)  # compiles or loads the kernel outside the measurement
    begin_ns = time.perf_counter_ns()
    hashes = 0
    elapsed_ns = 0
    while elapsed_ns < seconds * 1e9:
        scan_chip_order(_HEADER, 0, _SLICE, 0)
        hashes += _SLICE
        elapsed_ns = time.perf_counter_ns() - begin_ns
    return hashes / (elapsed_ns / 1e9)
