"""What of a drive reached the device, as it was read back: the analysis uses this, not what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicrc.capture.plan import DRIVE_APPLIED, DRIVE_END, DRIVE_REQUESTED
from asicrc.errors import NoAnswer
from asicrc.reservoir.encoders.encoder import Encoder
from firmware_protocols.device import Reading

Floats = NDArray[np.float64]

TOLERANCE = 0.05
"""Of the range of the drive: coarser than the steps of a clock or a regulator, finer than a step that was
left out."""


@dataclass(frozen=True, slots=True)
class AppliedDrive:
    """Steps of the input, as the device had them.

    starts_ns : (T + 1,) start of each step, and the end of the last one
    node_starts_ns : (T * nodes + 1,) the same of the virtual nodes
    requested, applied : (T * nodes,) values of the channel; `applied` is NaN where it is not known
    u : (T,) the input that `applied` stands for, NaN where it is not known
    """

    starts_ns: NDArray[np.int64]
    node_starts_ns: NDArray[np.int64]
    requested: Floats
    applied: Floats
    u: Floats

    def __len__(self) -> int:
        return len(self.u)

    @property
    def missing_steps(self) -> int:
        """Steps of which it is not known what the device had."""
        return int(np.isnan(self.u).sum())


def applied_drive(
    readings: Sequence[Reading],
    encoder: Encoder,
    *,
    steps: int | None = None,
    allow_missing: bool = False,
    tolerance: float = TOLERANCE,
) -> AppliedDrive:
    """Read the drive back out of a capture.

    A step counts as applied where the device's answer lies within `tolerance` of what was asked for, as a
    share of the range of the drive. Others raise NoAnswer; with `allow_missing` they are stated as missing
    (NaN) instead. `steps` is how many steps of the input there have to be.

    Raises NoAnswer for a capture without a drive, of another length, or with steps that were not applied.
    """
    starts_ns, requested = _channel(readings, DRIVE_REQUESTED)
    applied_ns, applied = _channel(readings, DRIVE_APPLIED)
    ends_ns, _ = _channel(readings, DRIVE_END)
    if not len(starts_ns) or not len(ends_ns):
        raise NoAnswer(
            "the capture has no drive that was gone through to its end",
            "capture with `asicrc benchmark`, or with a drive in the plan, and let it finish",
        )
    if not np.array_equal(starts_ns, applied_ns):
        raise NoAnswer(
            f"{len(starts_ns)} steps were asked for and {len(applied_ns)} answered", "capture the drive again"
        )
    if len(requested) % encoder.nodes:
        raise NoAnswer(
            f"the capture has {len(requested)} steps of a drive, which makes no whole steps of "
            f"{encoder.nodes} virtual nodes",
            "analyse it with the encoder that it was captured with",
        )
    found = len(requested) // encoder.nodes
    if steps is not None and found != steps:
        raise NoAnswer(
            f"the capture went through {found} steps of the input, not {steps}",
            "give the number of steps that was captured, or capture again",
        )
    span = encoder.high - encoder.low
    refused = np.abs(applied - requested) > tolerance * span
    unknown = np.isnan(applied)
    if (refused.any() or unknown.any()) and not allow_missing:
        first = int(np.argmax(refused | unknown))
        answer = "it did not say" if unknown[first] else f"it had {applied[first]:g}"
        raise NoAnswer(
            f"the drive was not applied in {int((refused | unknown).sum())} of {len(requested)} steps: in "
            f"step {first} the device was asked for {encoder.channel} = {requested[first]:g}, and {answer}",
            "see that nothing else writes this setting, or state those steps as missing",
        )
    held = np.where(refused, np.nan, applied)
    node_starts = np.concatenate([starts_ns, ends_ns[-1:]])
    return AppliedDrive(
        starts_ns=node_starts[:: encoder.nodes].copy(),
        node_starts_ns=node_starts,
        requested=requested,
        applied=held,
        u=encoder.inputs(held),
    )


def _channel(readings: Sequence[Reading], name: str) -> tuple[NDArray[np.int64], Floats]:
    chosen = [reading for reading in readings if reading.channel == name]
    t_ns = np.array([reading.t_ns for reading in chosen], dtype=np.int64)
    values = np.array([reading.value for reading in chosen], dtype=np.float64)
    order = np.argsort(t_ns, kind="stable")
    return t_ns[order], values[order]
