"""Chips in a row on one line: addressing, and what the row as a whole is working on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from firmware_protocols.bm13xx import (
    ChainInactive,
    Command,
    FullJob,
    MidstateJob,
    ReadRegister,
    RegisterResponse,
    SetAddress,
    WriteRegister,
)
from firmware_protocols.bm13xx.models import ChipModel
from simulators.bm13xx.chip import Chip, is_busy_work
from simulators.bm13xx.silicon import SILICON
from simulators.bm13xx.sweep import HashSettings, Order, Sweep
from simulators.bm13xx.turns import Turns, space_of

Job = FullJob | MidstateJob
MidstateOrder = Literal["interleaved", "sequential"]


@dataclass(frozen=True, slots=True)
class Work:
    """What a chain does from some moment on: one job, and an order for each chip that hashes."""

    job: Job
    sweeps: tuple[Order, ...]
    response_sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A register response, and whether its chip still uses the 9-byte form."""

    response: RegisterResponse
    short: bool


class Chain:
    """The chips of a line, without I/O. `receive` takes commands with the time at which they were complete.

    A set-address goes to the first chip that has no address since chain inactive or reset. When all have one,
    a single chip takes the new one (seen on a BM1366: MoellerDi/ESP-Miner), and a chain ignores it (the
    factory firmware sends 128 addresses to 77 chips, whose nonces show the first 77).
    """

    def __init__(
        self,
        model: ChipModel,
        *,
        chips: int,
        chip_id: int | None = None,
        time_scale: float,
        seed: int = 1,
        midstate_order: MidstateOrder = "interleaved",
    ) -> None:
        self.silicon = SILICON[model.name.lower()]
        self.work: Work | None = None
        answered = self.silicon.chip_id if chip_id is None else chip_id
        self.chips = [Chip(self.silicon, answered) for _ in range(chips)]
        self._orders: dict[int, Order] = {}
        self._job: Job | None = None
        self._time_scale = time_scale
        self._midstate_order = midstate_order
        self._random = np.random.default_rng(np.random.SeedSequence([seed, 1]))

    @property
    def baud(self) -> float:
        """Of the line to the host, which is that of the first chip."""
        return self.chips[0].baud

    @property
    def frequency_mhz(self) -> float:
        """Mean hash clock of the chips that hash, 0 when none does."""
        clocks = [settings.frequency_hz / 1e6 for settings in self._settings() if settings]
        return sum(clocks) / len(clocks) if clocks else 0.0

    def receive(self, command: Command, at_ns: int) -> list[Answer]:
        """Do what a command says; return the answers in the order of the chain.

        Afterwards `work` is another object if, and only if, what the chain hashes has changed.
        """
        match command:
            case ChainInactive():
                for chip in self.chips:
                    chip.forget_address()
            case SetAddress(address):
                self._set_address(address)
            case ReadRegister():
                answers = ((chip, chip.read(command)) for chip in self.chips)
                return [Answer(answer, not chip.rolls_versions) for chip, answer in answers if answer]
            case WriteRegister():
                before = self._settings()
                for chip in self.chips:
                    chip.write(command)
                if self._job is not None and self._settings() != before:
                    self._change(at_ns)
            case FullJob() | MidstateJob():
                self._load(command, at_ns)
        return []

    def _settings(self) -> list[HashSettings | None]:
        return [chip.hash_settings() for chip in self.chips]

    def _set_address(self, address: int) -> None:
        unaddressed = next((chip for chip in self.chips if not chip.addressed), None)
        if unaddressed is None and len(self.chips) == 1:
            unaddressed = self.chips[0]
        if unaddressed is not None:
            unaddressed.take_address(address)

    def _load(self, job: Job, at_ns: int) -> None:
        """A job replaces the one before, and every chip starts again at its first version and position."""
        if isinstance(job, MidstateJob):
            for chip in self.chips:
                chip.see(job)
            if self.silicon.gated_cores and is_busy_work(job):
                # On silicon it is over within 21 ms, before the ticket mask for real jobs is written. At the
                # time scale of an emulator it would go on for minutes and be reported under that mask.
                self._job, self._orders = None, {}
                self._publish()
                return
        self._job = job
        self._orders = {
            index: self._order(self.chips[index], settings, job, at_ns)
            for index, settings in enumerate(self._settings())
            if settings
        }
        self._publish()

    def _order(self, chip: Chip, settings: HashSettings, job: Job, at_ns: int) -> Order:
        start = chip.start_counter(self._random)
        if not (self.silicon.midstates_in_turn and isinstance(job, MidstateJob)):
            return Sweep(settings, start, self._time_scale, at_ns)
        return Turns(
            settings,
            start,
            self._time_scale,
            at_ns,
            midstates=chip.midstates_of(job),
            space=space_of(len(self.chips)),
            interleaved=self._midstate_order == "interleaved",
        )

    def _change(self, at_ns: int) -> None:
        """Settings changed under a running job: chips go on from where they are; halted ones lose it."""
        changed: dict[int, Order] = {}
        for index, settings in enumerate(self._settings()):
            order = self._orders.get(index)
            if settings and order:
                changed[index] = order if settings == order.settings else order.changed(at_ns, settings)
        self._orders = changed
        self._publish()

    def _publish(self) -> None:
        if self._job is None or not self._orders:
            self._job, self.work = None, None
            return
        sizes = tuple(self.chips[index].response_size for index in self._orders)
        self.work = Work(self._job, tuple(self._orders.values()), sizes)
