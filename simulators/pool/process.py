"""The process of an emulated pool: its options, the line that says where it is, and its end."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from simulators.bm13xx.process import ring, run_process
from simulators.bm13xx.scale import options_from_arguments
from simulators.miners.reactor import Reactor
from simulators.pool.options import OptionError, PoolOptions, parse_pool_options
from simulators.pool.pool import Pool

USAGE = 2


def main(arguments: Sequence[str]) -> int:
    """Run one pool until stdin ends or a signal comes; return its exit code.

    2 is an option that is not understood, or a port or file that cannot be had (said on stderr).
    """
    try:
        options = parse_pool_options(options_from_arguments(arguments))
    except OptionError as error:
        sys.stderr.write(f"emulator: {error}\n")
        return USAGE
    try:
        return run_process(lambda woken, wake: PoolProcess(options, woken, wake))
    except OSError as error:
        sys.stderr.write(f"emulator: {error}\n")
        return USAGE


class PoolProcess:
    def __init__(self, options: PoolOptions, woken: int, wake: int) -> None:
        self.reactor = Reactor(woken)
        self.pool = Pool(options, self.reactor)
        self._options = options
        self._wake = wake

    def run(self) -> int:
        pool, options = self.pool, self._options
        pool.open()
        line = {
            "url": pool.url,
            "device": "pool",
            "pid": os.getpid(),
            "seed": options.seed,
            "difficulty": options.difficulty,
            "difficulty_one": str(options.difficulty_one),
            "latency_ms": options.latency_ms,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        reason = self.reactor.run()
        pool.close()
        if options.report:
            sys.stderr.write(
                f"emulator: ended ({reason}); {pool.came} connections, {pool.jobs} jobs, "
                f"{pool.accepted_shares} shares accepted\n"
            )
        return 0

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.reactor.end(signal.Signals(number).name)
        ring(self._wake)
