"""The drive that asks for the prerequisites: one input, played again and again behind different histories.

    block = preamble of history h (P steps) + common input (L steps)

Each history has `repeats` such blocks. Its preamble stays within its own part of the input's range, so that
histories are as different as they can be. Further blocks have the common input with single steps changed. All
blocks come in random order, in one capture.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asicrc.bench.station_errors import reject_secrets
from asicrc.errors import BadFile, UsageError
from asicrc.reservoir.encoders import Encoder, encoder_for

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_STEPS = 1_000_000
MOST_BYTES = 1 << 20
_SHIPPED = files("asicrc.reservoir.prerequisites") / "plans"
_SIZES = ("histories", "repeats", "changed_repeats", "preamble", "common", "washout", "lags", "seed")


class Block(NamedTuple):
    """One play: the steps of the common input are `first` .. `first` + common of the drive."""

    history: int
    changed: bool
    first: int


@dataclass(frozen=True, slots=True)
class PrerequisitePlan:
    """`lags` steps lie between two changed ones, `washout` before the first; the horizon of fading is half of
    `lags`. Raises UsageError for sizes that cannot answer."""

    name: str
    encoder: Encoder
    settings: dict[str, float] = field(default_factory=dict)
    mode: str = "stream"
    histories: int = 4
    repeats: int = 5
    changed_repeats: int = 12
    preamble: int = 12
    common: int = 120
    washout: int = 20
    lags: int = 10
    seed: int = 1

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in _SIZES}
        if any(type(size) is not int or not 0 <= size < 1 << 40 for size in sizes.values()):
            raise UsageError(f"sizes of a plan are whole numbers from 0 on, not {sizes}")
        held = (
            (3 <= self.histories <= 100, "histories: 3 or more"),
            (3 <= self.repeats <= 1000, "repeats: 3 or more"),
            (2 <= self.changed_repeats <= self.histories * self.repeats, "changed_repeats: 2 or more"),
            (self.preamble >= 1, "preamble: 1 or more"),
            (self.lags >= 4, "lags: 4 or more"),
            (self.common - self.washout >= 100, "common: 100 steps beyond the washout, or more"),
            (self.washout >= 1, "washout: 1 or more"),
            (self.positions >= 5, "lags: five changed steps have to fit into the common input"),
            (self.steps <= MOST_STEPS, f"{self.steps} steps are more than {MOST_STEPS}"),
        )
        for good, said in held:
            if not good:
                raise UsageError(f"the plan {self.name!r} cannot answer: {said}")
        if self.encoder.nodes != 1:
            raise UsageError("the prerequisites are asked for without an input mask")

    @property
    def positions(self) -> int:
        """Steps that are changed in a changed block."""
        return (self.common - self.washout) // max(self.lags, 1)

    @property
    def changed_steps(self) -> Ints:
        return self.washout + self.lags * np.arange(self.positions)

    @property
    def horizon(self) -> int:
        return self.lags // 2

    @property
    def block_steps(self) -> int:
        return self.preamble + self.common

    @property
    def steps(self) -> int:
        return (self.histories * self.repeats + self.changed_repeats) * self.block_steps

    def blocks(self) -> list[Block]:
        """In the order in which they are played."""
        kinds = [(history, False) for history in range(self.histories) for _ in range(self.repeats)]
        kinds += [(number % self.histories, True) for number in range(self.changed_repeats)]
        order = self._random("order").permutation(len(kinds))
        blocks = []
        for place, kind in enumerate(order.tolist()):
            history, changed = kinds[kind]
            blocks.append(Block(history, changed, place * self.block_steps + self.preamble))
        return blocks

    def inputs(self) -> Floats:
        """(T,) input of the whole drive, in the range of the encoder."""
        low, high = self.encoder.u_low, self.encoder.u_high
        common = self._random("common").uniform(low, high, self.common)
        changed = common.copy()
        at = self.changed_steps
        changed[at] = np.where(common[at] < (low + high) / 2, high, low)
        part = (high - low) / self.histories
        preambles = [
            self._random(f"history {h}").uniform(low + h * part, low + (h + 1) * part, self.preamble)
            for h in range(self.histories)
        ]
        return np.concatenate(
            [
                piece
                for block in self.blocks()
                for piece in (preambles[block.history], changed if block.changed else common)
            ]
        )

    def as_json(self) -> dict[str, Any]:
        """What it takes to make the same one again, for the capture."""
        return {
            "name": self.name,
            "encoder": self.encoder.as_json(),
            "settings": dict(self.settings),
            "mode": self.mode,
            **{name: getattr(self, name) for name in _SIZES},
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> PrerequisitePlan:
        """Raises UsageError, KeyError, TypeError or ValueError for what `as_json` did not write."""
        return cls(
            name=str(said["name"])[:200],
            encoder=Encoder.from_json(dict(said["encoder"])),
            settings={str(key): float(value) for key, value in said["settings"].items()},
            mode=str(said["mode"]),
            **{name: said[name] for name in _SIZES},
        )

    def _random(self, what: str) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence([self.seed, *what.encode()]))


def shipped_plans() -> list[str]:
    """Names of the plans that come with asicrc."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in _SHIPPED.iterdir() if entry.name.endswith(".toml")
    )


def load_plan(named: str) -> PrerequisitePlan:
    """The plan in a TOML file, or the shipped one of that name. Raises UsageError, BadFile."""
    path = Path(named)
    if not path.exists() and named in shipped_plans():
        return _plan((_SHIPPED / f"{named}.toml").read_text(encoding="utf-8"), Path(f"{named}.toml"))
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"there is no plan {named}: {error.strerror}",
            f"a file, or one that comes with asicrc: {', '.join(shipped_plans())}",
        ) from None
    if len(data) > MOST_BYTES:
        raise BadFile(f"{path} has more than {MOST_BYTES >> 20} MiB", "is it a plan?")
    try:
        return _plan(data.decode(), path)
    except UnicodeDecodeError:
        raise BadFile(f"{path} is no UTF-8 text", "TOML is UTF-8") from None


def _plan(text: str, path: Path) -> PrerequisitePlan:
    hint = f"the plans that come with asicrc are examples: {', '.join(shipped_plans())}"
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{path} is no TOML: {error}", hint) from None
    reject_secrets(content, path, text)
    known = {"name", "encoder", "settings", "mode", *_SIZES}
    if unknown := sorted(set(content) - known):
        raise BadFile(f"{path}: there is no key {unknown[0]}", f"known: {', '.join(sorted(known))}")
    encoder = content.pop("encoder", {"name": "work"})
    settings = content.pop("settings", {})
    try:
        numbers = {str(name): float(value) for name, value in dict(settings).items()}
        options = dict(encoder)
        made = encoder_for(str(options.pop("name", "work")), **options)
        return PrerequisitePlan(encoder=made, settings=numbers, **{"name": path.stem, **content})
    except UsageError as error:
        raise BadFile(f"{path}: {error.message}", error.hint or hint) from None
    except (TypeError, ValueError) as error:
        raise BadFile(f"{path}: {error}", hint) from None
