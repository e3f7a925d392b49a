"""A capture from a device URL, with its processes and signals: what the command and scripts call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from asicrc.bench.supervision import Supervisor
from asicrc.capture.not_put_back import not_put_back, restore_command
from asicrc.capture.plan import CapturePlan, Outcome
from asicrc.capture.point_run import PointListener
from asicrc.capture.reader import load
from asicrc.capture.session import GoneOn, Surroundings, run_capture
from asicrc.capture.stop_request import StopRequest
from asicrc.capture.storage_link import StorageLink
from asicrc.capture.supervising import SUPERVISION_KEY, supervisor_of
from asicrc.devices import Circumstances, open_device
from asicrc.errors import UsageError
from asicrc.work.choosing import check_mode
from asicrc.work.recorded_jobs import RecordedJobs
from firmware_protocols.device import Capability, DeviceProtocol

SHORTEST_JOB_INTERVAL_S = 0.01
"""A chip names 16 jobs; below 10 ms an answer may come when its id already names another one."""


def capture_to_file(
    url: str,
    plan: CapturePlan,
    circumstances: Circumstances | None = None,
    say: Callable[[str], None] = lambda _: None,
    meta: Mapping[str, Any] | None = None,
    *,
    listener: PointListener | None = None,
    goes_on: Callable[[DeviceProtocol], GoneOn] | None = None,
) -> Outcome:
    """Open the device, capture, restore, seal. Must run in the main thread: it handles signals.

    Raises UsageError, before anything is written to the device, for a plan that cannot be; then as
    `run_capture`, and DeviceError, and BadFile for recorded work that is none. `say` is told what a replay
    takes over from its recording, and what to type where the device was not put back. `meta` are JSON values
    that are kept with the capture as they are. `listener` is told of each point. With `goes_on` the file is
    that of an earlier session; it is given the open device, which it may refuse, and says what the session
    takes over.
    """
    if goes_on is None:
        check_output(plan.output)
    circumstances = circumstances or Circumstances.usual()
    recorded = recorded_work(plan)
    # The storage process takes its time to start, and does so while the device is opened.
    with ExitStack() as stack:
        stop = stack.enter_context(StopRequest().on_signals())
        storage = stack.enter_context(StorageLink())
        circumstances = replace(circumstances, say=say, stop_asked=lambda: stop.reason is not None)
        device = stack.enter_context(open_device(url, circumstances))
        plan, supervisor = fitted(plan, device, url, circumstances, recorded, say)
        meta = {**(meta or {}), "station": circumstances.station_record(url)}
        if supervisor is not None:
            meta[SUPERVISION_KEY] = supervisor.as_json()
        around = Surroundings(
            recorded,
            meta,
            listener,
            supervision=supervisor,
            goes_on=None if goes_on is None else goes_on(device),
        )
        if (command := restore_command(plan.output, url)) is not None:
            stop.last_words = f"ended at once. If the device is not as it was: {command}"
        outcome = run_capture(device, url, plan, stop, storage, around)
    if outcome.restored is False:
        for line in not_put_back(plan.output, url, outcome.not_restored):
            say(line)
    return outcome


def check_output(path: Path) -> None:
    """Raises UsageError where no new file can be."""
    if not path.name:
        raise UsageError("the capture needs a file name", "--output FILE")
    if path.exists():
        raise UsageError(f"{path} exists already", "choose another --output, or move it away first")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", "make it, or choose another --output")


def fitted(
    plan: CapturePlan,
    device: DeviceProtocol,
    url: str,
    circumstances: Circumstances,
    recorded: RecordedJobs | None,
    say: Callable[[str], None],
) -> tuple[CapturePlan, Supervisor | None]:
    """The plan as this device is to carry it out, and who watches over it. Raises UsageError for one that it
    cannot carry out."""
    if recorded is not None:
        plan = _with_recorded_settings(plan, recorded, device, say)
    _check_interval(plan, device, recorded)
    check_mode(device.work_form, plan.mode)
    return plan, supervisor_of(device, url, plan, circumstances, recorded)


def recorded_work(plan: CapturePlan) -> RecordedJobs | None:
    """Raises UsageError for a plan that it does not go with, and BadFile."""
    if plan.replay_work is None:
        if plan.duration_s is None and plan.drive is None and not plan.points:
            raise UsageError("a capture of new work needs a duration", "--duration 60s")
        return None
    if plan.drive is not None or plan.points:
        raise UsageError(
            "recorded work is sent as it is: no input goes into it, and it has one point",
            "leave out --replay-work, or the plan",
        )
    if plan.job_interval_s is not None:
        raise UsageError(
            "recorded work has its own times between jobs", "leave out --job-interval or --replay-work"
        )
    with load(plan.replay_work) as capture:
        return RecordedJobs(capture)


def _with_recorded_settings(
    plan: CapturePlan, recorded: RecordedJobs, device: DeviceProtocol, say: Callable[[str], None]
) -> CapturePlan:
    """The plan with the recorded settings wherever it asks for no others."""
    recorded.check_device(device.identity)
    if device.capabilities.get("work", Capability.NONE) is Capability.NONE:
        raise UsageError(f"{device.identity.url} takes no work", "replay work on a device that does")
    taken = {
        name: value
        for name, value in recorded.settings.items()
        if name not in plan.requested and device.capabilities.get(name, Capability.NONE) != Capability.NONE
    }
    if taken:
        values = ", ".join(f"{name} {value:.10g}" for name, value in taken.items())
        say(f"as in {recorded.replay_of['name']}: {values}")
    if "hash_counting_number" in taken and "frequency_mhz" in plan.requested:
        say("the hash counting number stays at the other frequency too: the same batches at the same times")
    return replace(plan, requested=taken | plan.requested)


def _check_interval(plan: CapturePlan, device: DeviceProtocol, recorded: RecordedJobs | None) -> None:
    """A device that wants its work more often than others knows why."""
    if plan.job_interval_s is not None and device.capabilities.get("work") is Capability.NONE:
        raise UsageError(f"{device.identity.url} takes no work", "leave out --job-interval")
    shortest_s = min(SHORTEST_JOB_INTERVAL_S, device.job_interval_s)
    if recorded is not None and recorded.mean_life_s < shortest_s:
        raise UsageError(
            f"the recorded jobs follow each other every {recorded.mean_life_s:g} s: too often to tell whose "
            "answers come",
            f"record with --job-interval {shortest_s:g}s or more",
        )
    if plan.job_interval_s is not None and plan.job_interval_s < shortest_s:
        raise UsageError(
            f"a job every {plan.job_interval_s:g} s is too often to tell whose answers come",
            f"--job-interval {shortest_s:g}s or more",
        )
