"""What a claim came to, from one source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from asicrc.evidence import Estimate, EvidenceVerdict, Instrument, TestResult
from asicrc.evidence.estimate import finite_or_none


@dataclass(frozen=True, slots=True)
class InstrumentCheck:
    """How an instrument did on twins of known truth.

    `power` is None where nothing was planted, `false_alarms` where something was; both are shares of runs
    with exact intervals.
    """

    verdict: Instrument
    power: Estimate | None = None
    false_alarms: Estimate | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict.value,
            "power": None if self.power is None else self.power.as_json(),
            "false_alarms": None if self.false_alarms is None else self.false_alarms.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Reproduced:
    """One number that was published, and what came out: a value, or an estimate with its interval."""

    name: str
    published: float | str | None
    value: float | str | Estimate
    unit: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "published": self.published,
            "value": _plain(self.value),
            "unit": self.unit,
        }


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """The two verdicts with what they rest on.

    `source` is "computation", "published data", "device" or "twin"; `smallest_effect` is what these data
    would have shown, with its unit in `effect_unit`; `needs` says what a verdict would take where this one
    is not resolved or not testable here; `note` is one or two sentences for a person. `instrument` is set
    for a twin only. `p_corrected` is that of the verdict where a p-value entered, corrected for what was
    tried within the claim, and in a run of many claims of a device for their number too.
    """

    claim: str
    source: str
    value_verdict: EvidenceVerdict
    interpretation_verdict: EvidenceVerdict
    note: str
    reproduced: Sequence[Reproduced] = ()
    nulls: Sequence[TestResult] = ()
    smallest_effect: float | None = None
    effect_unit: str = ""
    needs: str = ""
    instrument: InstrumentCheck | None = None
    planted: Sequence[str] = field(default=())
    p_corrected: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "reproduced": [number.as_json() for number in self.reproduced],
            "nulls": [null.as_json() for null in self.nulls],
            "value_verdict": self.value_verdict.value,
            "interpretation_verdict": self.interpretation_verdict.value,
            "instrument": None if self.instrument is None else self.instrument.as_json(),
            "source": self.source,
            "smallest_effect": None if self.smallest_effect is None else finite_or_none(self.smallest_effect),
            "effect_unit": self.effect_unit,
            "p_corrected": None if self.p_corrected is None else finite_or_none(self.p_corrected),
            "needs": self.needs,
            "note": self.note,
        }


def _plain(value: float | str | Estimate) -> object:
    if isinstance(value, Estimate):
        return value.as_json()
    return finite_or_none(value) if isinstance(value, float) else value
