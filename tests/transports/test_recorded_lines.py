"""Recorded lines: a driver that does the same again, one that asks more or less, one that does otherwise."""

from __future__ import annotations

import pytest

from asicrc.transports.dialogue import Kind, Meaning
from asicrc.transports.recorded import PATIENCE_NS, RecordedLines, RecordedTransport
from asicrc.transports.recording import MOST_BYTES, RecordedChunk, RecordingTransport, WireRecord
from asicrc.transports.transport import LatencyTimer
from firmware_protocols.device import DeviceLost, Direction, Stamp, WireChunk

MS = 1_000_000


class Spoken:
    """A language of its own: `3 warm?` asks, `4 warm=1` sets, `work` is work; numbers name the write."""

    def meaning(self, data: bytes) -> Meaning:
        if data.startswith(b"work"):
            return Meaning(Kind.WORK, data)
        said = data.partition(b" ")[2]
        if said.endswith(b"?"):
            return Meaning(Kind.QUESTION, said, said[:-1])
        return Meaning(Kind.COMMAND, said, said.partition(b"=")[0])

    def readdressed(self, answer: bytes, recorded: bytes, written: bytes) -> bytes:
        return answer.replace(recorded[:1] + b" ", written[:1] + b" ")


def passed(direction: Direction, t_ms: float, data: bytes, channel: str = "chip") -> RecordedChunk:
    return RecordedChunk("check", channel, WireChunk(direction, Stamp(round(t_ms * MS)), data))


def said(*entries: tuple[str, float, bytes]) -> list[RecordedChunk]:
    return [passed(Direction.TX if way == ">" else Direction.RX, t_ms, data) for way, t_ms, data in entries]


TALK = said(
    (">", 10, b"1 warm?"),
    ("<", 12, b"1 20"),
    (">", 20, b"2 fan=9"),
    ("<", 21, b"2 ok"),
    (">", 30, b"3 fan?"),
    ("<", 31, b"3 9"),
    (">", 40, b"4 warm?"),
    ("<", 43, b"4 30"),
    (">", 50, b"5 warm?"),
    ("<", 52, b"5 31"),
    (">", 60, b"work"),
    ("<", 70, b"nonce a"),
    ("<", 80, b"nonce b"),
    (">", 90, b"6 fan=1"),
    ("<", 91, b"6 ok"),
    (">", 95, b"7 fan?"),
    ("<", 96, b"7 1"),
)


def line(talk: list[RecordedChunk] = TALK) -> RecordedTransport:
    return RecordedLines(talk, 0, {"chip": Spoken()}).line("chip", "/dev/a", 115_200)


def ask(chip: RecordedTransport, data: bytes) -> tuple[bytes, float]:
    """The answer, and how long it took, ms. What comes of the work meanwhile is left out."""
    written = chip.write(data).t_ns
    chunks = [c for _ in range(3) for c in chip.read(written + 5 * MS) if not c.data.startswith(b"nonce")]
    assert len(chunks) == 1
    return chunks[0].data, (chunks[0].stamp.t_ns - written) / MS


