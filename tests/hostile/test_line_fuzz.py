"""Lines that answer the driver with anything at all: every command ends by itself, with one message."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from forged_files import Commands, Ran, maximum_resident_mib, sampled
from fuzzing_line import MODEL, Answer, ObedientChip, fuzzing_line

from asicrc.capture import load
from firmware_protocols.bm13xx import (
    FullJob,
    NonceResponse,
    ReadRegister,
    Register,
    RegisterResponse,
    encode,
)

DURATION_S = 0.5
LONGEST_S = 150.0
"""It has to end by itself: the way back asks some ten questions, each given up after 3 s of nonsense. A line
that floods is served in this process, at the same time."""
SEED = 20_240_601


def nonce(value: int, header: int = 0, bits: int = 0) -> bytes:
    return encode(NonceResponse(value, 0, header, bits), MODEL)


def register(value: int, number: int, address: int = 0) -> bytes:
    return encode(RegisterResponse(value, address, number), MODEL)


def random_bytes() -> Answer:
    rng = np.random.default_rng(SEED)
    return lambda _: rng.bytes(int(rng.integers(0, 60)))


def half_frames() -> Answer:
    chip, rng = ObedientChip(), np.random.default_rng(SEED)

    def answer(frame: object) -> bytes:
        whole = chip(frame)
        return whole[: int(rng.integers(0, len(whole) + 1))]

    return answer


def flipped_bits() -> Answer:
    chip, rng = ObedientChip(), np.random.default_rng(SEED)

    def answer(frame: object) -> bytes:
        whole = bytearray(chip(frame))
        if whole and rng.random() < 0.3:
            whole[int(rng.integers(len(whole)))] ^= 1 << int(rng.integers(8))
        return bytes(whole)

    return answer


def absurd_registers() -> Answer:
    """The right chip id, and all ones in every register."""

    def answer(frame: object) -> bytes:
        if not isinstance(frame, ReadRegister):
            return b""
        return register(0x13660000 if frame.register == Register.CHIP_ID else 0xFFFFFFFF, frame.register)

    return answer


def other_registers() -> Answer:
    """Answers a read with a register that was not asked for, but for the chip id."""

    def answer(frame: object) -> bytes:
        if not isinstance(frame, ReadRegister):
            return b""
        asked = frame.register
        return register(0x13660000, asked if asked == Register.CHIP_ID else asked ^ 0x55)

    return answer


def nothing_sticks() -> Answer:
    """Every register reads differently each time."""
    counter = itertools.count(1)

    def answer(frame: object) -> bytes:
        if not isinstance(frame, ReadRegister):
            return b""
        value = 0x13660000 if frame.register == Register.CHIP_ID else next(counter) * 0x01010101
        return register(value & 0xFFFFFFFF, frame.register)

    return answer


def wild_nonces() -> Answer:
    """Works, and answers each job with nonces of every kind there cannot be."""
    chip = ObedientChip()

    def answer(frame: object) -> bytes:
        if not isinstance(frame, FullJob):
            return chip(frame) + nonce(0xFFFFFFFF, 0xF8, 0xFFFF)
        kinds = itertools.product((0, 0xFFFFFFFF, 0xFE, 0x80000000), range(0, 256, 37), (0, 0xFFFF))
        return b"".join(nonce(value, header, bits) for value, header, bits in kinds)

    return answer


def silence_after(frames: int) -> Answer:
    chip, left = ObedientChip(), itertools.count()
    return lambda frame: chip(frame) if next(left) < frames else b""


def everything_back() -> Answer:
    """An echo: TX and RX are joined, as on a board without a chip."""
    return lambda frame: encode(frame, MODEL) if not hasattr(frame, "raw") else b""  # type: ignore[arg-type]


ANSWERS: dict[str, Callable[[], Answer]] = {
    "random bytes": random_bytes,
    "half frames": half_frames,
    "flipped bits": flipped_bits,
    "absurd registers": absurd_registers,
    "other registers": other_registers,
    "registers that change": nothing_sticks,
    "wild nonces": wild_nonces,
    "200 chips": lambda: ObedientChip(chips=200),
    "300 chips": lambda: ObedientChip(chips=300),
    "another model": lambda: ObedientChip(chip_id=0xFFFFFFFF),
    "silence after the chip id": lambda: silence_after(1),
    "silence in the bring-up": lambda: silence_after(20),
    "an echo": everything_back,
}
ASKED_FOR_LONG = ("other registers", "silence after the chip id")
"""Each of the questions that stay without an answer is said again."""
FLOODS: dict[str, bytes] = {
    "of chip ids": register(0x13660000, Register.CHIP_ID) * 64,
    "of a register": register(0xFFFFFFFF, Register.PLL0) * 64,
    "of nonces": nonce(0x12345678, 0x08, 0xFFFF) * 64,
    "of zeros": bytes(1024),
    "of noise": np.random.default_rng(SEED).bytes(4096),
    "of preambles": b"\xaa\x55" * 512,
}


def capture(commands: Commands, url: str, path: Path) -> Ran:
    arguments = ("capture", "-d", url, "--duration", f"{DURATION_S}s", "-o", path, "--json")
    return commands(*arguments, longest_s=DURATION_S + LONGEST_S)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.long if kind in ASKED_FOR_LONG else ()) for kind in ANSWERS],
)
def test_answers_that_make_no_sense(kind: str, commands: Commands, tmp_path: Path) -> None:
    with fuzzing_line(ANSWERS[kind]()) as url:
        ran = capture(commands, url, tmp_path / "a.asicrc")
    assert ran.code in (0, 3, 5), ran
    said = ran.json
    assert said.get("error", said), ran
    if (tmp_path / "a.asicrc").exists():
        with load(tmp_path / "a.asicrc") as stored:
            assert stored.sealed
            assert len(stored.events()) == said["events"]
        assert commands("verify", tmp_path / "a.asicrc", "--json").code == 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind in ("of chip ids", "of noise") else pytest.mark.long)
        for kind in FLOODS
    ],
)
def test_floods_without_end(kind: str, commands: Commands, tmp_path: Path) -> None:
    before_mib = maximum_resident_mib()
    with fuzzing_line(ObedientChip(), unasked=lambda: FLOODS[kind]) as url:
        ran = capture(commands, url, tmp_path / "a.asicrc")
    assert ran.code in (0, 3, 5, 6), ran
    assert maximum_resident_mib() - before_mib < 300


@pytest.mark.parametrize("kind", ["random bytes", "absurd registers"])
def test_check_answers_too(kind: str, commands: Commands) -> None:
    with fuzzing_line(ANSWERS[kind]()) as url:
        ran = commands("check", "-d", url, "--json", longest_s=LONGEST_S)
    assert ran.code in (0, 3, 5), ran


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", sampled(range(12)))
def test_any_mixture(seed: int, commands: Commands, tmp_path: Path) -> None:
    """Answers drawn anew for each frame from all of the kinds above."""
    rng = np.random.default_rng(np.random.SeedSequence([SEED, seed]))
    kinds = [make() for make in ANSWERS.values()]
    sane = ObedientChip()

    def answer(frame: object) -> bytes:
        return (sane if rng.random() < 0.8 else kinds[int(rng.integers(len(kinds)))])(frame)

    with fuzzing_line(answer) as url:
        ran = capture(commands, url, tmp_path / "a.asicrc")
    assert ran.code in (0, 3, 5), ran
    assert (tmp_path / "a.asicrc").exists() or "error" in ran.json
