"""The process that puts a device into a safe state when the program that drives it dies or hangs.

`asicrc.bench.guardian` starts this file by its path, without `site` and without the rest of the package:
so it starts within tens of milliseconds, stays small, and depends on no environment. It keeps the line's
file descriptors open, takes JSON lines from one pipe (arm with a script, disarm, beat, quit) and answers
over another.

It runs the script when it is armed and the pipe ends, or nothing came through it for `silence_s`. The bytes
of the dead program may end in the middle of a frame, which swallows the first bytes that follow: so what
waits to be sent is thrown away first, steps that expect an answer are repeated until one comes, and the
whole script is run twice.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

BEAT_S = 0.2
FIRST_ROUND_S = 0.85
ACT_WITHIN_S = 1.3
"""Both rounds of a script, also on a line that answers nothing."""
REPLY_WAIT_S = 0.15
SHORTEST_WAIT_S = 0.02
TRIES = 3
BLOCKED_S = 0.1
"""How long a line may refuse bytes before the step counts as failed."""
ACTED = 10
"""Exit code after the script was run; 0 is an end with nothing to do."""

TCGETS2 = 0x802C542A
TCSETS2 = 0x402C542B
TERMIOS2 = struct.Struct("<4I20s2I")
"""c_iflag, c_oflag, c_cflag, c_lflag; line discipline and c_cc; input and output speed as numbers
(linux:include/uapi/asm-generic/termbits.h)."""
CBAUD = 0o010017
BOTHER = 0o010000
INPUT_SPEED_SHIFT = 16

Step = Mapping[str, Any]


def main(arguments: Mapping[str, Any]) -> int:
    """Watch until there is nothing more to do (0), or there was reason to act (`ACTED`)."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.chdir("/")
    program = WatchedProgram(arguments["control"], arguments["answers"], arguments["silence_s"])
    program.answer("ready", os.getpid())
    reason, steps = program.watch()
    if not steps:
        return 0
    began = time.monotonic()
    said = ", ".join(f"{name}: {outcome}" for name, outcome in carry_out(steps))
    took_s = time.monotonic() - began
    text = f"guardian of {arguments['name']}: {reason}; safe script run in {took_s:.2f} s: {said}"
    text = "".join(c if c.isprintable() else "?" for c in text)
    report(text, arguments["log_path"])
    program.answer("acted", text)
    return ACTED


class WatchedProgram:
    """The two pipes to the program that drives the device."""

    def __init__(self, control: int, answers: int, silence_s: float) -> None:
        self._control = control
        self._answers = answers
        self._silence_s = silence_s
        self._steps: list[Step] = []
        self._received = b""
        self._quit = False
        os.set_blocking(answers, False)

    def watch(self) -> tuple[str, list[Step]]:
        """Return when there is reason to act, with the script, or without one when all is over.

        Silence is counted in turns of this loop, none longer than two beats: where this process itself was
        stopped, or the machine, it first looks at what has come meanwhile.
        """
        silent_s, before = 0.0, time.monotonic()
        while True:
            self.answer("beat", None)
            has_come = is_ready(self._control, select.POLLIN, BEAT_S)
            now = time.monotonic()
            silent_s = 0.0 if has_come else silent_s + min(now - before, 2 * BEAT_S)
            before = now
            if has_come and not self._take():
                return "the program that drove it is gone", self._steps
            if self._quit:
                return "the program that drove it left it at work", self._steps
            if silent_s >= self._silence_s and self._steps:
                return f"no sign of life of the program that drives it for {silent_s:.1f} s", self._steps

    def answer(self, kind: str, payload: object) -> None:
        """A line back. A program that does not read, or is gone, gets none: that is no reason to stop."""
        try:
            os.write(self._answers, json.dumps([kind, payload]).encode() + b"\n")
        except OSError:
            return

    def _take(self) -> bool:
        """Read what is there. False at the end of the pipe; an order that was cut off does not count."""
        data = os.read(self._control, 1 << 16)
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            try:
                kind, payload = json.loads(line)
            except ValueError:
                continue  # an order that could not be put through whole, and is not confirmed
            if kind in ("arm", "disarm"):
                self._steps = payload
                self.answer(kind, len(payload))
            self._quit |= kind == "quit"
        return bool(data)


def carry_out(steps: Sequence[Step]) -> list[tuple[str, str]]:
    """Run the script twice; return the name of each step and how the better of the two went."""
    now = time.monotonic()
    lines = {fd: Line(fd) for fd in {step["fd"] for step in steps}}
    for line in lines.values():
        attempt(line.throw_away_all)
    first = run_once(steps, lines, now + FIRST_ROUND_S)
    for line in lines.values():
        attempt(line.back_to_first_speed)
    again = run_once(steps, lines, now + ACT_WITHIN_S, give_up=True)
    for line in lines.values():
        attempt(line.drain, now + ACT_WITHIN_S + BLOCKED_S)
    best = [min(two, key=_rank) for two in zip(first, again, strict=True)]
    return [(str(step["name"]), outcome) for step, outcome in zip(steps, best, strict=True)]


def attempt(action: Callable[..., object], *arguments: Any) -> None:
    """What goes beside the steps: a line that fails here fails in its steps too, and is reported there."""
    try:
        action(*arguments)
    except (OSError, termios.error):
        return


