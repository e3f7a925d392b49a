"""Clocks of two rigs, where the truth is known: the bounds hold it, whatever the delays were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from asicrc.capture.record_rows import Anchor
from asicrc.capture.writer import CaptureWriter
from asicrc.clock import boot_id
from asicrc.errors import BadFile, StorageError, UsageError
from asicrc.telemetry.collect.clock_exchange import ClockExchange, Exchange, exchanges_in
from asicrc.telemetry.collect.limits import CollectLimits
from asicrc.telemetry.collect.rig_relations import _line_through, clock_line, relations_in
from asicrc.telemetry.mqtt.messages import ClockAnswer, ClockAsk, parsed

S = 10**9


def exchanges(offset_s: float, ppm: float, seed: int, n: int = 60, boot: str = "rig") -> list[Exchange]:
    """One a minute, with delays as unequal as they come; the rig's clock is 12 days ahead and some."""
    rng = np.random.default_rng(seed)
    found = []
    for minute in range(n):
        asked = 10**15 + minute * 60 * S
        there, back = (int(x) for x in (rng.exponential((0.002, 0.02)) + 0.0004) * S)
        at = asked + there
        rig = at + round(offset_s * S) + round((at - 10**15) * ppm * 1e-6)
        found.append(
            Exchange(
                boot_id=boot,
                realtime_ns=1_790_000_000 * S + rig,
                monotonic_ns=rig,
                collector_boot_id="collector",
                after_ns=asked,
                before_ns=at + back,
            )
        )
    return found


@pytest.mark.parametrize(("offset_s", "ppm"), [(0.0, 0.0), (1_000_000.25, 12.0), (-3.5, -80.0)])
@pytest.mark.parametrize("seed", range(3))
def test_the_bounds_hold_the_truth_and_are_narrow(offset_s: float, ppm: float, seed: int) -> None:
    found = exchanges(offset_s, ppm, seed)
    at_ns = found[-1].before_ns
    line = clock_line(found, at_ns)
    assert line is not None
    truth_s = offset_s + (at_ns - 10**15) / S * ppm * 1e-6
    assert line.offset_s.low <= truth_s + 1e-9
    assert line.offset_s.high >= truth_s - 1e-9
    assert line.offset_s.high - line.offset_s.low < 0.010
    assert line.drift.low <= ppm * 1e-6 <= line.drift.high
    assert line.drift.high - line.drift.low < 5e-6


def test_a_clock_that_was_set_has_no_line() -> None:
    found = exchanges(0.0, 0.0, 1, 10) + [
        e.model_copy(update={"monotonic_ns": e.monotonic_ns + 60 * S})
        for e in exchanges(0.0, 0.0, 2, 20)[10:]
    ]
    assert clock_line(found, found[-1].before_ns) is None


def capture(path: Path, ahead_s: float, ppm: float, later_s: int = 0) -> None:
    path.parent.mkdir(exist_ok=True)
    with CaptureWriter.create(path, {"device_url": "sim:bm1366"}, t_start_ns=1, boot_id="rig") as writer:
        for second in range(later_s, later_s + 300, 5):
            monotonic = round((ahead_s + second * (1 + ppm * 1e-6)) * S)
            writer.add_anchor(1_790_000_000 * S + second * S, monotonic)
        writer.seal("done")


def test_two_rigs_in_a_folder(tmp_path: Path) -> None:
    truth = {"left": (5.0, 20.0), "right": (2.0, -10.0)}
    for seed, (rig, (offset_s, ppm)) in enumerate(truth.items()):
        capture(tmp_path / rig / "0123456789abcdef.asicrc", offset_s, ppm)
        lines = [e.model_dump_json() for e in exchanges(offset_s, ppm, seed)]
        (tmp_path / rig / "clock.jsonl").write_text("\n".join(lines) + '\n{"cut')
    found = relations_in(tmp_path)
    (pair,) = found.as_json()["pairs"]
    assert (pair["first"], pair["second"]) == ("left", "right")
    exchanged, anchored = pair["by_exchange"], pair["by_anchors"]
    passed_s = (exchanged["at_collector_ns"] - 10**15) / S
    truth_s = 3.0 + passed_s * 30e-6
    assert exchanged["monotonic_offset_s"]["low"] <= truth_s <= exchanged["monotonic_offset_s"]["high"]
    for drift in (exchanged["drift_ppm"], anchored["drift_ppm"]):
        assert drift["low"] - 0.01 <= 30.0 <= drift["high"] + 0.01
    assert anchored["monotonic_offset_s"]["estimate"] == pytest.approx(3.0 + 295 * 30e-6, abs=1e-3)
    json.dumps(found.as_json(), allow_nan=False)
    assert any("left minus right" in line for line in found.lines())


