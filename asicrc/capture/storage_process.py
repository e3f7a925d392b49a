"""The storage process: judges events, commits them, shows progress.

Started as `python -m asicrc.capture.storage_process FD` by `StorageLink`. It trusts its parent (the bytes are
pickles over a socketpair that only the two of them hold) and outlives it by one commit: when the pipe ends
without a seal, what has arrived is committed and the file stays unsealed.
"""

from __future__ import annotations

import pickle
import select
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from asicrc.capture.ballast import Ballast
from asicrc.capture.going_on import EarlierSession, go_on
from asicrc.capture.points import PointMarks, PointState
from asicrc.capture.progress import Progress
from asicrc.capture.scan_periods import ScanPeriods
from asicrc.capture.schema import WIRE_COUNTERS_KEY
from asicrc.capture.storage import Numbering
from asicrc.capture.storage_link import LENGTH, STOP_SIGNALS, take_message
from asicrc.capture.verification import Counters, Verifier
from asicrc.capture.writer import CaptureWriter
from asicrc.clock import MACHINE_CLOCK
from asicrc.errors import AsicrcError, StorageError
from firmware_protocols.device import Batch

COMMIT_INTERVAL_NS = 250_000_000
COMMIT_EVENTS = 1000
OF_THE_RECORDING = frozenset({"batch", "jobs", "segment", "anchor", "scan_period_ns"})
"""What is not kept any more when the disk is full, so that there is room for how it ended."""
_T = TypeVar("_T")


