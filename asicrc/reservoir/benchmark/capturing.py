"""Driving a device with a task: the plan of each capture, what it comes to, and the captures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.bench.plan import MachineTable
from asicrc.bench.plan_rates import hash_rates
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import DUTY_CHANNEL, WORK_CHANNEL, CapturePlan
from asicrc.capture.running import capture_to_file
from asicrc.capture.session import Surroundings, check_points
from asicrc.capture.unfinished import Unfinished
from asicrc.devices import Circumstances, open_device
from asicrc.errors import ExitCode, UsageError
from asicrc.reservoir.benchmark.protocol import Protocol
from asicrc.reservoir.benchmark.recorded import RecordedBenchmark, benchmark_meta, driven_run
from asicrc.reservoir.driven_run import HANDSHAKE, DrivenRun
from asicrc.reservoir.encoders import Encoder
from asicrc.reservoir.tasks import Task
from firmware_protocols.device import DeviceProtocol


@dataclass(frozen=True, slots=True)
class Driving:
    """How the device is driven: encoder, mode, and settings that stay as they are."""

    encoder: Encoder
    mode: str = "stream"
    requested: Mapping[str, float] = field(default_factory=dict)
    handshake_timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if self.encoder.channel in self.requested:
            raise UsageError(
                f"{self.encoder.channel} is what the input drives", "leave it out of the settings that stay"
            )

    def plan(self, protocol: Protocol, task: Task, seed: int, output: Path = Path()) -> CapturePlan:
        """One capture of one task. Raises UsageError for an input outside the encoder's range."""
        drive = self.encoder.drive(task.u)
        # a difficulty holds from the next job on, so each step has one
        by_job = self.encoder.channel == "difficulty" and self.mode != HANDSHAKE
        return CapturePlan(
            output=output,
            requested=dict(self.requested),
            seed=seed,
            mode=self.mode,
            handshake_timeout_s=self.handshake_timeout_s,
            drive=drive,
            job_interval_s=drive.step_s if by_job else None,
        )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a benchmark comes to before it is begun. None where the hash rate is not known."""

    captures: int
    steps: int
    step_s: float
    shares_per_step: float | None
    empty_step_share: float | None
    hours_per_capture: float | None
    hours: float | None
    rate_source: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def outlook(device: DeviceProtocol, protocol: Protocol, driving: Driving) -> Outlook:
    """Check the plan against the device and its limits, and say what it comes to. Writes nothing.

    The share rate is that at the middle of the drive, of a difficulty the harmonic middle. A step of a
    handshake lasts as long as its share takes. Raises UsageError, SettingRefused for what cannot be driven.
    """
    encoder = driving.encoder
    task = protocol.make_task(protocol.first_seed)
    check_points(device, driving.plan(protocol, task, protocol.first_seed))
    usual = {s.name: s.requested if s.read_back is None else s.read_back for s in device.originals()}
    held = {name: value for name, value in usual.items() if value is not None and name == "frequency_mhz"}
    held |= {**driving.requested, **_middle(encoder, task)}
    rates = hash_rates(MachineTable(), device)
    rate = rates.shares(held, encoder.step_s)
    steps = len(task)
    is_handshake = driving.mode == HANDSHAKE
    step_s: float | None = encoder.step_s
    if is_handshake:
        mean_s = None if rate is None else rate.mean_interval_s * encoder.nodes
        step_s = None if mean_s is None else min(mean_s, driving.handshake_timeout_s * encoder.nodes)
    hours = None if step_s is None else steps * step_s / 3600
    return Outlook(
        captures=protocol.seeds,
        steps=steps,
        step_s=encoder.step_s if step_s is None else step_s,
        shares_per_step=1.0 * encoder.nodes
        if is_handshake
        else None
        if rate is None
        else rate.shares_per_step,
        empty_step_share=0.0 if is_handshake else None if rate is None else rate.empty_step_share,
        hours_per_capture=hours,
        hours=None if hours is None else hours * protocol.seeds,
        rate_source=rates.source,
    )


def plan_outlook(url: str, circumstances: Circumstances, protocol: Protocol, driving: Driving) -> Outlook:
    """Open the device for it and close it again."""
    with open_device(url, circumstances) as device:
        return outlook(device, protocol, driving)


def capture_all(
    url: str,
    circumstances: Circumstances,
    protocol: Protocol,
    driving: Driving,
    name: Callable[[int], Path],
    *,
    progress: str = "plain",
    say: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """One capture file for each seed, one after the other: a device is one. `name` gives the path of a seed.

    A file that is there already is kept and not captured again, so that an interrupted benchmark goes on.
    Raises what `capture_to_file` raises, and Unfinished where a capture did not get to its end.
    """
    paths = []
    for number, seed in enumerate(protocol.all_seeds, 1):
        path = name(seed)
        paths.append(path)
        if path.exists():
            say(f"capture {number} of {protocol.seeds}: {path} is there")
            continue
        say(f"capture {number} of {protocol.seeds}: {path}")
        task = protocol.make_task(seed)
        plan = replace(driving.plan(protocol, task, seed, path), progress=progress)
        meta = benchmark_meta(protocol, driving.encoder, seed)
        outcome = capture_to_file(url, plan, circumstances, say, meta)
        if outcome.exit_code is not ExitCode.OK:
            then = f"move {path.name} away, and run the same command again: finished captures are kept"
            raise Unfinished(outcome, url, then)
    return paths


def run_in_memory(
    device: DeviceProtocol, protocol: Protocol, driving: Driving, seed: int
) -> tuple[DrivenRun, Task]:
    """One capture of a twin that leaves no file. Raises what `capture_in_memory` raises."""
    task = protocol.make_task(seed)
    around = Surroundings(meta=benchmark_meta(protocol, driving.encoder, seed))
    capture = capture_in_memory(device, driving.plan(protocol, task, seed), around=around)
    said = RecordedBenchmark(
        protocol.task,
        protocol.task_options,
        seed,
        protocol.split,
        driving.encoder,
        driving.mode,
        driving.handshake_timeout_s,
    )
    return driven_run(capture, said, task, name=device.identity.url), task


def _middle(encoder: Encoder, task: Task) -> dict[str, float]:
    values = encoder.values(task.u)
    if encoder.channel == WORK_CHANNEL:
        return {}
    if encoder.channel == "difficulty":
        return {"difficulty": float(1 / np.mean(1 / values))}
    if encoder.channel == DUTY_CHANNEL:
        share = float(values.mean())
        return {encoder.duty_setting: share * encoder.duty_high + (1 - share) * encoder.duty_low}
    return {encoder.channel: float(values.mean())}
