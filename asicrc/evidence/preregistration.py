"""A plan of tests that is written into a capture before the first event is in it.

What was planned is confirmed or not at the level that was planned, corrected for the number of planned tests
alone; everything else that is looked at is exploring. A plan is a TOML file:

    title = "Does this LV06 have a heartbeat?"
    alpha = 0.01

    [[test]]
    name = "heartbeat"
    claim = "H04"
    frequency_hz = 2.4
    margin = 0.25
    n = 2588
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicrc.errors import BadFile, UsageError
from asicrc.evidence.multiplicity import METHODS
from asicrc.evidence.verdict import DESIGN_LEVEL

PREREGISTRATION_KEY = "preregistration"
"""Key of table `capture`: `{"text", "sha256", "plan"}`."""
MOST_BYTES = 1 << 18
MOST_TESTS = 100


class PlannedTest(BaseModel):
    """`name` of a test, `margin` that its claim is about (None: the usual one), how many intervals there
    are to be, and its `weight` where the level is not shared evenly. A heartbeat has a frequency, a period
    a band."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(min_length=1, max_length=60)
    claim: str = Field(default="", max_length=60)
    margin: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    n: int | None = Field(default=None, gt=0)
    weight: float = Field(default=1.0, gt=0, le=1000)
    frequency_hz: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    low_hz: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    high_hz: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @property
    def key(self) -> str:
        """Names the test in a result, apart from another of the same kind."""
        if self.frequency_hz is not None:
            return f"{self.name} {self.frequency_hz:g} Hz"
        if self.low_hz is not None or self.high_hz is not None:
            return f"{self.name} {self.low_hz or 0:g}-{self.high_hz or 0:g} Hz"
        return self.name


class Preregistration(BaseModel):
    """A whole plan. `alpha` is of all tests together, by `correction`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    title: str = Field(default="", max_length=200)
    alpha: float = Field(default=DESIGN_LEVEL, gt=0, lt=0.5)
    correction: str = "holm"
    test: tuple[PlannedTest, ...] = Field(min_length=1, max_length=MOST_TESTS, strict=False)

    @property
    def tests(self) -> tuple[PlannedTest, ...]:
        return self.test


def load_preregistration(path: Path) -> dict[str, Any]:
    """What a capture keeps of the plan in a file. Raises UsageError, BadFile."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"there is no plan of tests {path}", "check the path") from None
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}", "is it a file of yours?") from None
    if len(data) > MOST_BYTES:
        raise BadFile(f"{path} has more than {MOST_BYTES >> 10} KiB", "is it a plan of tests?")
    try:
        text = data.decode()
        plan = preregistration_from(tomllib.loads(text))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadFile(f"{path} is no TOML: {error}", "see `asicrc capture --help`") from None
    except ValueError as error:
        raise BadFile(f"{path}: {error}", "see `asicrc capture --help` for the form of a plan") from None
    return {
        "text": text,
        "sha256": hashlib.sha256(data).hexdigest(),
        "plan": plan.model_dump(mode="json", exclude_none=True),
    }


def preregistration_of(meta: Mapping[str, Any]) -> Preregistration | None:
    """The plan that a capture keeps; None where nothing was planned. Raises BadFile for one that is none."""
    kept = meta.get(PREREGISTRATION_KEY)
    if kept is None:
        return None
    try:
        if not isinstance(kept, dict) or not isinstance(kept.get("text"), str):
            raise ValueError("it holds no text")
        if hashlib.sha256(kept["text"].encode()).hexdigest() != kept.get("sha256"):
            raise ValueError("its text was changed")
        return preregistration_from(tomllib.loads(kept["text"]))
    except (ValueError, RecursionError) as error:
        raise BadFile(f"the plan of tests in the capture: {error}", "the file was altered") from None


def preregistration_from(content: Mapping[str, Any]) -> Preregistration:
    """Raises ValueError, with where and what, for what is no plan."""
    try:
        plan = Preregistration.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where or 'the plan'}: {first['msg']}") from None
    if plan.correction not in METHODS:
        raise ValueError(f"correction {plan.correction!r}: known are {', '.join(METHODS)}")
    if plan.correction != "holm" and len({test.weight for test in plan.tests}) > 1:
        raise ValueError('weights go with correction = "holm" alone')
    keys = [test.key for test in plan.tests]
    if len(set(keys)) < len(keys):
        raise ValueError("a test stands in the plan twice")
    return plan
