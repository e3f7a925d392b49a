"""Commands that begin at once: each is a process of its own, forked from one that has everything imported.

As a script it is that process: it reads requests, a line of JSON each, and answers each with a number.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ForkedCommands:
    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def start(self, *arguments: str | Path, said: Path) -> int:
        """Its process id. What it says on stderr goes to the end of the file `said`."""
        return self._ask("start", [*map(str, arguments)], str(said))

    def wait(self, process_id: int) -> int:
        """Its exit code; a negative one is a signal."""
        return self._ask("wait", process_id)

    def run(self, *arguments: str | Path, said: Path) -> int:
        return self.wait(self.start(*arguments, said=said))

    def _ask(self, *request: object) -> int:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


@contextmanager
def forked_commands() -> Iterator[ForkedCommands]:
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        yield ForkedCommands(server)  # it ends with its stdin


def main() -> None:
    import asicrc.capture.restoring
    import asicrc.capture.running
    import asicrc.devices.bitaxe_opening  # noqa: F401 - what a command would import when it begins
    from asicrc.cli.main import _run

    for line in sys.stdin:
        kind, *details = json.loads(line)
        if kind == "wait":
            answer = os.waitstatus_to_exitcode(os.waitpid(details[0], 0)[1])
        elif not (answer := os.fork()):
            arguments, said = details
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0)
            os.dup2(nothing, 1)
            os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
            code = _run(arguments)
            sys.stderr.flush()
            os._exit(code)
        print(answer, flush=True)


if __name__ == "__main__":
    main()
