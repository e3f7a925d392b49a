"""Claims that published data decide, the files that they take, and files that are none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from asking import ask, number, verdicts

from asicrc.claims.planning import Sources
from asicrc.claims.procedures import (
    filter_windows,
    hash_rounds,
    procedures,
    published_shares,
    telemetry_score,
    three_machines,
)
from asicrc.claims.procedures.deciding import FROM_DATA
from asicrc.claims.registry import CLAIMS, PUBLISHED_FILES
from asicrc.claims.run import run_claims
from asicrc.errors import AsicrcError, BadFile, NoAnswer, UsageError
from asicrc.evidence import Estimate, EvidenceVerdict

ALL = (
    *published_shares.PROCEDURES,
    *(one for one in hash_rounds.PROCEDURES if one.claim == "H05"),
    *filter_windows.PROCEDURES,
    *telemetry_score.PROCEDURES,
    *three_machines.PROCEDURES,
)
FROM_FILES_ALONE = ("H01", "H03", "H04", "S05", "S12", "S20", "S24")
Published = Callable[[str], Path]


@pytest.fixture
def folder(published: Published) -> Path:
    return published("s9_shares.csv").parent


def test_the_shares_of_an_s9_have_no_heartbeat(folder: Path) -> None:
    found = ask(ALL, "H04", folder)
    assert found.source == FROM_DATA
    assert verdicts(found) == ("refuted", "refuted")
    assert number(found, "depth at 2.35") < 0.25
    assert found.smallest_effect is not None
    assert found.smallest_effect < 0.25  # or nothing could be refuted
    assert number(found, "depth, published control with 2.4 Hz") > 0.5
    assert "with 2.4 Hz put in: supported" in found.note
    assert "without: not resolved" in found.note


@pytest.mark.long
def test_the_cv_departs_and_the_dispatch_explains_it(folder: Path) -> None:
    law, entropy = (ask(ALL, claim, folder) for claim in ("H01", "H03"))
    assert verdicts(law) == ("supported", "not resolved")
    assert number(law, "CV of the intervals") == pytest.approx(0.813 - 0.994, abs=0.002)
    assert abs(number(law, "CV of the latencies beyond")) < 0.05
    assert verdicts(entropy) == ("refuted", "not resolved")
    printed = [
        number(entropy, f"entropy as printed, latencies in {unit}") for unit in ("s", "ms", "us", "min")
    ]
    assert max(printed) - min(printed) > 1


def test_the_shares_tell_nothing_of_their_hashes(folder: Path) -> None:
    found = ask(ALL, "S20", folder)
    assert verdicts(found) == ("not resolved", "not resolved")
    assert number(found, "AUC of the latency for the deepest 50") == pytest.approx(0.484, abs=0.005)
    assert found.smallest_effect == pytest.approx(0.04, abs=0.005)  # more than the margin of 0.02
    assert "10,000 shares of each class" in found.needs


def test_shares_differ_in_half_of_their_free_bits(folder: Path) -> None:
    found = ask(ALL, "H05", folder)
    assert verdicts(found) == ("supported", "supported")
    assert number(found, "mean distance, shares of an S9, 40 zeros") == pytest.approx(108, abs=0.5)


def test_the_telemetry_is_a_constant(folder: Path) -> None:
    found = ask(ALL, "S05", folder)
    assert verdicts(found) == ("supported", "refuted")
    assert (
        number(found, "score of a constant, by the range") == 0.1702248538958506
    )  # as printed, to all digits
    assert number(found, "rows of states that differ") == 1
    assert number(found, "score of a constant in runs of 500") == pytest.approx(0.196, abs=0.01)
    assert found.nulls[0].p_value == pytest.approx(0.23, abs=0.07)


@pytest.mark.long
def test_telemetry_with_states_is_scored(folder: Path, tmp_path: Path) -> None:
    """The same run with states that know the target would be another matter."""
    lines = (folder / "lv06_narma10_telemetry_v1.csv").read_text().splitlines()
    rng = np.random.default_rng(1)
    told = [
        lines[0] + ",told",
        *(f"{line},{float(line.split(',')[2]) + rng.normal(0, 0.01)}" for line in lines[1:]),
    ]
    (tmp_path / "lv06_narma10_telemetry_v1.csv").write_text("\n".join(told))
    assert verdicts(ask(ALL, "S05", tmp_path)) == ("supported", "supported")


def test_the_filter_on_windows(folder: Path) -> None:
    found = ask(ALL, "S11", folder)
    assert verdicts(found) == ("supported", "refuted")
    assert number(found, "96 of 100 windows") == pytest.approx(88.5)
    assert "already had a share" in found.note
    alone = ask(ALL, "S11")
    assert verdicts(alone) == ("supported", "not testable here")
    assert "tpf_continuous_dataset.csv" in alone.needs


def test_the_network_reads_its_label(folder: Path) -> None:
    found = ask(ALL, "S12", folder)
    assert verdicts(found) == ("supported", "refuted")
    texts = {one.name: one.value for one in found.reproduced}
    assert texts["confusion"] == "[[23, 0], [0, 7]]"
    assert texts["confusion, balanced windows"] == "[[19, 0], [4, 0]]"
    assert number(found, "parameters") == 241
    recall = texts["recall, of the hits tested"]
    assert isinstance(recall, Estimate)
    assert 1 - recall.low == pytest.approx(0.41, abs=0.01)  # 7 of 7: two-sided, one-sided it is 0.35
    following = texts["AUC for the next window, continuous windows"]
    assert isinstance(following, Estimate)
    assert following.low < 0.5 < following.high
    assert "not 297" in found.note


def test_machines_that_hash_something_else(folder: Path) -> None:
    found = ask(ALL, "S24", folder)
    assert verdicts(found) == ("not testable here", "refuted")
    texts = {one.name: one.value for one in found.reproduced}
    assert number(found, "published proofs of the S9") == number(found, "published proofs of the LV06") == 1
    assert number(found, "CV of the response times") == pytest.approx(0.80, abs=0.005)
    assert number(found, "CV of job to share, S9") == pytest.approx(0.821, abs=0.005)  # 0.834 with duplicates
    assert number(found, "CV of job to share, LV06") == pytest.approx(0.98, abs=0.01)
    assert texts["a block of LBRY meets its target by LBRY's hash"] == "yes"
    assert texts["the same block by SHA-256d"] == "no"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_all_that_arithmetic_and_published_data_decide(folder: Path) -> None:
    """As a run has them, whatever else the folder holds; S29 is of no kind that is decided here."""
    ids = [name for name, claim in CLAIMS.items() if set("AD") & set(claim.kind)]
    run = run_claims(ids, Sources(data=folder), procedures=procedures(), budget_s=3600.0)
    found = {
        one["id"]: (one["value_verdict"], one["interpretation_verdict"]) for one in run.as_json()["claims"]
    }
    assert found == {
        "H04": ("refuted", "refuted"),
        "H12": ("refuted", "refuted"),
        "S03": ("refuted", "not resolved"),
        "S05": ("supported", "refuted"),
        "S09": ("supported", "refuted"),
        "S10": ("supported", "refuted"),
        "S11": ("supported", "refuted"),
        "S12": ("supported", "refuted"),
        "S13": ("supported", "refuted"),
        "S16": ("refuted", "refuted"),
        "S24": ("not testable here", "refuted"),
        "S25": ("refuted", "refuted"),
        "S27": ("refuted", "refuted"),
    }


@pytest.mark.parametrize("claim", FROM_FILES_ALONE)
def test_without_its_file_a_claim_says_where_it_is(claim: str, tmp_path: Path) -> None:
    for data in (None, tmp_path):
        found = ask(ALL, claim, data)
        assert verdicts(found) == ("not testable here", "not testable here")
        assert "--data DIR with " in found.needs
        assert "https://github.com/Agnuxo1/" in found.needs


def test_names_as_published_do_as_well(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "s9_shares.csv", tmp_path / PUBLISHED_FILES["s9_shares.csv"].published_as)
    assert ask(ALL, "H04", tmp_path).value_verdict is EvidenceVerdict.REFUTED
    assert "s9_training_data_raw.csv" in ask(ALL, "H04").needs


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for bad in (tmp_path / "file", tmp_path / "absent"):
        with pytest.raises(UsageError, match="no folder"):
            ask(ALL, "S05", bad)


JUNK = {
    "empty": b"",
    "binary": b"\x00\xff\xfe" * 50,
    "html": b"<!DOCTYPE html><html><body>404</body></html>\n",
    "json": b'{"raw_response_times": [1, "a", null]}',
    "deep json": b"[" * 100_000,
    "header": b"timestamp,job_id,jitter_ms,version,prevhash,coinb1\n",
    "numbers": b"step,u_input,y_target,a\n" + b"1,1e308,-1e308,nan\n" * 300,
    "still": b"step,u_input,y_target,a\n" + b"1,0.1,0.2,0.3\n" * 300,
    "huge": b"window_shares,share_count,jitter_mean,jitter_std,label\n" + b"1,1,1e300,1e300,1\n" * 200,
}


@pytest.mark.parametrize("junk", JUNK)
def test_files_that_are_none_are_refused(junk: str, tmp_path: Path) -> None:
    """An error for a person, or nothing can be said."""
    for name in PUBLISHED_FILES:
        (tmp_path / name).write_bytes(JUNK[junk])
    for claim in ("H05", *FROM_FILES_ALONE, "S11"):
        _refused(claim, tmp_path)


def test_second_files_that_are_none_are_refused(folder: Path, tmp_path: Path) -> None:
    for name in PUBLISHED_FILES:
        (tmp_path / name).write_bytes(JUNK["html"])
    shutil.copy(folder / "s9_shares.csv", tmp_path)
    for claim in ("H04", "S24"):
        _refused(claim, tmp_path)
    shutil.copy(folder / "lv06_proofs_v10.csv", tmp_path)
    _refused("S24", tmp_path)


def _refused(claim: str, data: Path) -> None:
    try:
        found = ask(ALL, claim, data)
    except AsicrcError as error:
        assert error.message
    else:
        assert found.interpretation_verdict is EvidenceVerdict.NOT_TESTABLE_HERE


def test_a_file_cut_short(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "s9_shares.csv").read_text().splitlines()
    (tmp_path / "s9_shares.csv").write_text("\n".join(whole[:15]))
    for claim in ("H01", "H03", "H04", "S20"):
        found = ask(ALL, claim, tmp_path)
        assert verdicts(found) == ("not testable here", "not testable here")
        assert found.note


def test_response_times_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "lv06_sync_20251224.json"
    for times, error, said in (
        ([0.5, 0.7], NoAnswer, "no CV to speak of"),
        ([[1.0]], BadFile, "no table of response times"),
        ([0.0] * 30, BadFile, "above 0"),
        (None, BadFile, "no table of response times"),
    ):
        path.write_text(json.dumps({"raw_response_times": times}))
        with pytest.raises(error, match=said):
            three_machines._sync_cv(path)
