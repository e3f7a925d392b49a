"""Views of a capture in a process of their own, started beside it: it reads the file and nothing else.

Whatever becomes of that process, of its broker or its port, is nothing to the capture.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from asicrc.capture.reader import load
from asicrc.errors import UsageError

FILE_LOOK_S = 0.1
ENDS_WITHIN_S = 10.0
"""How long the process may go on sending after the capture is over; then it is ended."""


@contextmanager
def live_views(
    output: Path,
    say: Callable[[str], None],
    *,
    mqtt: str | None = None,
    prometheus: str | None = None,
    rig: str | None = None,
    goes_on: bool = False,
) -> Iterator[None]:
    """Publish `output` while the block runs: a capture that begins, or with `goes_on` one that is taken up.

    Raises UsageError, before anything starts, for addresses that are none and libraries that are missing.
    """
    check_views(mqtt, prometheus, rig)
    if mqtt is None and prometheus is None:
        yield
        return
    if output.exists() and not goes_on:  # the capture will refuse to begin, and an old file is not its own
        yield
        return
    command = [sys.executable, "-m", "asicrc.cli.main", "publish", str(output), "--beside-capture"]
    for option, value in (("--mqtt", mqtt), ("--prometheus", prometheus), ("--rig", rig)):
        if value is not None:
            command += [option, value]
    # A session of its own: Ctrl-C is for the capture, which then has this one end in good order.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        _end(process, say, output, mqtt)


def wait_for_writing(path: Path, gone: threading.Event) -> bool:
    """Until a capture is written at `path`, or its process is gone; whether there is a file then.

    A sealed file is one that is about to be taken up again, or whose capture is over already.
    """
    while not path.exists() or load(path).sealed:
        if gone.wait(FILE_LOOK_S):
            return path.exists()
    return True


def check_views(mqtt: str | None, prometheus: str | None, rig: str | None) -> None:
    """Raises UsageError for addresses that are none and libraries that are missing; opens nothing."""
    if mqtt is None and rig is not None:
        raise UsageError("--rig names a rig in the topics of a broker", "--mqtt mqtt://HOST, or leave it out")
    if mqtt is None and prometheus is None:
        return
    import os

    from asicrc.telemetry.mqtt.address import broker_address
    from asicrc.telemetry.mqtt.connection import check_library
    from asicrc.telemetry.mqtt.topics import checked_rig
    from asicrc.telemetry.prometheus import check_prometheus

    if mqtt is not None:
        broker_address(mqtt, os.environ)
        check_library()
    if prometheus is not None:
        check_prometheus(prometheus)
    if rig is not None:
        checked_rig(rig)


def _end(
    process: subprocess.Popen[bytes], say: Callable[[str], None], output: Path, mqtt: str | None
) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        was_killed = process.wait(ENDS_WITHIN_S) < 0  # what else it ended with, it has said itself
    except KeyboardInterrupt:
        process.kill()
        process.wait()
        raise
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        was_killed = True
    if was_killed and mqtt is not None:
        say(f"not all of {output} is sent: asicrc publish {output} --mqtt {mqtt} sends the rest")
