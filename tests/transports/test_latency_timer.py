"""The latency timer of an adapter, as a folder that looks like the system's."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicrc.transports import latency_timer
from asicrc.transports.latency_timer import AdapterLatency


class Port:
    """A port whose driver knows the low-latency flag, or does not."""

    def __init__(self, node: Path, *, knows_flag: bool) -> None:
        self.node = node
        self.knows_flag = knows_flag
        self.flags: list[bool] = []

    def set_low_latency_mode(self, low: bool) -> None:
        if not self.knows_flag:
            raise ValueError("Failed to update ASYNC_LOW_LATENCY flag")
        self.flags.append(low)
        self.node.write_text("1\n" if low else "16\n")


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(latency_timer, "TTY_CLASS", tmp_path)
    file = tmp_path / "ttyUSB7" / "device" / "latency_timer"
    file.parent.mkdir(parents=True)
    file.write_text("16\n")
    return file


def timer_of(port: Port) -> AdapterLatency:
    return AdapterLatency(port, "/dev/ttyUSB7")  # type: ignore[arg-type]


def test_is_lowered_while_open_and_put_back(node: Path) -> None:
    latency = timer_of(Port(node, knows_flag=False))
    assert (latency.timer.found_ms, latency.timer.now_ms) == (16, 1)
    latency.put_back()
    assert node.read_text() == "16\n"


def test_where_the_file_may_not_be_written_the_flag_does_it(
    node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = Port(node, knows_flag=True)
    monkeypatch.setattr(AdapterLatency, "_write", lambda self, milliseconds: False)
    latency = timer_of(port)
    assert (latency.timer.found_ms, latency.timer.now_ms) == (16, 1)
    latency.put_back()
    assert port.flags == [True, False]


def test_a_timer_that_cannot_be_changed_says_what_it_is(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AdapterLatency, "_write", lambda self, milliseconds: False)
    port = Port(node, knows_flag=False)
    latency = timer_of(port)
    assert (latency.timer.found_ms, latency.timer.now_ms) == (16, 16)
    latency.put_back()
    assert node.read_text() == "16\n" and port.flags == []


def test_one_that_is_low_already_is_left_alone(node: Path) -> None:
    node.write_text("1\n")
    latency = timer_of(Port(node, knows_flag=True))
    latency.put_back()
    assert node.read_text() == "1\n"


def test_a_port_without_one_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency_timer, "TTY_CLASS", tmp_path)
    latency = timer_of(Port(tmp_path / "nothing", knows_flag=True))
    assert (latency.timer.found_ms, latency.timer.now_ms) == (None, None)
    latency.put_back()
