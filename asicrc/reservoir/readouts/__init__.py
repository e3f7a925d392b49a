"""Readouts: a ridge regression whose penalty, washout and folds respect that rows are a series."""

from asicrc.reservoir.readouts.classifier import RidgeReadoutClassifier
from asicrc.reservoir.readouts.folds import BlockedKFold, GroupedRuns, run_labels
from asicrc.reservoir.readouts.ridge import RidgeReadout
from asicrc.reservoir.readouts.scorers import WashoutScorer, nrmse_scorer
from asicrc.reservoir.readouts.sums import GramSums, TriangularSums
from asicrc.reservoir.readouts.washout import kept_rows, run_lengths, run_starts

__all__ = [
    "BlockedKFold",
    "GramSums",
    "GroupedRuns",
    "RidgeReadout",
    "RidgeReadoutClassifier",
    "TriangularSums",
    "WashoutScorer",
    "kept_rows",
    "nrmse_scorer",
    "run_labels",
    "run_lengths",
    "run_starts",
]
