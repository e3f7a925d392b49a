"""What two captures of the same work say, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator

from asicrc.analysis.same_work import SameWork
from asicrc.analysis.same_work_times import PairTimes, Shift
from asicrc.evidence import Estimate, EvidenceVerdict

MOST_SHIFTS_SHOWN = 8


def comparison_lines(result: SameWork) -> Iterator[str]:
    """One finding a line, each with its interval and n; what could not be answered last."""
    yield f"A             {result.a}"
    yield f"B             {result.b}"
    for name, values in result.settings_differ.items():
        yield f"differs       {name}: {_plain(values['a'])} in A, {_plain(values['b'])} in B"
    for name, values in result.readings.items():
        yield f"mean of       {name}: {_plain(values['a'])} in A, {_plain(values['b'])} in B"
    yield from _pairs(result)
    if result.times is not None:
        yield from _times(result.times, result.run_a.time_scale)
    for part, why in result.unanswered.items():
        yield f"not answered  {part}: {why}"


def _pairs(result: SameWork) -> Iterator[str]:
    pairs = result.pairs
    only = result.jobs_only_a + result.jobs_only_b
    again = f", {result.jobs_repeated} sent more than once" if result.jobs_repeated else ""
    yield f"jobs          {result.jobs_common} in both, {only} in one run only{again}"
    yield (
        f"proofs        {pairs.matched} in both, {len(pairs.missing_in_a)} missing in A, "
        f"{len(pairs.missing_in_b)} missing in B, {pairs.not_comparable} not comparable"
    )
    yield f"              {pairs.rule}, {pairs.allowance_s * 1e3:.3g} ms before the end of the job"
    for name, rate, smallest, silent in (
        ("A", result.missing_rate_a, result.smallest_missing_rate_a, result.silent_jobs_a),
        ("B", result.missing_rate_b, result.smallest_missing_rate_b, result.silent_jobs_b),
    ):
        if rate is not None:
            yield f"missing in {name}  {_shown(rate)}, n = {rate.n}, smallest seen {smallest:.3g}"
            if silent:
                yield f"              {silent} jobs gave nothing at all in {name}: were they loaded?"
    for name, invalid in (("A", result.invalid_a), ("B", result.invalid_b)):
        if invalid is not None:
            yield f"invalid in {name}  {_shown(invalid)}, n = {invalid.n}"
    for name, question in (("missing", "rate of missing"), ("invalid", "rate of invalid")):
        finding = result.findings.get(name)
        if finding is not None:
            p = finding.nulls[0].p_value
            yield f"              B less A in the {question}: {_shown(finding.effect)}, p = {p:.3g}"


def _times(times: PairTimes, time_scale: float) -> Iterator[str]:
    clock = times.clock
    yield f"times         n = {times.n} in {times.jobs} jobs; load of a job {_shown(times.offset_ms, 'ms')}"
    yield f"              B less A {times.rms_ms:.3g} ms rms within jobs, {times.bulk_ms:.3g} ms in the bulk"
    if times.floor_ms is not None:
        yield f"              floor of two stamps {times.floor_ms:.3g} ms"
    if clock is not None:
        ratio = clock.hash_clock_ratio
        yield f"hash clock    B / A {_shown(ratio, digits=8)}, n = {ratio.n}"
        yield f"              the settings say {clock.stated_ratio:.8g}: {_shown(clock.off_ppm, 'ppm')} off"
        if clock.crystal_ppm is not None:
            yield f"crystal       B against A {_shown(clock.crystal_ppm, 'ppm')}"
    for shifts in (times.chips, times.cores):
        yield from _shifts(shifts, time_scale)
    if times.cores:
        tested = f"{len(times.cores)} cores tested, {times.cores_left_out} had too few pairs"
        yield f"              {tested}; {times.shift_method}"
    if times.smallest_shift_us is not None:
        yield f"              smallest shift of a core seen: {_us(times.smallest_shift_us, time_scale)}"
        more = times.pairs_for(1 / time_scale)
        if more is not None and more > times.n:
            yield f"              one of 1 us of the host's time takes about {more:,} pairs"


def _shifts(shifts: list[Shift], time_scale: float) -> Iterator[str]:
    """The ones with the smallest p, at most 8 of them."""
    if not shifts:
        return
    found = [shift for shift in shifts if shift.verdict is EvidenceVerdict.SUPPORTED]
    refuted = sum(shift.verdict is EvidenceVerdict.REFUTED for shift in shifts)
    what = "chip" if shifts[0].core is None else "core"
    yield (
        f"{what + 's':<14}{len(found)} of {len(shifts)} shifted beyond the floor, {refuted} not, "
        f"{len(shifts) - len(found) - refuted} not resolved"
    )
    ordered = sorted(shifts, key=lambda shift: (shift.p_corrected, -abs(shift.shift_us)))
    for shift in ordered[:MOST_SHIFTS_SHOWN]:
        place = f"chip {shift.chip}" + ("" if shift.core is None else f" core {shift.core}")
        interval = f"[{shift.low:.4g}, {shift.high:.4g}]"
        yield (
            f"              {place}: {_us(shift.shift_us, time_scale)} {interval}, n = {shift.n}, "
            f"p = {shift.p_corrected:.3g}, {shift.verdict}"
        )
    if len(shifts) > MOST_SHIFTS_SHOWN:
        yield f"              ... and {len(shifts) - MOST_SHIFTS_SHOWN} more with larger p (--json)"


def _us(device_us: float, time_scale: float) -> str:
    if time_scale == 1:
        return f"{device_us:.4g} us"
    return f"{device_us:.4g} us of the device ({device_us * time_scale / 1e3:.4g} ms of the host)"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.10g}"


def _shown(estimate: Estimate, unit: str = "", digits: int = 4) -> str:
    value, low, high = (f"{x:.{digits}g}" for x in (estimate.estimate, estimate.low, estimate.high))
    return f"{value} [{low}, {high}] {unit}".rstrip()
