"""Reports stand alone, escape whatever a device or a file says, and show what was measured."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest
from pages_read import ReadPage, read_page
from report_samples import HOSTILE, MARKUP, UNSEEN, S, benchmark, claims, plain_capture, sweep_capture

from asicrc.capture.point_capture import load_point
from asicrc.capture.reader import load
from asicrc.cli.main import _run
from asicrc.errors import BadFile, StorageError, UsageError
from asicrc.printable import printable
from asicrc.report.html import style_sheet, write_report
from asicrc.report.html.capture_page import _recorded_s
from asicrc.report.html.capture_parts import readings_of

KINDS = ("capture", "sweep", "benchmark", "claims")
ALLOWED = frozenset("""
    html head meta title style body a header nav main section article footer p h1 h2 h3 ul li b bdi span div
    dl dt dd figure figcaption table caption thead tbody tr th td pre code img svg g path use defs rect circle
    clippath pattern
""".split())  # noqa: SIM905  # fmt: skip
SAID = HOSTILE + UNSEEN


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ReadPage]:
    """Of every kind a page in which each word that a device or a file can say is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    subjects = {
        "capture": plain_capture(folder / "capture.asicrc", n=120, text=SAID),
        "sweep": sweep_capture(folder / "sweep.asicrc", text=SAID),
        "benchmark": benchmark(SAID),
        "claims": claims(SAID),
    }
    for kind, subject in subjects.items():
        write_report(subject, folder / f"{kind}.html", command=["asicrc", SAID])
    return {kind: read_page(folder / f"{kind}.html") for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_loaded_and_nothing_runs(hostile: dict[str, ReadPage], kind: str) -> None:
    page = hostile[kind]
    assert {tag for tag, _ in page.elements} <= ALLOWED
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,")), (tag, attributes)
    (policy,) = [m["content"] for m in page.named("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'", f"style-src 'sha256-{digest}'", "img-src data:", "base-uri 'none'",
        "form-action 'none'",
    ]  # fmt: skip
    assert page.style == style_sheet()
    assert "url(" not in page.style and "@import" not in page.style


@pytest.mark.parametrize("kind", KINDS)
def test_strings_are_shown_as_they_are_with_what_does_not_print_made_visible(
    hostile: dict[str, ReadPage], kind: str
) -> None:
    page = hostile[kind]
    shown = page.text + page.title + "".join(str(attributes) for _, attributes in page.elements)
    assert all(c.isprintable() or c in "\n\N{NO-BREAK SPACE}" for c in page.text + page.title)
    assert page.text.count(" ".join(printable(SAID).split())) >= 3
    assert "{{ 7 * 7 }}" in shown
    assert "&lt;script" not in page.text, "escaped twice"
    assert MARKUP in page.text


@pytest.mark.parametrize("kind", KINDS)
def test_page_has_landmarks_headings_captions_and_text_for_figures(
    hostile: dict[str, ReadPage], kind: str
) -> None:
    page = hostile[kind]
    tags = [tag for tag, _ in page.elements]
    for landmark in ("header", "nav", "main", "footer", "h1"):
        assert tags.count(landmark) == 1
    levels = [int(tag[1]) for tag in tags if tag in ("h1", "h2", "h3")]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    linked = {attributes["href"][1:] for attributes in page.named("a", "use") if "href" in attributes}
    assert linked <= set(names)
    assert tags.count("table") == tags.count("caption") > 0
    assert all(attributes.get("scope") in ("col", "row", "rowgroup") for attributes in page.named("th"))
    drawings = [attributes for _, attributes in page.elements if attributes.get("role") == "img"]
    assert len(drawings) == tags.count("figure") > 0
    assert all(len(attributes["aria-label"]) > 20 for attributes in drawings)
    assert page.named("html")[0]["lang"] == "en"


def test_capture_has_numbers_settings_provenance_log_and_how_to_run_it_again(tmp_path: Path) -> None:
    path = plain_capture(tmp_path / "night.asicrc", 120)
    with load(path) as capture:
        write_report(capture, tmp_path / "night.html")
        digest = capture.meta["digest"]
    said = read_page(tmp_path / "night.html").text
    for part in (
        "120 events of a statistical model from LV06 LV06", "A simulated device", "CV of the intervals",
        "Kolmogorov-Smirnov", "voltage_mv set 1,200 1,195 differs", "not confirmed",
        f"{digest}: fits the content", "warning LV06", "asicrc capture --device LV06",
        "asicrc verify night.asicrc", "firmware LV06",
        "seed of the work 1", "temperature_c", "not testable here", "2026-01-01 00:00:00 UTC",
    ):  # fmt: skip
        assert part in said, part


def test_capture_that_was_altered_or_is_still_written_says_so_first(tmp_path: Path) -> None:
    path = plain_capture(tmp_path / "a.asicrc", n=20)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE settings SET read_back = 1 WHERE name = 'frequency_mhz'")
    connection.close()
    write_report(path, tmp_path / "a.html")
    assert "The digest does not fit the content" in read_page(tmp_path / "a.html").text
    write_report(plain_capture(tmp_path / "b.asicrc", n=20, seal=False), tmp_path / "b.html")
    said = read_page(tmp_path / "b.html").text
    assert "The capture is not sealed" in said and "state not sealed" in said


def test_sweep_has_every_point_and_says_what_is_missing(tmp_path: Path) -> None:
    path = sweep_capture(tmp_path / "sweep.asicrc")
    write_report(path, tmp_path / "sweep.html")
    said = read_page(tmp_path / "sweep.html").text
    for part in (
        "3 of 4 points were recorded", "voltage_mv, frequency_mhz", "1 point of the plan is missing",
        "point 0.0 1,100 300 as asked done", "aborted", "two clocks", "asicrc resume sweep.asicrc",
    ):  # fmt: skip
        assert part in said, part


def test_numbers_beside_a_point_are_of_its_time_and_not_of_the_sweep(tmp_path: Path) -> None:
    path = sweep_capture(tmp_path / "sweep.asicrc")
    with load_point(path, 2) as point:
        assert _recorded_s(point, {"duration_s": 240.0}) == pytest.approx(60.0)
        told = readings_of(point)
        assert {reading.t_ns // S for reading in told} == {65, 75, 85, 95, 105, 115}
        assert len(told) < len(point.readings()) / 3
    with load_point(plain_capture(tmp_path / "night.asicrc", 20), None) as whole:
        assert _recorded_s(whole, {"duration_s": 9.0}) == 40.0, "with the silence after its last event"
        assert len(readings_of(whole)) == len(whole.readings())


@pytest.mark.long
def test_one_point_of_a_sweep_has_a_page_of_its_own(tmp_path: Path) -> None:
    path = sweep_capture(tmp_path / "sweep.asicrc")
    with load_point(path, 2) as point:
        write_report(point, tmp_path / "one.html")
    said = read_page(tmp_path / "one.html").text
    assert "Point 2 of a sweep" in said and "asicrc report sweep.asicrc --point 2" in said
    assert "in 60 s" in said and "Every event of the whole sweep" in said
    with pytest.raises(UsageError, match="no point 9"):
        write_report(path, tmp_path / "nine.html", point=9)


def test_benchmark_has_every_baseline_and_both_verdicts(tmp_path: Path) -> None:
    result = benchmark()
    write_report(result, tmp_path / "whole.html", command=["asicrc", "benchmark", "narma10"])
    whole = read_page(tmp_path / "whole.html").text
    for name, score in result.scores.items():
        assert f"{name} {score.estimate:.3f}" in whole
    for part in (
        "narma10 on twin:lv06",
        "a miner of the same rates without memory",
        "paired t",
        "Memory by delay",
    ):
        assert part in whole, part
    (tmp_path / "told.json").write_text(json.dumps(result.as_json()))
    write_report(tmp_path / "told.json", tmp_path / "told.html")
    told = read_page(tmp_path / "told.html").text
    assert "not testable here" in told and "poisson_twin" in told and "told.json" in told


def test_claims_have_both_verdicts_their_numbers_and_what_the_open_ones_take(tmp_path: Path) -> None:
    write_report(claims(), tmp_path / "claims.html")
    page = read_page(tmp_path / "claims.html")
    chips = [attributes["data-verdict"] for attributes in page.named("span") if "data-verdict" in attributes]
    for verdict in ("supported", "refuted", "not resolved", "not testable here", "validated"):
        assert verdict in chips
    for part in (
        "4 claims, answered from twin planted", "The run was interrupted", "H04 failed",
        "0.8661 0.90 [0.80, 1.00] 40 NRMSE", "Smallest effect that would have been seen: 0.0500 in CV",
        "Power: 90 [80, 100] % of 40 twins", "asicrc claims run H01 H02 H03 H04",
    ):  # fmt: skip
        assert part in page.text.replace("\N{NO-BREAK SPACE}", " "), part


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x00\x01\x02", "neither a capture nor JSON"),
        (b"[" * 100_000, "neither a capture nor JSON"),
        (b"[1]", "holds no result"),
        (b'{"a": 1}', "holds no result"),
        (
            b'{"error": {"code": "usage", "message": "no device", "hint": null}}',
            "a failure, not a result: no device",
        ),
        (b'{"claims": [{"id": 5}], "source": ""}', "is no run of claims: claims.0.id"),
        (b'{"claims": [], "source": 1e999}', "is no run of claims: source"),
        (b'{"task": "narma10", "scores": [{"name": "u_t"}]}', "is no result of a benchmark"),
        (b'{"task": "x", "scores": [NaN]}', "is no result of a benchmark"),
        (b"SQLite format 3\x00" + b"\x00" * 200, "capture.asicrc"),
    ],
)
def test_what_is_none_of_these_is_a_bad_file(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "capture.asicrc"
    path.write_bytes(content)
    with pytest.raises(BadFile) as met:
        write_report(path, tmp_path / "report.html")
    assert said in met.value.message
    assert not (tmp_path / "report.html").exists()


def test_a_file_that_is_there_is_not_replaced_unless_it_may_be(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        write_report(claims(), target)
    assert target.read_text() == "mine"
    write_report(claims(), target, overwrite=True)
    assert read_page(target).title.endswith("asicrc")
    told = tmp_path / "told.html"
    told.write_text(json.dumps(claims()))
    with pytest.raises(UsageError, match="is what the report would be of"):
        write_report(told, told, overwrite=True)
    with pytest.raises(UsageError, match=r"end it in \.html|no report is written"):
        write_report(claims(), tmp_path / "report.pdf")
    with pytest.raises(StorageError, match="cannot write"):
        write_report(claims(), tmp_path / "nowhere" / "report.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "told.html"]


def test_command_writes_beside_the_file_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("answers.json").write_text(json.dumps(claims()))
    assert _run(["report", "answers.json"]) == 0
    assert capsys.readouterr().out == "answers.html\n"
    assert _run(["report", "answers.json"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert _run(["report", "answers.json", "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"path": "answers.html"}
    assert _run(["report", "answers.json", "-o", "a.html", "--point", "1"]) == 2
    assert _run(["claims", "report", "answers.json", "-o", "page.html"]) == 0
    assert Path("page.html").read_text()[:15] == "<!DOCTYPE html>"


@pytest.mark.long
def test_two_reports_of_one_result_differ_in_nothing_but_the_minute(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write_report(claims(), tmp_path / name)
    first, second = ((tmp_path / name).read_text().partition("<footer>")[0] for name in ("a.html", "b.html"))
    assert first == second
