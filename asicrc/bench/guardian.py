"""The guardian of a direct line: a second process that makes the device safe when this one cannot.

A driver starts it before its first write, with the descriptors of its open lines, and arms it with a script
that makes the device safe in whatever state it is. From then on the script runs

- at once when this process ends without having disarmed it: killed, crashed, or replaced by another program;
- after `silence_s` without a heartbeat: this process is stopped, or so stuck that no thread of it runs;
- when the context is left, or `close` called, while it is armed.

`silence_s` is 5 s by default: 25 heartbeats. A compilation, a full disk or a busy machine keep the
interpreter for a second or two, which must not end a capture; on the other side a device within its limits
takes tens of seconds to get hot. The heartbeat comes from a thread of its own and proves that the process
lives, not that its main loop goes round: `attention_s` asks for more, and lets the beat cease when `check`
was not called for that long.

Where this process is alive but hung, it still has the same lines. Its reader may take an answer, then a step
counts as unanswered and is repeated. And it may come back and write: so a driver calls `check` before it
writes, which raises SafetyStop once the guardian has acted.

A script is run twice, so its steps must be harmless when repeated. It may come in the middle of a frame of
this process: begin it with what ends such a frame, or with a step whose loss does no harm. A process forked
from this one without `exec` keeps the pipe open; then its death is seen by silence, not at once. And what
kills every process of a session (a container that is stopped, a supervisor after its grace time) kills the
guardian too: end the capture first.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from asicrc.clock import MACHINE_CLOCK
from firmware_protocols.device import SafetyStop

BEAT_S = 0.2
SILENCE_S = 5.0
START_WITHIN_S = 10.0
ANSWER_WITHIN_S = 2.0
SILENT_NS = 3_000_000_000
"""A guardian that has not beaten back for this long could not act within its time either."""
ACT_WITHIN_S = 5.0
MOST_STEPS = 32
MOST_WAIT_S = 0.4
"""Of a script's wait steps together; each is waited for twice."""
PROCESS = Path(__file__).with_name("guardian_process.py")


@dataclass(frozen=True, slots=True)
class SafeStep:
    """One step of a script. `fd` is one of the guardian's descriptors, for wait steps too.

    `write` sends `data`; with `expect_reply` it is sent up to three times until any bytes come back. `baud`
    sets the line's speed once what was written has left, `wait` lets `seconds` pass, `flush` throws away
    what was received. `name` is how the step is called in the report.
    """

    fd: int
    action: Literal["write", "baud", "wait", "flush"]
    data: bytes = b""
    baud: int = 0
    seconds: float = 0.0
    expect_reply: bool = False
    name: str = ""


