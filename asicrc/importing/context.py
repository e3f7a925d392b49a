"""What a format is told, and what it finds out on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from asicrc.importing.problem_log import ProblemLog
from asicrc.importing.required_difficulty import RequiredDifficulty
from firmware_protocols.bm13xx import ChipModel
from firmware_protocols.device import DeviceIdentity

REAL_SILICON_ZERO_BITS = 32


@dataclass
class ImportContext:
    """`difficulty` and `model` are what the user gave; the format fills in the rest while it reads."""

    source_name: str
    difficulty: float | None
    model: ChipModel | None
    problems: ProblemLog = field(default_factory=ProblemLog)
    rows: int = 0
    """Rows or lines of data, readable or not; without comments and blank lines."""
    comment_lines: int = 0
    clock: dict[str, Any] = field(default_factory=lambda: {"t_ns": "not stated"})
    clock_is_realtime: bool = False
    segment_reason: str = ""
    wire_counters: dict[str, int] | None = None

    def __post_init__(self) -> None:
        self.required = RequiredDifficulty(self.difficulty)
        self.identity = network_miner(self.source_name, self.model)


def network_miner(source_name: str, model: ChipModel | None) -> DeviceIdentity:
    """A miner behind a network: how many chips it has is not known, which is 0 here."""
    return DeviceIdentity(
        url=f"file:{source_name}",
        family="stratum",
        model="unknown" if model is None else model.name,
        chips=0,
    )


def chip_line(
    source_name: str,
    model: ChipModel,
    *,
    chips: int,
    chip_ids: tuple[int, ...] = (),
    chip_address: int | None = None,
) -> DeviceIdentity:
    """Real chips on a serial line, described with the keys of a live capture."""
    return DeviceIdentity(
        url=f"file:{source_name}",
        family="bm13xx",
        model=model.name,
        chips=chips,
        chip_ids=chip_ids,
        details={
            "zero_bits": REAL_SILICON_ZERO_BITS,
            "cores": model.cores,
            "subcores": model.subcores,
            "hashing_units": model.small_cores,
            "time_scale": 1.0,
            "chip_address": chip_address,
        },
    )
