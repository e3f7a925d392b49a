"""`serve` from its first word to Ctrl-C: one thread looks, one accepts, one each talks to a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable
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
    hub = Hub(MOST_WATCHERS)
    server = LiveServer(port, hub)
    looking = _Looking(Followed(target), hub, server)
    looking.start()
    try:
        begun(server.url)
        server.serve_forever()
    finally:
        hub.close(_GOODBYE_S)
        server.server_close()
    failed = looking.failed or server.failed
    if failed is not None:
        raise failed


class _Looking(threading.Thread):
    """Looks once a second while somebody watches."""

    def __init__(self, followed: Followed, hub: Hub, server: LiveServer) -> None:
        super().__init__(name="looking", daemon=True)
        self.failed: BaseException | None = None
        self._followed = followed
        self._hub = hub
        self._server = server

    def run(self) -> None:
        try:
            while self._hub.wait_for_watchers():
                self._hub.publish(as_line(self._followed.look()))
                self._hub.pause(READING_ON_S if self._followed.has_more else LOOK_EVERY_S)
        except BaseException as error:
            self.failed = error
            self._server.shutdown()
