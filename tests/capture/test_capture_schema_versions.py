"""Files of schema 1 stay captures: they are read, verified, resumed and sealed as what they are."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from capture_samples import EASY, easy_job, events_for, nonces_where, write_sample

from asicrc.capture import CaptureWriter, Verifier, load, recall, verify
from asicrc.capture.schema import APPLICATION_ID
from asicrc.errors import BadFile
from firmware_protocols.device import Job

DUMP = Path(__file__).with_name("schema_1.sql")


def of_schema_1(path: Path, *then: str) -> Path:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    # A dump ends a text at its first NUL; the digest is of the whole.
    connection.executescript(DUMP.read_text())
    connection.execute("UPDATE log SET text = 'start ' || char(0) || ' \\udcff ' || char(8383)")
    for statement in then:
        connection.execute(statement)
    connection.close()
    return path


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = of_schema_1(tmp_path / "old.asicrc")
    jobs, events = write_sample(tmp_path / "new.asicrc", n_jobs=2)
    with load(path) as old:
        assert old.sealed
        assert old.jobs() == jobs
        assert np.array_equal(old.events().tobytes(), events.tobytes())
        assert len(list(old.wire())) == 3


def test_its_digest_and_its_verdicts_hold(tmp_path: Path) -> None:
    report = verify(of_schema_1(tmp_path / "old.asicrc"))
    assert report.digest_ok is True
    assert report.disagreements == 0
    assert report.counters.valid == report.counters.events == 8


def test_columns_of_schema_2_are_foreign_to_it(tmp_path: Path) -> None:
    path = of_schema_1(tmp_path / "old.asicrc", "ALTER TABLE jobs ADD COLUMN claimtrie BLOB")
    with pytest.raises(BadFile, match="which no asicrc has written so"):
        load(path)


def test_it_is_resumed_as_what_it_is(tmp_path: Path) -> None:
    path = of_schema_1(tmp_path / "old.asicrc", "DELETE FROM capture WHERE key IN ('sealed', 'digest')")
    verifier: Verifier = recall(path)
    job = easy_job(3)
    events = events_for(job, nonces_where(job, 2, 0, EASY), first_seq=8)
    events["segment"] = 1
    verifier.add_job(job)
    verifier.judge(events)
    with CaptureWriter.resume(path) as writer:
        assert (writer.next_job, writer.next_seq, writer.segment) == (3, 8, 1)
        with pytest.raises(ValueError, match="schema 1, which holds jobs of Bitcoin only"):
            writer.add_jobs([replace(job, algorithm="lbry", claimtrie=bytes(32))])
        writer.add_jobs([job])
        writer.add_events(events)
        writer.seal("resumed and done")
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (1,)
    report = verify(path)
    assert report.ok
    assert report.counters.valid == 10


def test_everything_of_a_job_is_kept_in_schema_2(tmp_path: Path) -> None:
    bitcoin = replace(easy_job(1), clean=True)
    lbry: Job = replace(easy_job(2), algorithm="lbry", claimtrie=bytes(range(32)))
    with CaptureWriter.create(tmp_path / "a", {}) as writer:
        writer.add_jobs([bitcoin, lbry])
    assert load(tmp_path / "a").jobs() == [bitcoin, lbry]


@pytest.mark.parametrize(
    "job",
    [
        replace(easy_job(1), algorithm="scrypt"),
        replace(easy_job(1), algorithm="lbry"),
        replace(easy_job(1), claimtrie=bytes(32)),
        replace(easy_job(1), algorithm="lbry", claimtrie=bytes(31)),
    ],
    ids=["another coin", "no claim trie", "a claim trie of Bitcoin", "a short claim trie"],
)
def test_a_header_that_cannot_be(job: Job, tmp_path: Path) -> None:
    with CaptureWriter.create(tmp_path / "a", {}) as writer, pytest.raises(ValueError, match="job 1"):
        writer.add_jobs([job])
    with pytest.raises(ValueError, match="job 1"):
        Verifier().add_job(job)


@pytest.mark.parametrize(
    "change",
    ["algorithm = 'lbry'", "algorithm = 'scrypt'", "claimtrie = zeroblob(32)", "clean = 2"],
)
def test_a_forged_header_is_a_bad_file(change: str, tmp_path: Path) -> None:
    write_sample(tmp_path / "a")
    connection = sqlite3.connect(tmp_path / "a", isolation_level=None)
    connection.execute(f"UPDATE jobs SET {change} WHERE number = 2")
    connection.close()
    with pytest.raises(BadFile, match="table jobs that no asicrc writes"):
        load(tmp_path / "a").jobs()
