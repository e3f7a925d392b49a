"""Where a memory is that was found: in the timing of the work, in heat, a controller, or the firmware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from asicrc.evidence import EvidenceVerdict, Finding

SUPPORTED = EvidenceVerdict.SUPPORTED


class Channel(StrEnum):
    TIMING = "timing"
    """The work itself, by the times of its proofs: what is claimed."""
    THERMAL = "thermal"
    CONTROLLER = "controller"
    FIRMWARE = "firmware averaging"


class Group(StrEnum):
    """Features that may remember, each held against the input alone, the timing also against the twin."""

    TIMING = "timing"
    TEMPERATURE = "temperature"
    CONTROLLER = "controller"
    AVERAGED = "averaged telemetry"


@dataclass(frozen=True, slots=True)
class Attribution:
    """`channel` is None where no memory was found. `computes` is the verdict on the claim that the timing
    computes; `reason` says in words why, where it is not the finding alone."""

    channel: Channel | None
    computes: EvidenceVerdict
    reason: str


def attribute(task: Finding, memory: Mapping[Group, Finding], *, heats: bool) -> Attribution:
    """Attribute what was found.

    `task` is the gain in the task, `memory` the gain in memory capacity by group of features. `heats`: the
    drive changes what the device draws. Memory of the timing that heat or a controller can have made is named
    for them and not counted as computing: nothing here could tell the two apart.
    """
    timing = memory.get(Group.TIMING)
    remembers = SUPPORTED in (task.verdict, timing.verdict if timing else None)
    found = {group for group, finding in memory.items() if finding.verdict is SUPPORTED}
    if remembers:
        if heats or Group.TEMPERATURE in found:
            return Attribution(
                Channel.THERMAL,
                EvidenceVerdict.NOT_RESOLVED,
                "the drive heats the device, and heat remembers: no timing of its own can be told apart",
            )
        if Group.CONTROLLER in found:
            return Attribution(
                Channel.CONTROLLER,
                EvidenceVerdict.NOT_RESOLVED,
                "the controller alone remembers the input: no timing of its own can be told apart",
            )
        return Attribution(Channel.TIMING, SUPPORTED, "beyond the input, the twin and every other channel")
    computes = _neither(task, timing)
    for group, channel in _ELSEWHERE:
        if group in found:
            return Attribution(channel, computes, f"memory in {group.value}, none found in the timing")
    return Attribution(None, computes, "no memory found beyond the input and the twin")


_ELSEWHERE = (
    (Group.TEMPERATURE, Channel.THERMAL),
    (Group.CONTROLLER, Channel.CONTROLLER),
    (Group.AVERAGED, Channel.FIRMWARE),
)


def _neither(task: Finding, timing: Finding | None) -> EvidenceVerdict:
    """Refuted where each measure that there is says so."""
    verdicts = {task.verdict} | ({timing.verdict} if timing else set())
    return EvidenceVerdict.REFUTED if verdicts == {EvidenceVerdict.REFUTED} else EvidenceVerdict.NOT_RESOLVED
