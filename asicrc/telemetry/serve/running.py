"""`serve` from its first word to Ctrl-C: one thread looks, one accepts, one each talks to a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from asicrc.telemetry.serve.followed import Followed
from asicrc.telemetry.serve.hub import Hub
from asicrc.telemetry.serve.server import MOST_WATCHERS, LiveServer
from asicrc.telemetry.serve.snapshot import as_line

LOOK_EVERY_S = 1.0
READING_ON_S = 0.02
"""Between two looks while a file is read from its beginning: its writer is to have the disk too."""
_GOODBYE_S = 1.0


def serve(target: Path, port: int, begun: Callable[[str], None]) -> None:
    """Show a capture, or the newest of a folder, at http://127.0.0.1:`port`/ until KeyboardInterrupt.

    `begun` is told the address once it answers. Raises UsageError for a port that cannot be had. What is
    wrong with a file is said on the page.
    """
    with serving(target, port) as server:
        begun(server.url)
        server.serve_forever()
    if server.failed is not None:
        raise server.failed


@contextmanager
def serving(target: Path, port: int) -> Iterator[LiveServer]:
    """The same without the loop: `serve_forever` of what is yielded answers, until its `shutdown`."""
    hub = Hub(MOST_WATCHERS)
    server = LiveServer(port, hub)
    _Looking(Followed(target), hub, server).start()
    try:
        yield server
    finally:
        hub.close(_GOODBYE_S)
        server.server_close()


class _Looking(threading.Thread):
    """Looks once a second while somebody watches."""

    def __init__(self, followed: Followed, hub: Hub, server: LiveServer) -> None:
        super().__init__(name="looking", daemon=True)
        self._followed = followed
        self._hub = hub
        self._server = server

    def run(self) -> None:
        try:
            while self._hub.wait_for_watchers():
                self._hub.publish(as_line(self._followed.look()))
                self._hub.pause(READING_ON_S if self._followed.has_more else LOOK_EVERY_S)
        except Exception as error:
            self._server.end_with(error)
