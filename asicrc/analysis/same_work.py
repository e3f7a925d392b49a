"""Two captures of the same work: the sharpest test of what a chip does beyond hashing.

The same jobs at the same scan settings make a chip find the same proofs at the same times after load, at any
voltage and temperature; at another frequency the times change as the scan order says. So the randomness of
mining cancels, and physics is left to show in proofs that one run misses, in answers that do not hash, and in
times that differ by more than the host's own jitter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.same_work_findings import same_work_findings, smallest_rate
from asicrc.analysis.same_work_pairs import Flags, Pairs, pair_runs
from asicrc.analysis.same_work_runs import Run, read_run
from asicrc.analysis.same_work_times import PairTimes, pair_times
from asicrc.capture.reader import Capture, load
from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import Estimate, Finding
from asicrc.evidence.binomial import clopper_pearson
from asicrc.evidence.estimate import finite_or_none
from asicrc.work.recorded_jobs import SCAN_SPACE

MIN_PROOFS = 10
SILENT_JOB_PROOFS = 5
"""A job with so many proofs due and none found was not worked on at all."""


@dataclass(slots=True, eq=False)
class SameWork:
    """What two runs of the same work say. A part that could not be answered is None, its reason `unanswered`.

    `missing_rate_a` is the share of the proofs that B found, and that were due in A, which A did not find;
    `smallest_missing_rate_a` the rate of which A would have shown a case with a probability of 80 %.
    `silent_jobs` counts the jobs of which a run found nothing at all though 5 proofs or more were due.
    """

    a: Path
    b: Path
    jobs_common: int
    jobs_only_a: int
    jobs_only_b: int
    jobs_repeated: int
    pairs: Pairs
    run_a: Run
    run_b: Run
    missing_rate_a: Estimate | None
    missing_rate_b: Estimate | None
    smallest_missing_rate_a: float | None
    smallest_missing_rate_b: float | None
    silent_jobs_a: int
    silent_jobs_b: int
    invalid_a: Estimate | None
    invalid_b: Estimate | None
    times: PairTimes | None = None
    findings: dict[str, Finding] = field(default_factory=dict)
    unanswered: dict[str, str] = field(default_factory=dict)

    @property
    def settings_differ(self) -> dict[str, dict[str, float | None]]:
        """Settings as read back, by name, where the runs differ."""
        ours, theirs = self.run_a.settings, self.run_b.settings
        names = sorted(set(ours) | set(theirs))
        return {
            name: {"a": ours.get(name), "b": theirs.get(name)}
            for name in names
            if ours.get(name) != theirs.get(name)
        }

    @property
    def readings(self) -> dict[str, dict[str, float | None]]:
        """Mean of each channel that was read, in both runs."""
        ours, theirs = self.run_a.readings, self.run_b.readings
        return {
            name: {"a": ours.get(name), "b": theirs.get(name)} for name in sorted(set(ours) | set(theirs))
        }

    def as_json(self) -> dict[str, Any]:
        """Stable keys; times are the host's unless they end in `_us`, which are the device's."""
        times, pairs = self.times, self.pairs
        clock = None if times is None else times.clock
        crystal = None if clock is None else clock.crystal_ppm
        return {
            "a": str(self.a),
            "b": str(self.b),
            "jobs_common": self.jobs_common,
            "jobs_only_a": self.jobs_only_a,
            "jobs_only_b": self.jobs_only_b,
            "jobs_repeated": self.jobs_repeated,
            "pairs": {
                "matched": pairs.matched,
                "missing_in_a": len(pairs.missing_in_a),
                "missing_in_b": len(pairs.missing_in_b),
                "not_comparable": pairs.not_comparable,
            },
            "rule": pairs.rule,
            "allowance_ms": pairs.allowance_s * 1e3,
            "missing_rate_a": _json(self.missing_rate_a),
            "missing_rate_b": _json(self.missing_rate_b),
            "smallest_missing_rate_a": self.smallest_missing_rate_a,
            "smallest_missing_rate_b": self.smallest_missing_rate_b,
            "silent_jobs_a": self.silent_jobs_a,
            "silent_jobs_b": self.silent_jobs_b,
            "invalid_a": _json(self.invalid_a),
            "invalid_b": _json(self.invalid_b),
            "hash_clock_ratio": None if clock is None else clock.hash_clock_ratio.as_json(),
            "stated_clock_ratio": None if clock is None else clock.stated_ratio,
            "crystal_ppm": _json(crystal),
            "offset_ms": None if times is None else times.offset_ms.as_json(),
            "dt_rms_ms": None if times is None else times.rms_ms,
            "dt_bulk_ms": None if times is None else times.bulk_ms,
            "cores": [] if times is None else [core.as_json() for core in times.cores],
            "chips": [] if times is None else [chip.as_json() for chip in times.chips],
            "cores_left_out": None if times is None else times.cores_left_out,
            "smallest_shift_us": None
            if times is None or times.smallest_shift_us is None
            else finite_or_none(times.smallest_shift_us),
            "floor_ms": None if times is None else times.floor_ms,
            "time_scale": self.run_a.time_scale,
            "settings_differ": self.settings_differ,
            "readings": self.readings,
            "findings": {name: finding.as_json() for name, finding in self.findings.items()},
            "unanswered": self.unanswered,
        }


def compare_captures(path_a: Path, path_b: Path, *, seed: int = 1) -> SameWork:
    """Compare two captures of the same work; `seed` is that of the permutations.

    Raises NoAnswer where they cannot be compared (other chips, no work in common, no dispatch stamps, fewer
    than 10 proofs), UsageError for a sweep, and BadFile.
    """
    with load(path_a) as capture_a, load(path_b) as capture_b:
        for capture in (capture_a, capture_b):
            _check_is_no_sweep(capture)
        return compare_runs(read_run(capture_a), read_run(capture_b), seed=seed)


def _check_is_no_sweep(capture: Capture) -> None:
    points = capture.points()
    if len(points) > 1:
        raise UsageError(
            f"{capture.path} is a sweep of {len(points)} points, each with work of its own: no other run has "
            "the same",
            "compare captures of `asicrc capture`, the second one with --replay-work; `asicrc report` shows "
            "the points of a sweep side by side",
        )


def compare_runs(a: Run, b: Run, *, seed: int = 1) -> SameWork:
    """The same of runs that are read already. Raises NoAnswer as `compare_captures`."""
    _check_same_kind(a, b)
    pairs = pair_runs(a, b)
    if not pairs.headers:
        raise NoAnswer(
            f"{a.path} and {b.path} have no job in common: none of {len(a.lives)} headers is among "
            f"the {len(b.lives)} others",
            f"repeat the work of one: asicrc capture --device ... --replay-work {a.path}",
        )
    found = pairs.matched + len(pairs.missing_in_a) + len(pairs.missing_in_b)
    if found < MIN_PROOFS:
        raise NoAnswer(
            f"{found} proofs can be compared in {len(pairs.headers)} jobs; it takes {MIN_PROOFS}",
            "capture for longer, or lower the difficulty",
        )
    missing_a, due_a = len(pairs.missing_in_a), int(np.count_nonzero(pairs.due_in_a))
    missing_b, due_b = len(pairs.missing_in_b), int(np.count_nonzero(pairs.due_in_b))
    result = SameWork(
        a=a.path,
        b=b.path,
        jobs_common=len(pairs.headers),
        jobs_only_a=len(a.lives) - len(pairs.headers),
        jobs_only_b=len(b.lives) - len(pairs.headers),
        jobs_repeated=a.repeated + b.repeated,
        pairs=pairs,
        run_a=a,
        run_b=b,
        missing_rate_a=_rate(missing_a, due_a),
        missing_rate_b=_rate(missing_b, due_b),
        smallest_missing_rate_a=smallest_rate(due_a),
        smallest_missing_rate_b=smallest_rate(due_b),
        silent_jobs_a=_silent_jobs(pairs.b.job, pairs.due_in_a, pairs.missing_in_a),
        silent_jobs_b=_silent_jobs(pairs.a.job, pairs.due_in_b, pairs.missing_in_b),
        invalid_a=_invalid(pairs, a, len(pairs.a.job)),
        invalid_b=_invalid(pairs, b, len(pairs.b.job)),
    )
    try:
        result.times = pair_times(pairs, a, b, seed)
        result.unanswered |= result.times.unanswered
    except NoAnswer as error:
        result.unanswered["times"] = f"{error.message}; {error.hint}" if error.hint else error.message
    if no_floor := a.no_floor or b.no_floor:
        result.unanswered["floor_ms"] = no_floor
    for run, rate in (("a", result.missing_rate_a), ("b", result.missing_rate_b)):
        if rate is None:
            result.unanswered[f"missing_rate_{run}"] = "nothing that the other run found was due in this one"
    result.findings = same_work_findings(
        result.missing_rate_a, result.missing_rate_b, result.invalid_a, result.invalid_b, result.times
    )
    return result


def _check_same_kind(a: Run, b: Run) -> None:
    for what, ours, theirs in (
        ("chip model", a.identity.model, b.identity.model),
        ("number of chips", a.identity.chips, b.identity.chips),
        *((name, a.identity.details.get(name), b.identity.details.get(name)) for name in SCAN_SPACE),
    ):
        if ours != theirs:
            raise NoAnswer(
                f"the captures are of different kinds of devices: {what} is {ours} in {a.path.name} and "
                f"{theirs} in {b.path.name}",
                "the same work finds the same proofs only on the same kind of chip",
            )


def _rate(k: int, n: int) -> Estimate | None:
    return clopper_pearson(k, n) if n else None


def _silent_jobs(job: NDArray[np.int64], due: Flags, missing: NDArray[np.int64]) -> int:
    jobs = int(job.max(initial=-1)) + 1
    due_of, missing_of = np.bincount(job[due], minlength=jobs), np.bincount(job[missing], minlength=jobs)
    return int(np.count_nonzero((due_of >= SILENT_JOB_PROOFS) & (missing_of == due_of)))


def _invalid(pairs: Pairs, run: Run, proofs: int) -> Estimate | None:
    """Share of the answers to the common jobs that do not hash."""
    wrong = sum(run.hashless.get(run.lives[header].number, 0) for header in pairs.headers)
    return _rate(wrong, wrong + proofs)


def _json(estimate: Estimate | None) -> dict[str, Any] | None:
    return None if estimate is None else estimate.as_json()
