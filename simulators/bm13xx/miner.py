"""The thread that hashes ahead of time, so that each frame can leave at its due moment."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from firmware_protocols.bm13xx.models import ChipModel
from simulators.bm13xx.chain import Work
from simulators.bm13xx.crystal import Crystal
from simulators.bm13xx.device_model import DeviceModel
from simulators.bm13xx.flood import bursts
from simulators.bm13xx.miner_count import MinerCount
from simulators.bm13xx.outbox import END_OF_TIME_NS, Outbox, Outgoing, Stretch
from simulators.bm13xx.proof_faults import Outcome, ProofFaults
from simulators.bm13xx.proofs import Proof, ProofSource
from simulators.bm13xx.results import Engine
from simulators.bm13xx.scale import Scale

LOOKAHEAD_NS = 80_000_000
"""How far ahead of real time it hashes. What is found beyond a change of job or settings is thrown away."""
BACKLOG_NS = 20_000_000
"""Work that was replaced is finished if no more than this is missing, otherwise abandoned."""

_FIRST_SLICE_NS = 250_000
_LONGEST_SLICE_NS = 50_000_000
_USUAL_SLICE_NS = 10_000_000
_SCAN_AT_LEAST = 4096  # candidates: below, the overhead of a call counts for more than its hashes
_SLICE_AT_MOST = 250_000  # candidates: 10 to 25 ms of hashing, so that a change never waits longer
_JUDGE_AFTER_NS = 250_000_000  # of hashing


@dataclass(slots=True)
class _Task:
    source: ProofSource
    stretch: Stretch
    end_ns: int = END_OF_TIME_NS
    """Of the stretch, in chip time, as the source counts."""


class Miner(threading.Thread):
    """Hashes what the chain works on. The kernel is imported and warmed in this thread: it takes its time.

    With a flood in the scale it mines the first work's proofs as fast as it can and offers them at once.
    """

    def __init__(
        self,
        scale: Scale,
        model: ChipModel,
        device: DeviceModel,
        outbox: Outbox,
        crystal: Crystal,
        warn: Callable[[str], None],
    ) -> None:
        super().__init__(name="miner", daemon=True)
        self.count = MinerCount()
        self.ready = threading.Event()
        self.failure: BaseException | None = None
        self._scale = scale
        self._model = model
        self._device = device
        self._outbox = outbox
        self._crystal = crystal
        self._warn = warn
        self._faults = ProofFaults(scale)
        self._random = np.random.default_rng(np.random.SeedSequence(scale.seed))
        self._tasks: deque[_Task] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._judged = False

    def assign(self, work: Work | None, at_ns: int) -> None:
        """From `at_ns` of the machine's clock on the chain does this instead of what it did before.

        `work` is planned in chip time.
        """
        with self._changed:
            for task in self._tasks:
                if task.stretch.end_ns > at_ns:
                    self._outbox.end(task.stretch, at_ns)
                    task.end_ns = self._crystal.chip_ns(at_ns)
            if work is not None:
                self._tasks.append(_Task(ProofSource(work, self._scale, self._model), Stretch()))
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def run(self) -> None:
        try:
            began_ns = time.monotonic_ns()
            engine = _warm_engine(self._model)
            self.count.warm_up_s = (time.monotonic_ns() - began_ns) / 1e9
            self.ready.set()
            self._outbox.wake()
            if self._scale.flood_rate:
                self._mine_flood(engine)
            else:
                self._mine(engine)
        except BaseException as error:
            self.failure = error  # the sending thread ends the process with it
            self._outbox.wake()

    def _mine(self, engine: Engine) -> None:
        while (task := self._next_task()) is not None:
            source = task.source
            until_ns = min(source.horizon_ns + self._slice_ns(source), task.end_ns)
            began_ns, hashes = time.monotonic_ns(), source.hashes
            proofs = source.advance(until_ns, engine, partial(self._is_over, task))
            self._count(source, source.hashes - hashes, time.monotonic_ns() - began_ns)
            if proofs:
                self._offer(proofs, task)

    def _next_task(self) -> _Task | None:
        """Wait until something has to be hashed now; None when it is time to stop."""
        with self._changed:
            while not self._stopping:
                while self._tasks and self._drop_if_over(self._tasks[0]):
                    self._tasks.popleft()
                if not self._tasks or self._tasks[0].source.exhausted:
                    self._changed.wait()
                    continue
                task = self._tasks[0]
                ahead_ns = task.source.horizon_ns - self._now_ns()
                if ahead_ns < LOOKAHEAD_NS:
                    return task
                self._changed.wait((ahead_ns - LOOKAHEAD_NS) / 1e9 + 1e-3)
        return None

    def _drop_if_over(self, task: _Task) -> bool:
        replaced, missing_ns = task.end_ns < END_OF_TIME_NS, task.end_ns - task.source.horizon_ns
        if missing_ns <= 0 or (replaced and task.source.exhausted):
            return True
        if self._is_over(task):
            self.count.abandoned_ns += missing_ns
            return True
        return False

    def _is_over(self, task: _Task) -> bool:
        """Whether to leave a slice: it is beyond the end of its stretch, or hopelessly before it."""
        if self._stopping or task.source.horizon_ns >= task.end_ns:
            return True
        replaced = len(self._tasks) > 1 or task.end_ns <= self._now_ns()
        return replaced and task.end_ns - task.source.horizon_ns > BACKLOG_NS

    def _now_ns(self) -> int:
        """In chip time."""
        return self._crystal.chip_ns(time.monotonic_ns())

    def _slice_ns(self, source: ProofSource) -> int:
        """Short at the start, so that the first proofs are found in time, then growing with the lead."""
        per_ns = source.asked_hashes_per_s / 1e9
        longest = max(
            _USUAL_SLICE_NS, min(_LONGEST_SLICE_NS, _SCAN_AT_LEAST * source.scans_per_slice / per_ns)
        )
        growing = max(_FIRST_SLICE_NS, (source.horizon_ns - source.start_ns) // 2)
        return max(1, round(min(growing, longest, _SLICE_AT_MOST / per_ns)))

    def _offer(self, proofs: list[Proof], task: _Task) -> None:
        share, now_ns = self._device.rate, time.monotonic_ns()
        found = [proof for proof in proofs if share >= 1 or self._random.random() < share]
        items = [
            self._outgoing(outcome, task.stretch, now_ns)
            for outcome in self._faults.applied(found, task.source)
        ]
        sent = [item for item in items if item.data and item.due_ns < task.stretch.end_ns]
        self.count.proofs += len(sent)
        self.count.late += sum(item.due_ns < now_ns for item in sent)
        self._outbox.add(items)

    def _outgoing(self, outcome: Outcome, stretch: Stretch, now_ns: int) -> Outgoing:
        proof, found = outcome.proof, outcome.found
        due_ns = self._crystal.real_ns(proof.due_ns)
        return Outgoing(
            due_ns=due_ns,
            offered_ns=max(due_ns, now_ns),
            data=b"" if outcome.lost else proof.frame,
            proofs=((proof.nonce, proof.version),),
            stretch=stretch,
            fault=outcome.fault,
            found=None if found is None else (found.nonce, found.version),
        )

    def _mine_flood(self, engine: Engine) -> None:
        """Mine all proofs of the first work, then offer them in bursts, whatever comes after it."""
        with self._changed:
            while not self._tasks and not self._stopping:
                self._changed.wait()
            if self._stopping:
                return
            source = self._tasks[0].source
        proofs: list[Proof] = []
        while len(proofs) < self._scale.flood_count and not source.exhausted:
            began_ns, hashes = time.monotonic_ns(), source.hashes
            slice_ns = max(1, round(_SLICE_AT_MOST / source.asked_hashes_per_s * 1e9))
            found = source.advance(source.horizon_ns + slice_ns, engine, lambda: self._stopping)
            if found is None:
                return
            self._count(source, source.hashes - hashes, time.monotonic_ns() - began_ns, judge=False)
            proofs += found
        self.count.proofs = min(len(proofs), self._scale.flood_count)
        self._outbox.add(bursts(proofs[: self._scale.flood_count], self._scale))

    def _count(self, source: ProofSource, hashes: int, busy_ns: int, *, judge: bool = True) -> None:
        count = self.count
        count.hashes += hashes
        count.busy_ns += busy_ns
        count.asked_hashes_per_s = source.asked_hashes_per_s
        if self._judged or not judge or count.busy_ns < _JUDGE_AFTER_NS:
            return
        self._judged = True
        asked, reached = count.asked_hashes_per_s, count.reached_hashes_per_s
        if asked > reached:
            enough = math.ceil(self._scale.time_scale * asked / reached)
            self._warn(
                f"the chain asks for {asked / 1e6:.1f} MH/s, this machine hashes {reached / 1e6:.1f} MH/s: "
                f"nonces come late; time_scale={enough} is the smallest that would do"
            )


def _warm_engine(model: ChipModel) -> Engine:
    """The compiled scanner. Importing it takes most of a second, compiling it without a cache several."""
    from simulators import sha256d

    if model.job_format == "full":
        sha256d.scan_header_runs(bytes(80), [0], 1, 0)
    else:
        sha256d.scan_midstate_runs(bytes(32), bytes(12), [0], 1, 0)
    return sha256d
