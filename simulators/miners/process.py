"""The process of an emulated miner: its options, the line that says where it is, and its end."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from simulators.bm13xx.process import ring, run_process
from simulators.miners.firmware import Firmware
from simulators.miners.lbbox.firmware import LbBox
from simulators.miners.lv06.firmware import lv06
from simulators.miners.options import MinerOptions, OptionError, miner_arguments, parse_options
from simulators.miners.reactor import Reactor
from simulators.miners.s9.firmware import S9

USAGE = 2
FAILED = 1
ABANDONED_TOLD_S = 0.5
_MAKERS = {"lv06": lv06, "s9": S9, "lbbox": LbBox}
_CHIPS = {"lv06": 1, "s9": 189, "lbbox": 1}


def main(arguments: Sequence[str]) -> int:
    """Run one miner until stdin ends or a signal comes; return its exit code.

    2 is an option that is not understood, or a port or file that cannot be had (said on stderr), 1 a failure
    of the emulator itself.
    """
    try:
        options = parse_options(miner_arguments(arguments))
    except OptionError as error:
        _warn(str(error))
        return USAGE
    try:
        return run_process(lambda woken, wake: MinerProcess(options, woken, wake))
    except OSError as error:
        _warn(str(error))
        return USAGE


class MinerProcess:
    """`woken` and `wake` are the ends of a pipe that the hashing thread rings."""

    def __init__(self, options: MinerOptions, woken: int, wake: int) -> None:
        self.reactor = Reactor(woken)
        self._options = options
        self._wake = wake
        self._announced = False
        self.firmware: Firmware = _MAKERS[options.miner](options, self.reactor, lambda: ring(wake))

    def run(self) -> int:
        """The miner is announced when it is ready to hash."""
        firmware = self.firmware
        self.reactor.on_wake = self._woken
        firmware.hasher.start()
        reason = self.reactor.run()
        firmware.close()
        abandoned_s = firmware.hasher.count.abandoned_ns / 1e9
        if self._options.report:
            firmware.report(reason)
        elif abandoned_s > ABANDONED_TOLD_S:
            _warn(f"this machine was too slow for {abandoned_s:.1f} s of hashing: too few shares came")
        if firmware.hasher.failure is not None:
            _warn(f"the hashing failed: {firmware.hasher.failure!r}")
            return FAILED
        return 0

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.reactor.end(signal.Signals(number).name)
        ring(self._wake)

    def _woken(self) -> None:
        if self.firmware.hasher.ready.is_set() and not self._announced:
            self._announced = True
            self.firmware.begin_stepping()
            self.firmware.boot()
            self._announce()
        self.firmware.serve()

    def _announce(self) -> None:
        options, scale = self._options, self.firmware.scale
        line = {
            "url": self.firmware.url(),
            "device": options.miner,
            "profile": options.profile,
            "pid": os.getpid(),
            "chips": _CHIPS[options.miner],
            "seed": options.seed,
            "zero_bits": scale.zero_bits,
            "hash_rate_scale": scale.hash_rate_scale,
            "difficulty_one": str(scale.difficulty_one),
            "difficulty_factor": scale.difficulty_factor,
            "floor": scale.floor,
            "shares_per_s_at_floor": self.firmware.real_hashes_per_s
            / scale.hash_rate_scale
            / scale.hashes_per_ticket,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def _warn(text: str) -> None:
    sys.stderr.write(f"emulator: {text}\n")
    sys.stderr.flush()
