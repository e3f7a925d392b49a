"""What the emulator says about itself: where it is, what really left it, and how well it kept its times."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from simulators.bm13xx.device_model import DeviceModel
from simulators.bm13xx.miner_count import MinerCount
from simulators.bm13xx.outbox import Outgoing
from simulators.bm13xx.scale import Scale

_LAGS_KEPT = 100_000


def announce(scale: Scale, pty: str, pid: int) -> None:
    """The one line on stdout: the endpoint's URL, and what else was asked for."""
    line: dict[str, Any] = {
        "url": f"serial:{pty}?chip={scale.chip}&simulated=1&{scale.url_query()}",
        "device": scale.chip,
        "pty": pty,
        "pid": pid,
        "chips": scale.chips,
        "seed": scale.seed,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    sys.stderr.write(f"emulator: {text}\n")
    sys.stderr.flush()


def say(record: dict[str, Any]) -> None:
    """One line of JSON on stderr; numbers that are not known are null."""
    known = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }
    sys.stderr.write(json.dumps(known) + "\n")
    sys.stderr.flush()


class SendRecord:
    """Counts and times of what was sent.

    Truth, when asked for, is a CSV of every proof that left. What faults did stands there in lines that begin
    with #: each proof that they kept back or changed, `# fault,t_ns,nonce,version` as the chip had found it,
    and at the end all counts as JSON.
    """

    def __init__(self, truth: Path | None) -> None:
        self.proofs = 0
        self.dropped_frames = 0
        """Frames for which the pty had no room: nobody read."""
        self.garbled_bytes = 0
        """Bytes, either way, that passed while host and chip spoke at different speeds."""
        self.fault_counts: Counter[str] = Counter()
        self._lags_ns: list[int] = []
        self._truth: TextIO | None = None
        if truth is not None:
            self._truth = truth.open("w", encoding="ascii")
            self._truth.write("t_ns,nonce,version\n")

    def sent(self, item: Outgoing, planned_ns: int, actual_ns: int) -> None:
        """A frame left at `actual_ns` (monotonic); `planned_ns` is when it should have."""
        self.proofs += len(item.proofs)
        if item.proofs and len(self._lags_ns) < _LAGS_KEPT:
            self._lags_ns.append(actual_ns - planned_ns)
        if item.fault:
            self.fault_counts[item.fault] += 1
        if self._truth is not None:
            if item.found:
                self._truth.write(f"# {item.fault},{actual_ns},{item.found[0]},{item.found[1]}\n")
            self._truth.writelines(f"{actual_ns},{nonce},{version}\n" for nonce, version in item.proofs)

    def withheld(self, item: Outgoing) -> None:
        """A proof was due that a fault keeps back."""
        self.fault_counts[item.fault] += 1
        if self._truth is not None:
            self._truth.writelines(
                f"# {item.fault},{item.due_ns},{nonce},{version}\n" for nonce, version in item.proofs
            )

    def flush(self) -> None:
        if self._truth is not None:
            self._truth.flush()

    def close(self) -> None:
        if self._truth is not None:
            self._truth.write(f"# fault_counts {json.dumps(dict(self.fault_counts))}\n")
            self._truth.close()

    def lag_us(self, share: float) -> float:
        """Quantile of how late frames left, us; NaN when none did. The first 100,000 proofs count."""
        return float(np.quantile(self._lags_ns, share)) / 1e3 if self._lags_ns else math.nan


def closing_report(reason: str, sends: SendRecord, miner: MinerCount, device: DeviceModel) -> dict[str, Any]:
    """What is said at the end. Rates are per second of real time."""
    return {
        "ended": reason,
        "warm_up_s": miner.warm_up_s,
        "proofs_found": miner.proofs,
        "proofs_sent": sends.proofs,
        "late": miner.late,
        "dropped_frames": sends.dropped_frames,
        "garbled_bytes": sends.garbled_bytes,
        "asked_mhs": miner.asked_hashes_per_s / 1e6,
        "reached_mhs": miner.reached_hashes_per_s / 1e6,
        "abandoned_ms": miner.abandoned_ns / 1e6,
        "send_lag_p50_us": sends.lag_us(0.5),
        "send_lag_p99_us": sends.lag_us(0.99),
        "power_w": device.power_w,
        "temperature_c": device.temperature_c,
        "faults": list(device.faults),
        "fault_counts": dict(sends.fault_counts),
    }
