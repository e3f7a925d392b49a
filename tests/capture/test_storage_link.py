"""The pipe to the storage process: answers that are already there, a process that is gone."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from capture_samples import EASY, easy_job, events_for, nonces_where

from asicrc.capture import load
from asicrc.capture.storage_link import StorageLink
from asicrc.errors import StorageError, UsageError
from firmware_protocols.device import (
    Batch,
    Direction,
    Reading,
    Stamp,
    Verdict,
    WireChunk,
    empty_events,
)


def opened(link: StorageLink, path: Path) -> None:
    link.open(path, {}, "none", t_start_ns=1, boot_id=None)


def test_answers_that_came_before_they_were_waited_for(tmp_path: Path) -> None:
    with StorageLink() as link:
        opened(link, tmp_path / "a.asicrc")
        for _ in range(20):
            link.put("flush", None)
            time.sleep(0.02)
            link.pump()  # takes the answer off the pipe
            link.wait_for("flushed", timeout_s=40)
        report = link.seal("done", {})
    assert report["counters"].events == 0
    assert load(tmp_path / "a.asicrc").sealed


def test_an_answer_that_does_not_come_is_an_error_in_time(tmp_path: Path) -> None:
    with StorageLink() as link:
        opened(link, tmp_path / "a.asicrc")
        begun = time.monotonic()
        with pytest.raises(StorageError, match="does not answer"):
            link.wait_for("flushed", timeout_s=1.0)
        assert time.monotonic() - begun < 30, "not the time that is usual"


def test_the_error_of_the_process_is_the_error_here(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    path.write_text("mine")
    with StorageLink() as link, pytest.raises(UsageError, match="exists already"):
        opened(link, path)


def test_a_killed_process_is_noticed_and_what_it_acknowledged_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with StorageLink() as link:
        opened(link, path)
        events = empty_events(100)
        events["seq"] = np.arange(100)
        link.put("batch", Batch(nonces=events))
        link.flush()
        link.pump()
        assert link.acknowledged == 100
        os.kill(link.process_id, signal.SIGKILL)
        with pytest.raises(StorageError, match="ended"):
            for _ in range(800):  # a busy machine takes its time to end it
                link.put("log", ("still here", "info", 2))
                time.sleep(0.05)
    assert len(load(path).events()) == 100


def test_a_row_that_cannot_be_stored_says_so(tmp_path: Path) -> None:
    with StorageLink() as link:
        opened(link, tmp_path / "a.asicrc")
        with pytest.raises(StorageError, match="failed"):
            link.put("meta", ("plan", {"difficulty": float("inf")}))
            link.flush()


def test_batches_that_come_at_once_keep_their_order_segments_and_verdicts(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    jobs = [easy_job(number) for number in (1, 2)]
    nonces = [nonces_where(job, 40, 0, EASY) for job in jobs]
    with StorageLink() as link:
        link.open(path, {}, "none", t_start_ns=1, boot_id=None, verdicts=True)
        seq = 0
        for job, found in zip(jobs, nonces, strict=True):
            link.put("jobs", [job])
            for nonce in found:
                events = events_for(job, [nonce], first_seq=seq)
                chunk = WireChunk(Direction.RX, Stamp(seq), b"%d" % seq)
                link.put("batch", Batch(nonces=events, wire=[chunk], readings=[Reading(seq, "x", seq)]))
                seq += 1
            link.put("segment", (seq, "a reason", None))
        link.flush()
        judged = link.take_judged()
        assert link.take_judged() == []
        link.seal("done", {})
    told = np.concatenate(judged)
    assert told["seq"].tolist() == list(range(80))
    assert (told["verdict"] == Verdict.VALID).all()
    with load(path) as capture:
        stored = capture.events()
        assert stored.tobytes() == told.tobytes()
        assert stored["segment"].tolist() == [0] * 40 + [1] * 40
        assert [chunk.data for chunk in capture.wire()] == [b"%d" % n for n in range(80)]
        assert [reading.value for reading in capture.readings()] == list(range(80))
        assert [segment.id for segment in capture.segments()] == [0, 1, 2]


def test_nobody_is_told_verdicts_who_did_not_ask(tmp_path: Path) -> None:
    with StorageLink() as link:
        opened(link, tmp_path / "a.asicrc")
        events = empty_events(3)
        events["seq"] = np.arange(3)
        link.put("batch", Batch(nonces=events))
        link.flush()
        assert link.take_judged() == []
