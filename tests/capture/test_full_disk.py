"""A disk that gets full: what was acknowledged is kept, how it ended is written into the room held for it."""

from __future__ import annotations

import os
import pickle
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from capture_samples import EASY, easy_job, events_for, nonces_where

from asicrc.capture import CaptureWriter, load
from asicrc.capture.ballast import Ballast
from asicrc.capture.recheck import verify
from asicrc.capture.storage_link import LENGTH, take_message
from asicrc.capture.storage_process import StorageProcess
from asicrc.errors import StorageError
from firmware_protocols.device import Batch, Setting


class Acquisition:
    """The other end of the pipe, for a storage process that runs in a thread."""

    def __init__(self) -> None:
        self.end, theirs = socket.socketpair()
        self.end.settimeout(50)
        self._buffer = bytearray()
        self.error: BaseException | None = None
        self._theirs = theirs
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        process = StorageProcess(self._theirs)
        try:
            process.run()
        except StorageError as error:
            self.error = error
            process.fail(error)

    def put(self, kind: str, payload: Any) -> None:
        data = pickle.dumps((kind, payload))
        self.end.sendall(LENGTH.pack(len(data)) + data)

    def until(self, wanted: str) -> Any:
        while True:
            while (message := take_message(self._buffer)) is not None:
                if message[0] == wanted:
                    return message[1]
            self._buffer += self.end.recv(1 << 16)

    def close(self) -> None:
        self.end.close()
        self._thread.join(50)
        self._theirs.close()


@contextmanager
def acquisition(path: Path) -> Iterator[Acquisition]:
    end = Acquisition()
    described = {"path": str(path), "meta": {}, "progress": "none", "t_start_ns": 1, "boot_id": None}
    end.put("open", described | {"verdicts": False, "resume": False, "live": True})
    end.until("opened")
    try:
        yield end
    finally:
        end.close()


@pytest.fixture
def full_from(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Have a method of the writer fail as on a full disk, from its nth call until there is room again."""

    def arrange(name: str, nth: int) -> None:
        usual, usual_recover = getattr(CaptureWriter, name), CaptureWriter.recover
        calls = 0

        def fails(writer: CaptureWriter, *arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls >= nth:
                with writer._storage():
                    raise sqlite3.OperationalError("database or disk is full")
            return usual(writer, *arguments)

        def recover(writer: CaptureWriter) -> None:
            nonlocal calls
            calls = -1000
            usual_recover(writer)

        monkeypatch.setattr(CaptureWriter, name, fails)
        monkeypatch.setattr(CaptureWriter, "recover", recover)

    return arrange


def proofs(count: int, first_seq: int) -> tuple[Any, Batch]:
    job = easy_job(1)
    return job, Batch(nonces=events_for(job, nonces_where(job, count, 0, EASY), first_seq))


@pytest.mark.parametrize("method", ["add_events", "commit"])
def test_how_it_ended_is_written_into_the_room_that_was_held(
    method: str, tmp_path: Path, full_from: Callable[[str, int], None]
) -> None:
    path = tmp_path / "a.asicrc"
    with acquisition(path) as end:
        job, batch = proofs(20, 0)
        end.put("jobs", [job])
        end.put("batch", batch)
        end.put("flush", None)
        end.until("flushed")
        full_from(method, 1)
        end.put("batch", proofs(20, 20)[1])
        message, hint = end.until("full")
        assert "disk is full" in message and "20 events committed so far are safe" in message
        assert "free space" in hint
        end.put("batch", proofs(20, 40)[1])
        end.put("settings", [Setting(5, "voltage_mv", 1000.0, 1000.0, "restored")])
        end.put("log", ("the device is back", "info", 6))
        end.put("seal", {"reason": "storage: full", "wire_counters": {}})
        report = end.until("sealed")
    assert report["counters"].events == report["counters"].valid == 20
    checked = verify(path)
    assert checked.sealed and checked.digest_ok and checked.counters.events == 20
    with load(path) as capture:
        assert [line.level for line in capture.log()] == ["error", "info"]
        assert "disk is full" in capture.log()[0].text
        assert [s.kind for s in capture.settings()] == ["restored"]
        assert capture.meta["end_reason"] == "storage: full"


def test_a_disk_that_is_full_as_it_is_sealed_gets_its_seal(
    tmp_path: Path, full_from: Callable[[str, int], None]
) -> None:
    path = tmp_path / "a.asicrc"
    with acquisition(path) as end:
        full_from("seal", 1)
        end.put("seal", {"reason": "done", "wire_counters": {}})
        end.until("sealed")
    assert verify(path).digest_ok is True


def test_without_the_room_it_fails_as_it_is(
    tmp_path: Path, full_from: Callable[[str, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    path = tmp_path / "a.asicrc"
    with acquisition(path) as end:
        full_from("add_events", 1)
        job, batch = proofs(1, 0)
        end.put("jobs", [job])
        end.put("batch", batch)
        _, message, _ = end.until("failed")
        assert "disk is full" in message
    assert isinstance(end.error, StorageError)
    assert not load(path).sealed


def test_the_room_is_in_no_folder_and_gone_when_it_is_let_go(tmp_path: Path) -> None:
    before = os.statvfs(tmp_path).f_bavail
    ballast = Ballast(tmp_path, 32 << 20)
    if not ballast.is_held:
        pytest.skip("this file system has no files without a name")
    assert list(tmp_path.iterdir()) == []
    assert os.statvfs(tmp_path).f_bavail < before
    assert ballast.release() and not ballast.is_held
    assert not ballast.release(), "once"
    assert not Ballast(None).release() and not Ballast(tmp_path / "nowhere").release()
