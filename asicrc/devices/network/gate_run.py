"""The gate at work: jobs of its own go out, shares come in and are hashed here, until it opens or refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from asicrc.capture.verification import Verifier
from asicrc.devices.network import gate
from asicrc.devices.network.control import Observation
from asicrc.devices.network.watcher import Watcher
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.device import (
    Batch,
    Clock,
    DeviceLost,
    Job,
    NonceBatch,
    SafetyStop,
    SettingRefused,
    Verdict,
)

WITHIN_S = 180.0
"""Old firmware's hash rate is an average of minutes; a restarted miner warms up first."""
PICK_UP_S = 3.0
"""From a job to the first share that can be of it: old firmware gives its chips work every 2.14 s."""
TAKE_S = 0.2
SILENT_S = 45.0
"""Without an answer of the management interface; the miner is up again by then, and its shares come."""


class Server(Protocol):
    """What a gate needs of the work server."""

    def dispatch(self, job: Job, *, clean: bool) -> list[Job]: ...

    def judged(self, events: NonceBatch) -> None: ...


@dataclass(slots=True)
class Opened:
    """How the gate was passed. `jobs` are out and may still be answered: they belong into the capture."""

    jobs: list[Job]
    shares: int
    seconds: float
    expected_shares: float | None
    floor: float | None
    unit: float | None
    """`gate.unit_of` its shares."""
    seen: Observation

    def as_json(self) -> dict[str, Any]:
        return {
            "seconds": self.seconds,
            "shares": self.shares,
            "expected_shares": self.expected_shares,
            "floor": self.floor,
            "difficulty_unit": self.unit,
            "hash_rate_ghs": self.seen.hash_rate_ghs,
            "expected_hash_rate_ghs": self.seen.expected_hash_rate_ghs,
            "frequency_mhz": self.seen.setpoints.get("frequency_mhz"),
            "frequency_actual_mhz": self.seen.frequency_actual_mhz,
            "power_w": self.seen.power_w,
            "temperature_c": self.seen.temperature_c,
        }


