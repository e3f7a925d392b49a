"""`asicrc claims`: its words, its JSON, its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fake_procedures import fake, supported

import asicrc.claims.procedures
from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.procedure import Context, Cost, Procedure
from asicrc.claims.registry import CLAIMS, IDS
from asicrc.cli.main import _run

ROW_KEYS = {
    "id",
    "kind",
    "claimed",
    "reproduced",
    "nulls",
    "value_verdict",
    "interpretation_verdict",
    "instrument",
    "source",
    "smallest_effect",
    "needs",
}


@pytest.fixture(autouse=True)
def few_procedures(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_: object) -> Any:
        raise ZeroDivisionError("by 0")

    crashing = Procedure("H13", frozenset({"twin"}), answer, lambda _source, _context: Cost())
    known = (fake("H12"), fake("H05"), fake("H04", "twin"), fake("S14", "twin", cost=Cost(9e5)), crashing)
    monkeypatch.setattr(asicrc.claims.procedures, "procedures", lambda: known)


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = _run(["claims", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_list_has_a_line_for_each_claim(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ask(capsys, "list")
    assert code == 0
    assert re.findall(r"^([HS]\d\d)  ", out, re.M) == list(IDS)
    assert "echo-state" in out
    code, out, _ = ask(capsys, "list", "--kind", "d", "--json")
    found = json.loads(out)["claims"]
    assert [one["id"] for one in found] == ["H04", "S05", "S10", "S11", "S12", "S24"]
    assert set(found[0]) >= {"margin", "supports", "refutes", "where", "experiment"}
    code, out, err = ask(capsys, "list", "--kind", "Z")
    assert code == 2
    assert "no claim is of kind 'Z'" in err


def test_one_claim_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ask(capsys, "show", "h04")
    assert code == 0
    said = " ".join(out.split())
    assert CLAIMS["H04"].supports in said
    assert "2,588 events" in said
    assert "\x1b" not in out
    assert ask(capsys, "show", "H99")[0] == 2


def test_json_of_a_run_has_the_promised_form(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ask(capsys, "run", "H12", "H04", "S29", "--twin", "planted", "--jobs", "1", "--json")
    assert code == 0
    found = json.loads(out)
    assert out.count("\n") == 1
    assert found["source"] == "computation, twin planted"
    assert found["planted"] == ["a beat"]
    assert [claim["id"] for claim in found["claims"]] == ["H04", "H12", "S29"]
    assert all(set(claim) >= ROW_KEYS for claim in found["claims"])
    h04, h12, s29 = found["claims"]
    assert (h04["value_verdict"], h04["instrument"]["verdict"]) == ("not testable here", "validated")
    assert (h12["value_verdict"], h12["instrument"]) == ("supported", None)
    assert (s29["state"], s29["source"]) == ("no source", "none")
    assert "[1/2]" in err, "progress goes beside the result"


def test_the_table_is_grouped_by_paper(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ask(capsys, "run", "--twin", "ideal", "--jobs", "1", "--budget", "1h")
    assert code == 1, "a procedure crashed"
    first, second = out.index("arXiv 2601.01916"), out.index("arXiv 2601.12032")
    assert first < out.index("H04  E, D") < second < out.index("S14  E")
    assert re.search(r"^H04 .* not testable here\s+validated$", out, re.M)
    assert re.search(r"^H13 .* failed\s+failed\s+-$", out, re.M)
    assert re.search(r"^S14 .* not run\s+not run\s+-$", out, re.M)
    assert "H13  Failed: ZeroDivisionError: by 0." in out
    assert "\x1b" not in out


def test_a_crash_is_said_by_id_with_its_reason_and_makes_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = ask(capsys, "run", "H12", "H13", "--twin", "ideal", "--jobs", "1", "--json")
    assert code == 1
    found = json.loads(out)["claims"]
    assert [claim["state"] for claim in found] == ["answered", "failed"]
    assert found[1]["reason"] == "ZeroDivisionError: by 0"
    assert "error: H13: ZeroDivisionError: by 0" in err
    assert "Traceback" in err


def test_a_dry_run_runs_nothing_and_says_what_would(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ask(capsys, "run", "--twin", "ideal", "--dry-run", "--budget", "2h", "--jobs", "2")
    assert code == 0
    run, rest = out.split("would not be asked")
    assert re.findall(r"^  ([HS]\d\d)", run, re.M) == ["H04", "H05", "H12", "H13"]
    assert "beyond the 2.0 h there are" in rest
    assert "20 devices of one model" in rest
    code, out, _ = ask(capsys, "run", "--twin", "ideal", "--dry-run", "--json")
    found = {one["id"]: one for one in json.loads(out)["claims"]}
    assert found["H04"]["runs"]
    assert found["H04"]["sources"] == ["twin"]
    assert not found["S14"]["runs"]


def test_a_dry_run_asks_the_device_what_tonight_can_resolve(capsys: pytest.CaptureFixture[str]) -> None:
    device = "twin:lv06?kind=ordinary&seed=1"
    code, out, _ = ask(capsys, "run", "--device", device, "--dry-run", "--budget", "8h", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["device"]["model"] == "LV06"
    assert found["device"]["events_per_s"] == pytest.approx(0.45, abs=0.1)
    prospects = {one["id"]: one for one in found["prospects"]}
    assert prospects["H04"]["resolvable"]
    assert prospects["H04"]["hours"] == pytest.approx(2588 / 0.447 / 3600, rel=0.05)
    assert "direct line" in prospects["H13"]["hindrance"]
    assert "8 h" in prospects["S01"]["hindrance"]
    assert "20 devices" in prospects["H17"]["hindrance"]
    code, out, _ = ask(capsys, "run", "H04", "S01", "--device", device, "--dry-run")
    able, unable = out.split("cannot be resolved here")
    assert "H04" in able
    assert "S01" in unable


def test_one_capture_of_a_device_answers_all_that_captures_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def counting(claim: str) -> Procedure:
        def answer(context: Context) -> ClaimOutcome:
            assert context.capture is not None
            return supported(claim, "device", note=f"{len(context.capture.events())} events.")

        return fake(claim, "capture", answer=answer)

    def driving(context: Context) -> ClaimOutcome:
        rate = context.events_per_s
        return supported("H06", "device", note=f"{context.device_url} at {rate:.2f} a second.")

    driven = fake("H06", "device", answer=driving, cost=Cost(device_hours=0.1))
    known = (counting("H04"), counting("S14"), driven, fake("H12"))
    monkeypatch.setattr(asicrc.claims.procedures, "procedures", lambda: known)
    monkeypatch.chdir(tmp_path)
    code, out, err = ask(capsys, "run", "-d", "twin:lv06?seed=1", "--budget", "0.2h", "--jobs", "1", "--json")
    assert code == 0
    (capture,) = tmp_path.glob("*.asicrc")
    assert f"capturing 357 s into {capture.name}" in err, "what driving and computing leave"
    found = {claim["id"]: claim for claim in json.loads(out)["claims"]}
    events = int(found["H04"]["note"].split()[0])
    assert 90 < events < 250
    assert found["S14"]["note"] == found["H04"]["note"]
    assert found["H06"]["note"].startswith("twin:lv06?seed=1 at 0.4")
    assert found["H12"]["value_verdict"] == "supported"


def test_answers_are_kept_for_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "run.json"
    code, out, _ = ask(capsys, "run", "H12", "--output", str(kept), "--json")
    assert code == 0
    assert json.loads(kept.read_text()) == json.loads(out)
    code, out, err = ask(capsys, "run", "H12", "--output", str(kept))
    assert code == 2
    assert "exists already" in err
    page = tmp_path / "run.html"
    code, out, _ = ask(capsys, "report", str(kept), "--json")
    assert code == 0
    assert json.loads(out) == {"path": str(page)}
    assert "H12" in page.read_text()
    assert ask(capsys, "report", str(tmp_path / "none.json"), "-o", str(page))[0] == 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run", "H99"], 2, "neither a claim nor an experiment"),
        (["run", "--twin", "evil"], 2, "no twin is called"),
        (["run", "--twin", "ideal", "--device", "sim:bm1366"], 2, "a device, a capture, or a twin"),
        (["run", "--data", "/nonexistent"], 2, "no folder"),
        (["run", "S01", "--output", "/nonexistent/a.json"], 6, "no such folder"),
        (["run", "--capture", "/nonexistent.asicrc"], 4, "there is no file"),
        (["run", "--budget", "soon"], 2, "not a duration"),
    ],
)
def test_what_cannot_be_asked(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, _, err = ask(capsys, *words)
    assert found == code
    assert said in err


def test_a_claim_that_nothing_can_decide_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ask(capsys, "run", "S29")
    assert code == 1
    assert "not testable here" in out


def test_text_of_a_procedure_cannot_drive_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = fake("H12", answer=lambda _: supported("H12", note="red \x1b[31m here"))
    monkeypatch.setattr(asicrc.claims.procedures, "procedures", lambda: (wild,))
    _, out, _ = ask(capsys, "run", "H12")
    assert "\x1b" not in out
    assert "\\x1b" in out
