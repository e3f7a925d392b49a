"""Recorded lines: a driver that does the same again, one that does less, one that does something else."""

from __future__ import annotations

import pytest

from asicrc.transports.recorded import PATIENCE_NS, RecordedLines
from asicrc.transports.recording import MOST_BYTES, RecordedChunk, RecordingTransport, WireRecord
from asicrc.transports.transport import LatencyTimer
from firmware_protocols.device import DeviceLost, Direction, Stamp, WireChunk

MS = 1_000_000


def passed(channel: str, direction: Direction, t_ms: float, data: bytes) -> RecordedChunk:
    return RecordedChunk("check", channel, WireChunk(direction, Stamp(round(t_ms * MS)), data))


ASKED = [
    passed("chip", Direction.TX, 10, b"who"),
    passed("chip", Direction.RX, 12, b"me"),
    passed("control", Direction.TX, 20, b"warm?"),
    passed("control", Direction.RX, 21, b"yes"),
    passed("chip", Direction.TX, 30, b"work"),
    passed("chip", Direction.RX, 35, b"done"),
]


def test_the_same_questions_get_the_same_answers_at_their_times() -> None:
    lines = RecordedLines(ASKED, realtime_offset_ns=1_000)
    chip, control = lines.line("chip", "/dev/a", 115_200), lines.line("control", "/dev/b", 9_600)
    assert chip.write(b"who").t_ns == 10 * MS
    assert chip.read(11 * MS) == []
    assert lines.clock.now_ns() == 11 * MS
    assert [(c.data, c.stamp.t_ns) for c in chip.read(50 * MS)] == [(b"me", 12 * MS)]
    control.write(b"warm?")
    assert [c.data for c in control.read(25 * MS)] == [b"yes"]
    chip.write(b"work")
    assert [c.data for c in chip.read(100 * MS)] == [b"done"]
    assert chip.read(200 * MS) == []
    assert lines.clock.now_ns() == 200 * MS
    assert lines.clock.realtime_ns() == 200 * MS + 1_000
    assert lines.passed_over == 0


def test_an_answer_waits_for_its_question() -> None:
    chip = RecordedLines(ASKED, 0).line("chip", "/dev/a", 115_200)
    assert chip.read(500 * MS) == []


def test_questions_that_are_not_asked_any_more_are_passed_over() -> None:
    lines = RecordedLines(ASKED, 0)
    chip = lines.line("chip", "/dev/a", 115_200)
    chip.write(b"work")
    assert [c.data for c in chip.read(100 * MS)] == [b"me"]  # it had come before
    assert [c.data for c in chip.read(100 * MS)] == [b"done"]
    assert lines.passed_over == 2


def test_time_passes_over_questions_too() -> None:
    lines = RecordedLines(ASKED, 0)
    chip = lines.line("chip", "/dev/a", 115_200)
    heard = [c.data for _ in range(4) for c in chip.read(40 * MS + PATIENCE_NS)]
    assert heard == [b"me", b"done"]
    assert lines.passed_over == 3


def test_a_question_that_was_never_asked_is_named() -> None:
    chip = RecordedLines(ASKED, 0).line("chip", "/dev/a", 115_200)
    with pytest.raises(DeviceLost, match="/dev/a: the driver writes 6e 65 77"):
        chip.write(b"new")


def test_a_line_without_anything_behind_it() -> None:
    line = RecordedLines([], 0).line("chip", "/dev/a", 115_200)
    line.set_baud(1_000_000)
    assert line.baud == 1_000_000
    assert line.descriptor is None
    assert line.latency_timer == LatencyTimer(None, None)
    assert line.read(5) == []
    line.close()


def test_a_witness_keeps_both_directions_up_to_its_limit() -> None:
    record = WireRecord()
    lines = RecordedLines(ASKED, 0)
    witnessed = RecordingTransport(lines.line("chip", "/dev/a", 115_200), "chip", record)
    witnessed.write(b"who")
    assert [c.data for c in witnessed.read(20 * MS)] == [b"me"]
    record.session = "work"
    record.add("chip", WireChunk(Direction.RX, Stamp(0), bytes(MOST_BYTES)))
    assert record.left_out_bytes == MOST_BYTES
    assert [(c.session, c.channel, c.chunk.direction) for c in record.chunks] == [
        ("check", "chip", Direction.TX),
        ("check", "chip", Direction.RX),
    ]
    assert (witnessed.path, witnessed.baud, witnessed.descriptor) == ("/dev/a", 115_200, None)
