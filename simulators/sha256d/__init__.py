"""Software SHA-256d: which nonces of a header meet a target, and what every round of them does."""

from simulators.sha256d.observer import round_states, round_toggles, round_weights
from simulators.sha256d.scanner import (
    scan,
    scan_chip_order,
    scan_header_runs,
    scan_midstate,
    scan_midstate_runs,
)
from simulators.sha256d.switching import SwitchingModel
from simulators.sha256d.trace import needed_rounds

__all__ = [
    "SwitchingModel",
    "needed_rounds",
    "round_states",
    "round_toggles",
    "round_weights",
    "scan",
    "scan_chip_order",
    "scan_header_runs",
    "scan_midstate",
    "scan_midstate_runs",
]
