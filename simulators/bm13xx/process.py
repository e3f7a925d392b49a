"""An endpoint as a whole process: its signals, and the pipe that wakes its loop."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Protocol

_THREAD_SWITCH_S = 1e-4  # the interpreter's 5 ms would keep a due frame waiting for the miner


class Runnable(Protocol):
    """What can be run as a process."""

    def run(self) -> int:
        """Work until something ends it; the exit code."""

    def on_signal(self, number: int, _frame: FrameType | None) -> None: ...


def run_process(make: Callable[[int, int], Runnable]) -> int:
    """Make an endpoint of the ends of its wake pipe, and run it as the whole of this process."""
    sys.setswitchinterval(_THREAD_SWITCH_S)
    with _wake_pipe() as (woken, wake):
        endpoint = make(woken, wake)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, endpoint.on_signal)
        return endpoint.run()


def ring(wake: int) -> None:
    """Wake the loop that waits at the other end, from any thread."""
    with suppress(BlockingIOError):  # full: the loop is going to wake up anyway
        os.write(wake, b".")


@contextmanager
def _wake_pipe() -> Iterator[tuple[int, int]]:
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        yield woken, wake
    finally:
        signal.set_wakeup_fd(-1)
        os.close(woken)
        # `wake` stays open: the miner may still ring
