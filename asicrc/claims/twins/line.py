"""Two runs of the same work on a direct line, and a handshake: claims H14 and S26."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

import numpy as np

from asicrc.analysis.fingerprint.twin_population import CHIP, CHIP_SIZES
from asicrc.analysis.same_work import SameWork, compare_runs
from asicrc.analysis.same_work_runs import read_run
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.capture.reader import Capture
from asicrc.claims.measured import over_settings
from asicrc.claims.twins.units import twin_of, work_seed
from asicrc.evidence import Estimate, EvidenceVerdict, Finding
from asicrc.evidence.binomial import clopper_pearson
from firmware_protocols.device import Job, NonceBatch, Verdict

PLANTED_S, FLOOR_S = 50e-6, 20e-6
EVENTS = 1000
LINE = {"batching_s": 0.0, "tail_share": 0.0}
"""An adapter that hands over at once: what is left is a floor of 20 us."""
RUN_S, JOB_S = 52.0, 6.5
SAME_WORK = (
    "Do two chips differ on the same work, in times, in proofs missed, or in answers that do not hash?"
)


def take_same_work(kind: str, seed: np.random.SeedSequence) -> SameWork:
    """1,000 proofs of the same jobs on two units of a chip; on `planted` each core has a delay of its own."""
    plan = CapturePlan(duration_s=RUN_S, seed=work_seed(seed), job_interval_s=JOB_S)
    confounds = {} if kind == "ideal" else LINE
    captures = [
        capture_in_memory(
            twin_of(
                kind, CHIP, child, {"fingerprint_s": PLANTED_S}, confounds=confounds, chip=dict(CHIP_SIZES)
            ),
            plan,
        )
        for child in seed.spawn(2)
    ]
    # a capture in memory has the accessors of one in a file
    return compare_runs(*(read_run(cast(Capture, capture)) for capture in captures))


def find_difference(same: SameWork) -> Finding:
    """H14: any of what the comparison looks at; each has a level of 1 %. Shifts are of the host's clock.

    Where it is not resolved the note says what a shift of 1 us takes.
    """
    scale = same.run_a.time_scale
    found = {
        name: replace(
            one, effect=one.effect.scaled(scale), smallest_effect=_times(one.smallest_effect, scale)
        )
        if name.endswith("_shift")
        else one
        for name, one in same.findings.items()
    }
    difference = over_settings(SAME_WORK, found)
    takes = None if same.times is None else same.times.pairs_for(1 / scale)
    if takes is None or difference.verdict is not EvidenceVerdict.NOT_RESOLVED:
        return difference
    return replace(difference, note=f"{difference.note}; a shift of 1 us takes about {takes:,} pairs")


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


# the handshake

SHARES, HANDSHAKE_TIMEOUT_S, DIFFICULTY = 1000, 30.0, 256.0
FLOOR_MARGIN_S = 10e-6
ONE_TO_ONE = 0.95
"""Share of the jobs that have to have one share, valid, and no more."""
DELAYS = (
    "dead_time_s",
    "renewal_gap_s",
    "renewal_s",
    "pick_up_s",
    "pick_up_spread_s",
    "in_flight_s",
    "batching_s",
    "polling_s",
    "jitter_s",
    "tail_share",
    "tail_s",
    "loss",
)
"""Everything that lies between a nonce and its stamp."""


def take_handshake(kind: str, seed: np.random.SeedSequence) -> Finding:
    """1,000 shares, each answered by the next job. On `planted` nothing delays them."""
    confounds = dict.fromkeys(DELAYS, 0.0) if kind == "planted" else {}
    device = twin_of("ordinary" if kind == "planted" else kind, "s9", seed, confounds=confounds)
    plan = CapturePlan(
        duration_s=1e5,
        max_events=SHARES,
        seed=work_seed(seed),
        mode="handshake",
        handshake_timeout_s=HANDSHAKE_TIMEOUT_S,
        requested={"difficulty": DIFFICULTY},
    )
    capture = capture_in_memory(device, plan)
    floor_s = capture.number("jitter_floor", "rms_high_s")
    return handshake_finding(capture.events(), capture.jobs(), float("nan") if floor_s is None else floor_s)


def find_handshake(finding: Finding) -> Finding:
    return finding


def handshake_finding(events: NonceBatch, jobs: Iterable[Job], floor_s: float) -> Finding:
    """S26: is there one valid share for each job, and is its time good to 10 us?

    `floor_s` is the spread of the stamps, NaN where it is not known: then nothing is supported.
    """
    numbers = np.array([job.number for job in jobs][:-1], np.int64)  # the last one was not waited for
    counts = np.bincount(events["job"].astype(np.int64), minlength=int(numbers.max(initial=0)) + 1)[numbers]
    stale = int(np.count_nonzero(events["verdict"] != Verdict.VALID))
    one = clopper_pearson(int(np.count_nonzero(counts == 1)), len(numbers))
    verdict = EvidenceVerdict.NOT_RESOLVED
    if floor_s <= FLOOR_MARGIN_S and one.low >= ONE_TO_ONE:
        verdict = EvidenceVerdict.SUPPORTED
    elif floor_s > FLOOR_MARGIN_S or one.high < ONE_TO_ONE:
        verdict = EvidenceVerdict.REFUTED
    return Finding(
        "Is there one share for each job, timed to 10 us?",
        _in_us(floor_s, len(events)),
        verdict=verdict,
        note=f"floor of stamps {floor_s * 1e6:.3g} us; {one.estimate:.1%} of {one.n} jobs have one share; "
        f"{stale} of {len(events)} came late or low",
    )


def _in_us(floor_s: float, n: int) -> Estimate:
    return Estimate(floor_s, floor_s, floor_s, n, method="upper end, as measured").scaled(1e6)
