"""SIGTERM ends a run of claims: what is at hand is finished, and nothing more is begun."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class StopAsked:
    """Whether SIGTERM came. The first lets the claims at hand come to their end, the second is a Ctrl-C."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.is_set = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """The handler. Raises KeyboardInterrupt for the second signal."""
        if self.is_set:
            raise KeyboardInterrupt
        self.is_set = True
        self._say("asked to stop: the claims at hand are finished first; once more stops at once")


@contextmanager
def stop_on_sigterm(say: Callable[[str], None]) -> Iterator[StopAsked]:
    """While the block runs. Beside the main thread no signal can be handled, and SIGTERM does as before.

    A capture that runs meanwhile handles the signal itself, and is sealed.
    """
    asked = StopAsked(say)
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGTERM, asked)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)
