"""The acquisition's end of the bounded pipe to the storage process.

Nothing here blocks while a capture runs: what the pipe does not take waits in memory, up to a limit, and
going over it ends the capture with that reason.
"""

from __future__ import annotations

import pickle
import select
import signal
import socket
import struct
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any

from asicrc.capture.storage import Numbering
from asicrc.capture.verification import Counters
from asicrc.clock import MACHINE_CLOCK
from asicrc.errors import StorageError, StorageFull
from firmware_protocols.device import NonceBatch

LENGTH = struct.Struct("<I")
MAX_WAITING_BYTES = 64 << 20
MUCH_WAITING_BYTES = 8 << 20
SOCKET_BUFFER_BYTES = 4 << 20
ANSWER_WAIT_S = 60.0
LOOK_AGAIN_S = 0.2
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StorageLink:
    """Starts the storage process and feeds it. Use as a context manager: leaving it reaps the process.

    The process takes its time to start, so make the link before the device is opened, and `open` the file
    when the device is there.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        self._socket = ours
        self._socket.setblocking(False)
        # The process ignores these once it runs; until then they wait, or Ctrl-C would end its imports.
        usual = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "asicrc.capture.storage_process", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, usual)
        theirs.close()
        self._waiting: deque[memoryview] = deque()
        self._waiting_bytes = 0
        self._received = bytearray()
        self._answers: dict[str, Any] = {}
        """Answers that came before somebody waited for them: the process may be the faster one."""
        self._judged: list[NonceBatch] = []
        self.path: Path | None = None
        self.acknowledged = 0
        """Events that are committed."""
        self.counters = Counters()
        """Of what was judged by then."""

    @property
    def process_id(self) -> int:
        return self._process.pid

    def __enter__(self) -> StorageLink:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()  # the process sees the end of the pipe, commits what it has and leaves
        try:
            self._process.wait(timeout=ANSWER_WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def open(
        self,
        path: Path,
        meta: dict[str, Any],
        progress: str,
        *,
        t_start_ns: int,
        boot_id: str | None,
        verdicts: bool = False,
        resume: bool = False,
        live: bool = True,
    ) -> Numbering:
        """Make the capture file, or go on with it; return when it is there, with what it holds already.

        With `verdicts` each event comes back judged; `live` says that stamps are of this machine's clock.
        Raises UsageError, StorageError, and BadFile for a file that is none to go on with.
        """
        self.path = path
        self.put(
            "open",
            {
                "path": str(path),
                "meta": meta,
                "progress": progress,
                "t_start_ns": t_start_ns,
                "boot_id": boot_id,
                "verdicts": verdicts,
                "resume": resume,
                "live": live,
            },
        )
        before: Numbering = self.wait_for("opened", timeout_s=None if resume else ANSWER_WAIT_S)
        return before

    def put(self, kind: str, payload: object) -> None:
        """Queue a message and move what can be moved. Raises StorageError on overflow or a dead process."""
        data = pickle.dumps((kind, payload), protocol=5)
        self._waiting.append(memoryview(LENGTH.pack(len(data)) + data))
        self._waiting_bytes += LENGTH.size + len(data)
        self.pump()
        if self._waiting_bytes > MAX_WAITING_BYTES:
            raise StorageError(
                f"storage fell behind: {self._waiting_bytes >> 20} MiB wait to be written to {self.path}",
                "a faster disk, a higher difficulty, or fewer chips",
            )

    def pump(self) -> None:
        """Send what the pipe takes and read the answers, without waiting."""
        self._send()
        # Its last answer is not read past: behind it the pipe has ended, which would pass for a failure.
        while "sealed" not in self._answers and (message := self._receive()) is not None:
            self._note(*message)

    def hold_back(self) -> None:
        """Wait while much waits to be sent: a device whose time goes as fast as it is read outruns a disk."""
        while self._waiting_bytes > MUCH_WAITING_BYTES:
            select.select([self._socket], [self._socket], [], LOOK_AGAIN_S)
            self.pump()

    def take_judged(self) -> list[NonceBatch]:
        """The verdicts that have come since the last call; at once, if there are none."""
        judged, self._judged = self._judged, []
        return judged

    def wait_for(self, kind: str, timeout_s: float | None = ANSWER_WAIT_S) -> Any:
        """Wait for an answer of one kind, which may have come already; None: as long as the process lives.

        Raises StorageError when it does not come.
        """
        deadline_ns = None if timeout_s is None else MACHINE_CLOCK.now_ns() + round(timeout_s * 1e9)
        while True:
            self.pump()
            if kind in self._answers:
                return self._answers.pop(kind)
            if deadline_ns is not None and MACHINE_CLOCK.now_ns() > deadline_ns:
                raise StorageError(
                    f"the storage process of {self.path} does not answer",
                    "is the disk stalled, or very slow?",
                )
            writers = [self._socket] if self._waiting else []
            select.select([self._socket], writers, [], LOOK_AGAIN_S)

    def flush(self) -> None:
        """Return once everything put so far is committed."""
        self.put("flush", None)
        self.wait_for("flushed")

    def seal(self, reason: str, wire_counters: dict[str, int]) -> dict[str, Any]:
        """Seal the file; return the storage process's report."""
        self.put("seal", {"reason": reason, "wire_counters": wire_counters})
        report: dict[str, Any] = self.wait_for(
            "sealed", timeout_s=None
        )  # the digest of a long capture takes time
        return report

    def _note(self, kind: str, payload: Any) -> None:
        if kind == "acknowledged":
            self.acknowledged, self.counters = payload
        elif kind == "judged":
            self._judged.append(payload)
        elif kind == "full":
            raise StorageFull(*payload)
        elif kind == "failed":
            error, message, hint = payload
            raise error(message, hint)
        else:
            self._answers[kind] = payload

    def _send(self) -> None:
        while self._waiting:
            try:
                sent = self._socket.send(self._waiting[0])
            except BlockingIOError:
                return
            except OSError:
                self._raise_last_words()
            self._waiting_bytes -= sent
            if sent == len(self._waiting[0]):
                self._waiting.popleft()
            else:
                self._waiting[0] = self._waiting[0][sent:]

    def _receive(self) -> tuple[str, Any] | None:
        message = take_message(self._received)
        if message is not None:
            return message
        try:
            data = self._socket.recv(1 << 16)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            self._raise_last_words()
        self._received += data
        return take_message(self._received)

    def _raise_last_words(self) -> None:
        """The process is gone: say what it said last, or how it ended."""
        try:
            while data := self._socket.recv(1 << 16):
                self._received += data
        except OSError:
            pass  # nothing more to be had from a closed pipe; the error below is raised either way
        while (message := take_message(self._received)) is not None:
            self._note(*message)
        code = self._process.wait()
        raise StorageError(
            f"the storage process of {self.path} ended (exit status {code}); "
            "what was acknowledged is in the file",
            f"look at it with `asicrc show {self.path}`",
        )


def take_message(buffer: bytearray) -> tuple[str, Any] | None:
    """Take one whole message off the front of `buffer`, or return None."""
    if len(buffer) < LENGTH.size:
        return None
    end = LENGTH.size + LENGTH.unpack_from(buffer)[0]
    if len(buffer) < end:
        return None
    message: tuple[str, Any] = pickle.loads(memoryview(buffer)[LENGTH.size : end])
    del buffer[:end]
    return message
