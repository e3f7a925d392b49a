"""The console command: Ctrl-C is one line and exit code 130 also while the rest is being imported."""

from __future__ import annotations

import sys


def main() -> None:
    try:
        from asicrc.cli.main import main as run

        run()
    except KeyboardInterrupt:  # before the command line could catch it
        if sys.stderr is not None:
            sys.stderr.write("interrupted\n")
        sys.exit(130)
