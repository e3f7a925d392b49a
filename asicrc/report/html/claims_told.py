"""A run of claims as its JSON tells it, checked: the file may be somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicrc.errors import BadFile
from asicrc.evidence import Estimate

MOST_CLAIMS = 1000
_Words = Annotated[str, Field(max_length=20_000)]
_Count = Annotated[int, Field(ge=0, lt=1 << 63)]


class _Told(BaseModel):
    # what a later version adds is left out, not refused
    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


class ToldEstimate(_Told):
    estimate: float | None
    low: float | None
    high: float | None
    n: _Count

    def as_estimate(self) -> Estimate:
        value, low, high = (np.nan if part is None else part for part in (self.estimate, self.low, self.high))
        return Estimate(value, low, high, self.n, method="as it was told")


class ToldNumber(_Told):
    name: _Words
    published: float | _Words | None = None
    value: ToldEstimate | float | _Words | None = None
    unit: _Words = ""


class ToldNull(_Told):
    name: _Words
    statistic: float | None = None
    p_value: float | None = None
    n: _Count = 0
    null: _Words = ""
    replicates: _Count = 0


class ToldInstrument(_Told):
    verdict: _Words
    power: ToldEstimate | None = None
    false_alarms: ToldEstimate | None = None


class ToldClaim(_Told):
    id: Annotated[str, Field(min_length=1, max_length=40)]
    kind: _Words = ""
    paper: _Words = ""
    where: _Words = ""
    title: _Words = ""
    claimed: _Words = ""
    reproduced: Annotated[list[ToldNumber], Field(max_length=1000)] = Field(default_factory=list)
    nulls: Annotated[list[ToldNull], Field(max_length=1000)] = Field(default_factory=list)
    value_verdict: _Words
    interpretation_verdict: _Words
    instrument: ToldInstrument | None = None
    source: _Words = ""
    smallest_effect: float | None = None
    effect_unit: _Words = ""
    needs: _Words | None = ""
    note: _Words | None = ""
    margin: _Words = ""
    state: _Words = "answered"
    reason: _Words | None = None

    @property
    def answered(self) -> bool:
        return self.state == "answered"


class ToldRun(_Told):
    source: _Words
    given: dict[str, str | None] = Field(default_factory=dict)
    planted: Annotated[list[_Words], Field(max_length=1000)] = Field(default_factory=list)
    claims: Annotated[list[ToldClaim], Field(max_length=MOST_CLAIMS)]
    seed: int | None = None
    budget_s: float | None = None
    took_s: float | None = None
    interrupted: bool = False

    @property
    def is_of_twin(self) -> bool:
        return any(claim.instrument is not None for claim in self.claims) or bool(self.given.get("twin"))


def told_run(found: Mapping[str, Any], where: str) -> ToldRun:
    """Raises BadFile."""
    try:
        return ToldRun.model_validate(dict(found))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadFile(
            f"{where} is no run of claims: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            "give what `asicrc claims run ... --json` printed, or --output kept",
        ) from None