class StorageProcess:
    """State between the pipe and the file."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._verifier = Verifier()
        self._writer: CaptureWriter | None = None
        self._progress: Progress | None = None
        self._tells_verdicts = False
        self._is_live = True
        """Whether stamps are of this machine's clock: only then can it be told how long events waited."""
        self._marks = PointMarks()
        self._scan_periods = ScanPeriods()
        self._earlier: EarlierSession | None = None
        """Of a file that is gone on with."""
        self._batches: list[Batch] = []
        """That have come since the last message of another kind."""
        self._ballast = Ballast(None)
        self._is_full = False
        self._committed = Counters()
        """Of the events that are in the file for certain."""
        self._uncommitted = 0
        self._last_commit_ns = MACHINE_CLOCK.now_ns()
        self._newest_event_ns: int | None = None
        self._oldest_uncommitted_ns: int | None = None
        self._lag_ns: int | None = None
        self._worst_lag_ns: int | None = None

    def run(self) -> None:
        buffer = bytearray()
        while True:
            wait_ns = max(0, self._last_commit_ns + COMMIT_INTERVAL_NS - MACHINE_CLOCK.now_ns())
            readable, _, _ = select.select([self._connection], [], [], wait_ns / 1e9)
            if readable:
                data = self._received()
                if not data:
                    self._orphaned()
                    return
                buffer += data
                while (message := take_message(buffer)) is not None:
                    if self._with_room(self._handle, *message):
                        return
                self._with_room(self._store_batches)
            if MACHINE_CLOCK.now_ns() - self._last_commit_ns >= COMMIT_INTERVAL_NS:
                self._with_room(self._commit)

    def fail(self, error: AsicrcError) -> None:
        """Tell the acquisition why this process ends."""
        self._say("failed", (type(error), error.message, error.hint))

    def close(self) -> None:
        """Give the terminal back, however it ended."""
        if self._progress is not None:
            self._progress.close()

    def _received(self) -> bytes:
        """Empty at the end of the pipe, also where the other end died with answers that it had not read."""
        try:
            return self._connection.recv(1 << 20)
        except ConnectionResetError:
            return b""

    def _with_room(self, act: Callable[..., _T], *arguments: Any) -> _T:
        """Do it; where the disk is full, once more in the room that was held for the end."""
        try:
            return act(*arguments)
        except StorageError as error:
            if self._writer is None or not self._ballast.release():
                raise
            self._end_of_the_disk(self._writer, error)
            return act(*arguments)

    def _end_of_the_disk(self, writer: CaptureWriter, error: StorageError) -> None:
        """From here on only how it ended is kept. The acquisition is told, and ends."""
        writer.recover()
        self._is_full = True
        self._verifier.counters = self._committed
        self._batches.clear()
        self._uncommitted, self._oldest_uncommitted_ns = 0, None
        writer.add_log(error.message, "error", MACHINE_CLOCK.now_ns())
        self._say("full", (error.message, error.hint))

    def _handle(self, kind: str, payload: Any) -> bool:
        """Act on one message; True when it was the last."""
        if kind == "open":
            self._open(payload)
            return False
        writer = self._open_writer()
        if self._is_full and kind in OF_THE_RECORDING:
            return False
        if kind == "batch":
            self._batches.append(payload)
            return False
        self._store_batches()
        if kind == "jobs":
            for job in payload:
                self._verifier.add_job(job)
            writer.add_jobs(payload)
        elif kind == "settings":
            writer.add_settings(payload)
        elif kind == "segment":
            writer.add_segment(*payload)
        elif kind == "anchor":
            writer.add_anchor(*payload)
        elif kind == "log":
            writer.add_log(*payload)
        elif kind == "meta":
            writer.set_meta(*payload)
        elif kind == "point":
            numbers = writer.next_seq, writer.next_job, writer.segment
            writer.put_point(self._marks.marked(payload, *numbers))
            if payload.state is not PointState.RUNNING:
                self._commit()
        elif kind == "standing":
            if self._progress is not None:
                self._progress.standing = payload
        elif kind == "scan_period_ns":
            self._verifier.scan_period_ns = payload
            for key, value in self._scan_periods.changed(payload, writer.next_seq).items():
                writer.set_meta(key, value)
        elif kind == "told":
            if self._progress is not None:
                self._progress.tell(payload)
        elif kind == "flush":
            self._commit()
            self._say("flushed", None)
        elif kind == "seal":
            self._seal(payload)
            return True
        else:
            raise ValueError(f"unknown message {kind!r}")
        return False

    def _open(self, payload: dict[str, Any]) -> None:
        if payload["resume"]:
            self._writer, self._earlier = go_on(payload)
            self._verifier, self._scan_periods = self._earlier.verifier, self._earlier.scan_periods
        else:
            self._writer = CaptureWriter.create(
                Path(payload["path"]),
                payload["meta"],
                t_start_ns=payload["t_start_ns"],
                boot_id=payload["boot_id"],
            )
        self._committed = replace(self._verifier.counters)
        self._ballast = Ballast(Path(payload["path"]).parent)
        self._progress = Progress(payload["progress"])
        self._tells_verdicts = payload["verdicts"]
        self._is_live = payload["live"]
        self._say("opened", Numbering(self._writer.next_seq, self._writer.next_job - 1))

    def _store_batches(self) -> None:
        """Store the batches that have come one after the other as one: a network miner's are of one event."""
        batches, self._batches = self._batches, []
        writer = self._open_writer() if batches else None
        if writer is None:
            return
        wire = [chunk for batch in batches for chunk in batch.wire]
        if wire:
            writer.add_wire(wire)
        readings = [reading for batch in batches for reading in batch.readings]
        if readings:
            writer.add_readings(readings)
        events = np.concatenate([batch.nonces for batch in batches])
        if not len(events):
            return
        events["segment"] = writer.segment
        self._verifier.judge(events)
        if self._tells_verdicts:  # before they are written: a miner waits
            self._say("judged", events)
        writer.add_events(events)
        self._newest_event_ns = int(events["t_ns"][-1])
        if self._oldest_uncommitted_ns is None:
            self._oldest_uncommitted_ns = int(events["t_ns"][0])
        self._uncommitted += len(events)
        if self._uncommitted >= COMMIT_EVENTS:
            self._commit()

    def _commit(self) -> None:
        self._last_commit_ns = MACHINE_CLOCK.now_ns()
        if self._writer is None:
            return
        acknowledged = self._writer.commit()
        self._committed = replace(self._verifier.counters)
        now_ns = MACHINE_CLOCK.now_ns()
        if self._is_live and self._oldest_uncommitted_ns is not None and self._newest_event_ns is not None:
            self._lag_ns = now_ns - self._newest_event_ns
            self._worst_lag_ns = max(self._worst_lag_ns or 0, now_ns - self._oldest_uncommitted_ns)
        self._oldest_uncommitted_ns = None
        self._uncommitted = 0
        self._say("acknowledged", (acknowledged, self._verifier.counters))
        if self._progress is not None:
            self._progress.show(now_ns, acknowledged, self._verifier.counters, self._lag_ns)

    def _seal(self, payload: dict[str, Any]) -> None:
        self._commit()
        writer = self._open_writer()
        counted = payload["wire_counters"] or None
        if self._earlier is not None:
            counted = self._earlier.counted(payload["wire_counters"])
        writer.set_meta(WIRE_COUNTERS_KEY, counted)
        lag_s, worst_lag_s = _seconds(self._lag_ns), _seconds(self._worst_lag_ns)
        writer.set_meta("lag", {"at_end_s": lag_s, "worst_s": worst_lag_s})
        writer.seal(payload["reason"])
        self._say(
            "sealed",
            {
                "counters": self._verifier.counters,
                "lag_s": lag_s,
                "worst_lag_s": worst_lag_s,
            },
        )

    def _orphaned(self) -> None:
        """The acquisition died without sealing: keep what came, leave the file open for `restore`."""
        if self._writer is not None:
            self._writer.add_log(
                "the acquisition process ended without sealing", "error", MACHINE_CLOCK.now_ns()
            )
            self._writer.commit()
            self._writer.close()

    def _open_writer(self) -> CaptureWriter:
        if self._writer is None:
            raise ValueError("a message came before the file was opened")
        return self._writer

    def _say(self, kind: str, payload: object) -> None:
        data = pickle.dumps((kind, payload), protocol=5)
        try:
            self._connection.sendall(LENGTH.pack(len(data)) + data)
        except OSError:
            return  # the acquisition is gone: the next read of the pipe ends this process in good order


def _seconds(t_ns: int | None) -> float | None:
    return None if t_ns is None else t_ns / 1e9


def main() -> int:
    # Signals reach the whole group of processes; the acquisition decides what they mean, and the end of
    # its pipe ends this one.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    connection = socket.socket(fileno=int(sys.argv[1]))
    process = StorageProcess(connection)
    try:
        process.run()
    except AsicrcError as error:
        process.fail(error)
        return int(error.exit_code)
    except Exception as error:
        process.fail(
            StorageError(f"the storage process failed: {error!r}", "what was acknowledged is in the file")
        )
        raise
    finally:
        process.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
