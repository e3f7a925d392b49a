"""Which features a state table is made of, chosen by name and the same for every capture and every twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asicrc.errors import UsageError
from asicrc.reservoir.states.counts import core_counts, counts, virtual_nodes
from asicrc.reservoir.states.digital_memory import filtered_counts, lagged
from asicrc.reservoir.states.interval_features import interval_features
from asicrc.reservoir.states.phase import phase
from asicrc.reservoir.states.step_events import StepEvents
from asicrc.reservoir.states.table import StateTable

FEATURES = ("counts", "intervals", "nodes", "phase", "cores", "filters")
"""By the name on the command line."""


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """`features` are names from `FEATURES`; `nodes`, `taus_s`, `cores` and `core_groups` are for those that
    need them. `lags` delayed copies and `filters` are digital memory: the baselines get the same.

    Raises UsageError for what makes no feature.
    """

    features: tuple[str, ...] = ("counts", "intervals", "nodes", "phase")
    nodes: int = 4
    taus_s: tuple[float, ...] = ()
    cores: int = 0
    core_groups: int = 8
    lags: int = 0

    def __post_init__(self) -> None:
        unknown = [name for name in self.features if name not in FEATURES]
        if unknown or not self.features:
            raise UsageError(
                f"no features are called {', '.join(unknown)}" if unknown else "no features",
                f"known: {', '.join(FEATURES)}",
            )
        if "filters" in self.features and not self.taus_s:
            raise UsageError("filters without time constants", "give taus_s")
        if "cores" in self.features and not self.cores:
            raise UsageError("counts by core without the number of cores", "give cores, as the chip has them")

    def states(self, steps: StepEvents) -> StateTable:
        """(T, k) of the events alone; the width depends on this set, not on the events."""
        tables = [self._make(name, steps) for name in self.features]
        return lagged(StateTable.beside(tables), self.lags)

    @property
    def remembers(self) -> bool:
        """Whether the features reach back beyond their own step."""
        return self.lags > 0 or "filters" in self.features

    def as_json(self) -> dict[str, Any]:
        said: dict[str, Any] = {"features": list(self.features), "lags": self.lags}
        if "nodes" in self.features:
            said["nodes"] = self.nodes
        if "filters" in self.features:
            said["taus_s"] = list(self.taus_s)
        if "cores" in self.features:
            said |= {"cores": self.cores, "core_groups": self.core_groups}
        return said

    def _make(self, name: str, steps: StepEvents) -> StateTable:
        if name == "counts":
            return counts(steps)
        if name == "intervals":
            return interval_features(steps)
        if name == "nodes":
            return virtual_nodes(steps, self.nodes)
        if name == "phase":
            return phase(steps)
        if name == "cores":
            return core_counts(steps, self.cores, self.core_groups)
        return filtered_counts(steps, self.taus_s)


def usual_features(mode: str) -> FeatureSet:
    """What a mode is scored with unless told otherwise.

    A step of a handshake ends with its share: where in the step that came, and in which part, says nothing.
    """
    return FeatureSet(("counts", "intervals")) if mode == "handshake" else FeatureSet()


def feature_names(text: str) -> Sequence[str]:
    """`counts,intervals` as written on the command line."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
