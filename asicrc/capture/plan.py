"""What to capture, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from asicrc.capture.verification import Counters
from asicrc.errors import ExitCode


@dataclass(frozen=True, slots=True)
class CapturePlan:
    """What to capture. `requested` are settings by name; None leaves the driver's default.

    `job_interval_s` None is the device's own interval. `mode` is `stream` (jobs by a timer) or `handshake`
    (the next job when the one before was answered, or after `handshake_timeout_s`). With `replay_work` the
    jobs of that capture are sent again at their own intervals; `duration_s` None is then as long as they were
    worked on.
    """

    output: Path
    duration_s: float | None
    requested: dict[str, float] = field(default_factory=dict)
    job_interval_s: float | None = None
    max_events: int | None = None
    seed: int = 1
    progress: str = "plain"
    replay_work: Path | None = None
    mode: str = "stream"
    handshake_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a capture ended. The file is sealed whenever there is an outcome.

    `restored` says whether the device took its originals back, None where nothing was written to it;
    `not_restored` names the settings that are not known to be back.
    `lag_s` is the time from the last event's stamp to its commit, `worst_lag_s` the longest any waited;
    None where the stamps are not of now.
    """

    path: Path
    reason: str
    exit_code: ExitCode
    duration_s: float
    counters: Counters
    wire_counters: dict[str, int]
    restored: bool | None
    lag_s: float | None
    worst_lag_s: float | None
    not_restored: tuple[str, ...] = ()
