"""One session from open device to sealed file: its points one after the other, and the way back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from asicrc.capture.description import describe
from asicrc.capture.driving import check_drive
from asicrc.capture.not_put_back import not_put_back
from asicrc.capture.plan import CapturePlan, Outcome
from asicrc.capture.point_run import PointDone, PointListener, PointRun
from asicrc.capture.points import PointState
from asicrc.capture.pulling import Ended, Puller, Supervision, Why
from asicrc.capture.recorder import Recorder
from asicrc.capture.stop_request import StopRequest
from asicrc.capture.storage import Numbering, Storage
from asicrc.capture.storage_link import StorageLink
from asicrc.capture.way_back import WayBack
from asicrc.clock import MACHINE_CLOCK, boot_id
from asicrc.errors import AsicrcError, ExitCode, Refused, StorageFull
from asicrc.work.recorded_jobs import RecordedJobs
from firmware_protocols.device import DeviceLost, DeviceProtocol, SafetyStop, Setting, SettingRefused

THREAD_SWITCH_S = 50e-6


@dataclass(frozen=True, slots=True)
class GoneOn:
    """What a session takes over from the one before it in the same file.

    `originals` are those of a device that was not put back since; None: they are read from it. `done` are the
    positions in the plan that need not be taken again, `row` the number of the next point's row.
    """

    originals: list[Setting] | None
    done: frozenset[int]
    row: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a session has beside device and plan. `meta` is kept with the capture as it is."""

    recorded: RecordedJobs | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    listener: PointListener | None = None
    supervision: Supervision | None = None
    goes_on: GoneOn | None = None


def run_capture(
    device: DeviceProtocol,
    device_url: str,
    plan: CapturePlan,
    stop: StopRequest,
    storage: StorageLink,
    around: Surroundings | None = None,
) -> Outcome:
    """Capture from an open device into a file, restore the device, seal the file.

    Raises AsicrcError when the file cannot be made or storage fails on the way (what was acknowledged is
    in the file), or when the device refuses a setting before anything was captured. A device that is lost
    on the way ends the capture with that reason and exit code 3.
    """
    around = around or Surroundings()
    check_points(device, plan)
    is_live = device.clock is MACHINE_CLOCK
    before = storage.open(
        plan.output,
        describe(device, device_url, plan, around.recorded) | around.meta,
        plan.progress,
        t_start_ns=device.clock.now_ns(),
        boot_id=boot_id() if is_live else None,
        verdicts=device.work_form.wants_verdicts,
        resume=around.goes_on is not None,
        live=is_live,
    )
    session = Session(device, plan, stop, storage, around, before)
    try:
        with _prompt_threads():
            reason, exit_code = session.run()
        wire_counters = device.wire_counters()
        report = storage.seal(reason, wire_counters)
    except AsicrcError as error:
        if session.way_back.restored is False:
            error.hint = "; ".join([error.hint, *not_put_back(plan.output, device_url)])
        raise
    return Outcome(
        plan.output,
        reason,
        exit_code,
        session.duration_s,
        wire_counters=wire_counters,
        restored=session.way_back.restored,
        not_restored=session.way_back.not_restored,
        points_done=session.points_done,
        **report,
    )


def check_points(device: DeviceProtocol, plan: CapturePlan) -> None:
    """Raises Refused that names the first point with a setting that the device may not get, SettingRefused
    for a plain capture, and UsageError for an input that cannot be."""
    checked: set[tuple[tuple[str, float], ...]] = set()
    for number, point in enumerate(plan.all_points, 1):
        key = tuple(sorted(point.requested.items()))
        if key in checked:
            continue
        checked.add(key)
        try:
            device.check(dict(point.requested))
            if plan.drive is not None:
                check_drive(plan.drive, device, point.requested, plan.mode)
        except SettingRefused as error:
            if not plan.points:
                raise
            raise Refused(
                f"point {number} of {len(plan.points)} ({point.label}): {error}",
                "nothing was started; take the point out, or see `asicrc check` for what the device can do",
            ) from None


