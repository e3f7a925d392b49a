"""Commands that begin at once: each is a process of its own, forked from one that has everything imported.

As a script it is that process: it imports the modules that it is told, and answers requests in lines of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any


class ForkedCommands:
    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def start(self, *arguments: str | Path, said: Path) -> int:
        """Its process id. What it says on stderr goes to the end of the file `said`."""
        return int(self._ask("start", [*map(str, arguments)], str(said)))

    def wait(self, process_id: int) -> int:
        """Its exit code; a negative one is a signal. Its end may be asked for once."""
        return int(self._ask("wait", process_id))

    def poll(self, process_id: int) -> int | None:
        """The same without waiting; None while it runs."""
        code = self._ask("poll", process_id)
        return None if code is None else int(code)

    def run(self, *arguments: str | Path, said: Path) -> int:
        return self.wait(self.start(*arguments, said=said))

    def _ask(self, *request: object) -> Any:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


@contextmanager
def forked_commands(*modules: str) -> Iterator[ForkedCommands]:
    """`modules` are what the commands would import when they begin."""
    command = [sys.executable, __file__, *modules]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield ForkedCommands(server)  # it ends with its stdin


def main() -> None:
    from asicrc.cli.main import _run

    for module in sys.argv[1:]:
        import_module(module)
    answer: int | None
    for line in sys.stdin:
        kind, *details = json.loads(line)
        if kind in ("wait", "poll"):
            ended, status = os.waitpid(details[0], 0 if kind == "wait" else os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
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
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
