"""Supervision while a capture runs: limits, rates of change, anomalies, a fan that holds a temperature."""

from asicrc.bench.supervision.building import supervisor_for
from asicrc.bench.supervision.fan_control import FanControl, FanGains, FanSteps
from asicrc.bench.supervision.limit_watch import LimitWatch
from asicrc.bench.supervision.supervisor import Supervised, Supervisor, Tally, Watched
from asicrc.bench.supervision.thresholds import THRESHOLD_KEYS, Thresholds, thresholds_for

__all__ = [
    "THRESHOLD_KEYS",
    "FanControl",
    "FanGains",
    "FanSteps",
    "LimitWatch",
    "Supervised",
    "Supervisor",
    "Tally",
    "Thresholds",
    "Watched",
    "supervisor_for",
    "thresholds_for",
]
