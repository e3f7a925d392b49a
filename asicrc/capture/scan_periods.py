"""After which time the chip came round its search space, where settings changed that on the way."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import Any

from asicrc.capture.schema import SCAN_PERIOD_KEY, SCAN_PERIODS_KEY

_MOST_CHANGES = 100_000
_MAX_SIGNED = (1 << 63) - 1


class ScanPeriods:
    """`(first seq, period_ns)` of each change, in order; None is a period that is not known."""

    def __init__(self, changes: list[tuple[int, int | None]] | None = None) -> None:
        self._changes = changes or []

    @classmethod
    def of(cls, meta: dict[str, Any]) -> ScanPeriods:
        """What a capture says. Raises ValueError for what no asicrc writes."""
        stated = meta.get(SCAN_PERIODS_KEY)
        if stated is None:
            return cls([(0, _period(meta.get(SCAN_PERIOD_KEY)))] if SCAN_PERIOD_KEY in meta else [])
        if not isinstance(stated, list) or len(stated) > _MOST_CHANGES:
            raise ValueError(f"{SCAN_PERIODS_KEY} is no list")
        changes: list[tuple[int, int | None]] = []
        for entry in stated:
            if not isinstance(entry, list) or len(entry) != 2 or _period(entry[0]) is None:
                raise ValueError(f"{SCAN_PERIODS_KEY} holds no pairs")
            changes.append((entry[0], _period(entry[1])))
        if any(after[0] < before[0] for before, after in pairwise(changes)):
            raise ValueError(f"{SCAN_PERIODS_KEY} is not in order")
        return cls(changes)

    @property
    def known(self) -> bool:
        """Whether a repeated proof can be told apart as resent or found again."""
        return bool(self._changes)

    def changed(self, period_ns: int | None, next_seq: int) -> dict[str, Any]:
        """Note the period from the event `next_seq` on; return what is to be kept of it, by key."""
        if self._changes and self._changes[-1][1] == period_ns:
            return {}
        self._changes.append((next_seq, period_ns))
        kept: dict[str, Any] = {SCAN_PERIOD_KEY: period_ns}
        if len(self._changes) > 1:
            kept[SCAN_PERIODS_KEY] = [list(change) for change in self._changes]
        return kept

    def at(self, seq: int) -> int | None:
        """For the event with that number."""
        index = bisect_right(self._changes, seq, key=lambda change: change[0]) - 1
        return self._changes[index][1] if index >= 0 else None

    def next_change(self, seq: int) -> int | None:
        """Number of the first event after `seq` for which another one holds."""
        index = bisect_right(self._changes, seq, key=lambda change: change[0])
        return self._changes[index][0] if index < len(self._changes) else None


def _period(value: object) -> int | None:
    if value is not None and (type(value) is not int or not 0 <= value <= _MAX_SIGNED):
        raise ValueError("a scan period is no whole number of nanoseconds")
    return value
