"""Publishes a capture file while it is written, or after: what it shows now, and all of its rows.

The file is the outbox. Where a collector listens, rows are sent again from the last one that it has on its
disk; where nobody does, every row is sent once and receipted by the broker. The writer of the file is never
waited for, nor does it wait.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from asicrc import clock as machine
from asicrc.capture.reader import load
from asicrc.capture.schema import SCHEMA_VERSION
from asicrc.clock import MACHINE_CLOCK
from asicrc.telemetry.capture_view import CaptureView
from asicrc.telemetry.mqtt.address import BrokerAddress
from asicrc.telemetry.mqtt.collectors import Sending
from asicrc.telemetry.mqtt.connection import (
    ANSWER_S,
    LEAVE_S,
    connected,
    first_of,
    is_set_within,
    kept_up,
    within,
)
from asicrc.telemetry.mqtt.discovery import PREFIX as DISCOVERY_PREFIX
from asicrc.telemetry.mqtt.discovery import DeviceWords, discovery_messages
from asicrc.telemetry.mqtt.messages import (
    About,
    Acknowledgement,
    Changes,
    ClockAnswer,
    ClockAsk,
    End,
    Rows,
    parsed,
)
from asicrc.telemetry.mqtt.outbox import Batch, Outbox, Sealed, columns_of
from asicrc.telemetry.mqtt.state import state_json
from asicrc.telemetry.mqtt.topics import OFFLINE, ONLINE, RigTopics
from asicrc.telemetry.units import shown_channels
from firmware_protocols.device import Clock

if TYPE_CHECKING:
    from aiomqtt import Client, Message

_T = TypeVar("_T")
LOOK_S = 0.25
"""Between two looks into a file that brought nothing new."""
FIRST_ACK_S = 1.5
"""Collectors have so long to say what they have before anything is sent to them."""
END_AGAIN_S = 2.0
LISTEN_S = 3.0
"""How long a sealed capture waits for somebody who gathers, when all is sent."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What to publish beside the state. `give_up_s`: an error after so long without a broker."""

    discovery: bool = True
    discovery_prefix: str = DISCOVERY_PREFIX
    rows: bool = True
    state_interval_s: float = 5.0
    give_up_s: float | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """How it ended. `collected`: whether somebody has all of it, sealed; None where nobody gathered."""

    rows_sent: int
    batches_sent: int
    sealed: bool
    collected: bool | None
    trouble: str | None


