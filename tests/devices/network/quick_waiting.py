"""Waiting as in earnest, in short steps: what is waited for in these tests is there at once, or never."""

from __future__ import annotations

from collections.abc import Callable

from asicrc.devices.network.waiting import Waiting


class QuickWaiting(Waiting):
    def pause(self, seconds: float) -> None:
        super().pause(min(seconds, 0.002))


class Hasty(QuickWaiting):
    """For what never comes."""

    def until(self, is_so: Callable[[], bool], within_s: float, each_s: float = 0.5) -> bool:
        return super().until(is_so, min(within_s, 0.05), each_s)
