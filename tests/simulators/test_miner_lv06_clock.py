"""The clock that an emulated LV06 makes of what it is asked for, and of what its PLL cannot make."""

from __future__ import annotations

import pytest

from simulators.miners.lv06.board import Board, pll_mhz
from simulators.miners.options import parse_options


def test_dividers_are_those_of_the_firmware() -> None:
    """Real boards were seen with these: reference dividers of 2 and 1, fb from 144 to 235."""
    for mhz in (42.857142857142854, 50.0, 56.25, 62.5, 100.0, 425.0, 450.0, 485.0, 550.0, 600.0, 2937.5):
        assert pll_mhz(mhz) == pytest.approx(mhz, abs=1e-9)
    assert pll_mhz(487) == 487.5
    assert [pll_mhz(mhz) for mhz in (0, 1, 42.7, 2944, 65535)] == [0.0] * 5


def test_a_clock_that_cannot_be_made_is_told_as_0_and_finds_nothing_until_another_is_asked_for() -> None:
    board = Board(parse_options([("miner", "lv06"), ("ramp_ms", "100")]))
    board.step(0.0, 485.0, 1200, 100)
    assert board.hashes_per_s > 0
    for target_mhz, reached_mhz in ((30.0, 0.0), (485.0, 485.0)):
        for _ in range(100):
            board.step(0.1, target_mhz, 1200, 100)
        assert board.frequency_mhz == reached_mhz
        assert (board.hashes_per_s > 0) is (reached_mhz > 0)
