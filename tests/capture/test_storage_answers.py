"""The storage process may answer before the session gets round to waiting for it."""

from __future__ import annotations

import time
from pathlib import Path

from asicrc.capture import load
from asicrc.capture.storage_link import StorageLink

ANSWER_S = 0.4


class SlowSession(StorageLink):
    """Is held up, as on a busy machine, between sending and looking for answers."""

    def _send(self) -> None:
        super()._send()
        time.sleep(ANSWER_S)


def test_answers_that_come_early_are_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with SlowSession() as storage:
        storage.open(path, {}, "plain", t_start_ns=1, boot_id=None)
        storage.put("log", ("said", "info", 1))
        storage.flush()
        report = storage.seal("done", {})
    assert report["counters"].events == 0
    with load(path) as capture:
        assert capture.sealed
        assert [line.text for line in capture.log()] == ["said"]
