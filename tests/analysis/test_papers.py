"""The papers' own quantities: as printed, and what is wrong with each."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import solve_ivp

from asicrc.analysis.event_source import read_event_source
from asicrc.analysis.papers.ginzburg_landau import TRANSITION, compare_transition
from asicrc.analysis.papers.hamming import forced_zeros_seen, hamming_of_hashes
from asicrc.analysis.papers.hierarchical_numbers import (
    bits_kept,
    decoded,
    encoded,
    energy_ratio,
    energy_ratio_digits,
    energy_table,
    ratio_of_states,
)
from asicrc.analysis.papers.k_sync import k_sync, mended_k_sync, printed_k_sync
from asicrc.analysis.papers.phase_amplitude import compare_reconstruction, delay_embedding, phase_amplitude
from asicrc.analysis.papers.printed_entropy import printed_entropies
from asicrc.analysis.papers.proof_hashes import proof_hashes, proof_headers
from asicrc.analysis.papers.report import PapersReport, _of_stream
from asicrc.analysis.papers.scrambling import nonce_scrambling, scrambling_of_counts
from asicrc.analysis.papers.window_cv import window_cv
from asicrc.capture.reader import load
from asicrc.cli.main import _run
from asicrc.errors import NoAnswer
from asicrc.importing import import_file


def test_the_printed_entropy_changes_with_the_unit_and_one_late_share() -> None:
    x = np.random.default_rng(1).exponential(0.1, 2000)
    found = printed_entropies(x)
    assert not found.invariant
    assert found.by_unit["s"] < 0 < found.by_unit["us"]
    density, _ = np.histogram(x * 1e3, 20, density=True)
    assert found.by_unit["ms"] == pytest.approx(-np.sum(density * np.log(density + 1e-10)))
    late = printed_entropies(np.append(x, 30.0))
    assert late.program_bits < 0.2 < 1.5 < late.program_bits_without_longest


def test_ten_intervals_show_any_regime() -> None:
    found = window_cv(np.random.default_rng(2).exponential(0.1, 5000))
    assert found.chance_spread == pytest.approx(0.223, abs=0.01)
    assert found.spread == pytest.approx(found.chance_spread, abs=0.02)
    assert found.chance_low < 0.586 < 0.98 < found.chance_high  # two of the papers' regimes
    assert found.outside_share == pytest.approx(0.05, abs=0.02)


def test_k_sync_as_printed_has_a_unit_and_mended_has_none() -> None:
    found = k_sync(1e-6, 5e8, 2.4)
    assert not found.invariant
    assert found.exponents["ms"] == pytest.approx(1e3 * found.exponents["s"])
    assert found.printed["s"] == pytest.approx(math.exp(-1e-12 * 5e8 / (2 * math.pi)))
    assert printed_k_sync(1e-6, 5e8, np.zeros(112)) == pytest.approx(112, rel=1e-3)  # grows with the cores
    assert mended_k_sync(0.0, 2.4, np.zeros(112)) == 1.0
    assert found.mended == pytest.approx(1.0)
    assert found.mended_clock == 0 or found.mended_clock < 1e-300
    assert mended_k_sync(0.05, 2.4) == pytest.approx(math.exp(-((2 * math.pi * 2.4 * 0.05) ** 2) / 2))
    assert mended_k_sync(0.0, 1.0, np.linspace(0, 2 * np.pi, 9)[:-1]) == pytest.approx(0.0, abs=1e-12)


LAWS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    TRANSITION: (lambda v: 0.1 + np.sqrt(np.maximum(0.001 * (900 - v), 0)), "supported"),
    "linear": (lambda v: 0.4 - 0.002 * (v - 850), "refuted"),
    "logistic": (lambda v: 0.1 + 0.2 / (1 + np.exp((v - 915) / 5)), "refuted"),
    "constant": (lambda v: 0.1 + 0 * v, "not resolved"),
}


@pytest.mark.parametrize("law", LAWS)
def test_a_transition_is_told_from_smooth_laws(law: str) -> None:
    rng = np.random.default_rng([3, len(law)])
    v = np.repeat(np.linspace(850, 990, 15), 6)
    order = LAWS[law][0](v) + rng.normal(0, 0.02, len(v))
    found = compare_transition(v, order, np.full(len(v), 0.02))
    assert found.best.name == law
    assert found.verdict == LAWS[law][1]
    if law == TRANSITION:
        assert found.v_crit_mv == pytest.approx(900, abs=8)
        assert found.bic_gain >= 10
    assert stats.chi2.sf(found.chi_squared, found.freedom) > 1e-3
    assert json.dumps(found.as_json())


@pytest.mark.long
def test_a_constant_order_parameter_makes_no_transition() -> None:
    rng = np.random.default_rng(4)
    v = np.repeat(np.linspace(850, 990, 10), 3)
    verdicts = [
        compare_transition(v, rng.normal(0.1, 0.02, len(v)), np.full(len(v), 0.02)).verdict for _ in range(30)
    ]
    assert "supported" not in verdicts
    with pytest.raises(NoAnswer, match="voltages"):
        compare_transition([850, 900], [1, 2], [0.1, 0.1])


def _hashes(n: int, zeros: int, rng: np.random.Generator, *, top: float = 1.0) -> np.ndarray:
    values = rng.integers(0, 256, (n, 32), dtype=np.uint8)
    values[:, : zeros // 8] = 0
    if zeros % 8:
        values[:, zeros // 8] >>= zeros % 8
    if top < 1.0:
        values[:, zeros // 8] = (values[:, zeros // 8] * top).astype(np.uint8)
    return values


def test_shares_differ_in_half_of_the_free_bits() -> None:
    rng = np.random.default_rng(5)
    free = hamming_of_hashes(_hashes(3000, 0, rng), 0)
    assert free.finding.verdict == "refuted"
    assert free.mean_bits == pytest.approx(128, abs=1)
    selected = _hashes(3000, 40, rng)
    assert forced_zeros_seen(selected) == 40
    naive = hamming_of_hashes(selected, 0)
    assert naive.finding.verdict == "supported"  # a defect that is none
    assert naive.printed == pytest.approx(108 / 256, abs=0.005)
    right = hamming_of_hashes(selected, forced_zeros_seen(selected))
    assert right.finding.verdict == "refuted"
    assert right.law.p_value > 1e-3
    assert right.as_json()["expected_bits"] == 108
    assert forced_zeros_seen(_hashes(3000, 40, rng, top=0.6)) == 48
    stuck = _hashes(3000, 0, rng)
    stuck[:, 20] = 7
    assert hamming_of_hashes(stuck, 0).finding.verdict == "supported"
    p = [hamming_of_hashes(_hashes(200, 0, rng), 0).finding.p_corrected for _ in range(400)]
    assert np.count_nonzero(np.array(p) <= 0.05) <= stats.binom.ppf(0.9999, 400, 0.05)
    with pytest.raises(NoAnswer, match="pairs of hashes"):
        hamming_of_hashes(_hashes(5, 0, rng), 0)


def test_published_proofs_hash_again(published: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "s9.asicrc"
    import_file(published("s9_shares.csv"), path)
    with load(path) as capture:
        events, jobs = capture.events(distinct=True)[:300], capture.jobs()
    headers = proof_headers(events, jobs)
    hashes = proof_hashes(headers)
    value = int.from_bytes(hashes[0].tobytes(), "big")
    assert 0xFFFF * 2**208 / value == pytest.approx(float(events["difficulty"][0]))
    assert hashes[0].tobytes()[::-1] == sha256(sha256(headers[0]).digest()).digest()
    assert forced_zeros_seen(hashes) in (40, 48)


def test_a_flipped_bit_is_everywhere_after_a_few_rounds() -> None:
    found = nonce_scrambling(bytes(range(80)), 400)
    assert found.share[:3].tolist() == [0, 0, 0]  # the nonce comes in with the fourth word
    assert 0 < found.share[3] < 0.05
    first, second = found.mixed_rounds
    assert first is not None
    assert second is not None
    assert 7 <= first <= 20
    assert second <= 8
    assert found.finding.verdict == "refuted"
    frozen = scrambling_of_counts(np.full((128, 50), 3))
    assert frozen.mixed_rounds == (None, None)
    assert frozen.finding.verdict == "supported"
    with pytest.raises(ValueError, match="bits 0 to 31"):
        nonce_scrambling(bytes(80), 10, bit=40)


def test_delayed_copies_do_as_well_as_the_hologram() -> None:
    def lorenz(_: float, s: np.ndarray) -> list[float]:
        return [10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]]

    run = solve_ivp(lorenz, (0, 80), [1, 1, 1], t_eval=np.arange(20, 80, 0.05), rtol=1e-7)
    found = compare_reconstruction(run.y[0], run.y[:2].T)
    assert found.features == 8
    assert found.delay_error.estimate < 0.2
    assert found.finding.verdict == "refuted"
    noise = np.random.default_rng(6).standard_normal(1500)
    nothing = compare_reconstruction(noise[:-1], noise[1:])
    assert nothing.encoding_error.estimate == pytest.approx(1.0, abs=0.03)
    assert nothing.delay_error.estimate == pytest.approx(1.0, abs=0.03)
    ahead = noise.copy()
    ahead[1000:] = noise[1000:][::-1]
    # what comes later changes nothing of what was before: the mean is the same
    assert phase_amplitude(ahead)[:1000] == pytest.approx(phase_amplitude(noise)[:1000])
    assert np.allclose(delay_embedding([1.0, 2.0, 3.0], 2), [[-1, 0], [0, -1], [1, 0]])
    with pytest.raises(NoAnswer, match="takes 200"):
        compare_reconstruction(noise[:50], noise[:50])


def test_the_energy_table_follows_and_the_text_does_not() -> None:
    rows = {row.bits: row for row in energy_table()}
    assert [round(row.ratio) for row in rows.values()] == [308, 1143, 4303, 16384]
    assert all(row.agrees for row in rows.values())
    assert round(ratio_of_states(10_000)) == 2680
    assert round(energy_ratio_digits(10_000)) == 3009
    assert energy_ratio(10_000) == math.inf
    assert rows[16].update_ratio == 4.0  # n switchings over log2 n, where an update costs what it costs


def test_four_numbers_hold_a_hash_less_what_floats_lose() -> None:
    digest = sha256(b"x").digest()
    numbers = encoded(digest)
    assert numbers.shape == (4,)
    assert np.all((numbers >= 0) & (numbers <= 1))
    assert decoded(numbers)[:6] == digest[:6]
    assert 4 * 50 <= bits_kept(digest) < 256
    with pytest.raises(ValueError, match="32 bytes"):
        encoded(b"short")


def test_the_command(
    published: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s9.asicrc"
    import_file(published("s9_shares.csv"), path)
    assert _run(["papers", str(path), "--jitter-us", "500", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["hamming"]["forced_zeros"] == 40
    assert said["hamming"]["verdict"] == "refuted"
    assert said["printed_entropy"]["invariant"] is False
    assert said["k_sync"]["invariant"] is False
    assert said["energy"]["ratio_of_these_states"] == pytest.approx(2680, abs=1)
    assert said["phase_amplitude"]["verdict"] == "refuted"
    assert said["scrambling"]["verdict"] == "refuted"
    assert said["unanswered"] == {}
    assert _run(["papers"]) == 0
    assert "no record was given" in capsys.readouterr().out


def test_a_sweep_of_an_ideal_twin_has_no_transition(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, path = tmp_path / "sweep.toml", tmp_path / "sweep.asicrc"
    plan.write_text(
        'name = "voltage"\norder = "random"\nseed = 1\n[settings]\ndifficulty = 32\n'
        "[grid]\nvoltage_mv = { from = 8000, to = 9350, step = 150 }\n[dwell]\nduration_s = 5\n"
    )
    assert _run(["sweep", str(plan), "-d", "twin:s9?kind=ideal&seed=1", "-o", str(path), "--json"]) == 0
    capsys.readouterr()
    assert _run(["papers", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["sweep"]["points"] == 10
    assert said["sweep"]["transition"]["verdict"] != "supported"
    assert said["sweep"]["regimes"] is None  # fewer than 20 points
    assert "name one of its points" in said["unanswered"]["hamming"]


def test_a_few_stamps_are_too_few_for_what_comes_behind_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("t_s\n0\n1\n3\n")
    report = PapersReport()
    _of_stream(report, read_event_source(path), seed=1)
    assert "2 intervals" in report.unanswered["phase_amplitude"]
