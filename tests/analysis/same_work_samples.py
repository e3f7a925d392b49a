"""Captures of runs that never happened: the scan order of a BM1366 with known faults, one file a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.capture import CaptureWriter
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.bm13xx import ScanOrder, model_by_name, nonce_from_fields
from firmware_protocols.device import (
    NO_TIME,
    Duplicate,
    Job,
    NonceBatch,
    Reason,
    Setting,
    Verdict,
    empty_events,
)

MODEL = model_by_name("BM1366")
HCN = 100_000
"""Sweeps of 8 ms."""


@dataclass
class Work:
    """Proofs by job: where in the scan they lie. The same for every run that is made of it."""

    jobs: int
    life_s: float
    job: np.ndarray
    core: np.ndarray
    chip: np.ndarray
    batch: np.ndarray
    place: np.ndarray
    subcore: np.ndarray

    @property
    def n(self) -> int:
        return len(self.job)


def make_work(
    n: int,
    *,
    jobs: int = 10,
    life_s: float = 2.0,
    cores: int = 8,
    chips: Sequence[int] = (0,),
    frequency_mhz: float = 400.0,
    hcn: int = HCN,
    time_scale: float = 1.0,
    seed: int = 1,
) -> Work:
    """`n` proofs at random moments of the lives (host time), as a chip at this clock would come to them."""
    rng = np.random.default_rng([seed, n])
    order = ScanOrder(MODEL, frequency_mhz * 1e6, hcn)
    due_s = rng.random(n) * life_s / time_scale
    batch = (due_s // order.batch_period_s).astype(np.int64)
    place = ((due_s - batch * order.batch_period_s) * order.frequency_hz).astype(np.int64)
    return Work(
        jobs=jobs,
        life_s=life_s,
        job=np.sort(rng.integers(0, jobs, n)),
        core=rng.integers(0, cores, n),
        chip=rng.choice(np.array(chips), n),
        batch=batch,
        place=np.minimum(place, order.window - 1),
        subcore=rng.integers(0, MODEL.subcores, n),
    )


@dataclass
class Run:
    """How a run of the work went. Times are of the host."""

    frequency_mhz: float = 400.0
    hcn: int = HCN
    model: str = "BM1366"
    chips: int = 1
    time_scale: float = 1.0
    crystal_ppm: float = 0.0
    """By how much the chip's crystal is fast."""
    jitter_s: float = 20e-6
    late_share: float = 0.0
    late_s: float = 2e-3
    load_jitter_s: float = 1e-3
    floor_s: float | None = 25e-6
    missing: float = 0.0
    invalid: float = 0.0
    core_shift: dict[int, float] = field(default_factory=dict)
    chip_shift: dict[int, float] = field(default_factory=dict)
    difficulty: float = 1.0
    first_number: int = 1
    jobs: Sequence[int] | None = None
    """Those that are sent, by their place in the work; None: all."""
    silent_jobs: Sequence[int] = ()
    resent: int = 0
    """How many proofs come twice."""
    pulled: bool = True
    sent: bool = True
    """Whether the capture says when jobs were sent."""
    life_s: float | None = None
    later_s: float = 0.0
    """By how much all times are stretched that do not follow the order: a random delay of up to this."""
    seed: int = 1


def header_fields(number: int) -> tuple[bytes, bytes]:
    rng = np.random.default_rng([7, number])
    return rng.bytes(32), rng.bytes(32)


