"""Claims of arithmetic: the figures worked out by hand, and verdicts that follow the figures."""

from __future__ import annotations

import numpy as np
import pytest
from asking import ask, number, verdicts

from asicrc.claims.printed_sweep import PrintedPoint
from asicrc.claims.procedures import filter_arithmetic, first_paper_formulas, hardware_figures, procedures
from asicrc.claims.procedures.deciding import all_hold, spread_of_runs, within_margin
from asicrc.evidence import Estimate, EvidenceVerdict

FILTER = filter_arithmetic.PROCEDURES
HARDWARE = hardware_figures.PROCEDURES
SUPPORTED, REFUTED = EvidenceVerdict.SUPPORTED, EvidenceVerdict.REFUTED


def test_what_aborting_everything_saves() -> None:
    found = ask(FILTER, "S09")
    assert verdicts(found) == ("supported", "refuted")
    assert number(found, "saving, n = 64") == 92.1875  # 59 of 64
    assert number(found, "the same with n = 128") == 96.09375  # 123 of 128
    assert number(found, "blocks per energy when everything") == 0
    assert number(found, "blocks per energy of a filter by chance") <= 1


def test_an_equivalent_hash_rate_takes_recall() -> None:
    found = ask(FILTER, "S13")
    assert verdicts(found) == ("supported", "refuted")
    assert number(found, "n / k") == 12.8
    assert number(found, "gain at AUC 0.7") == pytest.approx(1.04, abs=0.005)
    assert number(found, "gain at AUC 0.9") == pytest.approx(1.37, abs=0.005)
    assert number(found, "gain at AUC 0.502, best") < 1.01


def test_the_gain_of_an_auc_is_that_of_drawn_scores() -> None:
    rng = np.random.default_rng(1)
    hits, others = rng.normal(1.8124, 1, 200_000), rng.normal(0, 1, 200_000)
    assert np.mean(hits[:50_000] > others[:50_000]) == pytest.approx(0.9, abs=0.005)
    threshold = np.quantile(hits, 0.01)
    cost = 5 / 64 + 59 / 64 * np.mean(others > threshold)
    assert filter_arithmetic.gain_of_auc(0.9, 0.99) == pytest.approx(0.99 / cost, rel=0.01)
    assert filter_arithmetic.gain_of_auc(0.9) >= filter_arithmetic.gain_of_auc(0.9, 0.99)


def test_two_figures_of_no_one_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ask(FILTER, "S16")
    assert verdicts(found) == ("refuted", "refuted")
    values = {one.name: one.value for one in found.reproduced}
    assert values["saving as printed"] == 94.140625
    assert values["the same as printed"] == pytest.approx(17.0667, abs=1e-4)
    assert values["saving with one accounting"] == 93.75
    assert values["the same with one accounting"] == pytest.approx(16.0)
    assert values["the same as printed, from the 88.5 % of the LV06"] == pytest.approx(11.594, abs=1e-3)
    monkeypatch.setattr(filter_arithmetic, "COMBINED_PER_CENT", 93.75)
    assert ask(FILTER, "S16").value_verdict is SUPPORTED  # what one accounting gives, had it been printed


def test_terawatt_hours_are_not_decided_here() -> None:
    found = ask(FILTER, "S29")
    assert verdicts(found) == ("not testable here", "not testable here")
    assert number(found, "mining's energy for 2 TWh a year, at the certain") == pytest.approx(2 / (3 / 128))
    assert number(found, "mining's energy for 4 TWh a year, at the claimed") == pytest.approx(4 * 64 / 59)
    assert found.needs


def test_the_energy_table_follows_and_the_text_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ask(first_paper_formulas.PROCEDURES, "H12")
    assert verdicts(found) == ("refuted", "refuted")
    assert [round(number(found, f"ratio for {bits} bits, all")) for bits in (10, 12, 14, 16)] == [
        *(308, 1143, 4303, 16384),
    ]
    assert round(number(found, "ratio for 10^4 states")) == 2680
    assert number(found, "ratio for 16 bits where an update") == 4
    monkeypatch.setattr(first_paper_formulas, "CLAIMED_RATIO", 2680.0)
    assert ask(first_paper_formulas.PROCEDURES, "H12").value_verdict is SUPPORTED


def test_the_hardware_table(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ask(HARDWARE, "S25")
    assert verdicts(found) == ("refuted", "refuted")
    assert number(found, "S9 at 525 MHz") == pytest.approx(189 * 114 * 525e6 / 1e12)
    assert number(found, "clock at which") == pytest.approx(649.8, abs=0.1)
    assert number(found, "LV06") == pytest.approx(38461.5, abs=0.1)
    assert number(found, "cores of a BM1366") == 112
    assert number(found, "small cores") == 894
    for name, right in (
        ("PRINTED_THS", 11.3),
        ("LV06_PRINTED_MHS_A_W", 38_500.0),
        ("BM1366_PRINTED_CORES", 112),
    ):
        assert ask(HARDWARE, "S25").value_verdict is REFUTED  # one wrong figure is enough
        monkeypatch.setattr(hardware_figures, name, right)
    assert verdicts(ask(HARDWARE, "S25")) == ("supported", "supported")


def test_samples_in_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ask(HARDWARE, "S27")
    assert verdicts(found) == ("refuted", "refuted")
    counts = [one.value for one in found.reproduced if one.name.startswith("shares in 300 s")]
    assert [round(float(count)) for count in counts if not isinstance(count, (str, Estimate))] == [
        *(294, 845, 28, 119),
    ]
    assert number(found, "highest difficulty") == pytest.approx(79.0, abs=0.1)
    monkeypatch.setattr(hardware_figures, "TABLE_6", (PrintedPoint(8200.0, 575.0, 64.0, 0.71),))
    assert verdicts(ask(HARDWARE, "S27")) == ("supported", "supported")


def test_rules_of_deciding() -> None:
    def at(low: float, high: float) -> Estimate:
        return Estimate((low + high) / 2, low, high, 9, method="given")

    assert within_margin(at(0.96, 1.04), 1.0, 0.05) is SUPPORTED
    assert within_margin(at(0.96, 1.06), 1.0, 0.05) is EvidenceVerdict.NOT_RESOLVED
    assert within_margin(at(1.06, 1.2), 1.0, 0.05) is REFUTED
    assert within_margin(at(0.1, 0.94), 1.0, 0.05) is REFUTED
    assert all_hold([SUPPORTED, EvidenceVerdict.NOT_RESOLVED]) is EvidenceVerdict.NOT_RESOLVED
    assert all_hold([SUPPORTED, REFUTED, EvidenceVerdict.NOT_RESOLVED]) is REFUTED
    assert all_hold([SUPPORTED]) is SUPPORTED
    runs = np.random.default_rng(3).lognormal(0, 0.4, 2000)
    spread = spread_of_runs(runs.tolist())
    assert np.mean((runs > spread.low) & (runs < spread.high)) == pytest.approx(0.95, abs=0.01)


def test_every_procedure_states_what_it_takes() -> None:
    """Of the claims that arithmetic, computation or published data decide, none is left out."""
    known = {procedure.claim: procedure for procedure in procedures()}
    decided = (
        *("H05", "H10", "H12", "H19", "H20", "S01", "S02", "S03", "S05", "S09", "S10", "S11", "S12", "S13"),
        *("S16", "S17", "S18", "S19", "S21", "S23", "S24", "S25", "S27", "S29"),
    )
    assert set(decided) <= set(known)
