"""Registers after k rounds, the certain saving, and the command over them."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from asicrc.cli.main import _run
from asicrc.engines import engine
from asicrc.errors import UsageError
from asicrc.evidence import EvidenceVerdict
from asicrc.filtering.certain_abort import certain_abort
from asicrc.filtering.round_data import bits, meets, round_batches
from asicrc.filtering.round_study import study_rounds


def test_hits_and_others_are_what_they_are_called() -> None:
    batches = list(round_batches(300, 8, [128], np.random.SeedSequence(3)))
    hit = np.concatenate([batch.hit for batch in batches])
    assert hit.sum() == 300 == len(hit) - 300
    final = np.concatenate([batch.states[0] for batch in batches], axis=1)
    assert np.array_equal(meets(final[7], 8), hit)


def test_meeting_a_target_is_what_hashlib_says() -> None:
    header = np.random.default_rng(8).bytes(80)
    states = engine("round_states")(header, np.arange(3000), [125])
    by_rule = meets(states[0, 4], 6)
    for nonce in range(3000):
        digest = hashlib.sha256(hashlib.sha256(header[:76] + nonce.to_bytes(4, "little")).digest()).digest()
        assert by_rule[nonce] == (int.from_bytes(digest, "little") >> 250 == 0)


def test_bits_are_those_of_the_registers() -> None:
    registers = np.array([[1 << k for k in range(8)], *[[0] * 8] * 6, [0xFFFFFFFF] * 8], np.uint32)
    as_bits = bits(registers)
    assert as_bits.shape == (8, 256)
    for row in range(8):
        assert np.flatnonzero(as_bits[row, :32]).tolist() == [row]
    assert as_bits[:, 224:].all()
    assert not as_bits[:, 32:224].any()


def test_no_nonce_no_test_and_certainty_at_the_end() -> None:
    study = study_rounds([1, 3, 4, 69, 124, 125, 128], zero_bits=6, per_kind=4000, seed=5)
    scores = {score.rounds_before: score for score in study.scores}
    for k in (1, 3):
        assert scores[k].value_verdict is EvidenceVerdict.NOT_TESTABLE_HERE
        assert "no nonce" in scores[k].reason
    for k in (4, 69, 124):
        found = scores[k].discrimination
        assert found is not None
        assert found.auc.low <= 0.5 <= found.auc.high
        assert scores[k].interpretation_verdict is not EvidenceVerdict.SUPPORTED
    for k in (125, 128):
        found, done = scores[k].discrimination, scores[k].filter_account
        assert found is not None
        assert done is not None
        assert done.recall is not None
        assert found.auc.estimate == done.recall.estimate == 1.0
        assert scores[k].value_verdict is EvidenceVerdict.SUPPORTED
    answer = study.as_json()
    assert answer["tried"] == 5
    assert {
        "k",
        "hits",
        "recall",
        "low",
        "high",
        "continue_rate",
        "saving",
        "gain",
        "auc",
        "auc_low",
        "auc_high",
    } <= set(answer["scores"][3])
    assert set(answer["scores"][3]["baselines"]) == {"abort_all", "random_abort", "continue_all", "majority"}


def test_a_planted_leak_is_found() -> None:
    study = study_rounds([69], zero_bits=4, per_kind=20_000, train_per_kind=20_000, planted_auc=0.55)
    found = study.scores[0].discrimination
    assert found is not None
    assert found.auc.low > 0.51
    assert study.scores[0].value_verdict is EvidenceVerdict.SUPPORTED


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_leak_of_0_52_is_found_and_its_absence_shown() -> None:
    """At 300,000 of either kind the interval is 0.0015 wide each way, inside the margin of 0.002."""
    sizes = {"zero_bits": 4, "per_kind": 300_000, "train_per_kind": 100_000, "threads": 2}
    planted = study_rounds([69], planted_auc=0.52, **sizes).scores[0]  # type: ignore[arg-type]
    assert planted.value_verdict is EvidenceVerdict.SUPPORTED
    plain = study_rounds([69], **sizes).scores[0]  # type: ignore[arg-type]
    assert plain.discrimination is not None
    assert plain.discrimination.auc.high - plain.discrimination.auc.low < 0.0032
    assert plain.value_verdict in (EvidenceVerdict.REFUTED, EvidenceVerdict.NOT_RESOLVED)


def test_what_is_saved_for_sure() -> None:
    certain = certain_abort(np.random.SeedSequence(1))
    assert (certain.nonce_free, certain.without_a, certain.after_the_end) == (3, 4, 3)
    assert certain.after_the_end_share == pytest.approx(0.0234, abs=1e-4)
    assert certain.with_halves_share == pytest.approx(0.0391, abs=1e-4)
    assert certain.with_nonce_free_share == pytest.approx(0.0469, abs=1e-4)
    assert certain.checked == 4000


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": [0]},
        {"rounds": [129]},
        {"rounds": []},
        {"zero_bits": 0},
        {"zero_bits": 33},
        {"per_kind": 10},
        {"train_per_kind": 1},
        {"planted_auc": 0.5},
        {"planted_auc": 1.0},
    ],
)
def test_studies_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        study_rounds(**wrong)  # type: ignore[arg-type]


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["tpf", "study", "--rounds", "2,69,125", "--zero-bits", "4", "--per-class", "1000"]
    assert _run([*command, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [score["value_verdict"] for score in answer["scores"]][::2] == ["not testable here", "supported"]
    assert answer["certain"]["checked_hashes"] == 4000
    assert _run(command) == 0
    said = capsys.readouterr().out
    assert "no nonce" in said
    assert "for sure: 3 of 128 rounds" in said
    assert _run(["tpf", "study", "--rounds", "5,x"]) == 2
    assert "are no rounds" in capsys.readouterr().err


def test_the_published_twin(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["tpf", "twin", "--json"]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert runs[0]["expected_hits"] == pytest.approx(0.0191, abs=1e-4)
    for run in runs:
        assert run["kept"] == 0
        assert run["saving"] == 0.921875
    assert runs[-1]["hits"] > 4700
    assert _run(["tpf", "twin"]) == 0
    assert "92.1875%" in capsys.readouterr().out


def test_every_k_has_all_keys_and_intervals_for_all_of_them() -> None:
    said: list[str] = []
    study = study_rounds([2, 16, 128], zero_bits=3, per_kind=200, say=said.append)
    nothing, something, _ = study.as_json()["scores"]
    assert set(nothing) == set(something)
    assert nothing["hits"] is nothing["gain"] is None
    assert (nothing["rounds_before"], nothing["rounds"]) == (2, 128)
    account = study.scores[1].filter_account
    assert account is not None and account.recall is not None
    assert account.recall.level == pytest.approx(1 - 0.05 / 2), "two of three k were tried"
    assert said[0].startswith("1.9e+03 hashes")


def test_a_study_that_cannot_be_announces_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["tpf", "study", "--per-class", "-5"]) == 2
    assert "are to be scanned" not in capsys.readouterr().err
