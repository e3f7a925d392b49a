"""Two runs of the same work, with known faults, through the whole comparison."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from same_work_samples import Run, Work, make_work, write_run

from asicrc.analysis.same_work import SameWork, compare_captures
from asicrc.capture import CaptureWriter
from asicrc.capture.points import PointRecord, PointState
from asicrc.errors import BadFile, NoAnswer, UsageError
from asicrc.evidence import EvidenceVerdict

WORK = make_work(1200)


def compared(folder: Path, a: Run, b: Run, work: Work = WORK) -> SameWork:
    b.seed += 1
    return compare_captures(write_run(folder / "a.asicrc", work, a), write_run(folder / "b.asicrc", work, b))


def test_the_same_settings_give_the_same_proofs_at_the_same_times(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(late_share=0.1), Run(late_share=0.1))
    assert result.jobs_common == 10
    assert result.pairs.matched == WORK.n
    assert len(result.pairs.missing_in_a) == len(result.pairs.missing_in_b) == 0
    assert result.pairs.not_comparable == 0
    assert result.pairs.by_order
    assert result.missing_rate_a is not None
    # all but what is due in the last 50 ms of 2 s
    assert result.missing_rate_a.n == pytest.approx(0.975 * WORK.n, rel=0.02)
    assert result.settings_differ == {}
    times = result.times
    assert times is not None
    assert times.clock is not None
    assert times.clock.crystal_ppm is not None
    assert times.clock.crystal_ppm.low < 0 < times.clock.crystal_ppm.high
    assert times.clock.hash_clock_ratio.low < 1 < times.clock.hash_clock_ratio.high
    assert times.floor_ms == pytest.approx(25e-3 * 2**0.5)
    assert len(times.cores) == 8
    assert {core.verdict for core in times.cores} == {EvidenceVerdict.REFUTED}
    assert result.findings["core_shift"].verdict is EvidenceVerdict.REFUTED
    assert result.unanswered == {}


def test_a_frequency_step_comes_out_to_10_ppm(tmp_path: Path) -> None:
    """400 to 450 MHz, the crystal 30 ppm faster; sweeps of 8 s of the host, so that there is a lever."""
    work = make_work(3000, life_s=3.0, hcn=1_000_000, time_scale=100)
    a = Run(hcn=1_000_000, time_scale=100, late_share=0.3)
    b = Run(hcn=1_000_000, time_scale=100, late_share=0.3, frequency_mhz=450, crystal_ppm=30)
    result = compared(tmp_path, a, b, work)
    assert result.settings_differ == {"frequency_mhz": {"a": 400.0, "b": 450.0}}
    assert result.times is not None
    clock = result.times.clock
    assert clock is not None
    true = 450 / 400 * (1 + 30e-6)
    assert clock.hash_clock_ratio.estimate == pytest.approx(true, rel=10e-6)
    assert clock.hash_clock_ratio.low < true < clock.hash_clock_ratio.high
    assert (clock.hash_clock_ratio.high - clock.hash_clock_ratio.low) / 2 / true < 10e-6
    assert clock.crystal_ppm is None
    assert "more than one batch" in result.unanswered["crystal_ppm"]


def test_the_crystal_is_told_from_the_hash_clock_by_the_batches(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(), Run(frequency_mhz=300, crystal_ppm=-25))
    assert result.times is not None
    assert result.times.clock is not None
    crystal = result.times.clock.crystal_ppm
    assert crystal is not None
    assert crystal.low < -25 < crystal.high
    assert crystal.high - crystal.low < 20
    # the places of a slower clock end before those of the faster one
    assert 0.2 * WORK.n < result.pairs.not_comparable < 0.3 * WORK.n
    assert len(result.pairs.missing_in_b) == 0


@pytest.mark.long
def test_planted_misses_are_counted_with_an_interval(tmp_path: Path) -> None:
    work = make_work(20_000)
    result = compared(tmp_path, Run(), Run(missing=1e-3), work)
    rate = result.missing_rate_b
    assert rate is not None
    assert rate.low < 1e-3 < rate.high < 2e-3
    assert rate.low > 0.3e-3
    assert rate.estimate * rate.n == pytest.approx(len(result.pairs.missing_in_b))
    assert result.missing_rate_a is not None
    assert result.missing_rate_a.estimate == 0
    assert result.smallest_missing_rate_b == pytest.approx(1.609 / rate.n, rel=1e-3)
    assert result.findings["missing"].verdict is EvidenceVerdict.SUPPORTED
    assert result.findings["missing"].effect.low > 0


def test_answers_that_do_not_hash_are_counted_by_run(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(), Run(invalid=0.02))
    assert result.invalid_a is not None
    assert result.invalid_a.estimate == 0
    assert result.invalid_b is not None
    assert result.invalid_b.low < 0.02 < result.invalid_b.high
    assert result.invalid_b.n == WORK.n
    assert result.findings["invalid"].verdict is EvidenceVerdict.SUPPORTED
    assert len(result.pairs.missing_in_b) == pytest.approx(0.02 * WORK.n, abs=20)  # their proofs did not come


def test_a_core_that_comes_later_is_found(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(late_share=0.2), Run(late_share=0.2, core_shift={3: 200e-6}))
    assert result.times is not None
    found = {core.core: core for core in result.times.cores}
    assert found[3].verdict is EvidenceVerdict.SUPPORTED
    assert found[3].low < 200 < found[3].high
    assert {core.verdict for place, core in found.items() if place != 3} == {EvidenceVerdict.REFUTED}
    assert result.findings["core_shift"].verdict is EvidenceVerdict.SUPPORTED
    assert result.times.clock is not None
    assert result.times.clock.crystal_ppm is not None
    assert result.times.clock.crystal_ppm.low < 0 < result.times.clock.crystal_ppm.high


def test_a_chip_that_comes_later_is_no_matter_of_its_cores(tmp_path: Path) -> None:
    work = make_work(3000, cores=4, chips=(0, 64, 128, 192))
    result = compared(tmp_path, Run(chips=4), Run(chips=4, chip_shift={128: 100e-6}), work)
    assert result.times is not None
    verdicts = {chip.chip: chip.verdict for chip in result.times.chips}
    assert verdicts.pop(128) is EvidenceVerdict.SUPPORTED
    assert set(verdicts.values()) == {EvidenceVerdict.REFUTED}
    assert len(result.times.cores) == 16
    assert EvidenceVerdict.SUPPORTED not in {core.verdict for core in result.times.cores}
    assert result.findings["chip_shift"].verdict is EvidenceVerdict.SUPPORTED


def test_without_a_floor_no_shift_is_resolved(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(), Run(core_shift={3: 200e-6}, floor_s=None))
    assert result.times is not None
    assert result.times.floor_ms is None
    assert {core.verdict for core in result.times.cores} == {EvidenceVerdict.NOT_RESOLVED}
    assert min(core.p_corrected for core in result.times.cores) <= 0.01  # found all the same


def test_jobs_are_known_by_their_headers(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(jobs=range(8)), Run(jobs=range(2, 10), first_number=40))
    assert (result.jobs_common, result.jobs_only_a, result.jobs_only_b) == (6, 2, 2)
    assert result.pairs.matched == np.count_nonzero((WORK.job >= 2) & (WORK.job < 8))
    assert len(result.pairs.missing_in_b) == 0


def test_a_header_that_came_twice_is_left_out(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(jobs=[0, 1, 2, 3, 0]), Run(jobs=range(4)))
    assert result.jobs_repeated == 1
    assert result.jobs_common == 3


def test_a_proof_that_was_not_due_is_not_missing(tmp_path: Path) -> None:
    """Shorter lives in B: what A found later is not comparable."""
    result = compared(tmp_path, Run(), Run(life_s=1.0))
    assert len(result.pairs.missing_in_b) == 0
    assert result.pairs.not_comparable == pytest.approx(WORK.n / 2, rel=0.1)


def test_resent_proofs_count_once(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(resent=100), Run())
    assert result.pairs.matched == WORK.n
    assert result.times is not None
    assert result.times.n == WORK.n


def test_proofs_of_later_rounds_pair_with_their_own_round(tmp_path: Path) -> None:
    """Sweeps so short that the chip comes round its search space in 1.1 s, twice within a job."""
    hcn = 1600
    work = make_work(2000, life_s=3.0, hcn=hcn)
    again = work.batch >= 8192
    assert 0.5 * work.n < np.count_nonzero(again)
    result = compared(tmp_path, Run(hcn=hcn), Run(hcn=hcn, missing=0.05), work)
    assert result.pairs.by_order
    assert len(result.pairs.missing_in_b) == pytest.approx(0.05 * work.n, abs=40)
    assert len(result.pairs.missing_in_a) == 0
    missed = result.pairs.a.batch[result.pairs.missing_in_b]
    assert np.count_nonzero(missed >= 8192) > 20
    assert result.times is not None
    assert result.times.bulk_ms < 0.05


def test_a_higher_difficulty_in_one_run_leaves_out_what_it_cannot_find(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(), Run(difficulty=2.0))
    assert len(result.pairs.missing_in_b) == 0
    assert result.pairs.matched == pytest.approx(WORK.n / 2, rel=0.1)
    assert result.pairs.not_comparable == WORK.n - result.pairs.matched


def test_jobs_that_were_not_worked_on_are_said(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(), Run(silent_jobs=[4]))
    assert (result.silent_jobs_a, result.silent_jobs_b) == (0, 1)


def test_without_a_scan_order_observed_times_decide(tmp_path: Path) -> None:
    a = Run(model="BM1397")
    result = compared(tmp_path, a, Run(model="BM1397", missing=0.01))
    assert not result.pairs.by_order
    assert "as long after load" in result.pairs.rule
    assert len(result.pairs.missing_in_b) == pytest.approx(0.01 * WORK.n, abs=15)
    assert result.times is not None  # at one clock the times are comparable all the same
    assert result.times.clock is None
    assert len(result.times.cores) == 8
    assert "hash_clock_ratio" in result.unanswered


def test_other_clocks_without_a_scan_order_leave_the_times_open(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(model="BM1397"), Run(model="BM1397", frequency_mhz=200))
    assert result.times is None
    assert "hash clocks differ" in result.unanswered["times"]
    # under the same hash counting number a slower clock reaches less of each sweep, nobody knows how much
    assert not result.pairs.due_in_b.any()
    assert result.pairs.due_in_a.any()


def test_arrivals_that_do_not_follow_the_order_are_not_judged_by_it(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(), Run(later_s=0.5))
    assert not result.pairs.by_order
    assert "b.asicrc do not follow the scan order" in result.pairs.rule


def test_settings_that_changed_on_the_way_determine_no_order(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a.asicrc", WORK, Run())
    other = tmp_path / "b.asicrc"
    write_run(other, WORK, Run(seed=2))
    _add_setting(other, 450.0)
    result = compare_captures(path, other)
    assert "frequency_mhz was changed on the way" in result.pairs.rule


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    paths = {
        name: write_run(tmp_path / f"{name}.asicrc", WORK, run)
        for name, run in {
            "a": Run(),
            "other jobs": Run(jobs=[]),
            "other chip": Run(model="BM1368"),
            "more chips": Run(chips=2),
            "no stamps": Run(sent=False),
            "nothing": Run(missing=1.0),
        }.items()
    }
    for name, said in {
        "other jobs": "does not say when its jobs were sent",
        "other chip": "chip model is BM1366 in a.asicrc and BM1368",
        "more chips": "number of chips",
        "no stamps": "does not say when its jobs were sent",
    }.items():
        with pytest.raises(NoAnswer, match=said):
            compare_captures(paths["a"], paths[name])
    few = make_work(5)
    one, two = (write_run(tmp_path / f"few{k}.asicrc", few, Run(seed=k)) for k in (1, 2))
    with pytest.raises(NoAnswer, match="5 proofs can be compared"):
        compare_captures(one, two)
    strangers = make_work(50, jobs=3)
    strange = Run(jobs=[0, 1])
    with pytest.raises(NoAnswer, match="no job in common"):
        compare_captures(
            write_run(tmp_path / "s.asicrc", strangers, strange),
            write_run(tmp_path / "t.asicrc", strangers, Run(jobs=[2])),
        )
    silent = compare_captures(paths["a"], paths["nothing"])
    assert silent.missing_rate_b is not None
    assert silent.missing_rate_b.estimate == 1
    assert silent.missing_rate_a is None
    assert "missing_rate_a" in silent.unanswered
    assert "0 proofs came in both runs" in silent.unanswered["times"]


def test_a_sweep_is_refused_before_its_work_is_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "s.asicrc"
    with CaptureWriter.create(path, {}) as writer:
        for row in (1, 2):
            writer.put_point(PointRecord(row, 0, 1, PointState.DONE))
        writer.seal("taken")
    with pytest.raises(UsageError, match=r"s\.asicrc is a sweep of 2 points, each with work of its own"):
        compare_captures(path, path)


def test_imported_data_without_a_device_is_no_run(tmp_path: Path) -> None:
    path = tmp_path / "x.asicrc"
    with CaptureWriter.create(path, {}) as writer:
        writer.seal("empty")
    with pytest.raises(NoAnswer, match="no capture of a chip line"):
        compare_captures(path, path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("jitter_floor", {"rms_s": 1e9, "rms_high_s": 1e9, "n": 200}, "jitter floor"),
        ("pulled", {"end_ns": 1 << 62}, "146 years"),
    ],
)
def test_forged_numbers_are_refused(key: str, value: object, said: str, tmp_path: Path) -> None:
    good = write_run(tmp_path / "a.asicrc", WORK, Run())
    bad = write_run(tmp_path / "b.asicrc", WORK, Run(seed=2))
    _edit(bad, "UPDATE capture SET value = ? WHERE key = ?", (json.dumps(value), key))
    with pytest.raises(BadFile, match=said):
        compare_captures(good, bad)


@pytest.mark.parametrize("column", ["jobs SET sent_ns", "events SET t_ns"])
def test_stamps_beyond_reach_are_refused(column: str, tmp_path: Path) -> None:
    good = write_run(tmp_path / "a.asicrc", WORK, Run())
    bad = write_run(tmp_path / "b.asicrc", WORK, Run(seed=2))
    _edit(bad, f"UPDATE {column} = ? WHERE rowid % 7 = 3", ((1 << 63) - 1,))
    with pytest.raises(BadFile, match="146 years"):
        compare_captures(good, bad)


def test_json_has_its_documented_keys(tmp_path: Path) -> None:
    result = compared(tmp_path, Run(), Run(frequency_mhz=425)).as_json()
    written = json.loads(json.dumps(result, allow_nan=False))
    assert set(written) >= {
        "a", "b", "jobs_common", "pairs", "missing_rate_a", "missing_rate_b", "invalid_a", "invalid_b",
        "hash_clock_ratio", "crystal_ppm", "offset_ms", "cores", "smallest_shift_us", "floor_ms",
        "settings_differ", "unanswered", "findings", "rule", "allowance_ms", "time_scale", "chips",
    }  # fmt: skip
    assert set(written["pairs"]) == {"matched", "missing_in_a", "missing_in_b", "not_comparable"}
    assert set(written["cores"][0]) == {
        "chip", "core", "shift_us", "low", "high", "shift_host_us", "n", "p_corrected", "verdict",
    }  # fmt: skip
    assert written["settings_differ"] == {"frequency_mhz": {"a": 400.0, "b": 425.0}}


def _edit(path: Path, statement: str, values: tuple[object, ...]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement, values)
        connection.commit()


def _add_setting(path: Path, frequency_mhz: float) -> None:
    _edit(path, "INSERT INTO settings VALUES (6, 'frequency_mhz', ?, ?, 'set')", (frequency_mhz,) * 2)
