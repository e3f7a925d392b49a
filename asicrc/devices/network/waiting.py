"""Waiting for a miner: bounded, and given up when the capture is asked to end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from firmware_protocols.device import Clock, DeviceLost
from firmware_protocols.errors import RemoteProtocolError

ANSWERS_WITHIN_S = 20.0
"""Of a miner that may be busy, or start anew by itself."""


class Interrupted(Exception):
    """The capture was asked to end while it waited; the way back still has to be gone."""


class Waiting:
    """`stop_asked` says whether the capture is to end. Time is the clock's, s."""

    def __init__(self, clock: Clock, stop_asked: Callable[[], bool] = lambda: False) -> None:
        self._clock = clock
        self._stop_asked = stop_asked
        self._patient = False
        self._event = threading.Event()

    @contextmanager
    def patient(self) -> Iterator[None]:
        """On the way back a request to end is no reason not to wait."""
        before, self._patient = self._patient, True
        try:
            yield
        finally:
            self._patient = before

    def pause(self, seconds: float) -> None:
        """Raises Interrupted."""
        self.check()
        self._event.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raises Interrupted."""
        if not self._patient and self._stop_asked():
            raise Interrupted

    def until(self, is_so: Callable[[], bool], within_s: float, each_s: float = 0.5) -> bool:
        """Ask again and again; False when the time is over. Raises Interrupted."""
        end_ns = self._clock.now_ns() + round(within_s * 1e9)
        while not is_so():
            if self._clock.now_ns() >= end_ns:
                return False
            self.pause(each_s)
        return True

    def await_answer(self, ask: Callable[[], object], within_s: float = ANSWERS_WITHIN_S) -> None:
        """Return at the first answer to `ask`, asked again and again. Raises DeviceLost with the last error
        when the time is over, and Interrupted."""
        said = ""

        def is_answered() -> bool:
            nonlocal said
            try:
                ask()
            except (DeviceLost, RemoteProtocolError) as error:
                said = str(error)
                return False
            return True

        if not self.until(is_answered, within_s):
            raise DeviceLost(said)
