"""What a reservoir's states and a readout's predictions are worth, each with its null and its interval."""

from asicrc.reservoir.metrics.consistency import Consistency, consistency
from asicrc.reservoir.metrics.echo_state import EchoState, echo_state, echo_state_index
from asicrc.reservoir.metrics.effective_dimension import effective_rank, participation_ratio
from asicrc.reservoir.metrics.fading_memory import FadingMemory, fading_memory
from asicrc.reservoir.metrics.free_run import nrmse_at_horizon, valid_prediction_times
from asicrc.reservoir.metrics.held_out_classes import HeldOutClasses, classify_held_out
from asicrc.reservoir.metrics.information_capacity import (
    InformationCapacity,
    information_processing_capacity,
)
from asicrc.reservoir.metrics.input_law import (
    BINARY,
    EMPIRICAL,
    GAUSSIAN,
    UNIFORM,
    InputLaw,
    binary,
    gaussian,
    uniform,
)
from asicrc.reservoir.metrics.memory_capacity import MemoryCapacity, memory_capacity
from asicrc.reservoir.metrics.resolvable_capacity import (
    ANSCOMBE_VARIANCE,
    ResolvableCapacity,
    resolvable_capacity_of_counts,
    resolvable_capacity_of_replays,
)
from asicrc.reservoir.metrics.scores import (
    Scores,
    nmse,
    nmse_of_columns,
    nrmse,
    nrmse_estimate,
    nrmse_range,
    nrmse_variance,
    rmse,
    scores,
    squared_correlations,
)
from asicrc.reservoir.metrics.separation_rank import (
    Separation,
    StateRank,
    separation,
    state_rank,
    state_rank_of_replays,
)
from asicrc.reservoir.metrics.symbols import bit_error_rate, period_accuracy, symbol_error_rate

__all__ = [
    "ANSCOMBE_VARIANCE",
    "BINARY",
    "EMPIRICAL",
    "GAUSSIAN",
    "UNIFORM",
    "Consistency",
    "EchoState",
    "FadingMemory",
    "HeldOutClasses",
    "InformationCapacity",
    "InputLaw",
    "MemoryCapacity",
    "ResolvableCapacity",
    "Scores",
    "Separation",
    "StateRank",
    "binary",
    "bit_error_rate",
    "classify_held_out",
    "consistency",
    "echo_state",
    "echo_state_index",
    "effective_rank",
    "fading_memory",
    "gaussian",
    "information_processing_capacity",
    "memory_capacity",
    "nmse",
    "nmse_of_columns",
    "nrmse",
    "nrmse_at_horizon",
    "nrmse_estimate",
    "nrmse_range",
    "nrmse_variance",
    "participation_ratio",
    "period_accuracy",
    "resolvable_capacity_of_counts",
    "resolvable_capacity_of_replays",
    "rmse",
    "scores",
    "separation",
    "squared_correlations",
    "state_rank",
    "state_rank_of_replays",
    "symbol_error_rate",
    "uniform",
    "valid_prediction_times",
]
