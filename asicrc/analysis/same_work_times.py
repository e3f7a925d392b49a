"""When the same proofs came in two runs: offset of the loads, clocks, and shifts of cores and chips.

For each pair dt = (arrival - load) in B less the same in A. The load is stamped by the host, so each job has
an offset of its own; clocks that differ make dt grow with the time after load; what is left may depend on
nothing, least of all on the core.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import stats

from asicrc.analysis.clock_ratio import ClockFit, ClockRatio, RunTimes, clock_ratio, fit_clocks
from asicrc.analysis.label_shift import LabelShift, LabelShifts, label_shifts
from asicrc.analysis.robust_fit import Groups, group_medians, mad_sigma, numbered
from asicrc.analysis.same_work_pairs import Pairs, Side
from asicrc.analysis.same_work_runs import Run
from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate, EvidenceVerdict, judge
from asicrc.evidence.block_bootstrap import Floats
from asicrc.evidence.estimate import finite_or_none

ALPHA = 0.01
"""At which a shift counts as found: the design level under a promise of 5 %."""
MIN_PAIRS = 20
_CORE_BITS = 10
_UNKNOWN = 1 << 20  # lifts labels above 0 where a chip or core is not known (-1)


@dataclass(frozen=True, slots=True)
class Shift:
    """How much later a core (or with `core` None a whole chip) came in B than in A, against the others.

    Microseconds of the device's own time, and of the host's, which on an emulator runs slower. The intervals
    of all hold at once with 95 %; `p_corrected` is corrected for how many there are (maxT).
    """

    chip: int
    core: int | None
    shift_us: float
    low: float
    high: float
    shift_host_us: float
    n: int
    p_corrected: float
    verdict: EvidenceVerdict

    def as_json(self) -> dict[str, Any]:
        place = {"chip": self.chip} if self.core is None else {"chip": self.chip, "core": self.core}
        return place | {
            "shift_us": finite_or_none(self.shift_us),
            "low": finite_or_none(self.low),
            "high": finite_or_none(self.high),
            "shift_host_us": finite_or_none(self.shift_host_us),
            "n": self.n,
            "p_corrected": self.p_corrected,
            "verdict": self.verdict.value,
        }


@dataclass(slots=True, eq=False)
class PairTimes:
    """`dt_ms` is by matched pair, host ms, with the clocks and each job's offset taken out; `rms_ms` is its
    spread and `bulk_ms` the robust one. `job` and `after_load_s` say when the pair came in A. `offset_ms` is
    the middle of the jobs' offsets. `smallest_shift_us` (device time) would have been found with a power of
    80 %."""

    n: int
    jobs: int
    dt_ms: Floats
    after_load_s: Floats
    job: Groups
    rms_ms: float
    bulk_ms: float
    offset_ms: Estimate
    floor_ms: float | None
    clock: ClockRatio | None = None
    cores: list[Shift] = field(default_factory=list)
    chips: list[Shift] = field(default_factory=list)
    cores_left_out: int = 0
    smallest_shift_us: float | None = None
    shift_method: str = ""
    permutations: int = 0
    unanswered: dict[str, str] = field(default_factory=dict)

    def pairs_for(self, shift_us: float) -> int | None:
        """With how many pairs, spread over the cores as these are, a shift of so much device time would show
        with a power of 80 %, to two digits: errors fall with the root of n. None where none could be looked
        for."""
        smallest = self.smallest_shift_us
        if smallest is None or not np.isfinite(smallest):
            return None
        return int(float(f"{self.n * (smallest / shift_us) ** 2:.2g}"))


def pair_times(pairs: Pairs, a: Run, b: Run, seed: int) -> PairTimes:
    """Compare the times of the matched proofs.

    Raises NoAnswer for fewer than 20 pairs, and for other hash clocks without a scan order, where nothing
    says how times should change.
    """
    n = pairs.matched
    if n < MIN_PAIRS:
        raise NoAnswer(f"{n} proofs came in both runs; their times need {MIN_PAIRS}", "capture for longer")
    fit, no_clock = _fit(pairs, a, b, np.zeros(n))
    times = _with_shifts(pairs, a, b, seed, fit)
    late_s = _moved_s(times, pairs)
    if fit is not None and late_s.any():
        # What moved is an error of the clocks' fit: fit them again without it.
        fit, no_clock = _fit(pairs, a, b, late_s)
        times = _with_shifts(pairs, a, b, seed, fit)
    if fit is not None:
        try:
            times.clock = clock_ratio(fit)
        except NoAnswer as error:
            no_clock = error.message
    if times.clock is None:
        times.unanswered["hash_clock_ratio"] = no_clock
    elif times.clock.crystal_unanswered:
        times.unanswered["crystal_ppm"] = times.clock.crystal_unanswered
    return times


def _moved_s(times: PairTimes, pairs: Pairs) -> Floats:
    """By how much each pair is late in B because of its core or chip, as far as that was found."""
    found = [shift for shift in times.cores + times.chips if shift.p_corrected <= ALPHA]
    moved = {(shift.chip, shift.core): shift.shift_host_us / 1e6 for shift in found}
    rows = pairs.match_a
    places = zip(pairs.a.chip[rows].tolist(), pairs.a.core[rows].tolist(), strict=True)
    return np.array([moved.get((chip, core), 0.0) + moved.get((chip, None), 0.0) for chip, core in places])


def _with_shifts(pairs: Pairs, a: Run, b: Run, seed: int, fit: ClockFit | None) -> PairTimes:
    rows_a, rows_b = pairs.match_a, pairs.match_b
    job = numbered(pairs.a.job[rows_a])
    in_a, in_b = pairs.a.after_load_s[rows_a], pairs.b.after_load_s[rows_b]
    if fit is not None:
        dt_s = (in_b - fit.fitted_b_s) - (in_a - fit.fitted_a_s)
    elif pairs.by_order:
        dt_s = (in_b - pairs.b.due_s[rows_b]) - (in_a - pairs.a.due_s[rows_a])
    elif a.settings.get("frequency_mhz") == b.settings.get("frequency_mhz"):
        dt_s = in_b - in_a
    else:
        raise NoAnswer(
            "the hash clocks differ, and without a scan order nothing says how that changes the times",
            "repeat the work at the same frequency",
        )
    offsets_s = group_medians(dt_s, job, int(job.max()) + 1)
    left_s = dt_s - offsets_s[job]
    known = a.floor_s is not None and b.floor_s is not None
    times = PairTimes(
        n=pairs.matched,
        jobs=len(offsets_s),
        dt_ms=left_s * 1e3,
        after_load_s=in_a,
        job=pairs.a.job[rows_a],
        rms_ms=float(np.sqrt(np.mean(left_s**2))) * 1e3,
        bulk_ms=mad_sigma(left_s) * 1e3,
        offset_ms=_median(offsets_s * 1e3),
        floor_ms=float(np.hypot(a.floor_s or 0.0, b.floor_s or 0.0)) * 1e3 if known else None,
    )
    _find_shifts(times, pairs.a, rows_a, dt_s, job, a.time_scale, seed)
    return times


def _fit(pairs: Pairs, a: Run, b: Run, late_s: Floats) -> tuple[ClockFit | None, str]:
    """The clocks of both runs, `late_s` taken off the times of B; or None, and why not."""
    if not pairs.by_order:
        return None, "without a scan order that can be relied on the clocks do not show in the times"
    try:
        times_a = _run_times(a, pairs.a, pairs.match_a)
        times_b = _run_times(b, pairs.b, pairs.match_b)
        times_b = replace(times_b, after_load_s=times_b.after_load_s - late_s)
        return fit_clocks(times_a, times_b, numbered(pairs.a.job[pairs.match_a])), ""
    except NoAnswer as error:
        return None, f"{error.message}; {error.hint}"


def _run_times(run: Run, side: Side, rows: Groups) -> RunTimes:
    order = run.order
    if order is None:
        raise NoAnswer("it takes a scan order that can be relied on")
    return RunTimes(
        after_load_s=side.after_load_s[rows],
        batch_s=side.batch[rows].astype(np.float64) * (order.batch_period_s * run.time_scale),
        place_s=side.place[rows].astype(np.float64) * (order.position_period_s * run.time_scale),
        frequency_hz=order.frequency_hz,
    )


def _median(values: Floats) -> Estimate:
    """Median with the interval between two order statistics, which holds for any law; open for few values."""
    n = len(values)
    ordered = np.concatenate([[-np.inf], np.sort(values), [np.inf]])
    below = int(stats.binom.ppf(0.025, n, 0.5))
    return Estimate(
        float(np.median(values)),
        float(ordered[below]),
        float(ordered[n + 1 - below]),
        n,
        method="median of the jobs' offsets, order statistics",
    )


def _find_shifts(
    times: PairTimes, side: Side, rows: Groups, dt_s: Floats, job: Groups, time_scale: float, seed: int
) -> None:
    """Fill in chips, then cores within their chips."""
    chip, core = side.chip[rows], side.core[rows]
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    by_chip = numbered(chip)
    if by_chip.max() > 0:
        try:
            found = label_shifts(dt_s, chip, job, rng)
        except NoAnswer as error:
            times.unanswered["chips"] = error.message
        else:
            times.chips = [_shift(s, s.label, None, times.floor_ms, time_scale) for s in found.shifts]
            moved = {s.label: s.shift for s in found.shifts}
            dt_s = dt_s - np.array([moved.get(label, 0.0) for label in chip.tolist()])
    try:
        found = label_shifts(dt_s, (chip + _UNKNOWN) << _CORE_BITS | (core + 1), job, rng)
    except NoAnswer as error:
        times.unanswered["cores"] = error.message
        return
    times.cores = [
        _shift(s, (s.label >> _CORE_BITS) - _UNKNOWN, (s.label & (1 << _CORE_BITS) - 1) - 1, times.floor_ms,
               time_scale)
        for s in found.shifts
    ]  # fmt: skip
    _note_power(times, found, time_scale)


def _note_power(times: PairTimes, found: LabelShifts, time_scale: float) -> None:
    times.cores_left_out = found.left_out
    times.smallest_shift_us = found.smallest * 1e6 / time_scale
    times.shift_method = found.method
    times.permutations = found.permutations


def _shift(
    found: LabelShift, chip: int, core: int | None, floor_ms: float | None, time_scale: float
) -> Shift:
    """Without a floor nothing is resolved: a shift could be of the stamps."""
    effect = Estimate(found.shift * 1e3, found.low * 1e3, found.high * 1e3, found.n, method="see label_shift")
    verdict = EvidenceVerdict.NOT_RESOLVED
    if floor_ms is not None:
        verdict = judge(effect, found.p_corrected, margin=floor_ms, alpha=ALPHA)
    to_device_us = 1e6 / time_scale
    return Shift(
        chip=chip,
        core=core,
        shift_us=found.shift * to_device_us,
        low=found.low * to_device_us,
        high=found.high * to_device_us,
        shift_host_us=found.shift * 1e6,
        n=found.n,
        p_corrected=found.p_corrected,
        verdict=verdict,
    )
