"""The way of a miner into a recording: given back what an earlier capture left, pointed here, waited for, and
let through the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from asicrc.devices.network import gate
from asicrc.devices.network.arrival import await_miner
from asicrc.devices.network.control import MinerControl
from asicrc.devices.network.gate_run import GateRun
from asicrc.devices.network.left_behind import LeftBehind
from asicrc.devices.network.network_url import NetworkUrl
from asicrc.devices.network.serving import Serving
from asicrc.devices.network.waiting import Waiting
from asicrc.work.pool_work import PoolWork
from firmware_protocols.device import Batch, Clock, DeviceLost, SafetyStop, SettingRefused
from firmware_protocols.errors import RemoteProtocolError

COMES_WITHIN_S = 60.0
BY_HAND_WITHIN_S = 1800.0
WELL_WITHIN_S = 60.0
"""At a later point: its clock was followed there already, and a restart is over."""
LOST_BORNE = 2
"""Answers in a row of a miner that is looked at then."""
JOB_INTERVAL_S = 30.0
"""As often as pools send one; a miner rolls its extranonce between."""
GATE_SEED = 0x6A7E


@dataclass(frozen=True, slots=True)
class WayIn:
    """The steps, in their order; which of them are gone is the device's to say.

    `address` is the miner's IP address, `tell` takes lines for a person and the log, `keep` what arrives
    before the recording. Every step may raise DeviceLost, SettingRefused, and Interrupted where the capture
    is asked to end.
    """

    control: MinerControl
    url: NetworkUrl
    address: str
    waiting: Waiting
    left: LeftBehind
    clock: Clock
    tell: Callable[[str], None]
    keep: Callable[[Batch], None]

    def undo_an_earlier_capture(self) -> None:
        """A miner that was left behind is given back first: what is found then is what counts."""
        if not self.left.is_left_behind:
            return
        self.tell("the miner still is as an earlier capture left it: it is put back first")
        failed = [setting.name for setting in self.control.restore(overheated=False) if not setting.came_true]
        if failed:
            raise SettingRefused(
                f"what an earlier capture changed cannot be put back: {', '.join(failed)}; nothing else was "
                "changed. `asicrc restore` on that capture's file says more"
            )
        self.left.forget()
        self.left.found(self.control.originals())

    def gate_run(
        self, serving: Serving, requested: dict[str, float], difficulty: float, *, asked: bool
    ) -> GateRun:
        """With work of its own; `asked` is whether somebody asked for the difficulty."""
        work = PoolWork(GATE_SEED, self.control.habits.algorithm.name)

        def take(until_ns: int) -> Batch:
            self.keep(batch := serving.take(until_ns))
            return batch

        return GateRun(
            server=serving.server,
            take=take,
            next_job=lambda clean: work.next_job(self.clock.realtime_ns() // 1_000_000_000, clean=clean),
            job_interval_s=JOB_INTERVAL_S,
            expected=self._expected(requested, difficulty, asked=asked),
            clock=self.clock,
            check_stop=self.waiting.check,
            hash_rate_scale=self.url.scale.get("hash_rate_scale", 1.0),
        )

    def point(self, serving: Serving, requested: dict[str, float], *, by_hand: bool) -> None:
        """What it takes to give it back is kept before the first change."""
        if by_hand:
            self.left.keep(self.control, serving.address, self.clock.realtime_ns(), by_hand=True)
            self.control.pointed_by_hand_to(serving.address)
            self.tell(f"point the miner here by hand: {self.control.by_hand(serving.address)}")
            return
        self.left.keep(self.control, serving.address, self.clock.realtime_ns())
        self.tell("the miner is pointed at it, and restarts where its firmware needs that")
        self.control.point_to(serving.address, self.url.user, requested)

    def await_miner(self, serving: Serving, run: GateRun, *, by_hand: bool) -> None:
        def take() -> None:
            self.keep(batch := serving.take(self.clock.now_ns()))
            run.add(batch)

        await_miner(
            serving,
            self.address,
            take,
            self.waiting,
            within_s=self.url.wait_s or (BY_HAND_WITHIN_S if by_hand else COMES_WITHIN_S),
            remind=(COMES_WITHIN_S, self.tell) if by_hand else None,
        )

    def await_return(self, serving: Serving) -> None:
        """Of a miner that may have restarted for its settings."""
        await_miner(serving, self.address, lambda: None, self.waiting, within_s=COMES_WITHIN_S)

    def check_at_a_later_point(self, requested: dict[str, float], difficulty: float) -> None:
        """What the miner says of itself has to fit the settings, as at the gate: a miner that fell back for
        heat answers every request with success.

        Its hash rate is an average that may still be of the point before, and no share is waited for: of
        these settling and supervision see the rest. Raises SafetyStop where it is too hot.
        """
        expected = self._expected(requested, difficulty, asked=False)
        found: list[gate.Finding] = []
        lost = 0

        def is_decided() -> bool:
            nonlocal found, lost
            try:
                found = gate.of_the_miner(self.control.observe(), expected, with_averages=False)
                lost = 0
            except (RemoteProtocolError, DeviceLost) as error:  # damaged or lost: it is asked again
                lost += isinstance(error, DeviceLost)
                if lost > LOST_BORNE:
                    raise
                found = [gate.Finding(str(error), passes=True)]
            return not found or any(not finding.passes for finding in found)

        self.waiting.until(is_decided, WELL_WITHIN_S)
        said = "; ".join(finding.text for finding in found)
        if any(finding.unsafe for finding in found):
            raise SafetyStop(said)
        if found:
            raise SettingRefused(f"this point was not recorded: {said}")

    def _expected(self, requested: dict[str, float], difficulty: float, *, asked: bool) -> gate.Expected:
        habits, envelope = self.control.habits, self.control.envelope
        return gate.Expected(
            requested, difficulty, asked, habits, envelope, has_power_meter=envelope.power_w is not None
        )
