"""Do two things know of each other? Exact for distributions, with nulls and intervals for samples."""

from asicrc.analysis.dependence.continuous import ksg_information
from asicrc.analysis.dependence.discrete import discrete_information
from asicrc.analysis.dependence.information import Information
from asicrc.analysis.dependence.predictor import beats_baseline

__all__ = ["Information", "beats_baseline", "discrete_information", "ksg_information"]
