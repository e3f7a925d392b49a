"""Faults of the line to the host: bytes that are added, lost or changed, and a line that is silent."""

from __future__ import annotations

from collections import Counter

import numpy as np

from simulators.bm13xx.outbox import END_OF_TIME_NS
from simulators.bm13xx.scale import Scale

NOISE, DROP, CRC, MUTE, STALL = "noise", "drop", "crc", "mute", "stall"
_CHECKSUM_VALUES = 32  # of the five bits that end a response


class LineFaults:
    """The switches of one run of the emulator. What they do is added to `counts`, by name."""

    def __init__(self, scale: Scale, counts: Counter[str]) -> None:
        self.hangup_ns = END_OF_TIME_NS
        """When the line goes away."""
        self._counts = counts
        self._faults = scale.faults
        self._hangup_s = min(scale.faults.hangup_s, scale.hangup_after_s)
        self._mute_ns = END_OF_TIME_NS
        self._silence_ns = (END_OF_TIME_NS, END_OF_TIME_NS)
        seed = scale.seed if scale.fault_seed is None else scale.fault_seed
        self._random = np.random.default_rng(np.random.SeedSequence([seed, 2]))

    def first_job(self, at_ns: int) -> None:
        """The moment from which on the times of faults count."""
        self.hangup_ns = _later(at_ns, self._hangup_s)
        self._mute_ns = _later(at_ns, self._faults.mute_s)
        if self._faults.stall is not None:
            after_s, for_s = self._faults.stall
            begin_ns = _later(at_ns, after_s)
            self._silence_ns = (begin_ns, _later(begin_ns, for_s))

    def start_ns(self, wanted_ns: int) -> int:
        """When a frame that could start at `wanted_ns` does: a silent line keeps it until it speaks again."""
        begin_ns, end_ns = self._silence_ns
        return end_ns if begin_ns <= wanted_ns < end_ns else wanted_ns

    def is_mute(self, now_ns: int) -> bool:
        return now_ns >= self._mute_ns

    def frames(self, data: bytes, count: int) -> bytes:
        """`count` frames of equal size as the chip sends them: some with a wrong checksum."""
        share = self._faults.crc
        if not share:
            return data
        size, spoiled = len(data) // count, bytearray(data)
        for frame in np.flatnonzero(self._random.random(count) < share).tolist():
            spoiled[(frame + 1) * size - 1] ^= int(self._random.integers(1, _CHECKSUM_VALUES))
            self._counts[CRC] += 1
        return bytes(spoiled)

    def on_the_line(self, data: bytes) -> bytes:
        """The bytes as they arrive: some missing, some with a junk byte before them."""
        faults = self._faults
        if faults.drop:
            kept = self._random.random(len(data)) >= faults.drop
            self._counts[DROP] += int(len(data) - kept.sum())
            data = bytes(np.frombuffer(data, np.uint8)[kept])
        if faults.noise:
            noisy = self._random.random(len(data)) < faults.noise
            junk = self._random.integers(0, 256, len(data), np.uint8)
            self._counts[NOISE] += int(noisy.sum())
            data = b"".join(
                bytes((junk[place], byte)) if noisy[place] else bytes((byte,))
                for place, byte in enumerate(data)
            )
        return data


def _later(at_ns: int, seconds: float) -> int:
    return END_OF_TIME_NS if seconds > 1e9 else min(at_ns + round(seconds * 1e9), END_OF_TIME_NS - 1)
