"""A claim that is asked of twins, and of captures and devices where they can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from asicrc.capture.reader import Capture
from asicrc.claims.measured import NotOnThisDevice, cost_of
from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.procedure import Context, Cost, Procedure
from asicrc.claims.twins.asking import TwinQuestion, ask_twins, runs_asked
from asicrc.evidence import EvidenceVerdict

TWIN, CAPTURE, DEVICE = "twin", "capture", "device"


@dataclass(frozen=True, slots=True)
class AskedOf:
    """`of_capture` answers from an open capture; `of_device` drives the device and asks the file that came,
    or raises NotOnThisDevice. A claim that a plain capture answers needs none: one is taken for all of those.

    `events` at each of `settings` are what a device takes, `read_s` what it takes to read a capture.
    """

    question: TwinQuestion
    of_capture: Callable[[Capture], ClaimOutcome] | None = None
    of_device: Callable[[Context], ClaimOutcome] | None = None
    events: int = 0
    settings: int = 1
    read_s: float = 10.0

    @property
    def sources(self) -> frozenset[str]:
        given = {TWIN: True, CAPTURE: self.of_capture is not None, DEVICE: self.of_device is not None}
        return frozenset(name for name, can in given.items() if can)

    def answer(self, context: Context) -> ClaimOutcome:
        if context.capture is not None and self.of_capture is not None:
            return self.of_capture(context.capture)
        if context.device_url is not None and self.of_device is not None:
            try:
                return self.of_device(context)
            except NotOnThisDevice as error:
                untestable, more = EvidenceVerdict.NOT_TESTABLE_HERE, self.question.needs
                why = f"{error.message[:1].upper()}{error.message[1:]}."
                return ClaimOutcome(self.question.claim, DEVICE, untestable, untestable, why, needs=more)
        return ask_twins(self.question, context)

    def cost(self, source: str, context: Context) -> Cost:
        return cost_of(
            context,
            source,
            runs=runs_asked(self.question, context),
            run_s=self.question.seconds,
            events=self.events,
            settings=self.settings,
            read_s=self.read_s,
        )

    def procedure(self) -> Procedure:
        take = self.question.take
        shares = f"{take.__module__}.{take.__qualname__}"
        return Procedure(self.question.claim, self.sources, self.answer, self.cost, shares)
