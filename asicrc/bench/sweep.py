"""Taking a sweep from a device into a file, and going on with one whose session ended early."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asicrc.analysis.point_numbers import PointNumbers, point_numbers
from asicrc.bench.plan import SweepPlan
from asicrc.bench.plan_estimate import PlanEstimate, estimate, estimates_of
from asicrc.bench.stored_sweep import capture_plan, stored_sweep, sweep_record
from asicrc.bench.sweep_standing import SweepStanding
from asicrc.capture.plan import Outcome
from asicrc.capture.points import PointState
from asicrc.capture.reader import load
from asicrc.capture.restoring import put_back
from asicrc.capture.running import capture_to_file
from asicrc.capture.same_device import NETWORK, check_same_device, device_of
from asicrc.capture.schema import END_REASON_KEY, RESTORED_KEY
from asicrc.capture.session import GoneOn
from asicrc.capture.way_back import originals_of
from asicrc.devices import Circumstances, open_device
from asicrc.errors import BadFile, ExitCode, Refused
from firmware_protocols.device import DeviceIdentity, DeviceProtocol, Setting


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """`outcome` is None where there was nothing to do. `planned` counts the points of the plan, `done` those
    that the file has to their end, whichever session took them."""

    path: Path
    reason: str
    exit_code: ExitCode
    planned: int
    done: int
    numbers: list[PointNumbers]
    restored: bool | None
    """Whether the file says that the device was put back; None where nothing was written to it."""
    outcome: Outcome | None

    def as_json(self) -> dict[str, Any]:
        outcome = self.outcome
        return {
            "path": str(self.path),
            "reason": self.reason,
            "points_planned": self.planned,
            "points_done": self.done,
            "points_missing": self.planned - self.done,
            "complete": self.done == self.planned,
            "restored": self.restored,
            **({} if outcome is None else outcome.counters.as_dict()),
            "points": [numbers.as_json() for numbers in self.numbers],
        }


def dry_run(plan: SweepPlan, url: str | None, circumstances: Circumstances) -> PlanEstimate:
    """What the plan comes to. With a URL the device is asked; nothing is written to it."""
    if url is None:
        return estimate(plan)
    with open_device(url, circumstances) as device:
        return estimate(plan, device)


def take_sweep(
    url: str,
    plan: SweepPlan,
    output: Path,
    circumstances: Circumstances | None = None,
    say: Callable[[str], None] = lambda _: None,
    progress: str = "plain",
) -> SweepOutcome:
    """Take every point of a plan. Must run in the main thread: it handles signals.

    Raises Refused that names the first point with a setting beyond a limit, before anything starts; then as
    `capture_to_file`.
    """
    points = plan.points()
    estimates = estimates_of(plan, points)
    outcome = capture_to_file(
        url,
        capture_plan(plan, points, output, progress),
        circumstances,
        say,
        sweep_record(plan),
        listener=SweepStanding(estimates),
    )
    return _finished(output, outcome)


def resume_sweep(
    path: Path,
    url: str | None = None,
    circumstances: Circumstances | None = None,
    say: Callable[[str], None] = lambda _: None,
    progress: str = "plain",
) -> SweepOutcome:
    """Go on with a sweep at the points that it has not taken to their end, on the same device.

    A point that had begun is kept, marked aborted, and taken again. A file that is complete stays as it is.
    Raises UsageError for a capture that is no sweep, BadFile, DeviceError for another device, Refused.
    """
    circumstances = circumstances or Circumstances.usual()
    with load(path) as capture:
        meta, sealed, identity = capture.meta, capture.sealed, capture.identity
        plan, points = stored_sweep(meta, path)
        records, settings = capture.points(), capture.settings()
        finished = _finished(path, None) if sealed else None
    if identity is None:
        raise BadFile(f"{path} does not say which device it is of", "it was not written by a sweep")
    taken = {record.key for record in records if record.state is PointState.DONE}
    done = frozenset(i for i, point in enumerate(points) if point.key in taken)
    if finished is not None and len(done) == len(points):
        return finished
    url = url or device_of(meta, identity, path)
    originals: list[Setting] | None = originals_of(settings)
    if not originals or meta.get(RESTORED_KEY) is True:
        originals = None
    elif url.startswith(NETWORK):
        _put_back_first(url, identity, originals, path, circumstances, say)
        originals = None

    def goes_on(device: DeviceProtocol) -> GoneOn:
        check_same_device(device, identity, path)
        return GoneOn(originals, done, max((record.id for record in records), default=0) + 1)

    say(f"{len(done)} of {len(points)} points are there; {len(points) - len(done)} are to be taken")
    outcome = capture_to_file(
        url,
        capture_plan(plan, points, path, progress),
        circumstances,
        say,
        listener=SweepStanding(estimates_of(plan, points), done),
        goes_on=goes_on,
    )
    return _finished(path, outcome)


def _put_back_first(
    url: str,
    identity: DeviceIdentity,
    originals: list[Setting],
    path: Path,
    circumstances: Circumstances,
    say: Callable[[str], None],
) -> None:
    """A miner on a network gets its own settings and pools back before they are read anew: what it has now is
    what the killed session gave it."""
    say("the miner is put back first, as `asicrc restore` does")
    with open_device(url, circumstances) as device:
        check_same_device(device, identity, path)
        failed = [s.name for s in put_back(device, originals, path) if not s.came_true]
        for line in device.read(device.clock.now_ns()).log:
            say(line)
    if failed:
        raise Refused(
            f"{path}: {', '.join(failed)} did not come back to what it was; nothing else was written",
            f"`asicrc restore {path} --device {url!r}` says more",
        )


def _finished(path: Path, outcome: Outcome | None) -> SweepOutcome:
    with load(path) as capture:
        _, points = stored_sweep(capture.meta, path)
        numbers = point_numbers(capture)
        reason = str(capture.meta.get(END_REASON_KEY, "not ended"))
        restored = capture.meta.get(RESTORED_KEY)
    done = {(n.point, n.repeat) for n in numbers if n.state == PointState.DONE}
    return SweepOutcome(
        path=path,
        reason=reason if outcome is None else outcome.reason,
        exit_code=ExitCode.OK if outcome is None else outcome.exit_code,
        planned=len(points),
        done=sum(point.key in done for point in points),
        numbers=numbers,
        restored=restored if isinstance(restored, bool) else None,
        outcome=outcome,
    )
