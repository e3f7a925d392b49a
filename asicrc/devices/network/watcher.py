"""A thread that asks a miner how it is, every second or two: a slow answer keeps nobody else waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from asicrc.devices.network.control import Observation
from asicrc.errors import AsicrcError
from firmware_protocols.device import DeviceLost
from firmware_protocols.errors import RemoteProtocolError

INTERVAL_S = 1.5
MOST_WAITING = 4096
"""Observations that wait to be taken: two hours of them."""
ENDS_WITHIN_S = 20.0
"""Longer than any answer may take."""


class Watcher:
    """`observe` is called in a thread of its own, never twice at once."""

    def __init__(self, observe: Callable[[], Observation], name: str, interval_s: float = INTERVAL_S) -> None:
        self._observe = observe
        self._interval_s = interval_s
        self._seen: deque[Observation] = deque()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._last_error = ""
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"watcher of {name}", daemon=True)

    @property
    def last_error(self) -> str:
        """Why the last question had no answer; empty after one that had."""
        return self._last_error

    def start(self) -> None:
        self._thread.start()

    def take(self) -> list[Observation]:
        """What was seen since the last call. Raises DeviceLost where too much of it waits, and whatever broke
        the thread."""
        if self._broken is not None:
            raise self._broken
        with self._lock:
            if len(self._seen) >= MOST_WAITING:
                raise DeviceLost("the readings of the miner were not taken for hours")
            seen = list(self._seen)
            self._seen.clear()
        return seen

    def stop(self) -> None:
        """Return when the thread has ended; a question that is under way is waited for."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(ENDS_WITHIN_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                seen = self._observe()
                self._last_error = ""
                with self._lock:
                    if len(self._seen) < MOST_WAITING:
                        self._seen.append(seen)
            except (DeviceLost, RemoteProtocolError, AsicrcError) as error:
                self._last_error = str(error)
            except BaseException as error:
                self._broken = error
                return
            self._stop.wait(self._interval_s)