def write_run(path: Path, work: Work, run: Run) -> Path:
    """A sealed capture of a run."""
    rng = np.random.default_rng([run.seed, 11])
    order = ScanOrder(MODEL, run.frequency_mhz * 1e6, run.hcn)
    places = list(range(work.jobs)) if run.jobs is None else list(run.jobs)
    life_ns = round((run.life_s or work.life_s) * 1e9)
    start_ns = 10**12
    sent_ns = {place: start_ns + k * life_ns for k, place in enumerate(places)}
    number = {place: run.first_number + k for k, place in enumerate(places)}

    speed = 1 + run.crystal_ppm * 1e-6
    due_s = work.batch * order.batch_period_s / speed + work.place / (order.frequency_hz * speed)
    due_s *= run.time_scale
    shift_s = np.array([run.core_shift.get(core, 0.0) for core in work.core.tolist()])
    shift_s += np.array([run.chip_shift.get(chip, 0.0) for chip in work.chip.tolist()])
    late_s = rng.normal(0, run.jitter_s, work.n)
    late_s += (rng.random(work.n) < run.late_share) * rng.exponential(run.late_s, work.n)
    late_s += rng.random(work.n) * run.later_s
    load_s = np.abs(rng.normal(0, run.load_jitter_s, work.jobs))[work.job]
    found = np.isin(work.job, places) & (due_s < life_ns / 1e9) & (work.place < order.window)
    found &= ~np.isin(work.job, np.array(run.silent_jobs)) & (rng.random(work.n) >= run.missing)

    events = empty_events(work.n)
    events["nonce"] = nonce_from_fields(MODEL, work.core, (work.place + (work.chip << 17)) % (1 << 25))
    events["version"] = 0x20000000 | ((work.batch * MODEL.subcores + work.subcore) % 65536) << 13
    events["core"], events["chip"], events["subcore"] = work.core, work.chip, work.subcore
    events["job"] = [number.get(place, 0) for place in work.job.tolist()]
    events["t_sent_ns"] = [sent_ns.get(place, 0) for place in work.job.tolist()]
    after_load_s = due_s + load_s + shift_s + late_s
    events["t_ns"] = events["t_sent_ns"] + np.round(after_load_s * 1e9).astype(np.int64)
    events["difficulty"] = 1.0 / np.random.default_rng([3, work.n]).random(work.n)
    events["verdict"] = Verdict.VALID
    wrong = rng.random(work.n) < run.invalid
    events["verdict"][wrong], events["reason"][wrong] = Verdict.LOW, Reason.DOES_NOT_HASH
    events = events[found & (events["difficulty"] >= run.difficulty)]
    jobs = [_job(place, run.first_number + k, start_ns + k * life_ns, run) for k, place in enumerate(places)]
    _write(path, run, events, jobs, start_ns + len(places) * life_ns)
    return path


def _job(place: int, number: int, sent_ns: int, run: Run) -> Job:
    prev_hash, merkle_root = header_fields(place)
    target = int(DIFFICULTY_1_TARGET / run.difficulty)
    return Job(
        number=number,
        wire_id=f"{number * 8 % 128:02x}",
        version=0x20000000,
        prev_hash=prev_hash,
        merkle_root=merkle_root,
        ntime=1_700_000_000,
        nbits=0x17034219,
        target=target,
        chip_target=target,
        version_mask=0xFFFF << 13,
        sent_ns=sent_ns if run.sent else NO_TIME,
    )


def _write(path: Path, run: Run, events: NonceBatch, jobs: list[Job], end_ns: int) -> None:
    again = events[: run.resent].copy()
    again["duplicate"], again["duplicate_reason"] = True, Duplicate.RESENT
    again["t_ns"] += 1_000_000
    events = np.concatenate([events, again])
    events = events[np.argsort(events["t_ns"], kind="stable")]
    events["seq"] = np.arange(len(events))
    identity = {
        "url": "sim:test",
        "family": "bm13xx",
        "model": run.model,
        "chips": run.chips,
        "details": {"time_scale": run.time_scale},
    }
    meta: dict[str, Any] = {"identity": identity}
    with CaptureWriter.create(path, meta) as writer:
        writer.add_jobs(jobs)
        writer.add_events(events)
        for name, value in (("frequency_mhz", run.frequency_mhz), ("hash_counting_number", float(run.hcn))):
            writer.add_settings([Setting(5, name, value, value)])
        if run.floor_s is not None:
            writer.set_meta("jitter_floor", {"rms_s": run.floor_s, "rms_high_s": run.floor_s, "n": 200})
        if run.pulled:
            writer.set_meta("pulled", {"start_ns": 10**12, "end_ns": end_ns})
        writer.seal("made up")
