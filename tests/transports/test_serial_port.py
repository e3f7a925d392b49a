import os
import time
import tty
from collections.abc import Iterator

import pytest

from asicrc.clock import MACHINE_CLOCK
from asicrc.errors import DeviceError
from asicrc.transports.arrivals import Arrivals
from asicrc.transports.serial_port import SerialTransport
from firmware_protocols.device import DeviceLost, Direction, Stamp, WireChunk


@pytest.fixture
def line() -> Iterator[tuple[int, SerialTransport]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    transport = SerialTransport(os.ttyname(slave), 115_200)
    yield master, transport
    transport.close()
    os.close(slave)
    os.close(master)


def soon() -> int:
    """For what comes at once, where the machine has time for it."""
    return time.monotonic_ns() + 40_000_000_000


def test_bytes_arrive_with_a_stamp_between_sending_and_taking(line: tuple[int, SerialTransport]) -> None:
    master, transport = line
    before = time.monotonic_ns()
    os.write(master, b"\xaa\x55abc")
    chunks = transport.read(soon())
    while sum(len(chunk.data) for chunk in chunks) < 5:
        chunks += transport.read(soon())
    assert b"".join(chunk.data for chunk in chunks) == b"\xaa\x55abc"
    assert all(before <= chunk.stamp.t_ns <= time.monotonic_ns() for chunk in chunks)
    assert {chunk.direction for chunk in chunks} == {Direction.RX}


def test_reading_ends_when_its_time_has_come(line: tuple[int, SerialTransport]) -> None:
    _, transport = line
    start = time.monotonic_ns()
    assert transport.read(start + 20_000_000) == []
    assert time.monotonic_ns() - start >= 20_000_000


def test_all_of_a_long_write_goes_out(line: tuple[int, SerialTransport]) -> None:
    master, transport = line
    data = bytes(range(256)) * 8
    transport.write(data)
    received = b""
    while len(received) < len(data):
        received += os.read(master, 4096)
    assert received == data


def test_the_baud_rate_can_be_changed(line: tuple[int, SerialTransport]) -> None:
    _, transport = line
    transport.set_baud(1_041_667)
    assert transport.baud == 1_041_667


def test_a_hangup_hands_out_what_came_and_then_names_the_port() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    transport = SerialTransport(path, 115_200)
    os.write(master, b"last")
    ends_ns = soon()
    while transport._arrivals._waiting_bytes < 4 and time.monotonic_ns() < ends_ns:
        time.sleep(0.01)  # a pty that hangs up takes with it what was not read
    os.close(slave)
    os.close(master)
    assert b"".join(chunk.data for chunk in transport.read(soon())) == b"last"
    with pytest.raises(DeviceLost, match=path):
        transport.read(soon())
    with pytest.raises(DeviceLost, match=path):
        transport.write(b"x")
    transport.close()


def test_a_line_that_takes_nothing_is_lost_and_not_waited_for(line: tuple[int, SerialTransport]) -> None:
    _, transport = line
    start = time.monotonic()
    with pytest.raises(DeviceLost, match="took no bytes"):
        transport.write(bytes(1 << 20))
    assert time.monotonic() - start < 40


def test_no_such_port() -> None:
    with pytest.raises(DeviceError, match="there is no port /dev/ttyNONE") as caught:
        SerialTransport("/dev/ttyNONE", 115_200)
    assert "asicrc devices" in caught.value.hint


def test_a_file_is_no_port(tmp_path: object) -> None:
    with pytest.raises(DeviceError, match="cannot be opened as a serial port"):
        SerialTransport("/dev/null", 115_200)


def test_a_port_in_use_is_said_to_be(line: tuple[int, SerialTransport]) -> None:
    _, transport = line
    with pytest.raises(DeviceError, match="in use"):
        SerialTransport(transport.path, 115_200)


def test_no_permission_says_which_group(monkeypatch: pytest.MonkeyPatch) -> None:
    import serial

    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(13, "could not open port: Permission denied")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(DeviceError, match="no permission") as caught:
        SerialTransport("/dev/ttyUSB0", 115_200)
    assert "dialout" in caught.value.hint


def test_a_full_queue_loses_the_line_and_nothing_before_it() -> None:
    arrivals = Arrivals(MACHINE_CLOCK, capacity=2)
    chunk = WireChunk(Direction.RX, Stamp(1), b"x")
    assert [arrivals.put(chunk) for _ in range(3)] == [True, True, False]
    assert len(arrivals.take(soon())) == 2
    with pytest.raises(DeviceLost, match="overflowed"):
        arrivals.take(soon())
