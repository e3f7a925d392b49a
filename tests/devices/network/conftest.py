"""What is asked again here is there at once: nothing has to pass before."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asicrc.transports.http_exchange.AGAIN_AFTER_S", 0.0)
    monkeypatch.setattr("asicrc.transports.command_exchange.AGAIN_AFTER_S", 0.0)