def test_the_same_questions_get_the_same_answers_at_their_times() -> None:
    chip = line()
    assert [ask(chip, data) for data in (b"1 warm?", b"2 fan=9", b"3 fan?", b"4 warm?", b"5 warm?")] == [
        (b"1 20", 2),
        (b"2 ok", 1),
        (b"3 9", 1),
        (b"4 30", 3),
        (b"5 31", 2),
    ]
    assert [(c.data, c.stamp.t_ns // MS) for _ in range(3) for c in chip.read(85 * MS)] == [
        (b"nonce a", 70),
        (b"nonce b", 80),
    ]
    assert (ask(chip, b"6 fan=1"), ask(chip, b"7 fan?")) == ((b"6 ok", 1), (b"7 1", 1))
    assert chip.read(500 * MS) == []
    assert (chip.clock.now_ns(), chip.passed_over) == (500 * MS, 0)


@pytest.mark.parametrize("times", [0, 1, 2, 3, 50])
def test_however_often_it_is_asked_each_answer_is_to_what_was_asked(times: int) -> None:
    chip = line()
    ask(chip, b"1 fan=9")
    heard = [ask(chip, b"8 warm?")[0] for _ in range(times)]
    assert heard == [b"8 30", *[b"8 31"] * 49][:times]
    assert ask(chip, b"9 fan?")[0] == b"9 9", "the fan as it was set here, not as it is set later"
    ask(chip, b"1 fan=1")
    assert ask(chip, b"2 fan?")[0] == b"2 1"
    assert ask(chip, b"3 warm?")[0] == b"3 31", "the nearest answer of another time"
    assert ask(chip, b"4 fan=1")[0] == b"4 ok", "given once more than it was recorded"
    assert chip.passed_over == 0


def test_what_was_to_come_later_does_not_come_when_the_driver_goes_on_earlier() -> None:
    chip = line()
    ask(chip, b"1 fan=9")
    assert [c.data for c in chip.read(75 * MS)] == [b"nonce a"]
    assert ask(chip, b"2 fan=1")[0] == b"2 ok"
    assert chip.read(500 * MS) == []


def test_a_longer_replay_hears_nothing_more_and_is_still_answered() -> None:
    chip = line()
    ask(chip, b"1 fan=9")
    assert [c.data for _ in range(60) for c in chip.read(chip.clock.now_ns() + 100 * MS)] == [
        b"nonce a",
        b"nonce b",
    ]
    assert chip.clock.now_ns() > 5_000 * MS
    assert (ask(chip, b"2 fan=1"), ask(chip, b"3 fan?")) == ((b"2 ok", 1), (b"3 1", 1))


def test_work_waits_for_the_commands_before_it_and_not_for_ever() -> None:
    chip = line()
    assert chip.read(500 * MS) == []
    heard = [c.data for _ in range(2) for c in chip.read(80 * MS + PATIENCE_NS)]
    assert heard == [b"nonce a", b"nonce b"]
    assert chip.passed_over == 1
    assert ask(chip, b"2 fan=1")[0] == b"2 ok"


def test_commands_that_are_not_given_any_more_are_passed_over() -> None:
    chip = line()
    assert chip.write(b"1 fan=1").t_ns == 90 * MS
    assert chip.passed_over == 1


def test_what_was_never_written_is_named() -> None:
    for data in (b"1 fan=5", b"1 rain?", b"work of another day"):
        with pytest.raises(DeviceLost, match=f"/dev/a: the driver writes {data[:1].hex()}.*settings of then"):
            line().write(data)


def test_lines_share_their_time_and_nothing_else() -> None:
    other = passed(Direction.TX, 35, b"who", "control"), passed(Direction.RX, 36, b"me", "control")
    lines = RecordedLines([*TALK[:5], *other, *TALK[5:]], 1_000, {"chip": Spoken()})
    chip, control = lines.line("chip", "/dev/a", 115_200), lines.line("control", "/dev/b", 9_600)
    assert control.write(b"who").t_ns == 35 * MS
    assert [c.data for c in control.read(50 * MS)] == [b"me"]
    assert ask(chip, b"1 fan=9")[0] == b"1 ok"
    assert ask(chip, b"3 fan?") == (b"3 9", 1)
    assert lines.clock.realtime_ns() == lines.clock.now_ns() + 1_000


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
    witnessed = RecordingTransport(line(), "chip", record)
    witnessed.write(b"1 warm?")
    assert [c.data for c in witnessed.read(20 * MS)] == [b"1 20"]
    record.session = "work"
    record.add("chip", WireChunk(Direction.RX, Stamp(0), bytes(MOST_BYTES)))
    assert record.left_out_bytes == MOST_BYTES
    assert [(c.session, c.channel, c.chunk.direction) for c in record.chunks] == [
        ("check", "chip", Direction.TX),
        ("check", "chip", Direction.RX),
    ]
    assert (witnessed.path, witnessed.baud, witnessed.descriptor) == ("/dev/a", 115_200, None)
