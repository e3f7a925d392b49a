"""The study of the proxy: closed forms, the plan, virtual time against them, sockets against both."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicrc.cli import main as command_line
from asicrc.evidence import Estimate, EvidenceVerdict
from asicrc.work.proxy_study.closed_form import (
    PUBLISHED_GAIN,
    gain_without_idle,
    idle_share_for_gain,
    idle_share_of_asking,
    idle_share_of_interval,
    job_interval_for_gain,
    stale_share,
)
from asicrc.work.proxy_study.sample_size import gain_of, p_of_no_gain, shares_to_exclude, shares_to_see
from asicrc.work.proxy_study.sockets import run_real_arms
from asicrc.work.proxy_study.study import judge_claim, plan, study_row
from asicrc.work.proxy_study.virtual_time import Supply, run_arms

NO_SOCKETS = ("--units", "0", "--json")


def test_what_the_claim_would_need() -> None:
    """The numbers of the ledger: 20.5 % idle; 0.7 % at 200 ms and 30 s; 309 shares per arm for 3 sigma."""
    assert pytest.approx(0.2045, abs=5e-5) == idle_share_for_gain(PUBLISHED_GAIN)
    assert pytest.approx(0.00662, abs=5e-6) == idle_share_of_asking(0.2, 30.0)
    assert shares_to_see() == 309
    assert job_interval_for_gain(0.25, 0.2) == 0.8
    assert idle_share_of_interval(0.3, 1.0) == 0.7 and idle_share_of_interval(2.0, 1.0) == 0.0
    assert stale_share(0.2, 600.0) == pytest.approx(1 / 6000)
    assert plan()["n_per_arm"] == shares_to_exclude() > shares_to_see()


@given(st.floats(1e-6, 10.0), st.floats(1e-3, 100.0), st.floats(0.0, 1.0), st.floats(0.0, 10.0))
def test_the_forms_agree_with_each_other(
    latency_s: float, job_s: float, share: float, stall_s: float
) -> None:
    idle = idle_share_of_asking(latency_s, job_s, stall_share=share, stall_s=stall_s)
    assert 0 < idle < 1
    gain = gain_without_idle(idle)
    assert gain == pytest.approx((latency_s + share * stall_s) / job_s)
    assert idle_share_for_gain(gain) == pytest.approx(idle)
    assert idle_share_of_asking(latency_s / 1e6, job_s) < 1e-2  # it tends to 0 with the latency


def test_the_planned_shares_see_the_claim_at_three_sigma() -> None:
    """By simulation: the mean z of 309 against 309 * 220/175 shares in equal times is 3."""
    rng = np.random.default_rng(1)
    n = shares_to_see()
    slow, fast = rng.poisson(n, 4000), rng.poisson(n * (1 + PUBLISHED_GAIN), 4000)
    z = np.log(fast / slow) / np.sqrt(1 / fast + 1 / slow)
    assert abs(z.mean() - 3.0) < 0.1


def test_the_interval_of_a_gain_holds_what_it_promises() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(2000):
        counts = int(rng.poisson(400)), int(rng.poisson(500))
        gain = gain_of(*counts, 10.0, 10.0)
        held += gain.low <= 0.25 <= gain.high
    assert abs(held / 2000 - 0.95) < 0.02
    assert p_of_no_gain(500, 500, 1.0, 1.0) == pytest.approx(1.0)
    assert p_of_no_gain(400, 600, 1.0, 1.0) < 1e-8
    with pytest.raises(ValueError, match="no ratio"):
        gain_of(0, 5, 1.0, 1.0)


@pytest.mark.parametrize(
    ("low", "high", "shares", "verdict"),
    [
        (-0.02, 0.03, 309, EvidenceVerdict.REFUTED),
        (0.21, 0.30, 309, EvidenceVerdict.SUPPORTED),
        (0.10, 0.30, 309, EvidenceVerdict.NOT_RESOLVED),
        (-0.02, 0.03, 308, EvidenceVerdict.NOT_RESOLVED),
        (0.21, 0.30, 308, EvidenceVerdict.NOT_RESOLVED),
    ],
)
def test_verdicts(low: float, high: float, shares: int, verdict: EvidenceVerdict) -> None:
    assert judge_claim(Estimate((low + high) / 2, low, high, shares, method="made up")) is verdict


@pytest.mark.parametrize(
    "supply",
    [
        Supply(0.2, 0.8),
        Supply(0.05, 30.0),
        Supply(0.2, 2.0, stall_share=0.1, stall_s=2.0),
        Supply(0.1, 1.0, jitter_s=0.02),
    ],
)
def test_virtual_time_keeps_to_theory(supply: Supply) -> None:
    without, with_proxy = run_arms(supply, 3000, seed=3)
    waits_s = supply.latency_s + 2 * supply.jitter_s
    theory = idle_share_of_asking(
        waits_s, supply.job_interval_s, stall_share=supply.stall_share, stall_s=supply.stall_s
    )
    # a stall is Bernoulli: its part of the idle time has a relative error of 1/sqrt of their number
    stalls = max(1.0, supply.stall_share * without.jobs)
    spread = 0.01 + (4 / math.sqrt(stalls) if supply.stall_share else 0.0)
    assert without.idle_share == pytest.approx(theory, rel=spread)
    assert with_proxy.idle_share < 1e-3
    assert with_proxy.seconds == pytest.approx(without.seconds, rel=0.05)
    assert min(without.shares, with_proxy.shares) >= 3000


def test_the_drift_of_a_miner_is_no_gain() -> None:
    """Arms in the order A B B A: intervals hold the truth as they say, though the miner slows down."""
    supply = Supply(0.2, 0.8, drift=0.3)
    held = 0
    for seed in range(40):
        without, with_proxy = run_arms(supply, 200, seed)
        gain = gain_of(without.shares, with_proxy.shares, without.seconds, with_proxy.seconds)
        held += gain.low <= gain_without_idle(0.2) <= gain.high
    assert held >= 34


def test_verdicts_of_the_study() -> None:
    """Refuted at the latencies and jobs that there are, supported where jobs are four times the latency."""
    n = int(plan()["n_per_arm"])
    usual = study_row(Supply(0.2, 30.0), shares=n, seed=1, real_unit_s=0.1, real_units=0)
    short = study_row(Supply(0.2, 0.75), shares=n, seed=1, real_unit_s=0.1, real_units=0)
    assert usual.verdict is EvidenceVerdict.REFUTED
    assert short.verdict is short.any_gain is EvidenceVerdict.SUPPORTED
    assert usual.gain.low < gain_without_idle(usual.idle_closed_form) < usual.gain.high
    assert short.gain.low < gain_without_idle(short.idle_closed_form) < short.gain.high


def test_over_sockets_the_idle_time_is_gone() -> None:
    """At 200 ms: as theory has it directly, nothing to speak of through the proxy; virtual time agrees."""
    latency_s, unit_s = 0.2, 0.15
    without, with_proxy = run_real_arms(latency_s, unit_s, 4)
    virtual, _ = run_arms(Supply(latency_s, unit_s), 500, seed=1)
    theory = idle_share_of_asking(latency_s, unit_s)
    print(
        f"\nidle at {latency_s * 1e3:.0f} ms, jobs of {unit_s:g} s: {without.idle_share:.2%} over sockets, "
        f"{virtual.idle_share:.2%} in virtual time, {theory:.2%} in theory; through the proxy "
        f"{with_proxy.idle_share:.2%}, {np.median(with_proxy.idle_s) * 1e3:.2f} ms a job"
    )
    assert (without.idle_s >= latency_s).all()
    # The least of four: a busy machine delays some of them, and what is wrong delays all.
    least_s = without.idle_s.min()
    assert least_s < latency_s + 0.05
    assert with_proxy.idle_s.min() < 0.02
    assert least_s / (least_s + without.hashing_s.min()) == pytest.approx(theory, abs=0.08)
    assert virtual.idle_share == pytest.approx(theory, abs=0.01)
    assert without.accepted == with_proxy.accepted == 4


@pytest.mark.long
def test_a_stalling_pool_does_not_stall_the_miner() -> None:
    without, with_proxy = run_real_arms(0.02, 0.1, 4, stall_share=1.0, stall_s=0.3)
    assert (without.idle_s >= 0.32).all()
    assert with_proxy.idle_s.min() < 0.02


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--latency-ms", "100,200", "--job-interval", "1s", "--shares", "500"]
    code = command_line._run(["vbm", "study", *small, *NO_SOCKETS])
    found = json.loads(capsys.readouterr().out)
    keys = {"latency_ms", "idle_share", "idle_closed_form", "gain", "low", "high", "n_per_arm", "verdict"}
    assert code == 0
    assert keys <= set(found) and all(keys <= set(row) for row in found["rows"])
    assert [(row["latency_ms"], row["stall_s"]) for row in found["rows"]] == [(100, 0), (200, 0), (200, 2)]
    assert found["latency_ms"] == 200 and found["n_per_arm"] >= 500
    assert found["idle_closed_form"] == pytest.approx(1 / 6)
    assert found["low"] < found["gain"] < found["high"]
    assert command_line._run(["vbm", "study", "--shares", "400", *NO_SOCKETS[:2]]) == 0
    assert "refuted" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["--latency-ms", "x"], ["--latency-ms", "-5"], ["--stall", "2"]])
def test_what_the_command_refuses(options: list[str]) -> None:
    assert command_line._run(["vbm", "study", *options]) == 2


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(300)
def test_over_sockets_at_a_short_and_a_long_latency() -> None:
    for latency_s in (0.05, 0.2):
        without, with_proxy = run_real_arms(latency_s, 0.2, 40)
        theory = idle_share_of_asking(latency_s, 0.2)
        print(f"\n{latency_s * 1e3:.0f} ms: {without.idle_share:.3%}, theory {theory:.3%}, ", end="")
        print(f"through the proxy {with_proxy.idle_share:.3%}")
        usual, beside = (
            np.median(arm.idle_s) / (np.median(arm.idle_s) + np.median(arm.hashing_s))
            for arm in (without, with_proxy)
        )  # of the middle unit: a machine that stands for half a second takes all of it in one
        assert usual == pytest.approx(theory, abs=0.03)
        assert beside < 0.03