@dataclass(slots=True)
class GateRun:
    """`take` brings what has arrived, until a time; `next_job` makes work, every `job_interval_s`.

    `hash_rate_scale` is how many hashes of a real miner stand for one of an emulator.
    """

    server: Server
    take: Callable[[int], Batch]
    next_job: Callable[[bool], Job]
    """Told whether earlier jobs are to be dropped."""
    job_interval_s: float
    expected: gate.Expected
    clock: Clock
    check_stop: Callable[[], None]
    hash_rate_scale: float = 1.0
    _verifier: Verifier = field(default_factory=Verifier)
    _targets: dict[int, int] = field(default_factory=dict)
    _jobs: list[Job] = field(default_factory=list)
    _scaled: list[float] = field(default_factory=list)
    _counted: int = 0
    _expected_shares: float = 0.0
    _due_ns: int = 0

    def offer(self) -> None:
        """Send the next job, or have it there for whoever comes first."""
        job = self.next_job(not self._due_ns)
        self._due_ns = self.clock.now_ns() + round(self.job_interval_s * 1e9)
        self._add_jobs(self.server.dispatch(job, clean=job.clean))

    def add(self, batch: Batch, counts_from_ns: int | None = None) -> None:
        """Judge what has arrived, and have it answered. Only what came after `counts_from_ns` is counted."""
        self._add_jobs(batch.jobs)
        events = batch.nonces
        if not len(events):
            return
        self._verifier.judge(events)
        self.server.judged(events)
        has_proof = (events["verdict"] == Verdict.VALID) | (events["verdict"] == Verdict.LOW)
        proofs = events[has_proof & ~events["duplicate"]]
        for number, difficulty in zip(proofs["job"].tolist(), proofs["difficulty"].tolist(), strict=True):
            if difficulty > 0:
                self._scaled.append(DIFFICULTY_1_TARGET / difficulty / self._targets[number])
        if counts_from_ns is not None:
            self._counted += int(np.count_nonzero(proofs["t_ns"] > counts_from_ns))

    def run(self, watcher: Watcher, within_s: float = WITHIN_S) -> Opened:
        """Raises SettingRefused with every reason, SafetyStop, DeviceLost, and what `check_stop` raises."""
        began_ns = self.clock.now_ns()
        counts_from_ns = counted_ns = began_ns + round(PICK_UP_S * 1e9)
        seen: Observation | None = None
        while True:
            self.check_stop()
            now_ns = self.clock.now_ns()
            if now_ns >= self._due_ns:
                self.offer()
            self.add(self.take(now_ns + round(TAKE_S * 1e9)), counts_from_ns)
            seen = next(reversed(watcher.take()), seen)
            self._check_silence(began_ns if seen is None else seen.t_ns, watcher.last_error)
            now_ns = self.clock.now_ns()
            if seen is not None and now_ns > counted_ns:
                self._expect(seen, (now_ns - counted_ns) / 1e9)
                counted_ns = now_ns
            opened = self._decide(seen, (now_ns - began_ns) / 1e9, within_s)
            if opened is not None:
                return opened

    def _check_silence(self, heard_ns: int, last_error: str) -> None:
        silent_s = (self.clock.now_ns() - heard_ns) / 1e9
        if silent_s > SILENT_S:
            raise DeviceLost(f"the miner has not said how it is for {silent_s:.0f} s: {last_error}")

    def _decide(self, seen: Observation | None, seconds: float, within_s: float) -> Opened | None:
        shares = self._shares(seen)
        findings = gate.of_the_shares(shares, self.expected)
        findings += [] if seen is None else gate.of_the_miner(seen, self.expected)
        final = [finding for finding in findings if not finding.passes]
        unsafe = next((finding for finding in final if finding.unsafe), None)
        if unsafe is not None:
            raise SafetyStop(unsafe.text)
        if final:
            raise _refused(final)
        if seen is not None and not findings and gate.is_decided(shares):
            floor = gate.floor_of(shares, self.expected.difficulty)
            unit = gate.unit_of(floor, self.expected)
            return Opened(self._jobs, len(self._scaled), seconds, shares.expected, floor, unit, seen)
        if seconds >= within_s:
            raise self._not_in_time(findings, within_s)
        return None

    def _not_in_time(self, findings: list[gate.Finding], within_s: float) -> SettingRefused:
        if findings:
            return _refused(findings)
        unit = self.expected.habits.other_unit
        if unit is not None and not len(self._scaled):
            return SettingRefused(
                f"no share came in {within_s:.0f} s; nothing was recorded. If this miner does not count "
                f"difficulties as the pools of its coin do, it wants one {unit:g} times lower: --difficulty "
                f"{self.expected.difficulty / unit:g}"
            )
        return SettingRefused(
            f"{len(self._scaled)} shares came in {within_s:.0f} s, too few to tell whether the miner does as "
            f"it is asked; nothing was recorded. Ask for a difficulty below {self.expected.difficulty:g}, or "
            "give the gate more time: ?gate_s="
        )

    def _add_jobs(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._verifier.add_job(job)
            self._targets[job.number] = job.target
        self._jobs += jobs

    def _expect(self, seen: Observation, seconds: float) -> None:
        """Shares that a miner at this clock finds in that time, under the newest job's target."""
        if seen.expected_hash_rate_ghs is None or not self._jobs:
            return
        hashes = seen.expected_hash_rate_ghs * 1e9 * seconds / self.hash_rate_scale
        self._expected_shares += hashes * self._jobs[-1].target / 2.0**256

    def _shares(self, seen: Observation | None) -> gate.GateShares:
        known = seen is not None and seen.expected_hash_rate_ghs is not None
        return gate.GateShares(
            np.array(self._scaled, np.float64), self._expected_shares if known else None, self._counted
        )


def _refused(findings: list[gate.Finding]) -> SettingRefused:
    said = "; ".join(finding.text for finding in findings)
    return SettingRefused(f"nothing was recorded: {said}")
