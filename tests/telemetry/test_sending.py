"""Where a publisher stands with its collectors, on a clock that the test moves."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

from captures import begun, grow

from asicrc.telemetry.beside import _end
from asicrc.telemetry.mqtt.address import BrokerAddress
from asicrc.telemetry.mqtt.collectors import SILENT_NS, STUCK_NS, WINDOW_ROWS, Sending
from asicrc.telemetry.mqtt.messages import Acknowledgement
from asicrc.telemetry.mqtt.publisher import Publisher
from asicrc.telemetry.mqtt.rows import ADDED


class Hands:
    """A clock."""

    def __init__(self) -> None:
        self.ns = 10**12

    def now_ns(self) -> int:
        return self.ns

    def realtime_ns(self) -> int:
        return self.ns


def ack(events: int | None, *, change: int = 0, missing: bool = False, **more: object) -> Acknowledgement:
    committed = dict.fromkeys(ADDED) | {"events": events}
    said = {"session": "s", "sealed": None, **more}
    return Acknowledgement.model_validate(
        {"committed": committed, "change": change, "missing": missing, **said}
    )


def at(clock: Hands, events: int | None, change: int = 0) -> Sending:
    sending = Sending(clock, "s")
    sending.sent["events"], sending.change = events, change
    return sending


def test_who_is_new_is_sent_what_it_lacks_and_who_comes_back_nothing_twice() -> None:
    fresh = at(Hands(), 500, change=4)
    fresh.hear("a", ack(None))
    assert (fresh.sent["events"], fresh.change) == (None, 0)
    restarted = at(Hands(), None)
    restarted.hear("a", ack(800, change=3))
    assert (restarted.sent["events"], restarted.change) == (800, 3)


def test_progress_moves_nothing_and_a_loss_goes_back_to_what_is_on_the_disk() -> None:
    clock = Hands()
    sending = at(clock, None)
    sending.hear("a", ack(None))
    sending.sent["events"] = 900
    sending.hear("a", ack(300))
    assert sending.sent["events"] == 900
    sending.hear("a", ack(300, missing=True))
    assert sending.sent["events"] == 900  # just went back: what is on its way may be it
    clock.ns += 3 * 10**9
    sending.hear("a", ack(300, missing=True))
    assert sending.sent["events"] == 300
    sending.sent["events"] = 950
    sending.hear("a", ack(100))  # its disk was put back to an earlier day
    assert sending.sent["events"] == 100


def test_without_progress_the_rest_is_sent_again() -> None:
    clock = Hands()
    sending = at(clock, None)
    sending.hear("a", ack(10))
    sending.sent["events"] = 40
    clock.ns += STUCK_NS // 2
    sending.tick()
    assert sending.sent["events"] == 40
    clock.ns += STUCK_NS
    sending.hear("a", ack(10))
    sending.tick()
    assert sending.sent["events"] == 10


def test_the_slowest_of_two_is_waited_for_until_it_is_silent() -> None:
    clock = Hands()
    sending = at(clock, None)
    sending.hear("a", ack(WINDOW_ROWS + 50))
    sending.hear("b", ack(20))
    assert sending.sent["events"] == 20
    assert sending.collected("events") == 20
    sending.sent["events"] = 20 + WINDOW_ROWS
    assert not sending.has_room()
    clock.ns += SILENT_NS // 2
    sending.hear("a", ack(WINDOW_ROWS + 50))
    clock.ns += SILENT_NS // 2 + 1
    sending.tick()
    assert sending.collected("events") == WINDOW_ROWS + 50
    assert sending.has_room()


def test_nobody_who_gathers_holds_nothing_up() -> None:
    sending = at(Hands(), 10**6, change=5)
    sending.tick()
    assert sending.has_room()
    assert not sending.has_collector
    assert sending.acknowledged_change() == 5
    assert not sending.sealed_by_all("d" * 64)


def test_sealed_means_by_all_and_with_this_digest() -> None:
    sending = at(Hands(), None)
    sending.hear("a", ack(5, sealed="d" * 64))
    assert sending.sealed_by_all("d" * 64)
    assert not sending.sealed_by_all("e" * 64)
    sending.hear("b", ack(5))
    assert not sending.sealed_by_all("d" * 64)


def test_changes_of_another_session_do_not_count() -> None:
    sending = at(Hands(), None, change=7)
    sending.hear("a", ack(5, change=7, session="earlier", trouble="of then"))
    assert sending.change == 0
    assert sending.trouble is None
    sending.change = 3
    sending.hear("a", ack(5, change=3))
    sending.new_session("t")
    assert sending.change == sending.acknowledged_change() == 0


def test_strangers_cannot_fill_the_memory() -> None:
    sending = at(Hands(), None)
    for number in range(1_000):
        sending.hear(f"c{number}", ack(1))
    assert len(sending._collectors) <= 8


def test_a_look_that_nobody_waits_for_any_more_is_over_before_the_next_begins(tmp_path: Path) -> None:
    """Each counts on from where the one before it ended: two at once would count rows twice."""
    path = tmp_path / "a.asicrc"
    with begun(path) as writer:
        grow(writer, 10)
    publisher = Publisher(path, BrokerAddress("127.0.0.1", 1), "rig")
    began, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def slow() -> None:
        began.set()
        assert go_on.wait(30)
        order.append("first")

    async def work() -> None:
        first = asyncio.create_task(publisher._look(slow))
        assert await asyncio.to_thread(began.wait, 30)
        first.cancel()
        second = asyncio.create_task(publisher._look(lambda: order.append("second")))
        await asyncio.wait([second], timeout=0.05)
        go_on.set()
        await second

    asyncio.run(work())
    assert order == ["first", "second"]


def test_a_publisher_that_was_killed_beside_its_capture_is_told() -> None:
    said: list[str] = []
    for code in ("0", "3"):
        done = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"], stdin=subprocess.PIPE)
        _end(done, said.append, Path("a.asicrc"), "mqtt://broker")
    assert said == []
    killed = subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE)
    killed.kill()
    _end(killed, said.append, Path("a.asicrc"), "mqtt://broker")
    assert said == [
        "not all of a.asicrc is sent: asicrc publish a.asicrc --mqtt mqtt://broker sends the rest"
    ]
