"""Software SHA-256d: which nonces of a header meet a target, at tens of times the speed of hashlib."""

from simulators.sha256d.hash_rate import hash_rate_estimate
from simulators.sha256d.scanner import (
    scan,
    scan_chip_order,
    scan_header_runs,
    scan_midstate,
    scan_midstate_runs,
)

__all__ = [
    "hash_rate_estimate",
    "scan",
    "scan_chip_order",
    "scan_header_runs",
    "scan_midstate",
    "scan_midstate_runs",
]
