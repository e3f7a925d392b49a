"""u(t) into the values that a device is driven with, in the unit of the channel.

With an input mask a step is divided into virtual nodes (Appeltant et al. 2011): node v holds the input scaled
by the mask level m_v about the middle of the range, so that no value leaves it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asicrc.capture.plan import DUTY_CHANNEL, WORK_CHANNEL, Drive
from asicrc.errors import UsageError

Floats = NDArray[np.float64]

LINEAR, INVERSE = "linear", "inverse"
MOST_NODES = 1_000


@dataclass(frozen=True, slots=True)
class Encoder:
    """u in [`u_low`, `u_high`] to `low` .. `high` in the unit of `channel`.

    `law` is `linear`, or `inverse`: value = base / (u + epsilon), as the papers set the difficulty, with
    `low` and `high` its values at `u_high` and `u_low`. A step lasts `step_s`; each of the `mask` levels,
    -1 .. 1, has an equal part of it. Raises UsageError for what makes no encoder.
    """

    name: str
    channel: str
    low: float
    high: float
    u_low: float = 0.0
    u_high: float = 0.5
    step_s: float = 1.0
    mask: tuple[float, ...] = (1.0,)
    law: str = LINEAR
    base: float = 0.0
    epsilon: float = 0.0
    duty_setting: str = ""
    duty_low: float = field(default=float("nan"))
    duty_high: float = field(default=float("nan"))

    def __post_init__(self) -> None:
        for said, low, high in (("u", self.u_low, self.u_high), (self.channel, self.low, self.high)):
            if not (np.isfinite([low, high]).all() and low < high):
                raise UsageError(
                    f"the range of {said} is {low:g} to {high:g}", "give low < high, both finite"
                )
        if not 0 < self.step_s < 86_400:
            raise UsageError(f"a step of {self.step_s:g} s", "give one above 0 s and below a day")
        levels = np.asarray(self.mask, dtype=np.float64)
        if not 1 <= len(levels) <= MOST_NODES or not (np.abs(levels) <= 1).all() or not levels.any():
            raise UsageError(
                f"a mask of {len(levels)} levels with values {levels.min(initial=0):g} to "
                f"{levels.max(initial=0):g}",
                f"give 1 to {MOST_NODES} levels within -1 .. 1, not all of them 0",
            )
        if self.law == INVERSE and not (self.base > 0 and self.u_low + self.epsilon > 0):
            raise UsageError(
                f"base / (u + epsilon) with base {self.base:g} and epsilon {self.epsilon:g}",
                "give a base above 0, and an epsilon that keeps u + epsilon above 0",
            )

    @property
    def nodes(self) -> int:
        """Virtual nodes, which are steps of the drive, per step of the input."""
        return len(self.mask)

    def drive(self, u: ArrayLike) -> Drive:
        """The drive of `u` (T,): (T * nodes,) values. Raises UsageError for u outside the range."""
        return Drive(
            channel=self.channel,
            values=self.values(u),
            step_s=self.step_s / self.nodes,
            duty_setting=self.duty_setting,
            low=self.duty_low,
            high=self.duty_high,
        )

    def values(self, u: ArrayLike) -> Floats:
        """(T,) input to (T * nodes,) values of the channel. Raises UsageError for u outside the range."""
        inputs = np.asarray(u, dtype=np.float64)
        if inputs.ndim != 1 or not len(inputs):
            raise UsageError(f"an input of shape {inputs.shape}", "give one number for each step, (T,)")
        outside = ~((inputs >= self.u_low) & (inputs <= self.u_high))
        if outside.any():
            first = int(np.argmax(outside))
            raise UsageError(
                f"u is {inputs[first]:g} in step {first}, outside the range {self.u_low:g} to "
                f"{self.u_high:g} of the encoder {self.name}; so are {int(outside.sum())} of {len(inputs)}",
                "scale the input, or make an encoder for its range",
            )
        share = (inputs - self.u_low) / (self.u_high - self.u_low)
        masked = 0.5 + np.asarray(self.mask) * (share[:, None] - 0.5)
        return self._from_share(np.clip(masked, 0.0, 1.0)).ravel()

    def inputs(self, values: ArrayLike) -> Floats:
        """(T * nodes,) values of the channel to the input (T,) that they stand for.

        The inverse of `values`, by least squares over the nodes of a step; NaN where a value of the step is.
        What a device rounded comes back rounded. Raises UsageError for a number of values that makes no whole
        steps.
        """
        taken = np.asarray(values, dtype=np.float64)
        if taken.ndim != 1 or len(taken) % self.nodes:
            raise UsageError(
                f"{taken.shape} values do not make steps of {self.nodes} nodes", "give all nodes of each step"
            )
        mask = np.asarray(self.mask)
        share = self._to_share(taken).reshape(-1, self.nodes) - 0.5
        found: Floats = self.u_low + (0.5 + share @ mask / (mask @ mask)) * (self.u_high - self.u_low)
        return found

    def as_json(self) -> dict[str, Any]:
        """What it takes to make the same one again, for the capture and for print."""
        said = {
            "name": self.name,
            "channel": self.channel,
            "low": self.low,
            "high": self.high,
            "u_low": self.u_low,
            "u_high": self.u_high,
            "step_s": self.step_s,
            "law": self.law,
            "mask": list(self.mask),
        }
        if self.law == INVERSE:
            said |= {"base": self.base, "epsilon": self.epsilon}
        if self.channel == DUTY_CHANNEL:
            said |= {
                "duty_setting": self.duty_setting,
                "duty_low": self.duty_low,
                "duty_high": self.duty_high,
            }
        return said

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Encoder:
        """Raises UsageError for what `as_json` did not write."""
        try:
            return cls(**(said | {"mask": tuple(float(level) for level in said["mask"])}))
        except (TypeError, KeyError, ValueError) as error:
            raise UsageError(f"no encoder: {error}", "give what `Encoder.as_json` made") from None

    @property
    def heats(self) -> bool:
        """Whether the drive changes what the device draws, and so its temperature."""
        return self.channel not in (WORK_CHANNEL, "difficulty")

    def _from_share(self, share: Floats) -> Floats:
        if self.law == INVERSE:
            return self.base / (self.u_low + share * (self.u_high - self.u_low) + self.epsilon)
        return self.low + share * (self.high - self.low)

    def _to_share(self, values: Floats) -> Floats:
        if self.law == INVERSE:
            return (self.base / values - self.epsilon - self.u_low) / (self.u_high - self.u_low)
        return (values - self.low) / (self.high - self.low)
