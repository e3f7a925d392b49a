"""One capture of a device for all the claims that are answered from captures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from asicrc.capture.plan import CapturePlan
from asicrc.capture.running import capture_to_file
from asicrc.claims.claim import Claim
from asicrc.claims.procedure import Procedure
from asicrc.claims.tonight import DeviceOutlook
from asicrc.errors import ExitCode, NoAnswer

SHORTEST_S = 10.0
ROOM = 1.1
"""Of the expected time: shares come by chance, and a few repeat or are late."""


@dataclass(frozen=True, slots=True)
class DeviceCapture:
    """`exit_code` is not 0 where it ended early; what it has is answered from all the same."""

    path: Path
    took_s: float
    reason: str
    exit_code: ExitCode


def captured_claims(claims: Iterable[Claim], procedures: Sequence[Procedure]) -> list[Claim]:
    """Those that a capture can answer, and that no procedure drives the device for by itself."""
    of_capture = {one.claim for one in procedures if "capture" in one.sources}
    driven = {one.claim for one in procedures if "device" in one.sources}
    return [claim for claim in claims if claim.id in of_capture - driven]


def capture_s(claims: Sequence[Claim], device: DeviceOutlook, budget_s: float) -> float:
    """Long enough for the claim that takes most events at one setting, within the budget. The whole budget
    where the device's rate is not known. Raises NoAnswer for a budget that is too short for any capture."""
    if budget_s < SHORTEST_S:
        raise NoAnswer(
            f"{max(budget_s, 0.0):.0f} s are left for a capture, and it takes {SHORTEST_S:g} at least",
            "give a larger --budget, or fewer claims",
        )
    events = max((claim.takes.events_per_setting() for claim in claims if claim.takes), default=0)
    if device.events_per_s is None or not events:
        return budget_s
    return min(budget_s, max(SHORTEST_S, ROOM * events / device.events_per_s))


def capture_device(
    url: str, path: Path, duration_s: float, *, seed: int, say: Callable[[str], None]
) -> DeviceCapture:
    """As `asicrc capture` does, with everything put back. Must run in the main thread.

    Raises what `capture_to_file` raises, KeyboardInterrupt where a person ended it.
    """
    say(f"capturing {duration_s:.0f} s into {path}")
    plan = CapturePlan(path, duration_s, seed=seed, progress="live" if sys.stderr.isatty() else "plain")
    outcome = capture_to_file(url, plan, say=say)
    if outcome.exit_code == ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if outcome.exit_code is not ExitCode.OK:
        say(f"the capture ended early: {outcome.reason}; it is answered from what it has")
    return DeviceCapture(path, outcome.duration_s, outcome.reason, outcome.exit_code)