class Guardian:
    """Starts the process; use as a context manager. Raises SafetyStop where it does not start."""

    def __init__(
        self,
        name: str,
        fds: Sequence[int],
        *,
        silence_s: float = SILENCE_S,
        attention_s: float | None = None,
        log_path: Path | None = None,
    ) -> None:
        self._name = name
        self._fds = frozenset(fds)
        self._armed = False
        self._attention_ns = None if attention_s is None else round(attention_s * 1e9)
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._answers: dict[str, Any] = {}
        self._received = b""
        self._heard_ns = self._attended_ns = MACHINE_CLOCK.now_ns()
        self._process, self._control, self._listening = _start(name, fds, silence_s, log_path)
        os.set_blocking(self._control, False)
        os.set_blocking(self._listening, False)
        self._beater = threading.Thread(target=self._beat, name=f"guardian of {name}", daemon=True)
        try:
            self._wait_for("ready", START_WITHIN_S, "does not start")
        except BaseException:
            self._process.kill()
            self._end()
            raise
        self._beater.start()

    @property
    def process_id(self) -> int:
        return self._process.pid

    def __enter__(self) -> Guardian:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def arm(self, steps: Sequence[SafeStep]) -> None:
        """Hand over a script, in place of an earlier one; return when the guardian has it.

        Raises SafetyStop where it does not confirm, ValueError for a script that cannot be run in time.
        """
        with self._lock:
            self._attended_ns = MACHINE_CLOCK.now_ns()
            self._order("arm", [_described(step) for step in self._checked(steps)])
            self._armed = True

    def disarm(self) -> None:
        """The device is safe as it is: nothing is done from here on, not even by a guardian that is stopped.

        Raises SafetyStop where it has acted already.
        """
        with self._lock:
            try:
                self._order("disarm", [])
            except SafetyStop:
                if "acted" in self._answers:
                    raise
                self._process.kill()
            self._armed = False

    def check(self) -> None:
        """Raise SafetyStop when the guardian is gone, was stopped, or has acted."""
        with self._lock:
            self._attended_ns = MACHINE_CLOCK.now_ns()
            self._listen()
            if self._process.poll() is not None:
                raise SafetyStop(self._end_in_words())
            silent_ns = MACHINE_CLOCK.now_ns() - self._heard_ns
            if silent_ns > SILENT_NS:
                raise SafetyStop(
                    f"the guardian of {self._name} (process {self.process_id}) is silent for "
                    f"{silent_ns / 1e9:.1f} s: nothing would make the device safe if this program died"
                )

    def close(self) -> None:
        """End the guardian: at once where it is disarmed, otherwise after it has run the script.

        Raises SafetyStop where it was armed and did not do so.
        """
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
            if self._process.poll() is None:
                self._put("quit", None)
            self._close_control()
        if self._beater.is_alive():
            self._beater.join()
        try:
            self._process.wait(ACT_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._listen()
        self._end()
        if self._armed and "acted" not in self._answers:
            raise SafetyStop(
                f"the guardian of {self._name} ended without a word: the device may still be at work; "
                "take its power away"
            )

    def _order(self, kind: str, payload: list[dict[str, Any]]) -> None:
        self._answers.pop(kind, None)
        self._put(kind, payload)
        self._wait_for(kind, ANSWER_WITHIN_S, f"does not confirm {kind!r}")

    def _put(self, kind: str, payload: object) -> None:
        """Write a line whole, whatever its length; a guardian that is gone is found out by what follows."""
        rest = memoryview(json.dumps([kind, payload]).encode() + b"\n")
        end_ns = MACHINE_CLOCK.now_ns() + round(ANSWER_WITHIN_S * 1e9)
        while rest and self._control >= 0 and MACHINE_CLOCK.now_ns() < end_ns:
            try:
                rest = rest[os.write(self._control, rest) :]
            except BlockingIOError:
                select.select([], [self._control], [], BEAT_S)
            except BrokenPipeError:
                return

    def _wait_for(self, kind: str, within_s: float, otherwise: str) -> None:
        end_ns = MACHINE_CLOCK.now_ns() + round(within_s * 1e9)
        while kind not in self._answers:
            select.select([self._listening], [], [], BEAT_S / 4)
            ended = self._process.poll() is not None
            self._listen()
            if kind in self._answers:
                return
            if ended:
                raise SafetyStop(self._end_in_words())
            if MACHINE_CLOCK.now_ns() > end_ns:
                raise SafetyStop(f"the guardian of {self._name} {otherwise} within {within_s:g} s")

    def _listen(self) -> None:
        """Take what has come, without waiting."""
        with self._lock:
            try:
                while self._listening >= 0 and (data := os.read(self._listening, 1 << 16)):
                    self._heard_ns = MACHINE_CLOCK.now_ns()
                    *lines, self._received = (self._received + data).split(b"\n")
                    self._answers |= dict(json.loads(line) for line in lines)
            except BlockingIOError:
                return

    def _beat(self) -> None:
        while not self._closing.wait(BEAT_S):
            with self._lock:
                if self._closing.is_set():
                    return
                self._listen()
                idle_ns = MACHINE_CLOCK.now_ns() - self._attended_ns
                if self._attention_ns is None or idle_ns < self._attention_ns:
                    self._put_beat()

    def _put_beat(self) -> None:
        try:
            os.write(self._control, b'["beat", null]\n')
        except OSError:
            return  # full or gone: `check` sees it

    def _end_in_words(self) -> str:
        self._listen()
        if "acted" in self._answers:
            return f"the device was made safe while this program stood still: {self._answers['acted']}"
        code = self._process.returncode
        how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"
        return f"the guardian of {self._name} {how}: nothing would make the device safe if this program died"

    def _close_control(self) -> None:
        if self._control >= 0:
            os.close(self._control)
            self._control = -1

    def _end(self) -> None:
        self._close_control()
        self._process.wait()
        os.close(self._listening)
        self._listening = -1

    def _checked(self, steps: Sequence[SafeStep]) -> Sequence[SafeStep]:
        for step in steps:
            if step.fd not in self._fds:
                raise ValueError(
                    f"step {step.name!r} is for descriptor {step.fd}, which the guardian has not"
                )
            if step.action == "baud" and step.baud <= 0:
                raise ValueError(f"step {step.name!r} sets no baud rate")
            if step.action == "write" and not step.data:
                raise ValueError(f"step {step.name!r} writes nothing")
        waits_s = sum(step.seconds for step in steps)
        if not 0 < len(steps) <= MOST_STEPS or not 0 <= waits_s <= MOST_WAIT_S:
            raise ValueError(
                f"{len(steps)} steps that wait {waits_s:g} s are no safe script: it has 1 to {MOST_STEPS} "
                f"steps and waits {MOST_WAIT_S} s at most"
            )
        return steps


def _described(step: SafeStep) -> dict[str, Any]:
    return {
        "fd": step.fd,
        "action": step.action,
        "data": step.data.hex(),
        "baud": step.baud,
        "seconds": step.seconds if step.action == "wait" else 0.0,
        "expect_reply": step.expect_reply,
        "name": step.name or step.action,
    }


def _start(
    name: str, fds: Sequence[int], silence_s: float, log_path: Path | None
) -> tuple[subprocess.Popen[bytes], int, int]:
    """The process, our end of the pipe to it, and of the pipe from it. Raises SafetyStop."""
    opened: list[int] = []
    signals = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    try:
        opened += os.pipe()
        opened += os.pipe()
        control, our_control, our_answers, answers = opened
        arguments = {
            "name": name,
            "control": control,
            "answers": answers,
            "silence_s": silence_s,
            "log_path": None if log_path is None else str(log_path.absolute()),
        }
        # It ignores these once it runs; until then they wait.
        usual = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(PROCESS), json.dumps(arguments)],
                pass_fds=(*fds, control, answers),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, usual)
    except (OSError, ValueError) as error:
        for fd in opened:
            os.close(fd)
        raise SafetyStop(f"the guardian of {name} cannot be started, so nothing is: {error}") from None
    os.close(control)
    os.close(answers)
    return process, our_control, our_answers
