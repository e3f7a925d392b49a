"""The parts around the chip: the line's speed, the queue of frames, options, and device models."""

from __future__ import annotations

import os
import termios
import tty
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.bm13xx.device_model import DeviceModel, IdealDevice
from simulators.bm13xx.outbox import Outbox, Outgoing, Stretch
from simulators.bm13xx.scale import OptionError, Scale, known_options, options_from_arguments, parse_scale
from simulators.bm13xx.uart import HostSpeed, Line, misheard, speeds_agree


def test_frames_queue_on_the_line() -> None:
    line = Line()
    assert line.occupy(1_000_000, 11, 115_740) == pytest.approx(1_000_000 + 950_406, abs=1)
    assert line.occupy(1_000_000, 11, 115_740) == pytest.approx(1_000_000 + 2 * 950_406, abs=2)
    assert line.occupy(10_000_000, 11, 1_041_667) == pytest.approx(10_000_000 + 105_600, abs=1)


@pytest.mark.parametrize(
    ("host", "chip", "agree"),
    [
        (115_200, 115_740, True),
        (1_000_000, 1_041_667, True),
        (1_000_000, 1_046_000, False),
        (9600, 115_740, False),
        (0, 115_740, False),
    ],
)
def test_speeds_agree_within_half_a_bit_of_a_frame(host: float, chip: float, agree: bool) -> None:
    assert speeds_agree(host, chip) == agree


@given(st.binary(max_size=40), st.floats(0.97, 1.03))
def test_near_speeds_hear_every_byte(data: bytes, ratio: float) -> None:
    assert misheard(data, 115_740, 115_740 * ratio) == data


@given(st.binary(min_size=1, max_size=40))
def test_far_speeds_hear_something_else_and_end(data: bytes) -> None:
    slow = misheard(data, 1_041_667, 115_200)
    assert len(slow) <= len(data) // 9 + 1
    assert len(misheard(data, 115_200, 1_041_667)) >= len(data)
    assert misheard(data, 0, 115_200) == misheard(data, 115_200, 0) == b""


def test_a_frame_is_not_recognised_at_the_wrong_speed() -> None:
    assert b"\x55\xaa" not in misheard(bytes.fromhex("55AA520500000A"), 9600, 115_740)


def test_the_host_speed_is_read_from_its_end_of_the_pty() -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    speed = HostSpeed(ours)
    for constant, baud in ((termios.B115200, 115_200), (termios.B1000000, 1_000_000)):
        state = termios.tcgetattr(theirs)
        state[4] = state[5] = constant
        before = speed.now()
        termios.tcsetattr(theirs, termios.TCSANOW, state)
        assert speed.of_waiting_bytes() == (before, baud)
        assert speed.of_waiting_bytes() == (baud, baud)
    os.close(ours)
    os.close(theirs)


def item(due_ns: int, stretch: Stretch | None = None) -> Outgoing:
    return Outgoing(due_ns, due_ns, b"x", stretch=stretch)


def test_the_outbox_gives_out_by_due_time_and_rings_for_what_is_sooner() -> None:
    rings: list[int] = []
    outbox = Outbox(lambda: rings.append(1))
    outbox.add([item(30), item(20)])
    outbox.add([item(40)])
    assert len(rings) == 1
    outbox.add([item(10)])
    assert len(rings) == 2
    times = []
    while (head := outbox.head()) is not None:
        assert outbox.take(head)
        times.append(head.due_ns)
    assert times == [10, 20, 30, 40]
    assert not outbox.take(head or item(1))


def test_what_a_stretch_would_find_after_its_end_never_leaves() -> None:
    outbox, old, new = Outbox(lambda: None), Stretch(), Stretch()
    outbox.add([item(10, old), item(20, old), item(25), item(30, new)])
    outbox.end(old, 20)
    assert outbox.add([item(15, old), item(20, old)]) == 1
    times = []
    while (head := outbox.head()) is not None and outbox.take(head):
        times.append(head.due_ns)
    assert times == [10, 15, 25, 30]


def test_options_come_in_three_spellings() -> None:
    arguments = ["zero_bits=12", "--cores=2", "--time-scale", "400", "--truth", "a.csv", "chip_id=1368"]
    scale = parse_scale(options_from_arguments(arguments))
    assert scale == Scale(zero_bits=12, cores=2, time_scale=400.0, truth=Path("a.csv"), chip_id=0x1368)
    assert scale.url_query() == "zero_bits=12&cores=2&subcores=1&time_scale=400&waits=0.02"


def test_a_flood_is_easy_unless_told_otherwise() -> None:
    assert parse_scale([("flood_rate", "5000"), ("flood_seconds", "3")]).zero_bits == 8
    assert parse_scale([("flood_rate", "5000"), ("flood_seconds", "3")]).flood_count == 15_000
    assert parse_scale([("flood_rate", "5000"), ("zero_bits", "10")]).zero_bits == 10
    assert parse_scale([]).zero_bits == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["colour=red"], "knows no option 'colour'; known are zero_bits"),
        (["zero_bits=12", "zero_bits=13"], "given twice"),
        (["zero_bits=many"], "whole number"),
        (["time_scale=0"], "between 0.01 and"),
        (["time_scale=nan"], "between 0.01 and"),
        (["subcores=3"], "1, 2, 4 or 8"),
        (["silent=yes"], "0 or 1"),
        (["chip_id=xyz"], "hexadecimal"),
        (["--cores"], "lacks its value"),
        (["cores"], "name=value"),
        (["truth="], "name of a file"),
    ],
)
def test_options_that_are_not_understood_say_so(arguments: list[str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_scale(options_from_arguments(arguments))


def test_every_known_option_can_be_given() -> None:
    words = {"chip": "bm1387", "midstate_order": "sequential", "faults": "missing:0.1"}
    for name in known_options():
        parse_scale([(name, words.get(name, "1"))])


def test_the_ideal_device_only_ages() -> None:
    device: DeviceModel = IdealDevice()
    device.set("frequency_mhz", 485.0)
    device.step(2.5)
    assert (device.rate, device.power_w, device.temperature_c, device.faults) == (1.0, 0.0, 25.0, ())
    with pytest.raises(ValueError, match="no setting 'voltage_mv'"):
        device.set("voltage_mv", 1200)
