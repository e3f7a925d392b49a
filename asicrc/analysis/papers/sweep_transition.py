"""A sweep of the voltage, asked for the papers' transition and for their regimes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from asicrc.analysis.arrivals.change_points import ChangePoints, change_points
from asicrc.analysis.papers.ginzburg_landau import TransitionComparison, compare_transition
from asicrc.analysis.point_numbers import point_numbers
from asicrc.capture.reader import Capture, load
from asicrc.errors import NoAnswer
from asicrc.evidence.block_bootstrap import Floats

VOLTAGE = "voltage_mv"
LEAST_PART = 5


@dataclass(frozen=True, slots=True)
class SweepTransition:
    """The order parameter is 1 - CV of a point's intervals: 0 for a Poisson process, whatever the voltage.

    `regimes` are changes of the CV from the lowest voltage to the highest, None with fewer than 20 points.
    """

    points: int
    transition: TransitionComparison
    regimes: ChangePoints | None

    def as_json(self) -> dict[str, Any]:
        return {
            "points": self.points,
            "order_parameter": "1 - CV",
            "transition": self.transition.as_json(),
            "regimes": None if self.regimes is None else self.regimes.as_json(),
        }


def sweep_transition(path: Path) -> SweepTransition:
    """Of the points of a sweep that were taken to their end and set a voltage.

    Raises NoAnswer for fewer than 8 of them at 5 voltages, BadFile for what is no capture.
    """
    with load(path) as capture:
        voltage, cv, se = cv_by_voltage(capture)
    comparison = compare_transition(voltage, 1 - cv, se)
    try:
        regimes = change_points(cv, least=LEAST_PART)
    except NoAnswer:
        regimes = None
    return SweepTransition(len(cv), comparison, regimes)


def cv_by_voltage(capture: Capture) -> tuple[Floats, Floats, Floats]:
    """Voltage (mV), CV of the intervals and its standard error of each point, the lowest voltage first.

    Raises NoAnswer where no point sets a voltage and has 20 intervals.
    """
    numbers = point_numbers(capture)
    taken = [one for one in numbers if one.cv is not None and VOLTAGE in one.requested]
    if not taken:
        raise NoAnswer(
            f"{capture.path.name} has no point with a voltage and 20 intervals", "sweep voltage_mv"
        )
    taken.sort(key=lambda one: one.requested[VOLTAGE])
    voltage = np.array([one.requested[VOLTAGE] for one in taken])
    cv = np.array([one.cv.estimate for one in taken if one.cv is not None])
    width = np.array([one.cv.high - one.cv.low for one in taken if one.cv is not None])
    return voltage, cv, width / (2 * float(stats.norm.ppf(0.975)))
