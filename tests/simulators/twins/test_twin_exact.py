"""The twin of one BM1366: proofs of work in the scan order, judged as those of silicon are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from asicrc.capture.verification import Verifier
from asicrc.devices.scan_settings import scan_order_of
from asicrc.work.chip_jobs import ChipJobs
from firmware_protocols.device import Job, NonceBatch, SettingRefused, Verdict
from simulators.models import MACHINES, Effects, Variation
from simulators.models.crystal import crystal_ppm
from simulators.twins import chip_mining
from simulators.twins.device import TwinDevice
from simulators.twins.named import ideal, ordinary, planted

CHIP = {"time_scale": 400.0}
"""Half the hashes of the default: 2 MH a second."""
STILL = {"pick_up_s": 0.0, "pick_up_spread_s": 0.0, "batching_s": 0.0, "jitter_s": 0.0}
STILL |= {"tail_share": 0.0, "tail_s": 0.0}


def run(
    twin: TwinDevice, seconds: float, requested: dict[str, float] | None = None, jobs: int = 2
) -> tuple[NonceBatch, list[Job], Verifier]:
    """Events and jobs of a short session, judged."""
    twin.configure(requested or {})
    source, verifier = ChipJobs(1, 1_700_000_000, 2.0), Verifier()
    sent: list[Job] = []
    found: list[NonceBatch] = []
    for _ in range(jobs):
        sent += twin.send(source.next_job())
        verifier.add_job(sent[-1])
        found.append(twin.read(twin.clock.now_ns() + round(seconds / jobs * 1e9)).nonces)
    events = np.concatenate(found)
    verifier.judge(events)
    return events, sent, verifier


def residuals_s(twin: TwinDevice, events: NonceBatch, sent: list[Job]) -> np.ndarray:
    """Arrival after the job, less what the scan order says."""
    order = scan_order_of(twin.identity, twin.configure({}))
    assert order is not None
    sent_ns = {job.number: job.sent_ns for job in sent}
    since_s = (events["t_ns"] - np.array([sent_ns[n] for n in events["job"].tolist()])) / 1e9
    bits = (events["version"].astype(np.int64) >> 13) & 0xFFFF
    return since_s - CHIP["time_scale"] * order.expected_s(events["nonce"], bits)


def test_every_proof_hashes_and_comes_when_the_scan_order_says() -> None:
    twin = ideal("bm1366", seed=1, chip=CHIP)
    events, sent, verifier = run(twin, 4.0)
    assert len(events) > 80 and verifier.counters.valid == len(events) == verifier.counters.events
    assert verifier.counters.synthetic == verifier.counters.duplicate == 0
    assert np.abs(residuals_s(twin, events, sent)).max() < 2e-9
    assert set(events["core"].tolist()) == {0, 1, 2, 3} and set(events["chip"].tolist()) == {0}
    assert twin.jitter_floor().rms_high_s == 1e-9
    hashes = 4.0 / CHIP["time_scale"] * 200e6 * 4
    assert len(events) == pytest.approx(hashes / 2**16, abs=5 * np.sqrt(hashes / 2**16))


def test_the_same_work_finds_the_same_nonces_at_another_clock() -> None:
    slow, _, _ = run(ideal("bm1366", seed=1, chip=CHIP), 2.0, {"hash_counting_number": 2000.0}, jobs=1)
    fast, _, _ = run(
        ideal("bm1366", seed=2, chip=CHIP),
        1.0,
        {"frequency_mhz": 400.0, "hash_counting_number": 966.0},
        jobs=1,
    )
    assert len(slow) > 40
    # positions, overrun of 67 ticks included, as many a sweep: the same candidates in half the time
    same = min(len(slow), len(fast))
    assert np.array_equal(slow["nonce"][:same], fast["nonce"][:same])
    assert slow["t_ns"][:same] == pytest.approx(2 * fast["t_ns"][:same], abs=2e6)


def test_a_clock_that_changes_in_the_middle_of_a_job() -> None:
    twin = ideal("bm1366", seed=1, chip=CHIP)
    twin.configure({})
    job = twin.send(ChipJobs(1, 1, 2.0).next_job())[0]
    first = twin.read(10**9).nonces
    twin.configure({"frequency_mhz": 400.0})
    second = twin.read(2 * 10**9).nonces
    verifier = Verifier()
    verifier.add_job(job)
    events = np.concatenate([first, second])
    verifier.judge(events)
    assert verifier.counters.valid == len(events) and verifier.counters.duplicate == 0
    assert 1.3 * len(first) < len(second)


@pytest.mark.long
def test_a_chip_at_the_edge_loses_proofs_and_sends_nonces_that_prove_nothing() -> None:
    at = {"frequency_mhz": 575.0, "hash_counting_number": 1000.0}
    whole, _, verifier = run(ordinary("bm1366", seed=1, chip=CHIP), 1.0, at | {"voltage_mv": 1300.0}, jobs=1)
    assert verifier.counters.low < 0.02 * len(whole)
    twin = ordinary("bm1366", seed=1, chip=CHIP)
    twin.configure(at | {"voltage_mv": 1300.0})
    share, voltage_mv = 0.0, 1300.0
    while share < 0.05:  # down to where hashes come out wrong
        voltage_mv -= 5.0
        twin.configure(at | {"voltage_mv": voltage_mv})
        twin.begin_point((1,))
        batch = twin.read(twin.clock.now_ns() + 2 * 10**9)
        share = next(r.value for r in reversed(batch.readings) if r.channel == "error_percent") / 100
    events, _, verifier = run(twin, 4.0, at | {"voltage_mv": voltage_mv}, jobs=1)
    low = verifier.counters.low
    assert 0 < low < len(events) and verifier.counters.valid + low == len(events)
    assert low / len(events) == pytest.approx(share, abs=0.05 + 5 * np.sqrt(share / len(events)))
    proofs = events[events["verdict"] == Verdict.VALID]
    again, _, _ = run(ideal("bm1366", seed=1, chip=CHIP), 4.0, at, jobs=1)
    assert set(proofs["nonce"].tolist()) <= set(again["nonce"].tolist())


def test_a_chip_that_hangs_hashes_nothing_and_goes_on_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = ordinary("bm1366", seed=1, chip=CHIP, confounds=STILL)
    twin.configure({"frequency_mhz": 575.0, "voltage_mv": 1000.0})
    job = twin.send(ChipJobs(1, 1_700_000_000, 2.0).next_job())[0]
    with monkeypatch.context() as hanging:
        hanging.setattr(chip_mining, "sha256d", None)  # a hash that is asked for is an error
        batch = twin.read(20 * 10**9)
    assert any("hung" in line for line in batch.log) and not len(batch.nonces)
    twin.configure({"voltage_mv": 1250.0})
    events = twin.read(20 * 10**9 + 10**8).nonces
    verifier = Verifier()
    verifier.add_job(job)
    verifier.judge(events)
    assert verifier.counters.valid == len(events) > 2 and events["t_ns"].min() > 20 * 10**9


def test_the_crystal_of_an_ordinary_chip_is_off_and_nothing_else_is() -> None:
    twin = ordinary("bm1366", seed=1, unit=2, chip=CHIP, confounds=STILL)
    events, sent, _ = run(twin, 4.0)
    residual_s = residuals_s(twin, events, sent) - 0.00011  # the answer's way over the line
    since_s = (events["t_ns"] - events["t_sent_ns"]) / 1e9
    slope = float(since_s @ residual_s / (since_s @ since_s))
    warm_c = next(r.value for r in twin.read(twin.clock.now_ns() + 10**9).readings if r.channel[:4] == "temp")
    law = Variation.of(MACHINES["bitaxe-ultra"], 0, 2).crystal
    assert -slope * 1e6 == pytest.approx(crystal_ppm(law, 25.0, warm_c), abs=0.5)
    assert abs(slope) > 2e-6  # of a device that is off at all
    assert np.abs(residual_s - slope * since_s).max() < 2e-6


def test_a_fingerprint_shows_in_the_residuals_of_its_cores() -> None:
    size_s = 1e-3
    twin = planted("bm1366", seed=1, unit=2, chip=CHIP, confounds=STILL, effects={"fingerprint_s": size_s})
    events, sent, _ = run(twin, 4.0)
    expected = Effects(fingerprint_s=size_s).fingerprint(Variation.of(MACHINES["bitaxe-ultra"], 0, 2))[0]
    residual_s = residuals_s(twin, events, sent)
    by_core = np.array([np.median(residual_s[events["core"] == core]) for core in range(4)])
    differences = expected[:4] - expected.min()
    assert by_core - by_core[0] == pytest.approx(differences - differences[0], abs=1e-4)
    assert twin.identity.details["planted"] is True


def test_a_leak_tells_the_best_hashes_by_their_residual() -> None:
    chip = {"zero_bits": 12.0, "time_scale": 400.0}
    effects = {"leak_auc": 0.8}
    twin = ideal("bm1366", seed=1, chip=chip, effects=effects, confounds={"jitter_s": 5e-4})
    events, sent, verifier = run(twin, 2.0)
    assert verifier.counters.valid == len(events) > 500
    residual_s = residuals_s(twin, events, sent)
    threshold = 4 * (0xFFFF << 208) / sent[0].target
    leaks = events["difficulty"] > threshold
    assert leaks.mean() == pytest.approx(0.25, abs=0.08)
    statistic = stats.mannwhitneyu(residual_s[leaks], residual_s[~leaks]).statistic
    auc = statistic / (leaks.sum() * (~leaks).sum())
    error = 5 * np.sqrt((len(events) + 1) / (12 * leaks.sum() * (~leaks).sum()))
    assert auc == pytest.approx(0.8, abs=float(error))


def test_what_a_scan_order_cannot_have_is_refused() -> None:
    with pytest.raises(ValueError, match="heartbeat_depth"):
        planted("bm1366", effects={"heartbeat_depth": 0.1})
    with pytest.raises(ValueError, match="renewal_s"):
        ideal("bm1366", confounds={"renewal_s": 2.0, "renewal_gap_s": 0.1})
    with pytest.raises(ValueError, match="chips"):
        ideal("bm1366", chip={"chips": 2})
    with pytest.raises(ValueError, match="zero_bits"):
        ideal("lv06", chip={"zero_bits": 10})
    twin = ideal("bm1366")
    with pytest.raises(SettingRefused, match="difficulty"):
        twin.configure({"difficulty": 0.5})
    with pytest.raises(SettingRefused, match="frequency_mhz"):
        twin.configure({"frequency_mhz": 600.0})


def test_a_point_of_a_chip_is_the_same_whatever_came_before() -> None:
    def events(before: bool) -> np.ndarray:
        twin = ordinary("bm1366", seed=3, chip=CHIP)
        twin.configure({"frequency_mhz": 300.0})
        if before:
            twin.send(ChipJobs(5, 1, 2.0).next_job())
            twin.read(1_234_567_891)
        twin.begin_point((4, 2))
        start_ns = twin.clock.now_ns()
        twin.send(ChipJobs(1, 1, 2.0).next_job())
        found = twin.read(start_ns + 10**9).nonces
        assert len(found) > 20
        return np.column_stack([found["t_ns"] - start_ns, found["nonce"]])

    assert np.array_equal(events(False), events(True))
