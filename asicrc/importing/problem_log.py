"""Log lines about rows that are not as they should be: the first ones in full, the rest as a count."""

from __future__ import annotations

from collections import Counter

LINES_IN_FULL = 20


class ProblemLog:
    """Texts name the line and the column, never the content: a shifted row may hold a worker's name."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._count = 0
        self._not_shown: Counter[str] = Counter()

    def add(self, line: int, what: str) -> None:
        """Note that line number `line` of the source, from 1, is wrong in the way of `what`."""
        self._count += 1
        if self._count <= LINES_IN_FULL:
            self._waiting.append(f"line {line}: {what}")
        else:
            self._not_shown[what if what in self._not_shown or len(self._not_shown) < 8 else "other"] += 1

    def drain(self, *, last: bool = False) -> list[str]:
        """Lines since the last call; with `last` also the counts of those that were not kept."""
        lines, self._waiting = self._waiting, []
        if last and self._not_shown:
            lines.append(f"{sum(self._not_shown.values())} more lines with something wrong:")
            lines += [f"{count} times: {what}" for what, count in self._not_shown.most_common()]
            self._not_shown.clear()
        return lines
