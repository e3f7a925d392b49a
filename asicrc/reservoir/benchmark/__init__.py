"""A task for a device: driven, captured, scored beside every baseline, and judged."""

from asicrc.reservoir.benchmark.capture_scores import CaptureScores, Question, capture_scores
from asicrc.reservoir.benchmark.protocol import Protocol
from asicrc.reservoir.benchmark.result import BenchmarkResult, Evidence, Subject, combine
from asicrc.reservoir.benchmark.running import Workers, analyse_captures, run_baselines
from asicrc.reservoir.benchmark.scoring import Scored, Target, score
from asicrc.reservoir.benchmark.split import Split

__all__ = [
    "BenchmarkResult",
    "CaptureScores",
    "Evidence",
    "Protocol",
    "Question",
    "Scored",
    "Split",
    "Subject",
    "Target",
    "Workers",
    "analyse_captures",
    "capture_scores",
    "combine",
    "run_baselines",
    "score",
]
