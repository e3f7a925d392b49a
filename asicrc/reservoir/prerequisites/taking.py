"""Driving a device through a plan of prerequisites, into a file or in memory, and reading it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.bench.plan import MachineTable
from asicrc.bench.plan_rates import hash_rates
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan, Outcome
from asicrc.capture.reader import load
from asicrc.capture.running import capture_to_file
from asicrc.capture.session import check_points
from asicrc.devices import Circumstances, open_device
from asicrc.errors import BadFile, NoAnswer, UsageError
from asicrc.evidence import Source
from asicrc.evidence.two_verdicts import source_of
from asicrc.reservoir.driven_run import DrivenRun, Recorded
from asicrc.reservoir.prerequisites.answers import (
    INTERVALS_A_WINDOW,
    WINDOWS_A_GROUP,
    Prerequisites,
    prerequisites_of,
)
from asicrc.reservoir.prerequisites.plan import PrerequisitePlan
from firmware_protocols.device import DeviceProtocol

META_KEY = "prerequisites"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan comes to. None where the hash rate is not known."""

    steps: int
    hours: float
    shares_per_step: float | None
    windows_per_history: float | None
    enough: bool | None
    rate_source: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def outlook(url: str, plan: PrerequisitePlan, circumstances: Circumstances) -> Outlook:
    """Check the plan against the device and its limits. Writes nothing."""
    with open_device(url, circumstances) as device:
        check_points(device, capture_plan(plan))
        rates = hash_rates(MachineTable(), device)
        usual = {s.name: s.read_back for s in device.originals() if s.read_back is not None}
        rate = rates.shares(usual | plan.settings, plan.encoder.step_s)
    shares = None if rate is None else rate.shares_per_step
    windows = None
    if shares is not None:
        windows = plan.repeats * (plan.common - plan.washout) * shares / INTERVALS_A_WINDOW
    return Outlook(
        steps=plan.steps,
        hours=plan.steps * plan.encoder.step_s / 3600,
        shares_per_step=shares,
        windows_per_history=windows,
        enough=None if windows is None else windows >= WINDOWS_A_GROUP,
        rate_source=rates.source,
    )


def capture_plan(plan: PrerequisitePlan, output: Path = Path(), progress: str = "plain") -> CapturePlan:
    drive = plan.encoder.drive(plan.inputs())
    return CapturePlan(
        output=output,
        requested=dict(plan.settings),
        seed=plan.seed,
        mode=plan.mode,
        drive=drive,
        progress=progress,
        # a difficulty holds from the next job on, so each step has one
        job_interval_s=drive.step_s
        if plan.encoder.channel == "difficulty" and plan.mode == "stream"
        else None,
    )


def take_to_file(
    url: str,
    plan: PrerequisitePlan,
    output: Path,
    circumstances: Circumstances | None = None,
    say: Callable[[str], None] = lambda _: None,
    progress: str = "plain",
) -> Outcome:
    """One capture of the whole plan. Raises what `capture_to_file` raises."""
    meta = {META_KEY: plan.as_json()}
    return capture_to_file(url, capture_plan(plan, output, progress), circumstances, say, meta)


def take_in_memory(device: DeviceProtocol, plan: PrerequisitePlan) -> Prerequisites:
    """On a twin. Raises what `capture_in_memory` raises."""
    capture = capture_in_memory(device, capture_plan(plan))
    source = Source.TWIN if device.identity.simulated else Source.DEVICE
    return prerequisites_of(_run(capture, plan, device.identity.url), plan, source)


def analyse_file(path: Path) -> Prerequisites:
    """Raises NoAnswer for a capture of something else, BadFile for one that was altered."""
    with load(path) as capture:
        meta = capture.meta
        said = meta.get(META_KEY)
        if said is None:
            raise NoAnswer(
                f"{path.name} was not captured for this: nothing in it was replayed behind other histories",
                "asicrc prerequisites --plan NAME --device URL -o FILE",
            )
        try:
            plan = PrerequisitePlan.from_json(said)
        except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
            raise BadFile(
                f"{path.name} does not say what it was captured for: {error}", "capture it again"
            ) from None
        return prerequisites_of(_run(capture, plan, path.name), plan, source_of(meta))


def _run(capture: Recorded, plan: PrerequisitePlan, name: str) -> DrivenRun:
    run = DrivenRun.of(capture, plan.encoder, mode=plan.mode, steps=plan.steps)
    wanted = plan.encoder.values(plan.inputs())
    span = plan.encoder.high - plan.encoder.low
    if np.abs(run.drive.requested - wanted).max() > 1e-6 * span:
        raise NoAnswer(f"{name} was driven with another input than its plan has", "capture the plan again")
    return run


def with_seed(plan: PrerequisitePlan, seed: int | None) -> PrerequisitePlan:
    return plan if seed is None else replace(plan, seed=seed)
