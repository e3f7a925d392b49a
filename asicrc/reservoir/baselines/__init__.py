"""What a score is held against: the input alone, the host alone, and a miner without memory."""

from asicrc.reservoir.baselines.controller import controller_states
from asicrc.reservoir.baselines.history_shuffle import history_shuffled
from asicrc.reservoir.baselines.input_features import noise_features, quadratic_taps, taps
from asicrc.reservoir.baselines.measured_delivery import MeasuredDelivery, measure_delivery
from asicrc.reservoir.baselines.poisson_twin import MemorylessTwin, measure_twin
from asicrc.reservoir.baselines.rate_response import RateResponse

__all__ = [
    "MeasuredDelivery",
    "MemorylessTwin",
    "RateResponse",
    "controller_states",
    "history_shuffled",
    "measure_delivery",
    "measure_twin",
    "noise_features",
    "quadratic_taps",
    "taps",
]
