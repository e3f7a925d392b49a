"""Brokers that end with their test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from brokers import BrokerProcess


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Callable[[str], BrokerProcess]]:
    """Starts a broker of a kind."""
    started: list[BrokerProcess] = []

    def start(kind: str) -> BrokerProcess:
        folder = tmp_path / f"broker-{len(started)}"
        folder.mkdir()
        process = BrokerProcess(kind, folder)
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def any_broker(broker: Callable[[str], BrokerProcess]) -> BrokerProcess:
    """The quicker of those that are here."""
    has_mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    return broker("mosquitto" if has_mosquitto else "amqtt")