def test_the_newest_capture_is_the_one_that_ended_last_whatever_it_is_called(tmp_path: Path) -> None:
    capture(tmp_path / "left" / "0123456789abcdef.asicrc", 5.0, 0.0, later_s=9000)
    capture(tmp_path / "left" / "fedcba9876543210.asicrc", 70_000.0, 0.0)  # of an earlier boot
    capture(tmp_path / "right" / "0123456789abcdef.asicrc", 2.0, 0.0)
    found = relations_in(tmp_path)
    assert [clock.path.name[0] for clock in found.captures["left"]] == ["f", "0"]
    assert found.pairs[0]["by_anchors"]["monotonic_offset_s"]["estimate"] == pytest.approx(3.0, abs=1e-3)


def test_without_exchanges_it_is_said_why(tmp_path: Path) -> None:
    for rig in ("left", "right"):
        capture(tmp_path / rig / "0123456789abcdef.asicrc", 1.0, 0.0)
    (pair,) = relations_in(tmp_path).pairs
    assert pair["by_exchange"] is None
    assert "did not run" in pair["why_no_exchange"]
    for rig, collector in (("left", "one"), ("right", "two")):
        line = exchanges(0.0, 0.0, 1)[0].model_copy(update={"collector_boot_id": collector})
        (tmp_path / rig / "clock.jsonl").write_text(line.model_dump_json() + "\n")
    assert "started anew" in relations_in(tmp_path).pairs[0]["why_no_exchange"]
    with pytest.raises(UsageError):
        relations_in(tmp_path / "left")
    (tmp_path / "left" / "clock.jsonl").write_text("junk\n")
    with pytest.raises(BadFile, match="line 1"):
        relations_in(tmp_path)


def test_the_command_says_the_same_to_a_person_and_to_a_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from asicrc.cli.main import _run

    for rig in ("left", "right"):
        capture(tmp_path / rig / "0123456789abcdef.asicrc", 1.0, 0.0)
    assert _run(["rigs", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["rigs"]) == {"left", "right"}
    assert found["rigs"]["left"][0]["anchors"] == 60
    assert found["pairs"][0]["by_anchors"]["monotonic_offset_s"]["estimate"] == pytest.approx(0, abs=1e-6)
    assert _run(["rigs", str(tmp_path)]) == 0
    assert "left minus right" in capsys.readouterr().out
    assert _run(["rigs", str(tmp_path / "missing"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


class Hands:
    """A clock."""

    def __init__(self) -> None:
        self.ns = 10**12

    def now_ns(self) -> int:
        return self.ns

    def realtime_ns(self) -> int:
        return self.ns


def test_of_each_minute_the_quickest_answer_is_kept(tmp_path: Path) -> None:
    clock = Hands()
    path = tmp_path / "rig" / "clock.jsonl"
    exchange = ClockExchange(path, clock, CollectLimits())
    for number in range(13):
        asked = parsed(ClockAsk, exchange.question())
        answer = ClockAnswer(id=asked.id, boot_id="rig", realtime_ns=5, monotonic_ns=number)
        arrived = clock.ns + (3_000_000 if number == 4 else 20_000_000)
        exchange.take(answer.payload(), arrived)
        exchange.take(answer.payload(), arrived)  # a second answer to one question counts for nothing
        clock.ns += 10 * S
    found = exchanges_in(path)
    assert [e.monotonic_ns for e in found] == [0, 4, 7]
    assert found[1].width_ns == 3_000_000
    assert found[0].collector_boot_id == (boot_id() or found[1].collector_boot_id)
    blocked = ClockExchange(path / "below a file" / "clock.jsonl", clock, CollectLimits())
    asked = parsed(ClockAsk, blocked.question())
    with pytest.raises(StorageError, match="cannot write"):
        blocked.take(
            ClockAnswer(id=asked.id, boot_id="rig", realtime_ns=5, monotonic_ns=5).payload(), clock.ns
        )


def test_of_few_anchors_nothing_is_known_better_than_they_agree() -> None:
    anchors = [Anchor(0, 10**18 + k * S, k * S + late) for k, late in enumerate((0, 40_000, 10_000))]
    offset_s, drift = _line_through(anchors)
    assert drift is None and offset_s is not None
    assert offset_s.low < 10**9 - 10e-6 < offset_s.high
    assert offset_s.high - offset_s.low == pytest.approx(60e-6, abs=1e-6)
    assert _line_through(anchors[:1]) == _line_through([]) == (None, None)


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b'{"format":1,"id":99,"boot_id":"x","realtime_ns":1,"monotonic_ns":1}']
)
def test_answers_that_nobody_asked_for_are_passed_over(payload: bytes, tmp_path: Path) -> None:
    exchange = ClockExchange(tmp_path / "clock.jsonl", Hands(), CollectLimits())
    exchange.question()
    exchange.take(payload, 10**12 + 1)
    assert exchanges_in(tmp_path / "clock.jsonl") == []
