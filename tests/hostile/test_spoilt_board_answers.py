"""A board whose answers are lost, cut or refused now and then is brought up, watched and put back."""

from __future__ import annotations

import random

import pytest
from paper_bench import PaperBench

from asicrc.devices.bitaxe_opening import open_bitaxe_raw
from asicrc.devices.control_channel import REPLY_WAIT_NS
from asicrc.devices.limits_in_force import LimitsInForce
from asicrc.devices.url import DeviceUrl
from firmware_protocols.bitaxe_raw import ErrorCode, encode_refusal
from firmware_protocols.device import DeviceLost, DeviceProtocol, Setting

REQUESTED = {"frequency_mhz": 400.0, "voltage_mv": 1100.0}
URLS = {
    "bm1366": "bitaxe-raw:/paper/control,/paper/data?board=ultra",
    "bm1370": "bitaxe-raw:/paper/control,/paper/data?board=gamma",
}
ID = 2
"""Place of a request's id in its bytes."""


class SpoiltBench(PaperBench):
    """Spoils a fifth of the answers, or few where they are lost, never two in a row; the same each time."""

    def __init__(self, chip: str, how: str) -> None:
        super().__init__(chip)
        self.spoilt = 0
        self._how = how
        self._share = 0.04 if how == "lost" else 0.25
        self._chance = random.Random(3)
        self._was_spoilt = False

    def _to_board(self, data: bytes) -> list[bytes]:
        self._was_spoilt = not self._was_spoilt and self._chance.random() < self._share
        if not self._was_spoilt:
            return super()._to_board(data)
        self.spoilt += 1
        if self._how == "refused":
            return [encode_refusal(ErrorCode.CUSTOM, "I2C WriteRead Error", data[ID])]
        replies = super()._to_board(data)  # it was done
        return [] if self._how == "lost" else [reply[:-1] for reply in replies]


class Silent:
    def receive(self, data: bytes, t_ns: int) -> list[bytes]:
        return []


def opened(bench: PaperBench, chip: str) -> DeviceProtocol:
    return open_bitaxe_raw(DeviceUrl.parse(URLS[chip]), bench, LimitsInForce.built_in())


def values(settings: list[Setting]) -> dict[str, float | None]:
    return {setting.name: setting.read_back for setting in settings}


@pytest.mark.parametrize("chip", ["bm1366", "bm1370"])
@pytest.mark.parametrize("how", ["lost", "cut", "refused"])
def test_no_part_of_it_is_missed_and_all_of_it_comes_back(chip: str, how: str) -> None:
    clear = opened(PaperBench(chip), chip)
    bench = SpoiltBench(chip, how)
    device = opened(bench, chip)
    assert values(device.originals()) == values(clear.originals())
    assert values(device.configure(REQUESTED)) == values(clear.configure(REQUESTED))
    channels: set[str] = set()
    for _ in range(4):
        channels |= {r.channel for r in device.read(bench.clock.now_ns() + 1_500_000_000).readings}
    assert {"temperature_c", "fan_rpm", "power_w"} <= channels
    restored = device.restore()
    assert restored and all(setting.came_true for setting in restored)
    assert values(restored) == values(clear.restore())
    assert bench.spoilt > 5
    assert not [line for line in device.read(bench.clock.now_ns()).log if "not" in line]


def test_a_board_that_says_nothing_any_more_is_told_so_within_two_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = PaperBench()
    device = opened(bench, "bm1366")
    monkeypatch.setattr(bench, "_firmware", Silent())
    begun_ns = bench.clock.now_ns()
    with pytest.raises(DeviceLost, match="asked 2 times; what came: nothing"):
        device.originals()
    assert bench.clock.now_ns() - begun_ns < 2.1 * REPLY_WAIT_NS
