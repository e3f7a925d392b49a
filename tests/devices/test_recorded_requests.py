"""What writes mean in a replay: the same request under another number is the same."""

from __future__ import annotations

import pytest

from asicrc.devices.recorded_requests import BoardRequests, ChipFrames
from asicrc.transports.dialogue import Kind
from firmware_protocols import bm13xx
from firmware_protocols.bitaxe_raw import (
    AdcRead,
    GpioGet,
    GpioSet,
    I2cWrite,
    I2cWriteRead,
    ReplyVersion,
    encode,
    encode_answer,
    encode_refusal,
)
from firmware_protocols.board_parts import tps546

LANGUAGE = BoardRequests()


@pytest.mark.parametrize(
    ("request_made", "kind"),
    [
        (GpioGet(0), Kind.QUESTION),
        (AdcRead(), Kind.QUESTION),
        (I2cWriteRead(0x4C, b"\x19", 1), Kind.QUESTION),
        (I2cWrite(tps546.ADDRESS, tps546.READ_ALL_PHASES), Kind.QUESTION),
        (I2cWrite(0x4C, b"\x4c\x3f"), Kind.COMMAND),
        (GpioSet(0, True), Kind.COMMAND),
    ],
)
def test_a_request_means_the_same_under_any_number(request_made: GpioGet, kind: Kind) -> None:
    first, later = (LANGUAGE.meaning(encode(request_made, number)) for number in (1, 200))
    assert first == later
    assert first.kind is kind


def test_a_register_is_one_place_for_its_reading_and_its_writing() -> None:
    read = LANGUAGE.meaning(encode(I2cWriteRead(0x4C, b"\x4c", 1), 1))
    written = LANGUAGE.meaning(encode(I2cWrite(0x4C, b"\x4c\x3f"), 2))
    assert read.place == written.place
    pin = LANGUAGE.meaning(encode(GpioGet(0), 1)), LANGUAGE.meaning(encode(GpioSet(0, False), 1))
    assert pin[0].place == pin[1].place != read.place


@pytest.mark.parametrize("before", [b"", b"\x01\x00\x04\x01"])
def test_a_reply_gets_the_number_of_the_request_of_now(before: bytes) -> None:
    recorded, now = encode(GpioGet(0), 5), encode(GpioGet(0), 77)

    def replies(number: int) -> list[bytes]:
        answers = [encode_answer(b"\x01", number, version) for version in ReplyVersion]
        return [before + reply for reply in (*answers, encode_refusal(0xFF, "no ACK", number))]

    assert [LANGUAGE.readdressed(reply, recorded, now) for reply in replies(5)] == replies(77)
    unread = before + encode_refusal(0x11, "", 0xFF)
    assert LANGUAGE.readdressed(unread, recorded, now) == unread
    assert LANGUAGE.readdressed(b"\x01", recorded, now) == b"\x01"


def test_frames_to_chips_are_questions_commands_or_work() -> None:
    model = bm13xx.model_by_name("BM1366")
    language = ChipFrames(model)
    read, write = bm13xx.ReadRegister(8), bm13xx.WriteRegister(8, 5)
    job = bm13xx.FullJob(8, 0x1D00FFFF, 0, bytes(32), bytes(32), 0x20000000)
    meanings = [language.meaning(bm13xx.encode(frame, model)) for frame in (read, write, job)]
    assert [meaning.kind for meaning in meanings] == [Kind.QUESTION, Kind.COMMAND, Kind.WORK]
    assert meanings[0].place == meanings[1].place == 8
    assert language.meaning(b"junk").kind is Kind.COMMAND
    assert LANGUAGE.meaning(b"junk").kind is Kind.COMMAND