@contextmanager
def _prompt_threads() -> Iterator[None]:
    """Let the reader have the interpreter as soon as bytes arrive: the usual 5 ms would be in every stamp."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(THREAD_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)


class Session:
    """Runs the points of a plan on one device, into one storage."""

    def __init__(
        self,
        device: DeviceProtocol,
        plan: CapturePlan,
        stop: StopRequest,
        storage: Storage,
        around: Surroundings,
        before: Numbering | None = None,
    ) -> None:
        self._device = device
        self._plan = plan
        self._stop = stop
        self._around = around
        self._recorder = Recorder(device, storage, before)
        self._puller = Puller(device, self._recorder, stop, around.supervision)
        self.way_back = WayBack(device, self._recorder)
        self.points_done = 0
        self._has_originals = False

    @property
    def duration_s(self) -> float:
        """From the first pull to the end of the last one."""
        start_ns, end_ns = self._puller.pulled_ns or (0, 0)
        return (end_ns - start_ns) / 1e9

    def run(self) -> tuple[str, ExitCode]:
        """Return the reason for the end. The device is restored on every way out, or it is said that not."""
        try:
            self._find_originals()
            ended = self._take_points()
            self._recorder.floor()
        except DeviceLost as error:
            ended = f"device lost: {error}", ExitCode.DEVICE
        except SettingRefused as error:
            ended = f"refused: {error}", ExitCode.REFUSED
        except StorageFull as error:
            ended = error.message, ExitCode.STORAGE
        except SafetyStop as error:
            return self._finish(self.way_back.make_safe((f"stopped for safety: {error}", ExitCode.REFUSED)))
        except BaseException as error:
            self.way_back.restore_without_storage(error)
            raise
        return self._finish(self.way_back.restore(ended))

    def _find_originals(self) -> None:
        """They are durable before the first write."""
        goes_on = self._around.goes_on
        if goes_on is not None and goes_on.originals is not None:
            self._device.adopt_originals(goes_on.originals)
            self.way_back.touched = True
            return
        originals = self._device.originals()
        self._recorder.settings(originals)
        self._recorder.flush()
        self._has_originals = bool(originals)

    def _take_points(self) -> tuple[str, ExitCode]:
        goes_on, listener = self._around.goes_on, self._around.listener
        skipped = frozenset[int]() if goes_on is None else goes_on.done
        row = 1 if goes_on is None else goes_on.row
        reason = "there was no point left to take"
        for position, point in enumerate(self._plan.all_points):
            if position in skipped:
                continue
            if self._stop.reason is not None:
                return self._stop.reason, ExitCode.INTERRUPTED
            if listener is not None:
                self._recorder.standing(listener.began(position, point))
            ended, done = self._take(PointRun(self._device, self._plan, point, row, *self._tools))
            row += 1
            if listener is not None:
                self._recorder.standing(listener.ended(position, done))
            if ended.why is Why.STOPPED:
                return ended.reason, ExitCode.INTERRUPTED
            reason = ended.reason
            if ended.why is Why.NO_MORE:
                return reason, ExitCode.OK
        if self._plan.points:
            reason = f"all {len(self._plan.points)} points of the plan are taken"
        return reason, ExitCode.OK

    def _take(self, run: PointRun) -> tuple[Ended, PointDone]:
        self.way_back.touched |= self._has_originals
        try:
            ended = run.run()
        except (DeviceLost, SettingRefused, SafetyStop, StorageFull) as error:
            run.abort(str(error))
            raise
        self.points_done += run.record.state is PointState.DONE
        return ended, run.done()

    @property
    def _tools(self) -> tuple[Recorder, Puller, RecordedJobs | None]:
        return self._recorder, self._puller, self._around.recorded

    def _finish(self, ended: tuple[str, ExitCode]) -> tuple[str, ExitCode]:
        if self._puller.pulled_ns is not None:
            start_ns, end_ns = self._puller.pulled_ns
            self._recorder.meta("pulled", {"start_ns": start_ns, "end_ns": end_ns})
        self._recorder.finish_answers()
        return ended