class Publisher:
    """Of one capture file. Raises BadFile and UsageError for a file that cannot be published."""

    def __init__(
        self,
        path: Path,
        address: BrokerAddress,
        rig: str,
        wishes: Wishes | None = None,
        say: Callable[[str], None] = lambda _: None,
        clock: Clock = MACHINE_CLOCK,
    ) -> None:
        self._outbox = Outbox(path)
        self._view = CaptureView(path)
        self._address = address
        self._topics = RigTopics(address.prefix, rig)
        self._wishes = wishes or Wishes()
        self._say = say
        self._clock = clock
        self._looking = threading.Lock()
        self._sending = Sending(clock, self._outbox.changes.session)
        self._news = asyncio.Event()
        self._stop = asyncio.Event()
        self._discovered: set[str] = set()
        self._rows_sent = 0
        self._batches_sent = 0
        self._differed = False
        self._done = False

    async def run(self) -> Published:
        """Until the capture is sealed and everything is out. Raises Refused, DeviceError, BadFile."""
        for remark in self._address.remarks:
            self._say(remark)
        ended = await kept_up(
            self._address, self._session, self._say, self._wishes.give_up_s, stop=self._stop
        )
        collected = None
        if self._sending.has_collector or self._done:
            collected = self._done
        return Published(self._rows_sent, self._batches_sent, ended, collected, self._sending.trouble)

    def stop(self) -> None:
        """End as soon as what is in the file now is out; at once where there is no broker."""
        self._stop.set()
        self._news.set()

    async def _session(self, stands: Callable[[], None]) -> bool:
        """One connection. True when everything of a sealed capture is out."""
        from aiomqtt import MqttError, Will

        topics = self._topics
        will = Will(topics.availability, OFFLINE, qos=1, retain=True)
        self._sending.connection_lost()
        self._discovered.clear()
        async with connected(self._address, topics.rig, will) as client:
            try:
                return await self._publish(client, stands)
            except BaseException:  # Ctrl-C too: a broker sends no last will of who says good-bye
                last = client.publish(topics.availability, OFFLINE.encode(), qos=1, retain=True)
                with suppress(MqttError):
                    await within(LEAVE_S, last)
                raise

    async def _publish(self, client: Client, stands: Callable[[], None]) -> bool:
        topics, name = self._topics, self._outbox.name
        await within(ANSWER_S, client.subscribe(topics.of_capture(name, "ack", "+"), qos=1))
        await within(ANSWER_S, client.subscribe(topics.clock("ask"), qos=0))
        await self._put(client, topics.availability, ONLINE.encode(), retain=True)
        stands()
        about = About(
            capture=name,
            schema_version=SCHEMA_VERSION,
            device=self._outbox.device[:1_000],
            asicrc_version=self._outbox.asicrc_version[:64],
        )
        await self._put(client, topics.of_capture(name, "about"), about.payload(), retain=True)
        done = await first_of(self._listen(client), self._tell_state(client), self._send(client))
        await self._put_state(client)
        await self._put(client, topics.of_capture(name, "about"), b"", retain=True)
        await self._put(client, topics.availability, OFFLINE.encode(), retain=True)
        return done

    async def _listen(self, client: Client) -> bool:
        said = False
        async for message in client.messages:
            try:
                await self._take(client, message)
            except ValueError as error:  # somebody's, but no collector's of ours
                if not said:
                    self._say(f"messages like one on {str(message.topic)[:120]} are passed over: {error}")
                said = True
        return False

    async def _take(self, client: Client, message: Message) -> None:
        payload = message.payload if isinstance(message.payload, bytes) else b""
        *_, kind, collector = str(message.topic).split("/")
        if kind == "ack":
            self._sending.hear(collector, parsed(Acknowledgement, payload))
            self._news.set()
        elif kind == "ask":
            asked = parsed(ClockAsk, payload)
            boot_id = machine.boot_id()
            if boot_id is not None and boot_id == await asyncio.to_thread(self._outbox.boot_id):
                answer = ClockAnswer(
                    id=asked.id,
                    boot_id=boot_id,
                    realtime_ns=self._clock.realtime_ns(),
                    monotonic_ns=self._clock.now_ns(),
                )
                await client.publish(self._topics.clock("answer", collector), answer.payload(), qos=0)

    async def _tell_state(self, client: Client) -> bool:
        while True:
            await self._put_state(client)
            await asyncio.sleep(self._wishes.state_interval_s)

    async def _put_state(self, client: Client) -> None:
        standing = await self._look(self._view.look)
        stored = await asyncio.to_thread(self._outbox.counts)
        state = {
            "format": 1,
            "time_ns": self._clock.realtime_ns(),
            "rig": self._topics.rig,
            "capture": self._outbox.name,
            **state_json(standing),
            "last_event": _none_below_0(stored["events"]),
            "last_event_sent": self._sending.sent["events"],
            "last_event_collected": self._sending.collected("events"),
        }
        if self._wishes.discovery:
            await self._discover(client, shown_channels(standing.readings))
        payload = json.dumps(state, allow_nan=False, separators=(",", ":")).encode()
        await self._put(client, self._topics.state, payload, retain=True)

    async def _discover(self, client: Client, channels: list[str]) -> None:
        """What is new since the last time, before the first state that has it."""
        if self._discovered and self._discovered >= set(channels):
            return
        identity = await asyncio.to_thread(lambda: load(self._outbox.path).identity)
        device = DeviceWords(self._outbox.device, None)
        if identity is not None:
            device = DeviceWords(identity.model or self._outbox.device, identity.firmware)
        messages = discovery_messages(
            self._topics, device, channels, self._wishes.discovery_prefix, self._wishes.state_interval_s
        )
        for topic, payload in messages.items():
            await self._put(client, topic, payload, retain=True)
        self._discovered = {*channels, ""}

    async def _send(self, client: Client) -> bool:
        loop = asyncio.get_running_loop()
        await is_set_within(self._news, FIRST_ACK_S)
        ended_at: float | None = None
        all_sent_at: float | None = None
        while True:
            self._news.clear()
            self._sending.tick()
            if not self._wishes.rows:
                if self._stop.is_set() or (await asyncio.to_thread(self._outbox.sealed)):
                    return True
                await is_set_within(self._news, LOOK_S)
                continue
            if not self._sending.has_room():
                await is_set_within(self._news, LOOK_S)
                continue
            taken = await self._look(partial(self._outbox.take, dict(self._sending.sent)))
            if taken.sealed is not None and self._sending.sealed_by_all(taken.sealed.digest):
                self._done = True
                return True
            if await self._send_changes(client) | await self._send_batches(client, taken.batches):
                all_sent_at = None
                continue
            now = loop.time()
            all_sent_at = now if all_sent_at is None else all_sent_at
            if taken.sealed is not None and (ended_at is None or now - ended_at > END_AGAIN_S):
                await self._send_end(client, taken.sealed)
                ended_at = now
            if taken.sealed is not None and self._sending.trouble is not None and not self._differed:
                self._differed = True  # what is replaced, once more from the start
                self._outbox.changes.restart()
                self._sending.new_session(self._outbox.changes.session)
                ended_at = None
                continue
            if self._may_end(taken.sealed, now - all_sent_at):
                return taken.sealed is not None
            await is_set_within(self._news, LOOK_S)

    def _may_end(self, sealed: Sealed | None, waited_s: float) -> bool:
        """Whether nothing more is to be expected once all is sent."""
        if self._sending.trouble is not None and (sealed is not None or self._stop.is_set()):
            return True
        if self._sending.has_collector:  # of a sealed capture it has to say that it is on its disk
            return sealed is None and self._stop.is_set() and self._sending.is_all_there()
        return self._stop.is_set() or (sealed is not None and waited_s > LISTEN_S)

    async def _send_batches(self, client: Client, batches: list[Batch]) -> bool:
        """Positions move only when the broker has receipted all of them."""
        sent = dict(self._sending.sent)
        calls = []
        for batch in batches:
            self._batches_sent += 1
            rows = Rows.model_construct(  # our own: checking it would take longer than sending it
                batch=self._batches_sent, after=batch.after, columns=columns_of(batch.table), rows=batch.rows
            )
            calls.append((self._topics.of_capture(self._outbox.name, "rows", batch.table), rows.payload()))
            sent[batch.table] = batch.last
            self._rows_sent += len(batch.rows)
        before = dict(self._sending.sent)
        await asyncio.gather(*(self._put(client, topic, payload) for topic, payload in calls))
        if self._sending.sent == before:  # else a collector made us go back meanwhile
            self._sending.sent = sent
        return bool(batches)

    async def _send_changes(self, client: Client) -> bool:
        changes, sending = self._outbox.changes, self._sending
        if sending.change >= changes.last:
            changes.forget(sending.acknowledged_change())
            return False
        try:
            first, rows = changes.since(sending.change)
        except LookupError:  # somebody came who lacks what the others have: all again, in a new session
            changes.restart()
            sending.new_session(changes.session)
            return True
        message = Changes(session=changes.session, first=first, rows=rows)
        await self._put(client, self._topics.of_capture(self._outbox.name, "changes"), message.payload())
        if sending.session == changes.session and sending.change == first - 1:
            sending.change = first - 1 + len(rows)
        return True

    async def _send_end(self, client: Client, sealed: Sealed) -> None:
        changes = self._outbox.changes
        end = End(
            reason=sealed.reason[:100_000],
            digest=sealed.digest,
            last=sealed.last,
            session=changes.session,
            changes=changes.last,
        )
        await self._put(client, self._topics.of_capture(self._outbox.name, "end"), end.payload())

    async def _look(self, look: Callable[[], _T]) -> _T:
        """Of those that remember what they saw, one at a time.

        A look whose connection was lost goes on in its thread, and the next one would count the same rows.
        """

        def alone() -> _T:
            with self._looking:
                return look()

        return await asyncio.to_thread(alone)

    async def _put(self, client: Client, topic: str, payload: bytes, retain: bool = False) -> None:
        await within(ANSWER_S, client.publish(topic, payload, qos=1, retain=retain))


def _none_below_0(row: int) -> int | None:
    return None if row < 0 else row
