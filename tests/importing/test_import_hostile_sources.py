"""Sources that are something else, broken, or made to harm: one clear error or every row accounted for."""

from __future__ import annotations

import gzip
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from public_blocks import BLOCK_1, BLOCK_170, as_csv
from test_import_headers import COMMENT, proof, timed
from test_import_wire import START, job, line, nonce

from asicrc.capture import load, verify
from asicrc.capture.verification import Verifier
from asicrc.errors import AsicrcError, BadFile, StorageError, UsageError
from asicrc.importing import FORMATS, import_file, recognise

SHARES = as_csv([BLOCK_1.share("1700000000.5", "a"), BLOCK_170.share("1700000001.5", "b")])
PROOFS = as_csv([proof(BLOCK_1), proof(BLOCK_170)])
TIMED = as_csv([timed(BLOCK_1, "590"), timed(BLOCK_1, "687830")], comment=COMMENT)
WIRE = "\n".join([*START, line("tx", job(BLOCK_1)), line("rx", nonce(BLOCK_1)), ""])
SOURCES = {"stratum-shares": SHARES, "header-proofs": PROOFS, "timed-headers": TIMED, "wire-dump": WIRE}


def sqlite_file() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (x)")
    image = connection.serialize()
    connection.close()
    return image


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \r\n\n", "is empty"),
        (b"# only a comment\n", "in no format that is known"),
        (b"hello, world\n1,2\n", "in no format that is known"),
        (b'"not closed\n', "in no format that is known"),
        (b"x" * 400_000, "in no format that is known"),
        (b"abc\0def", "is binary"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "is binary"),
        (gzip.compress(SHARES.encode()), "compressed"),
        (SHARES.encode("utf-16"), "UTF-16"),
        (SHARES.encode("utf-16-be"), "is binary"),
        (sqlite_file(), "an SQLite file"),
        (SHARES.replace("prevhash", "previous").encode(), "nearest to stratum-shares, but lacks prevhash"),
        (SHARES.replace("job_id", "nonce").encode(), "nearest to stratum-shares, but lacks job_id"),
        (SHARES.splitlines()[0].encode() + b"\n", "holds no rows"),
        (SHARES.replace("jitter_ms", "ntime").encode(), "names the column 'ntime' twice"),
        (b"tx hello\nrx world\n", "in no format that is known"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_source(tmp_path: Path, content: bytes, words: str) -> None:
    source = tmp_path / "shares.csv"
    source.write_bytes(content)
    with pytest.raises(BadFile) as found:
        import_file(source, tmp_path / "out.asicrc")
    assert words in found.value.message
    assert found.value.hint
    if "known" in words or "lacks" in words:
        assert all(one.name in found.value.hint for one in FORMATS)
        assert "block_header_hex" in found.value.hint
    assert [p.name for p in tmp_path.iterdir()] == ["shares.csv"]


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="there is no file"):
        recognise(tmp_path / "none")
    with pytest.raises(BadFile, match="is a folder"):
        recognise(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadFile, match="no regular file"):
        recognise(tmp_path / "pipe")
    with pytest.raises(BadFile, match="cannot be opened"):
        recognise(Path("nul\0byte"))


@pytest.mark.parametrize("name", SOURCES)
def test_every_format_is_recognised_and_can_be_named(tmp_path: Path, name: str) -> None:
    source = tmp_path / "x"
    source.write_text(SOURCES[name])
    assert recognise(source) == name
    assert import_file(source, tmp_path / "out.asicrc", source_format=name).as_json()["valid"] >= 1
    assert verify(tmp_path / "out.asicrc").ok


