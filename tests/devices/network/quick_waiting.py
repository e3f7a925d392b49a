"""Waiting as in earnest, in short steps: what is waited for in these tests is there at once, or never."""

from __future__ import annotations

from asicrc.devices.network.waiting import Waiting


class QuickWaiting(Waiting):
    def pause(self, seconds: float) -> None:
        super().pause(min(seconds, 0.002))
