"""A chip that hashes, at its usual voltage and where it is about to hang: claim H13."""

from __future__ import annotations

import numpy as np

from asicrc.analysis.fingerprint.twin_population import CHIP, CHIP_SIZES
from asicrc.analysis.same_work_findings import invalid_finding
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.capture.points import Dwell, Point
from asicrc.claims.twins.units import twin_of, work_seed
from asicrc.evidence import Finding, not_testable
from asicrc.evidence.binomial import clopper_pearson
from firmware_protocols.device import NonceBatch, Reason, Verdict

EDGE_MHZ, USUAL_MV = 485.0, 1200.0
EDGE_MV = (1040.0, 1030.0, 1020.0, 1010.0, 1000.0)
EDGE_DWELL_S, USUAL_DWELL_S = 15.0, 60.0
Answers = tuple[int, int]
"""That do not hash, and all."""


def take_edge(kind: str, seed: np.random.SeedSequence) -> tuple[Answers, Answers]:
    """Wrong answers of a chip at its usual voltage, and at the lowest voltage at which it still answers."""
    device = twin_of("ordinary" if kind == "planted" else kind, CHIP, seed, chip=dict(CHIP_SIZES))
    points = [(USUAL_MV, USUAL_DWELL_S), *((mv, EDGE_DWELL_S) for mv in EDGE_MV)]
    plan = CapturePlan(
        points=tuple(
            Point(number, 0, {"frequency_mhz": EDGE_MHZ, "voltage_mv": mv}, Dwell(dwell_s))
            for number, (mv, dwell_s) in enumerate(points)
        ),
        seed=work_seed(seed),
        job_interval_s=EDGE_DWELL_S * (1 + 1e-6),
    )
    capture = capture_in_memory(device, plan)
    events = capture.events()
    answers = [answers_of(events[point.holds(events)]) for point in capture.points()]
    working = [one for one in answers[1:] if one[1]]
    return answers[0], working[-1] if working else (0, 0)


def find_errors(answers: tuple[Answers, Answers]) -> Finding:
    """H13: more wrong answers at the edge than at the usual voltage?"""
    return errors_finding(*answers)


def errors_finding(usual: Answers, at_edge: Answers) -> Finding:
    (wrong, n), (wrong_at_edge, n_at_edge) = usual, at_edge
    if not n or not n_at_edge:
        return not_testable(
            "Does the error rate rise at the edge?", n, "the chip answered at one voltage alone"
        )
    return invalid_finding(clopper_pearson(wrong, n), clopper_pearson(wrong_at_edge, n_at_edge))


def answers_of(events: NonceBatch) -> Answers:
    wrong = (events["verdict"] == Verdict.LOW) & (events["reason"] == Reason.DOES_NOT_HASH)
    return int(wrong.sum()), len(events)