def test_a_format_that_does_not_fit_or_is_none(tmp_path: Path) -> None:
    source = tmp_path / "x"
    source.write_text(SHARES)
    with pytest.raises(BadFile, match="lacks the column t_ms"):
        import_file(source, tmp_path / "out.asicrc", source_format="timed-headers")
    with pytest.raises(UsageError, match="no format 'csv'"):
        import_file(source, tmp_path / "out.asicrc", source_format="csv")
    for difficulty in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="difficulty"):
            import_file(source, tmp_path / "out.asicrc", difficulty=difficulty)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_an_output_that_exists_is_left_alone(tmp_path: Path) -> None:
    source, output = tmp_path / "x", tmp_path / "out.asicrc"
    source.write_text(SHARES)
    output.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        import_file(source, output)
    with pytest.raises(UsageError, match="exists already"):
        import_file(source, source)
    with pytest.raises(UsageError, match="folder"):
        import_file(source, tmp_path / "none" / "out.asicrc")
    assert output.read_text() == "mine" and source.read_text() == SHARES


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StorageError("full", "free space"), MemoryError()])
def test_what_fails_on_the_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    source = tmp_path / "x"
    source.write_text(as_csv([BLOCK_1.share("1.5", "a")] * 5000))
    judged = 0
    judge = Verifier.judge

    def fail_in_the_second_batch(verifier: Verifier, events: object) -> None:
        nonlocal judged
        judged += 1
        if judged == 2:
            assert (tmp_path / "out.asicrc").exists()
            raise error
        judge(verifier, events)  # type: ignore[arg-type]

    monkeypatch.setattr(Verifier, "judge", fail_in_the_second_batch)
    with pytest.raises(type(error)):
        import_file(source, tmp_path / "out.asicrc")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_batches_do_not_show(tmp_path: Path) -> None:
    """Jobs, duplicates and counts go on from one batch of 2,000 rows to the next."""
    source = tmp_path / "x"
    rows = [BLOCK_1.share("1.5", "a"), BLOCK_170.share("1.5", "b")] * 2500
    source.write_text(as_csv(rows))
    report = import_file(source, tmp_path / "out.asicrc").as_json()
    assert (report["events"], report["valid"], report["duplicate"]) == (5000, 5000, 4998)
    with load(tmp_path / "out.asicrc") as capture:
        assert len(capture.jobs()) == 2
        assert capture.events()["seq"].tolist() == list(range(5000))
    assert verify(tmp_path / "out.asicrc").ok


_EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 5000), st.binary(min_size=1, max_size=4)),
        st.tuples(
            st.just("put"), st.integers(0, 5000), st.sampled_from([b"\n", b",", b'"', b"#", b"\r", b"\0"])
        ),
        st.tuples(st.just("cut"), st.integers(0, 5000), st.integers(1, 40).map(bytes)),
        st.tuples(st.just("swap"), st.integers(0, 5000), st.binary(min_size=1, max_size=1)),
    ),
    min_size=1,
    max_size=6,
)


def mutated(text: str, edits: list[tuple[str, int, bytes]], keep: int) -> bytes:
    """Edits behind the first `keep` bytes."""
    data = bytearray(text.encode())
    for kind, where, what in edits:
        place = keep + where % max(1, len(data) - keep)
        if kind == "put":
            data[place:place] = what
        elif kind == "cut":
            del data[place : place + len(what)]
        else:
            data[place : place + 1] = what
    return bytes(data)


def rows_of(content: bytes, header_lines: int) -> int:
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    lines = [one for one in lines if one.strip() and not one.lstrip().startswith("#")]
    return len(lines) - header_lines


def imported(content: bytes, check: Callable[[Path, dict[str, object]], None]) -> None:
    with TemporaryDirectory() as folder:
        source, output = Path(folder) / "x", Path(folder) / "out.asicrc"
        source.write_bytes(content)
        try:
            report = import_file(source, output).as_json()
        except AsicrcError as error:
            assert error.message and error.hint
            assert [p.name for p in Path(folder).iterdir()] == ["x"]
            return
        assert sorted(p.name for p in Path(folder).iterdir()) == ["out.asicrc", "x"]
        assert verify(output).ok
        check(output, report)


@pytest.mark.parametrize("name", ["stratum-shares", "header-proofs", "timed-headers"])
@settings(max_examples=60, deadline=None)
@example(edits=[("put", 0, b'"')])
@example(edits=[("put", 100, b"\xff\xfe")])
@given(edits=_EDITS)
def test_a_mutated_table_loses_no_row(name: str, edits: list[tuple[str, int, bytes]]) -> None:
    text = SOURCES[name]
    header_end = text.index("\n", text.index("nonce")) + 1
    content = mutated(text, edits, header_end)

    def check(output: Path, report: dict[str, object]) -> None:
        assert report["events"] == rows_of(content, 1)

    imported(content, check)


@settings(max_examples=60, deadline=None)
@given(edits=_EDITS)
def test_a_mutated_dump_loses_no_line(edits: list[tuple[str, int, bytes]]) -> None:
    content = mutated(WIRE, edits, 0)

    def check(output: Path, report: dict[str, object]) -> None:
        with load(output) as capture:
            assert capture.meta["source"]["rows"] == rows_of(content, 0)
            assert len(list(capture.wire())) + int(str(report["malformed"])) == rows_of(content, 0)

    imported(content, check)


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=25, deadline=None)
@given(edits=_EDITS)
def test_a_mutated_file_raises_nothing_else(name: str, edits: list[tuple[str, int, bytes]]) -> None:
    imported(mutated(SOURCES[name], edits, 0), lambda output, report: None)
