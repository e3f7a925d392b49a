"""Events sorted into the steps of the input, once for all features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asicrc.errors import UsageError
from firmware_protocols.device import NO_JOB, NonceBatch, Verdict

Ints = NDArray[np.int64]
USED_VERDICTS = (Verdict.VALID, Verdict.STALE)
"""What is a proof of work. A stale one came late, but when it came is what is measured here."""


@dataclass(frozen=True, slots=True)
class StepEvents:
    """starts_ns : (T + 1,) start of each step and the end of the last one
    t_ns : (n,) ascending stamps of the events within the steps
    step : (n,) the step of each event
    bounds : (T + 1,) the events of step t are bounds[t] .. bounds[t + 1]
    segment, chip, core, job : (n,) as in the events; `job` is for who answers what, and no state

    A step has its end and not its start: in handshake mode it is a share that ends it.
    """

    starts_ns: Ints
    t_ns: Ints
    step: Ints
    bounds: Ints
    segment: Ints
    chip: Ints
    core: Ints
    job: Ints

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.starts_ns) - 1

    @property
    def counts(self) -> Ints:
        """(T,) events in each step."""
        return np.diff(self.bounds)

    @classmethod
    def sort(cls, events: NonceBatch, starts_ns: ArrayLike) -> StepEvents:
        """Distinct proofs of work, by their stamps. Raises UsageError for steps that are not ascending."""
        verdict = events["verdict"]
        used = ~events["duplicate"] & np.logical_or.reduce([verdict == of for of in USED_VERDICTS])
        fields = {name: events[name][used] for name in _FIELDS}
        return cls.of_times(events["t_ns"][used], starts_ns, **fields)

    @classmethod
    def of_times(cls, t_ns: ArrayLike, starts_ns: ArrayLike, **fields: Any) -> StepEvents:
        """From stamps alone, (n,) ns, and what else of `segment`, `chip`, `core` and `job` is known."""
        starts = np.asarray(starts_ns, dtype=np.int64)
        if starts.ndim != 1 or len(starts) < 2 or (np.diff(starts) <= 0).any():
            raise UsageError(
                f"{len(starts)} starts of steps, of which {int((np.diff(starts) <= 0).sum())} do not come "
                "later than the one before",
                "give T + 1 ascending times: each start, and the end of the last step",
            )
        stamps = np.asarray(t_ns, dtype=np.int64)
        known = {name: np.asarray(values).astype(np.int64) for name, values in fields.items()}
        if (np.diff(stamps) < 0).any():
            order = np.argsort(stamps, kind="stable")
            stamps = stamps[order]
            known = {name: values[order] for name, values in known.items()}
        bounds = np.searchsorted(stamps, starts, side="right")
        within = slice(int(bounds[0]), int(bounds[-1]))
        bounds = bounds - bounds[0]
        count = int(bounds[-1])
        return cls(
            starts_ns=starts,
            t_ns=stamps[within],
            step=np.repeat(np.arange(len(starts) - 1), np.diff(bounds)),
            bounds=bounds,
            **{
                name: known[name][within] if name in known else np.full(count, unknown, np.int64)
                for name, unknown in _FIELDS.items()
            },
        )

    def divided(self, starts_ns: ArrayLike) -> StepEvents:
        """The same events in other steps, such as the virtual nodes of these."""
        return self.moved(self.t_ns, starts_ns)

    def moved(self, t_ns: ArrayLike, starts_ns: ArrayLike | None = None) -> StepEvents:
        """The same events at other times, (n,) ns, in other steps if these are given."""
        fields = {name: getattr(self, name) for name in _FIELDS}
        return StepEvents.of_times(t_ns, self.starts_ns if starts_ns is None else starts_ns, **fields)

    def only(self, kept: NDArray[np.bool_]) -> StepEvents:
        """Those of the events that are kept, (n,) true or false, in the same steps."""
        fields = {name: getattr(self, name)[kept] for name in _FIELDS}
        return StepEvents.of_times(self.t_ns[kept], self.starts_ns, **fields)


_FIELDS = {"segment": 0, "chip": -1, "core": -1, "job": NO_JOB}
"""With what stands there where it is not known."""
