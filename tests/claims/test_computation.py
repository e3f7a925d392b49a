"""Claims that a computation decides: their figures, and verdicts that follow when the figures differ."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from asking import ask, number, verdicts

from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.procedures import (
    filter_arithmetic,
    first_paper_formulas,
    hash_rounds,
    information_theorems,
    narma_scores,
)
from asicrc.claims.procedures.narma_scores import Scores, counted
from asicrc.evidence import Estimate, EvidenceVerdict
from asicrc.reservoir.benchmark import Split

ROUNDS = hash_rounds.PROCEDURES
FORMULAS = first_paper_formulas.PROCEDURES
THEOREMS = information_theorems.PROCEDURES
NARMA = narma_scores.PROCEDURES


def test_sha256_diffuses() -> None:
    found = ask(ROUNDS, "H05")
    assert verdicts(found) == ("supported", "supported")
    assert number(found, "mean distance, neighbouring") == pytest.approx(128, abs=0.5)
    assert found.smallest_effect is not None
    assert found.smallest_effect < 0.5  # or the margin could not be told
    assert "nothing of a chip" in found.note


def test_a_function_that_does_not_diffuse_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def half_hashed(headers: list[bytes]) -> np.ndarray:
        rows = [hashlib.sha256(header).digest()[:31] + header[-1:] for header in headers]
        return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 32)

    monkeypatch.setattr(hash_rounds, "proof_hashes", half_hashed)
    assert verdicts(ask(ROUNDS, "H05")) == ("refuted", "refuted")  # a byte that counts up differs in two bits


def test_a_flipped_bit_spreads() -> None:
    found = ask(ROUNDS, "H19")
    assert verdicts(found) == ("supported", "supported")
    assert number(found, "bits that differ") == pytest.approx(128, abs=0.5)
    assert 7 <= number(found, "first round from which all are mixed, hash 1") <= 20


def test_what_can_be_skipped_for_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ask(ROUNDS, "S17")
    assert verdicts(found) == ("supported", "supported")
    assert number(found, "certain saving") == 100 * 3 / 128
    assert number(found, "and unneeded halves") == pytest.approx(3.9, abs=0.05)
    assert number(found, "and nonce-free") == pytest.approx(4.7, abs=0.05)
    monkeypatch.setattr(hash_rounds, "CERTAIN_PER_CENT", (5.0, 9.0))
    assert verdicts(ask(ROUNDS, "S17")) == ("refuted", "refuted")


def test_k_sync_has_a_unit_and_its_mended_form_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ask(FORMULAS, "H10")
    assert verdicts(found) == ("refuted", "refuted")
    for jitter, kept in (("30 ms", 0.9), ("78 ms", 0.5), ("119 ms", 0.2)):
        assert number(found, f"share left by a jitter of {jitter}, measured") == pytest.approx(kept, abs=0.03)
        assert number(found, f"share left by a jitter of {jitter}, mended") == pytest.approx(kept)
        assert number(found, f"share left by a jitter of {jitter}, as printed, at the mod") > 0.99
    monkeypatch.setattr(first_paper_formulas, "printed_k_sync", first_paper_formulas.mended_k_sync)
    told = ask(FORMULAS, "H10")  # had the mended form been printed, with the modulation in it
    assert told.interpretation_verdict is EvidenceVerdict.SUPPORTED


def test_phase_and_amplitude_beside_delays() -> None:
    found = ask(FORMULAS, "H20")
    assert verdicts(found) == ("supported", "refuted")
    for system in ("Lorenz", "Mackey-Glass"):
        encoding, delays = (
            number(found, f"error of {what}, {system}") for what in ("the encoding", "8 delayed copies")
        )
        assert delays - 0.01 < encoding < 1
    assert len(found.nulls) == 3


def test_the_theorems_hold_and_samples_are_biased(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(information_theorems, "SAMPLES", 40)
    none, better, apart = (ask(THEOREMS, claim) for claim in ("S18", "S19", "S21"))
    assert {verdicts(found) for found in (none, better, apart)} == {("supported", "supported")}
    assert number(none, "largest of") < 1e-12
    plug_in, bias = number(none, "plug-in of"), number(none, "its bias")
    assert plug_in == pytest.approx(bias, rel=0.2)
    assert plug_in > 1e6 * number(none, "largest of")
    assert number(better, "false alarms, held out") <= 0.05
    assert number(better, "false alarms, on the training rows") > 0.5
    assert number(better, "found where there is dependence") > 0.5
    assert number(better, "accuracy of a filter") < number(better, "baseline of mining")
    assert number(apart, "pairs without a witness") == 0
    few, many = (number(apart, f"G-test tells two apart by 0.02, {n} samples") for n in ("100", "10,000"))
    assert few < 0.1 < 0.6 < many


def test_a_leak_would_be_no_theorem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(information_theorems, "SAMPLES", 5)
    monkeypatch.setattr(information_theorems, "mutual_information", lambda joint: 0.01)
    assert verdicts(ask(THEOREMS, "S18")) == ("refuted", "refuted")
    monkeypatch.setattr(information_theorems, "witness", lambda p, q: int(np.argmin(np.abs(p - q))))
    monkeypatch.setattr(information_theorems, "LARGEST", 2)
    assert ask(THEOREMS, "S21").value_verdict is EvidenceVerdict.SUPPORTED  # of two, either is a witness


def test_the_published_twin_aborts_what_it_should_keep() -> None:
    found = ask(filter_arithmetic.PROCEDURES, "S10")
    assert verdicts(found) == ("supported", "refuted")
    assert number(found, "saving, target of 20") == 92.1875
    assert number(found, "hits expected") == pytest.approx(20_000 / 2**20)
    assert found.nulls[0].p_value == pytest.approx(0.019, abs=0.0005)
    for bits in (8, 4, 2):
        recall = next(
            one.value for one in found.reproduced if one.name == f"recall, target of {bits} zero bits"
        )
        assert isinstance(recall, Estimate)
        assert recall.estimate == 0
        assert recall.n == pytest.approx(20_000 / 2**bits, rel=0.35)


def test_a_memoryless_miner_counts_the_work_of_the_moment() -> None:
    rng = np.random.default_rng(5)
    u = rng.uniform(0, 0.5, 4000)
    plain = counted(u, 1000.0, 0.0, rng).values[:, 0]
    assert plain.mean() == pytest.approx(1000, rel=0.02)
    assert np.corrcoef(plain[1:], u[1:])[0, 1] > 0.99
    assert abs(np.corrcoef(plain[1:], u[:-1])[0, 1]) < 0.06  # nothing of the step before
    fed_back = counted(u, 1000.0, 0.5, rng).values[:, 0]
    assert np.corrcoef(fed_back[1:], u[:-1])[0, 1] > 0.3  # which the host brings, and no miner


def test_verdicts_on_the_scores_follow_the_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """With scores that are given: inside and outside of what needs no device."""
    rng = np.random.default_rng(6)

    def given(u_t: float, spread: float) -> None:
        names = (narma_scores.U_T, narma_scores.FED_BACK, narma_scores.BY_CLOCK, "constant")
        scores = {name: (u_t + rng.normal(0, spread, 30)).tolist() for name in names}
        both = (Scores(narma_scores.PUBLISHED_SIZE, scores), Scores(narma_scores.LARGER, scores))
        monkeypatch.setattr(narma_scores, "_scored", lambda seed: both)

    def asked() -> dict[str, ClaimOutcome]:
        return {claim: ask(NARMA, claim) for claim in ("S01", "S02", "S03", "S23")}

    given(0.88, 0.025)
    found = asked()
    assert verdicts(found["S01"]) == ("supported", "not testable here")
    assert found["S01"].needs
    assert verdicts(found["S02"]) == ("refuted", "not testable here")  # 0.955 lies 3 spreads off
    assert verdicts(found["S23"]) == ("supported", "refuted")
    assert verdicts(found["S03"]) == ("refuted", "not testable here")  # so many steps would tell them apart
    given(0.97, 0.01)  # no device reaches 0.8661 by its input alone
    found = asked()
    assert verdicts(found["S01"])[0] == "refuted"
    assert verdicts(found["S23"]) == ("refuted", "supported")
    given(0.95, 0.1)
    found = asked()
    assert verdicts(found["S02"])[0] == "supported"
    assert verdicts(found["S03"]) == ("refuted", "not resolved")
    assert number(found["S03"], "improvement, dialogue") == pytest.approx(13.39)
    assert number(found["S03"], "improvement, monologue") == pytest.approx(4.5)
    assert number(found["S03"], "constant that the dialogue") == pytest.approx(0.9853, abs=1e-4)
    assert number(found["S03"], "constant that the monologue") == pytest.approx(1.0335, abs=1e-4)


def test_a_few_seeds_of_the_protocol() -> None:
    found = narma_scores._over_seeds(Split(200, 1000, 500), 4, 7, slow_seeds=0)
    mean = {name: found.spread(name).estimate for name in found.by_name}
    assert mean["constant"] == pytest.approx(1.01, abs=0.04)
    assert mean[narma_scores.U_T] == pytest.approx(0.88, abs=0.06)
    assert mean["delay line of 20"] < mean["delay line of 10"] < mean[narma_scores.U_T]
    many = f"{narma_scores.BY_CLOCK}, 1000 shares a step"
    assert mean[many] == pytest.approx(mean[narma_scores.U_T], abs=0.02)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_whole_table() -> None:
    found = {claim: ask(NARMA, claim) for claim in ("S01", "S02", "S03", "S23")}
    assert {claim: verdicts(one) for claim, one in found.items()} == {
        "S01": ("supported", "not testable here"),
        "S02": ("supported", "not testable here"),
        "S03": ("refuted", "not resolved"),
        "S23": ("supported", "refuted"),
    }
    expected = {
        "constant, 2000/1000": (1.005, 0.02),
        "u(t) alone, 2000/1000": (0.877, 0.015),
        "delay line of 10, 2000/1000": (0.599, 0.03),
        "delay line of 20, 2000/1000": (0.407, 0.03),
        "u(t) alone, 400/100": (0.949, 0.06),
        "delay line of 20, 400/100": (0.440, 0.04),
        "memoryless miner, monologue, 6 shares a step, 2000/1000": (0.933, 0.02),
        "memoryless miner, dialogue, 6 shares a step, 2000/1000": (0.912, 0.03),
        "memoryless miner, dialogue, 1000 shares a step, 2000/1000": (0.836, 0.03),
    }
    for name, (value, margin) in expected.items():
        assert number(found["S01"], name) == pytest.approx(value, abs=margin), name
