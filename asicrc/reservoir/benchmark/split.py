"""Which steps are left out, trained on and tested on: contiguous, in this order."""

from __future__ import annotations

from dataclasses import dataclass

from asicrc.errors import UsageError


@dataclass(frozen=True, slots=True)
class Split:
    washout: int = 200
    n_train: int = 4800
    n_test: int = 5000

    def __post_init__(self) -> None:
        if self.washout < 0 or self.n_train < 20 or self.n_test < 20:
            raise UsageError(
                f"a split of {self.washout} + {self.n_train} + {self.n_test} steps",
                "train and test on 20 steps or more, after a washout of 0 or more",
            )

    @property
    def steps(self) -> int:
        return self.washout + self.n_train + self.n_test

    @property
    def train(self) -> slice:
        return slice(self.washout, self.washout + self.n_train)

    @property
    def test(self) -> slice:
        return slice(self.washout + self.n_train, self.steps)

    def check(self, steps: int) -> None:
        """Raises UsageError where there are fewer steps than the split has."""
        if steps < self.steps:
            raise UsageError(
                f"{steps} steps are too few for a washout of {self.washout}, {self.n_train} to train and "
                f"{self.n_test} to test",
                f"capture {self.steps} steps, or give a smaller --train, --test or --washout",
            )
