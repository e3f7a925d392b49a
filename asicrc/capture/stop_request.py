"""Signals that end a capture."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from asicrc.clock import MACHINE_CLOCK

IMPATIENCE_NS = 1_000_000_000
STDERR = 2


class StopRequest:
    """First signal: finish the batch, restore, seal. Second: leave at once, with `last_words` on stderr."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.last_words = ""
        self._first_ns = 0

    @contextmanager
    def on_signals(self) -> Iterator[StopRequest]:
        """Handle SIGINT, SIGTERM and SIGHUP while the block runs; one that is ignored (nohup) stays so."""
        previous = {
            number: signal.signal(number, self._handle)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        try:
            yield self
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        now_ns = MACHINE_CLOCK.now_ns()
        if self.reason is None:
            self.reason, self._first_ns = f"interrupted by {signal.Signals(number).name}", now_ns
            return
        # A closed terminal hangs up twice, and some supervisors repeat themselves: only a person who presses
        # Ctrl-C again, or somebody who waited, means it.
        again = number == signal.SIGTERM and now_ns - self._first_ns > IMPATIENCE_NS
        if number == signal.SIGINT or again:
            self._say_last_words()
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _say_last_words(self) -> None:
        """Past all buffers, of which nobody knows what they are at; where nobody listens, to nobody."""
        if self.last_words:
            with suppress(OSError):
                os.write(STDERR, f"\n{self.last_words}\n".encode(errors="replace"))
