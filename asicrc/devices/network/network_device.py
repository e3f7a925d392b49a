"""A miner on the network as a device: its management interface, and the work server that it mines at.

The way in: its pools are kept on this machine, it is pointed at the server, its settings are made, and a gate
makes sure that it does as it is set. The way back: settings and pools as they were, read back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.network import gate
from asicrc.devices.network.control import MinerControl, PointedBy
from asicrc.devices.network.gate_run import WITHIN_S, GateRun
from asicrc.devices.network.kept_originals import KeptOriginals
from asicrc.devices.network.left_behind import OWN_POOLS, LeftBehind
from asicrc.devices.network.network_url import NetworkUrl
from asicrc.devices.network.oversight import Oversight
from asicrc.devices.network.serving import Serving, bound_server
from asicrc.devices.network.setting_steps import FAN
from asicrc.devices.network.waiting import Interrupted, Waiting
from asicrc.devices.network.way_in import JOB_INTERVAL_S, WayIn
from asicrc.errors import StorageError
from firmware_protocols.device import (
    Batch,
    Capability,
    Clock,
    DeviceIdentity,
    DeviceLost,
    JitterFloor,
    Job,
    NonceBatch,
    Reading,
    Setting,
    SettingRefused,
    WorkForm,
)
from firmware_protocols.errors import RemoteProtocolError

LOWEST_DIFFICULTY, HIGHEST_DIFFICULTY = 1e-6, 2.0**48


class NetworkMinerDevice:
    """Implements `DeviceProtocol`. Made by `asicrc.devices.open_device`.

    `say` tells a person what to do meanwhile, `waiting` knows when the capture is to end.
    """

    def __init__(
        self,
        control: MinerControl,
        url: NetworkUrl,
        address: str,
        waiting: Waiting,
        kept: KeptOriginals,
        say: Callable[[str], None],
    ) -> None:
        """`address` is the miner's IP address."""
        self._control = control
        self._url = url
        self._address = address
        self._waiting = waiting
        self._left = LeftBehind(kept)
        self._say_aloud = say
        self._log: deque[str] = deque()
        self._stack = ExitStack()
        self._serving: Serving | None = None
        self._oversight: Oversight | None = None
        self._gate_jobs: list[Job] = []
        self._meta: dict[str, Any] = {}
        self._back_ns: int | None = None
        """When the way back began."""
        self._is_held = False
        self._unchecked: tuple[dict[str, float], float] | None = None
        """Settings and difficulty that it went over to, until a point begins with them."""
        self._by_hand = url.by_hand
        self._way_in = WayIn(
            control, url, address, waiting, self._left, self.clock, self._tell, self._keep_of
        )

    @property
    def control(self) -> MinerControl:
        return self._control

    @property
    def identity(self) -> DeviceIdentity:
        return self._control.identity

    @property
    def capabilities(self) -> dict[str, Capability]:
        return self._control.capabilities | {
            "difficulty": Capability.LIVE,
            "hash_counting_number": Capability.NONE,
            "work": Capability.LIVE,
        }

    @property
    def clock(self) -> Clock:
        return MACHINE_CLOCK

    @property
    def limits(self) -> dict[str, Any]:
        return self._control.envelope.as_json()

    @property
    def stamps(self) -> dict[str, str]:
        return {
            "t_ns": "CLOCK_MONOTONIC of the host",
            "t_kernel_ns": "CLOCK_REALTIME, set by the kernel on the last packet of the read, where it does",
            "stamped": "after each read of the miner's connection; its firmware and network lie before it",
        }

    @property
    def job_interval_s(self) -> float:
        return JOB_INTERVAL_S

    @property
    def work_form(self) -> WorkForm:
        return WorkForm(coinbase=True, algorithm=self._control.habits.algorithm.name, wants_verdicts=True)

    def check(self, requested: dict[str, float]) -> None:
        rest, difficulty = self._split(requested)
        if not LOWEST_DIFFICULTY <= difficulty <= HIGHEST_DIFFICULTY:
            raise SettingRefused(f"difficulty {difficulty:g} is none that a pool sets")
        with self._answers_expected():
            self._control.check(rest)
        self._reserve(difficulty)

    def originals(self) -> list[Setting]:
        """What is found now, or what a capture found that ended without putting the miner back."""
        with self._answers_expected():
            self._by_hand = self._by_hand or self._control.pointed_by() is PointedBy.HAND
            settings = self._left.of_an_earlier_capture(self._control, said := deque[str]())
            for line in said:
                self._tell(line)
            if settings is None:
                settings = self._control.originals()
        self._left.found(settings)
        if self._by_hand:
            return settings
        return [*settings, Setting(self.clock.now_ns(), OWN_POOLS, None, 1.0, "original")]

    def adopt_originals(self, settings: list[Setting]) -> None:
        pointed = any(s.name == OWN_POOLS and s.kind == "original" for s in settings)
        self._by_hand = not pointed
        self._hold()
        with self._answers_expected():
            self._left.adopt(self._control, settings, self._log, pointed=pointed)

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        """The whole way in; of a miner that is recorded already, from its settings of now to others."""
        self.check(requested)
        if self._oversight is not None:
            return self._steer_fan(requested) if requested.keys() == {FAN} else self._go_over(requested)
        rest, difficulty = self._split(requested)
        settings: list[Setting] = []
        way_in = self._way_in
        try:
            with self._answers_expected():
                serving = self._reserve(difficulty)
                _ask_for(serving, difficulty)
                way_in.undo_an_earlier_capture()
                run = way_in.gate_run(serving, rest, difficulty, asked="difficulty" in requested)
                run.offer()
                way_in.point(serving, rest, by_hand=self._by_hand)
                if not self._by_hand:
                    settings.append(Setting(self.clock.now_ns(), OWN_POOLS, 0.0, 0.0))
                way_in.await_miner(serving, run, by_hand=self._by_hand)
                # What a miner makes of it only its shares tell: `floor` of the gate, `effective_difficulty`.
                settings.append(Setting(self.clock.now_ns(), "difficulty", difficulty, None))
                settings += self._control.configure(rest)
                self._pass_gate(serving, run)
        except Interrupted:
            self._log.append("asked to end before the miner was ready")
        return settings

    def _go_over(self, requested: dict[str, float]) -> list[Setting]:
        """To other settings of a miner at work: each step is read back and followed."""
        rest, difficulty = self._split(requested)
        serving = self._reserve(difficulty)
        try:
            with self._answers_expected():
                _ask_for(serving, difficulty)
                settings = [Setting(self.clock.now_ns(), "difficulty", difficulty, None)]
                settings += self._control.configure(rest)
                self._way_in.await_return(serving)
                self._unchecked = rest, difficulty
                return settings
        except Interrupted:
            self._log.append("asked to end before the miner was at its next settings")
            return []

    def _steer_fan(self, requested: dict[str, float]) -> list[Setting]:
        """A fan that is not told is no reason to end: the miner's own firmware looks after its heat."""
        try:
            with self._answers_expected():
                return self._control.configure(requested)
        except (SettingRefused, DeviceLost) as error:
            self._log.append(f"the fan was not set: {error}")
            return [Setting(self.clock.now_ns(), FAN, requested[FAN], None)]

    def begin_point(self, key: tuple[int, ...]) -> None:
        """The first point has come through the gate; at a later one the miner has to say that it is there."""
        unchecked, self._unchecked = self._unchecked, None
        if unchecked is None:
            return
        try:
            with self._answers_expected():
                self._way_in.check_at_a_later_point(*unchecked)
        except Interrupted:
            self._log.append("asked to end before the miner was well at its next settings")

    def jitter_floor(self) -> JitterFloor | None:
        """Of the way from the kernel to us; what lies before it tells nobody its delay."""
        return None if self._serving is None else self._serving.jitter_floor()

    def send(self, job: Job) -> list[Job]:
        if self._serving is None:
            raise SettingRefused("no work server runs: configure the device first")
        return self._serving.server.dispatch(job, clean=job.clean)

    def read(self, until_ns: int) -> Batch:
        if self._serving is None:
            return self._drained(Batch(readings=self._readings_at_rest()))
        batch = self._serving.take(until_ns)
        batch.jobs = self._gate_jobs + batch.jobs
        self._gate_jobs = []
        if self._oversight is not None:
            self._oversight.look(self._serving, batch)
        if self._back_ns is not None:
            self._leave_out_what_came_later(batch, self._back_ns)
        return self._drained(batch)

    def judged(self, events: NonceBatch) -> None:
        if self._serving is not None:
            self._serving.judged(events)

    def restore(self) -> list[Setting]:
        """The miner's own settings and pools; the server stays until it is closed."""
        return self._go_back(overheated=False)

    def make_safe(self) -> list[Setting]:
        """Slowed down as far as it can be; its own pools put back, its clock and voltage not."""
        return self._go_back(overheated=True)

    def wire_counters(self) -> dict[str, int]:
        return {} if self._serving is None else self._serving.wire_counters()

    def close(self) -> None:
        try:
            self._stop_watching()
            self._stack.close()
        finally:
            self._control.close()

    def _go_back(self, *, overheated: bool) -> list[Setting]:
        self._stop_watching()
        self._back_ns = self._back_ns or self.clock.now_ns()
        with self._waiting.patient(), self._answers_expected():
            if overheated and not self._calmed() and self._answers():
                self._calmed()
            settings = self._control.restore(overheated=overheated)
            # Of a miner that overheated clock and voltage stay as they are: its pools alone can be missing.
            missing = [s for s in settings if not s.came_true and (not overheated or s.name == OWN_POOLS)]
            if missing and self._answers():
                self._log.append("not everything is as it was: the way back is gone once more")
                again = self._control.restore(overheated=overheated)
                settings = list(({s.name: s for s in settings} | {s.name: s for s in again}).values())
            settings += self._after_restore(settings)
        if self._by_hand and self._serving is not None:
            self._tell("the miner was pointed here by hand: write its own pool back now, by hand too")
        return settings

    def _calmed(self) -> bool:
        try:
            self._control.calm()
        except (SettingRefused, DeviceLost, RemoteProtocolError) as error:
            self._log.append(f"it could not be slowed down: {error}")
            return False
        return True

    def _answers(self) -> bool:
        """Now: then what it did not do may be for a request or two that were lost."""
        try:
            self._control.observe()
        except (DeviceLost, RemoteProtocolError):
            return False
        return True

    def _after_restore(self, settings: list[Setting]) -> list[Setting]:
        try:
            return self._left.after_restore(settings, self.clock.now_ns())
        except StorageError as error:  # the miner is back all the same, and the next capture sees it
            self._log.append(f"what was kept of the miner could not be taken away: {error}")
            return []

    def _leave_out_what_came_later(self, batch: Batch, back_ns: int) -> None:
        """Shares of a miner that was on its way back to its own settings are of neither."""
        later = batch.nonces["t_ns"] >= back_ns
        if np.any(later):
            count = int(np.count_nonzero(later))
            self._log.append(f"{count} shares that came while the miner was put back are not recorded")
            batch.nonces = batch.nonces[~later]

    def _readings_at_rest(self) -> list[Reading]:
        """Of a miner that nothing was done with: for a look at it."""
        if self._back_ns is not None:
            return []
        with self._answers_expected():
            return list(self._control.observe().readings)

    @contextmanager
    def _answers_expected(self) -> Iterator[None]:
        """An answer that is none, in the middle of everything, is a miner that is lost."""
        try:
            yield
        except RemoteProtocolError as error:
            raise DeviceLost(f"{self._url.host}: {error}") from None

    def _split(self, requested: dict[str, float]) -> tuple[dict[str, float], float]:
        rest = dict(requested)
        return rest, rest.pop("difficulty", self._control.habits.usual_difficulty)

    def _hold(self) -> None:
        """Raises DeviceError while another capture has the miner."""
        if not self._is_held:
            self._stack.enter_context(self._left.held())
            self._is_held = True

    def _reserve(self, difficulty: float) -> Serving:
        """The miner for this capture alone, and a server for it, made with this difficulty; one that is there
        already goes on with its own. Raises DeviceError where one is not free."""
        self._hold()
        if self._serving is None:
            self._serving = self._stack.enter_context(
                bound_server(self._url, self._address, self._control.habits.algorithm, difficulty, self.clock)
            )
            at = self._serving.address
            self._tell(f"work server at {at.host}, port {at.port}, for {self._address} alone")
        return self._serving

    def _stop_watching(self) -> None:
        oversight, self._oversight = self._oversight, None
        if oversight is not None:
            oversight.stop()

    def _pass_gate(self, serving: Serving, run: GateRun) -> None:
        self._tell("the gate: waiting until the miner runs as it is set and its shares show it")
        self._oversight = Oversight(self._control, self._url.host, self.clock)
        self._oversight.start()
        opened = run.run(self._oversight.watcher, self._url.gate_s or WITHIN_S)
        serving.begin_recording()
        self._gate_jobs = opened.jobs
        self._meta["gate"] = opened.as_json()
        self._tell(f"the gate opened after {opened.seconds:.1f} s")
        self._log.append(f"{opened.shares} shares before the gate opened are not recorded")
        if unchecked := gate.not_checked(opened.seen, run.expected):
            self._log.append(
                "the gate could not check, as the miner does not tell or no limit is known: "
                f"{', '.join(unchecked)}"
            )
        if opened.unit is not None and opened.unit != 1.0:
            times = f"{opened.unit:g} times as much by a difficulty"
            self._tell(f"the miner means {times} as the pools of its coin do")
        elif opened.floor is not None:
            self._log.append(f"no share is easier than about {opened.floor:.0f}, whatever is asked for")
        self._oversight.begin_recording()

    def _keep_of(self, batch: Batch) -> None:
        """What is to be kept of what arrives before the recording."""
        self._log.extend(batch.log)
        self._meta |= batch.meta

    def _drained(self, batch: Batch) -> Batch:
        batch.log = [*self._control.log, *self._log, *batch.log]
        self._control.log.clear()
        self._log.clear()
        batch.meta = self._meta | batch.meta
        self._meta = {}
        return batch

    def _tell(self, text: str) -> None:
        self._say_aloud(text)
        self._log.append(text)


def _ask_for(serving: Serving, difficulty: float) -> None:
    """Of the jobs from the next on, where that is another one."""
    if serving.server.difficulty != difficulty:
        serving.server.set_difficulty(difficulty)
