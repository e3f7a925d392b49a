"""Driven captures made of arrays: a device whose law is known, without a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.encoders import Encoder, encoder_for
from firmware_protocols.device import Job, NonceBatch, Reading, Setting, Verdict, empty_events

Floats = NDArray[np.float64]
S = 10**9


@dataclass
class Recording:
    """What `DrivenRun.of` asks of a capture."""

    nonces: NonceBatch
    sent: list[Job]
    said: list[Reading]
    written: list[Setting] = field(default_factory=list)

    def events(self, distinct: bool = False) -> NonceBatch:
        return self.nonces[~self.nonces["duplicate"]] if distinct else self.nonces

    def jobs(self) -> list[Job]:
        return self.sent

    def readings(self) -> list[Reading]:
        return self.said

    def settings(self) -> list[Setting]:
        return self.written


def fading_mean(u: Floats, tau: float, centre: float = 0.25) -> Floats:
    """(T,) of the input up to and with each step."""
    kept = np.exp(-1 / tau)
    held, found = centre, np.empty(len(u))
    for t, value in enumerate(u):
        held = kept * held + (1 - kept) * value
        found[t] = held
    return found


def stream_recording(
    u: Floats,
    rate_hz: Callable[[Floats], Floats],
    encoder: Encoder | None = None,
    *,
    seed: int = 0,
    delay_s: float = 0.0,
    dead_time_s: float = 0.0,
    first_job: int = 1,
) -> tuple[Recording, Encoder]:
    """A job a step, one of the step before found for `delay_s` more; `rate_hz` (T,) -> (T,) of the input."""
    encoder = encoder or encoder_for("work")
    rng = np.random.default_rng(seed)
    step_ns = round(encoder.step_s / encoder.nodes * S)
    values = encoder.values(u)
    rate = np.repeat(rate_hz(u), encoder.nodes)
    counts = rng.poisson(rate * step_ns / S)
    job = np.repeat(np.arange(len(values)), counts)
    t_s = job * step_ns / S + rng.random(len(job)) * step_ns / S
    order = np.argsort(t_s)
    t_s, job = t_s[order], job[order]
    if dead_time_s:
        kept, last = np.zeros(len(t_s), bool), -np.inf
        for i, t in enumerate(t_s):
            kept[i] = t - last >= dead_time_s
            last = t if kept[i] else last
        t_s, job = t_s[kept], job[kept]
    return _recording(t_s + delay_s, job + first_job, values, step_ns, first_job), encoder


def stream_run(
    u: Floats, rate_hz: Callable[[Floats], Floats], encoder: Encoder | None = None, **options: float
) -> DrivenRun:
    recording, used = stream_recording(u, rate_hz, encoder, **options)  # type: ignore[arg-type]
    return DrivenRun.of(recording, used)


def handshake_run(
    u: Floats,
    rate_hz: Callable[[Floats], Floats],
    *,
    seed: int = 0,
    latency_s: float = 0.01,
    gap_s: float = 0.002,
    timeout_s: float = 30.0,
) -> DrivenRun:
    """Each step ends with its share: `latency_s` and an exponential wait, or a time-out."""
    encoder = encoder_for("work")
    rng = np.random.default_rng(seed)
    wait_s = latency_s + rng.exponential(1 / rate_hz(u))
    answered = wait_s < timeout_s
    wait_s = np.minimum(wait_s, timeout_s)
    starts_s = np.concatenate([[0.0], np.cumsum(wait_s + gap_s)])
    numbers = np.arange(len(u)) + 1
    batch = _events(starts_s[:-1][answered] + wait_s[answered], numbers[answered])
    starts_ns = np.round(starts_s * S).astype(np.int64)
    recording = Recording(batch, _jobs(numbers, starts_ns[:-1]), _readings(encoder.values(u), starts_ns))
    return DrivenRun.of(recording, encoder, mode="handshake", handshake_timeout_s=timeout_s)


def _recording(
    t_s: Floats, job: NDArray[np.int64], values: Floats, step_ns: int, first_job: int
) -> Recording:
    starts_ns = np.arange(len(values) + 1) * step_ns
    numbers = np.arange(len(values)) + first_job
    return Recording(_events(t_s, job), _jobs(numbers, starts_ns[:-1]), _readings(values, starts_ns))


def _events(t_s: Floats, job: NDArray[np.int64]) -> NonceBatch:
    batch = empty_events(len(t_s))
    batch["t_ns"] = np.round(t_s * S).astype(np.int64)
    batch["job"], batch["verdict"] = job, Verdict.VALID
    batch["synthetic"] = True
    return batch


def _jobs(numbers: NDArray[np.int64], sent_ns: NDArray[np.int64]) -> list[Job]:
    return [
        Job(n, str(n), 0x20000000, bytes(32), 1, 1, 1, coinbase1=bytes(8), sent_ns=t)
        for n, t in zip(numbers.tolist(), sent_ns.tolist(), strict=True)
    ]


def _readings(values: Floats, starts_ns: NDArray[np.int64]) -> list[Reading]:
    said = []
    for t_ns, value in zip(starts_ns.tolist(), values.tolist(), strict=False):
        said += [Reading(t_ns, "drive_requested", value), Reading(t_ns, "drive_applied", value)]
    return [*said, Reading(int(starts_ns[-1]), "drive_end", float(len(values)))]