def run_once(
    steps: Sequence[Step], lines: Mapping[int, Line], until: float, give_up: bool = False
) -> list[str]:
    """One round. Every step gets its turn however late it is, unless told to give up then."""
    outcomes = []
    for number, step in enumerate(steps):
        now = time.monotonic()
        if give_up and now > until:
            outcomes.append("not repeated")
            continue
        later = steps[number + 1 :]
        left_s = until - now - sum(other["seconds"] for other in later)
        try:
            outcomes.append(
                take(step, lines[step["fd"]], left_s / (1 + sum(s["expect_reply"] for s in later)))
            )
        except (OSError, termios.error) as error:
            outcomes.append(f"FAILED ({error})")
    return outcomes


def take(step: Step, line: Line, share_s: float) -> str:
    """One step, with its share of the time; return what came of it. Raises OSError or termios.error."""
    if step["action"] == "wait":
        time.sleep(step["seconds"])
        return "waited"
    if step["action"] == "flush":
        line.throw_away_input()
        return "done"
    if step["action"] == "baud":
        line.drain(time.monotonic() + BLOCKED_S)
        line.set_speed(step["baud"])
        return "set"
    wait_s = min(REPLY_WAIT_S, max(SHORTEST_WAIT_S, share_s / TRIES))
    end = time.monotonic() + share_s
    for number in range(TRIES if step["expect_reply"] else 1):
        if number and time.monotonic() + SHORTEST_WAIT_S > end:
            break
        line.throw_away_input()
        line.write(bytes.fromhex(step["data"]))
        if not step["expect_reply"]:
            return "written"
        if line.has_answer(wait_s):
            return "answered"
    return "written, NO ANSWER"


def _rank(outcome: str) -> int:
    """Better outcomes first."""
    worse = ("written, NO ANSWER", "not repeated", "FAILED")
    return next((1 + i for i, start in enumerate(worse) if outcome.startswith(start)), 0)


class Line:
    """A descriptor that was handed over: a terminal, or any other stream of bytes."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._held = False
        self._first_state: bytes | None = None
        attempt(os.set_blocking, fd, False)
        attempt(self._note_state)

    def _note_state(self) -> None:
        self._first_state = fcntl.ioctl(self._fd, TCGETS2, bytes(TERMIOS2.size))

    def throw_away_all(self) -> None:
        """Input of before, and output of the dead program that would go first."""
        termios.tcflush(self._fd, termios.TCIOFLUSH)

    def throw_away_input(self) -> None:
        for _ in range(64):  # a line that never falls silent is written to all the same
            if not is_ready(self._fd, select.POLLIN, 0) or not os.read(self._fd, 4096):
                return

    def write(self, data: bytes) -> None:
        """Write all, or raise OSError: a held line must not hold up the other steps."""
        end = time.monotonic() + (SHORTEST_WAIT_S if self._held else BLOCKED_S)
        while data:
            left_s = end - time.monotonic()
            if left_s <= 0 or not is_ready(self._fd, select.POLLOUT, left_s):
                self._held = True
                raise OSError("the line takes no bytes")
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                time.sleep(0.001)

    def has_answer(self, wait_s: float) -> bool:
        """Whether any bytes come within `wait_s`; which ones is not looked at."""
        return is_ready(self._fd, select.POLLIN, wait_s) and bool(os.read(self._fd, 4096))

    def drain(self, until: float) -> None:
        """Wait until what was written has left the queue, and an adapter's own few bytes after it."""
        while struct.unpack("i", fcntl.ioctl(self._fd, termios.TIOCOUTQ, bytes(4)))[0]:
            if time.monotonic() > until:
                return
            time.sleep(0.001)
        time.sleep(0.005)

    def set_speed(self, baud: int) -> None:
        state = list(TERMIOS2.unpack(fcntl.ioctl(self._fd, TCGETS2, bytes(TERMIOS2.size))))
        state[2] = state[2] & ~(CBAUD | CBAUD << INPUT_SPEED_SHIFT) | BOTHER
        state[5:] = [baud, baud]
        fcntl.ioctl(self._fd, TCSETS2, TERMIOS2.pack(*state))

    def back_to_first_speed(self) -> None:
        """So that the second round finds the line as the first one did."""
        if self._first_state is not None:
            self.drain(time.monotonic() + BLOCKED_S)
            self.set_speed(TERMIOS2.unpack(self._first_state)[-1])


def is_ready(fd: int, event: int, wait_s: float) -> bool:
    """Whether `fd` can be read or written, or has an error to tell, within `wait_s`."""
    poller = select.poll()
    poller.register(fd, event)
    return bool(poller.poll(wait_s * 1000))


def report(text: str, log_path: str | None) -> None:
    """Say it in one line, in the file first: the terminal may be gone or held."""
    line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} asicrc {text}"
    if log_path is not None:
        try:
            with open(log_path, "a") as log:  # noqa: PTH123 - pathlib would double the time to start
                log.write(line + "\n")
        except OSError as error:
            line += f" (not written to {log_path}: {error.strerror})"
    try:
        if is_ready(2, select.POLLOUT, 0.5):
            os.write(2, line.encode() + b"\n")
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
