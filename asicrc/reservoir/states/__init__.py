"""Events to one row of named features per step of the input, without look-ahead.

The functions see stamps and what the chip says of itself. What the host writes into the work (extranonce,
ntime, job id, version as sent) is never a state: the input stands there.
"""

from asicrc.reservoir.states.counts import core_counts, counts, virtual_nodes
from asicrc.reservoir.states.digital_memory import filtered_counts, lagged
from asicrc.reservoir.states.feature_set import FEATURES, FeatureSet, usual_features
from asicrc.reservoir.states.informative import informative, uninformative_share
from asicrc.reservoir.states.interval_features import interval_features
from asicrc.reservoir.states.phase import phase
from asicrc.reservoir.states.step_events import StepEvents
from asicrc.reservoir.states.table import StateTable
from asicrc.reservoir.states.telemetry import telemetry

__all__ = [
    "FEATURES",
    "FeatureSet",
    "StateTable",
    "StepEvents",
    "core_counts",
    "counts",
    "filtered_counts",
    "informative",
    "interval_features",
    "lagged",
    "phase",
    "telemetry",
    "uninformative_share",
    "usual_features",
    "virtual_nodes",
]
