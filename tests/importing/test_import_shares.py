"""Shares of a Stratum server, from blocks everyone knows and from a real S9."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from public_blocks import BLOCK_1, BLOCK_170, as_csv

from asicrc.capture import load, verify
from asicrc.importing import import_file, recognise
from firmware_protocols.bitcoin import hash_value, target_from_difficulty
from firmware_protocols.device import NO_TIME, Reason, Verdict

FIRST, SECOND = "1700000000.123456789", "1700000001.5"


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_the_blocks_of_these_tests_are_what_they_say() -> None:
    assert hash_value(BLOCK_1.header.pack()) == int(
        "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048", 16
    )
    assert hash_value(BLOCK_170.header.pack()) == int(
        "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee", 16
    )


def test_shares_are_rebuilt_from_their_parts(tmp_path: Path) -> None:
    rows = [BLOCK_1.share(FIRST, "a"), BLOCK_170.share(SECOND, "b"), BLOCK_170.share(SECOND, "b")]
    source = write(tmp_path / "named.wrong", as_csv(rows))
    output = tmp_path / "out.asicrc"
    report = import_file(source, output).as_json()
    assert recognise(source) == report["format"] == "stratum-shares"
    assert {key: report[key] for key in ("events", "valid", "duplicate", "malformed")} == {
        "events": 3,
        "valid": 3,
        "duplicate": 1,
        "malformed": 0,
    }
    assert report["frames"] is None and report["damaged_frames"] is None
    assert report["required_difficulty"] == {"difficulty": 1.0, "source": "default"}
    assert report["min_difficulty"] == pytest.approx(1.22440, abs=1e-5)
    assert verify(output).ok
    with load(output) as capture:
        events, jobs = capture.events(), capture.jobs()
        assert capture.sealed
        assert events["t_ns"].tolist() == [1700000000123456789, 1700000001500000000, 1700000001500000000]
        assert (events["t_ns"] - events["t_sent_ns"]).tolist() == [12_500_000] * 3
        assert events["job"].tolist() == [1, 2, 2]
        assert events["extranonce2_len"].tolist() == [1, 1, 1]
        assert [job.wire_id for job in jobs] == ["a", "b"]
        assert [job.sent_ns for job in jobs] == events["t_sent_ns"][:2].tolist()
        assert jobs[1].branch == BLOCK_170.branch
        assert jobs[0].prev_hash == BLOCK_1.prev_hash
        meta = capture.meta
        assert meta["source"] == {
            "name": "named.wrong",
            "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            "size_bytes": source.stat().st_size,
            "lines": 4,
            "rows": 3,
            "comment_lines": 0,
            "format": "stratum-shares",
        }
        assert meta["identity"]["model"] == "unknown"
        assert [a.realtime_ns for a in capture.anchors()] == [1700000000123456789]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["named.wrong", "out.asicrc"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_marks_comments_and_blank_lines(tmp_path: Path, end: str, mark: str) -> None:
    text = as_csv([BLOCK_170.share(FIRST, "job, with a comma")], end=end, comment="# a note")
    source = write(tmp_path / "x", mark + text + end + "# the end" + end)
    report = import_file(source, tmp_path / "out.asicrc").as_json()
    assert (report["events"], report["valid"]) == (1, 1)
    with load(tmp_path / "out.asicrc") as capture:
        assert capture.jobs()[0].wire_id == "job, with a comma"
        assert capture.meta["source"]["comment_lines"] == 2


def test_the_dispatch_column_may_be_missing(tmp_path: Path) -> None:
    row = BLOCK_1.share(FIRST, "a")
    del row["jitter_ms"]
    import_file(write(tmp_path / "x", as_csv([row])), tmp_path / "out.asicrc")
    with load(tmp_path / "out.asicrc") as capture:
        assert capture.events()["t_sent_ns"].tolist() == [NO_TIME]
        assert capture.jobs()[0].sent_ns == NO_TIME
        assert capture.meta["clock"]["t_sent_ns"] == "not stated"


def test_rolled_version_bits_replace_those_of_the_job(tmp_path: Path) -> None:
    rows = [BLOCK_1.share(FIRST, "a") | {"version": "1fffe001", "version_bits": "00000000"}]
    report = import_file(write(tmp_path / "x", as_csv(rows)), tmp_path / "out.asicrc").as_json()
    assert report["valid"] == 1
    with load(tmp_path / "out.asicrc") as capture:
        assert capture.events()["version"].tolist() == [1]
        assert capture.jobs()[0].version_mask == 0x1FFFE000


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"nonce": "xyz"}, "nonce has to be 1 to 8 hexadecimal digits"),
        ({"nonce": "1ffffffff"}, "nonce has to be 1 to 8 hexadecimal digits"),
        ({"nonce": ""}, "nonce is empty"),
        ({"nonce": "1_0"}, "nonce has to be"),
        ({"prevhash": "00" * 31}, "prevhash has 31 bytes, it takes 32"),
        ({"coinb1": "abc"}, "coinb1 has to be hexadecimal"),
        ({"coinb1": "ab" * 100_001}, "coinb1 has 100001 bytes"),
        ({"extranonce2": "00" * 17}, "extranonce2 has 17 bytes, it takes at most 16"),
        ({"merkle_branch": "["}, "merkle_branch has to be a JSON list"),
        ({"merkle_branch": '["00"]'}, "merkle_branch has to hold hashes"),
        ({"merkle_branch": "[" * 5000}, "merkle_branch has to be a JSON list"),
        ({"timestamp": "nan"}, "timestamp has to be a decimal number"),
        ({"timestamp": "1e30"}, "timestamp is out of range"),
        ({"jitter_ms": "-1"}, "jitter_ms is below 0"),
        ({"job_id": "a\x1b[2J"}, "job_id is no printable name"),
        ({"job_id": "a" * 201}, "job_id is no printable name"),
        ({"version_bits": "00000001"}, "version_bits has bits outside"),
    ],
)
def test_a_row_that_cannot_be_read_is_kept_as_malformed(
    tmp_path: Path, changed: dict[str, str], words: str
) -> None:
    plain = {"version_bits": ""} if "version_bits" in changed else {}
    rows = [BLOCK_1.share(FIRST, "a") | plain, BLOCK_1.share(SECOND, "a") | changed]
    report = import_file(write(tmp_path / "x", as_csv(rows)), tmp_path / "out.asicrc").as_json()
    assert (report["events"], report["valid"], report["malformed"]) == (2, 1, 1)
    assert report["reasons"] == {"bad_fields": 1}
    with load(tmp_path / "out.asicrc") as capture:
        last = capture.events()[1]
        assert (last["verdict"], last["reason"], last["job"]) == (Verdict.MALFORMED, Reason.BAD_FIELDS, 0)
        assert last["t_ns"] == (NO_TIME if "timestamp" in changed else 1700000001500000000)
        (line,) = [line for line in capture.log() if line.level == "warning"]
        assert line.text.startswith(f"line 3: {words}")
    assert verify(tmp_path / "out.asicrc").ok


@pytest.mark.parametrize(
    "line", ["a,b", '"' + "x" * 30, "\x00", "\udcff,", "x" * 300_000, "," * 12], ids=lambda line: line[:8]
)
def test_a_line_that_is_no_row_is_counted(tmp_path: Path, line: str) -> None:
    text = as_csv([BLOCK_1.share(FIRST, "a"), BLOCK_1.share(SECOND, "a")])
    first, second, third = text.splitlines()
    source = tmp_path / "x"
    # far enough behind the head that is looked at for binary content
    padding = "\n# " + "p" * 5000
    source.write_bytes(
        "\n".join([first, second + padding, line, third, ""]).encode("utf-8", "surrogateescape")
    )
    report = import_file(source, tmp_path / "out.asicrc").as_json()
    assert (report["events"], report["valid"], report["malformed"]) == (3, 2, 1)


def test_many_bad_rows_are_logged_in_part_and_counted(tmp_path: Path) -> None:
    rows = [BLOCK_1.share(FIRST, "a") | {"nonce": "zz"} for _ in range(100)]
    report = import_file(write(tmp_path / "x", as_csv(rows)), tmp_path / "out.asicrc").as_json()
    assert (report["events"], report["malformed"]) == (100, 100)
    with load(tmp_path / "out.asicrc") as capture:
        texts = [line.text for line in capture.log()]
    assert len(texts) == 22
    assert texts[20] == "80 more lines with something wrong:"
    assert texts[21].startswith("80 times: nonce has to be")


def test_the_order_of_what_is_required(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain", as_csv([BLOCK_1.share(FIRST, "a"), BLOCK_170.share(SECOND, "b")]))
    harder = import_file(plain, tmp_path / "1.asicrc", difficulty=1.5).as_json()
    assert (harder["valid"], harder["low"], harder["reasons"]) == (1, 1, {"below_target": 1})
    assert harder["required_difficulty"] == {"difficulty": 1.5, "source": "--difficulty"}
    column = write(
        tmp_path / "column",
        as_csv(
            [
                BLOCK_1.share(FIRST, "a") | {"difficulty": "0.5"},
                BLOCK_170.share(SECOND, "b") | {"difficulty": "1.2"},
                BLOCK_170.share(SECOND, "b") | {"difficulty": ""},
            ]
        ),
    )
    stated = import_file(column, tmp_path / "2.asicrc", difficulty=2.0).as_json()
    assert stated["required_difficulty"] == {
        "difficulty": 0.5,
        "highest": 1.2,
        "source": "column difficulty",
        "where_not_stated": 2.0,
    }
    with load(tmp_path / "2.asicrc") as capture:
        assert capture.jobs()[0].target == target_from_difficulty(0.5)
        assert "--difficulty 2 is not used" in capture.log()[0].text


def test_names_of_people_are_not_kept(tmp_path: Path) -> None:
    rows = [BLOCK_1.share(FIRST, "a") | {"worker": "bc1qsecretwallet.rig7"}]
    rows.append(dict(rows[0], nonce="bc1qsecretwallet.rig7"))
    import_file(write(tmp_path / "x", as_csv(rows)), tmp_path / "out.asicrc")
    assert b"bc1qsecret" not in (tmp_path / "out.asicrc").read_bytes()


def test_a_real_s9(tmp_path: Path, published: Callable[[str], Path]) -> None:
    source, output = published("s9_shares.csv"), tmp_path / "s9.asicrc"
    start = process_time()
    report = import_file(source, output).as_json()
    assert process_time() - start < 20, "some 0.3 s where nobody takes this machine's time"
    assert (report["events"], report["valid"], report["duplicate"]) == (2588, 2588, 42)
    assert round(report["min_difficulty"], 1) == 256.2
    assert report["reasons"] == {}
    assert verify(output).ok
    with load(output) as capture:
        events = capture.events()
        assert len(capture.jobs()) == 2325
        latency_ms = (events["t_ns"] - events["t_sent_ns"]) / 1e6
        assert latency_ms.std() / latency_ms.mean() == pytest.approx(0.834, abs=5e-4)
        assert np.ptp(events["t_ns"]) / 1e9 == pytest.approx(251.6, abs=0.05)
