"""Chips in a row on one line: addressing, and what the row as a whole is working on."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_protocols.bm13xx import (
    ChainInactive,
    Command,
    FullJob,
    ReadRegister,
    RegisterResponse,
    SetAddress,
    WriteRegister,
)
from firmware_protocols.bm13xx.models import ChipModel
from simulators.bm13xx.chip import Chip
from simulators.bm13xx.sweep import HashSettings, Sweep


@dataclass(frozen=True, slots=True)
class Work:
    """What a chain does from some moment on: one job, and a sweep for each chip that hashes."""

    job: FullJob
    sweeps: tuple[Sweep, ...]
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

    def __init__(self, model: ChipModel, *, chips: int, chip_id: int, time_scale: float) -> None:
        self.chips = [Chip(model, chip_id) for _ in range(chips)]
        self.work: Work | None = None
        self._sweeps: dict[int, Sweep] = {}
        self._job: FullJob | None = None
        self._time_scale = time_scale

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
            case FullJob():
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

    def _load(self, job: FullJob, at_ns: int) -> None:
        """A job replaces the one before, and every chip starts again at its first version and position."""
        self._job = job
        self._sweeps = {
            index: Sweep(settings, self.chips[index].address, self._time_scale, at_ns)
            for index, settings in enumerate(self._settings())
            if settings
        }
        self._publish()

    def _change(self, at_ns: int) -> None:
        """Settings changed under a running job: chips go on from where they are; halted ones lose it."""
        changed: dict[int, Sweep] = {}
        for index, settings in enumerate(self._settings()):
            sweep = self._sweeps.get(index)
            if settings and sweep:
                changed[index] = sweep if settings == sweep.settings else sweep.changed(at_ns, settings)
        self._sweeps = changed
        self._publish()

    def _publish(self) -> None:
        if self._job is None or not self._sweeps:
            self._job, self.work = None, None
            return
        sizes = tuple(self.chips[index].response_size for index in self._sweeps)
        self.work = Work(self._job, tuple(self._sweeps.values()), sizes)
