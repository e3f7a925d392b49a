"""Gathers the captures of all rigs on a broker into a folder, and says to each what is on the disk.

DIR/RIG/CAPTURE.asicrc, where RIG is the one of the topic: a broker that lets each rig write below its own
name only (an access list) keeps them apart. DIR/RIG/clock.jsonl has what relates the rigs' clocks.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asicrc.clock import MACHINE_CLOCK
from asicrc.errors import StorageError, UsageError
from asicrc.telemetry.collect.clock_exchange import ClockExchange
from asicrc.telemetry.collect.limits import CollectLimits
from asicrc.telemetry.collect.rig import Post, Rig
from asicrc.telemetry.mqtt.address import BrokerAddress
from asicrc.telemetry.mqtt.connection import (
    ANSWER_S,
    connected,
    end_all,
    first_of,
    is_set_within,
    kept_up,
    within,
)
from asicrc.telemetry.mqtt.messages import LARGEST_MESSAGE_BYTES
from asicrc.telemetry.mqtt.topics import RigTopics, is_capture_name, is_rig_name
from firmware_protocols.device import Clock

if TYPE_CHECKING:
    from aiomqtt import Client, Message

NAME_FILE = "collector.json"
ASK_S = 10.0
"""Between two questions for a rig's clock."""


@dataclass(slots=True)
class Collected:
    """What one run brought. `sealed` are the files that became complete."""

    rows: dict[str, int] = field(default_factory=dict)
    sealed: list[Path] = field(default_factory=list)
    dropped: int = 0
    refused: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "rigs": self.rows,
            "sealed": [str(path) for path in self.sealed],
            "dropped": self.dropped,
            "refused": self.refused,
        }


class Collector:
    """Into one folder. Raises UsageError where it is none, StorageError where it cannot be written."""

    def __init__(
        self,
        address: BrokerAddress,
        folder: Path,
        say: Callable[[str], None] = lambda _: None,
        until_sealed: int | None = None,
        limits: CollectLimits | None = None,
        clock: Clock = MACHINE_CLOCK,
    ) -> None:
        self._address = address
        self._folder = folder
        self._say = say
        self._until_sealed = until_sealed
        self._limits = limits or CollectLimits()
        self._clock = clock
        self._name = _name_of(folder)
        self._rigs: dict[str, Rig] = {}
        self._exchanges: dict[str, ClockExchange] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._collected = Collected()
        self._enough = asyncio.Event()
        self._client: Client | None = None
        self._said_full = False
        self._somebody_new = asyncio.Event()

    async def run(self, give_up_s: float | None = None) -> Collected:
        """Until cancelled, or until as many captures are sealed as were asked for. What came is kept."""
        for remark in self._address.remarks:
            self._say(remark)
        try:
            await kept_up(self._address, self._session, self._say, give_up_s)
        finally:
            await end_all(self._workers)
            for rig in self._rigs.values():
                rig.close()
        return self.collected()

    def collected(self) -> Collected:
        self._collected.rows = {name: rig.rows for name, rig in sorted(self._rigs.items())}
        self._collected.dropped = sum(rig.dropped for rig in self._rigs.values())
        self._collected.refused = sum(rig.refused for rig in self._rigs.values())
        return self._collected

    async def _session(self, stands: Callable[[], None]) -> bool:
        prefix = self._address.prefix
        async with connected(self._address, f"collect-{self._name}", limit_size=True) as client:
            self._client = client
            try:
                await within(ANSWER_S, client.subscribe(f"{prefix}/+/clock/answer/{self._name}", qos=0))
                for what in ("about", "rows/+", "changes", "end"):
                    await within(ANSWER_S, client.subscribe(f"{prefix}/+/captures/+/{what}", qos=1))
                stands()
                self._say(f"{self._address.name}: listening")
                for rig in self._rigs.values():
                    rig.said_nothing_yet()
                return await first_of(
                    self._listen(client), self._ask(client), self._watch_workers(), self._until_enough()
                )
            finally:
                self._client = None

    async def _listen(self, client: Client) -> bool:
        async for message in client.messages:
            self._sort(message, self._clock.now_ns())
        return False

    def _sort(self, message: Message, arrived_ns: int) -> None:
        """Hand a message to its rig. Nothing of a topic is used but words that were looked at."""
        payload = message.payload if isinstance(message.payload, bytes) else b""
        parts = str(message.topic).removeprefix(f"{self._address.prefix}/").split("/")
        if len(payload) > LARGEST_MESSAGE_BYTES or len(parts) < 4 or not is_rig_name(parts[0]):
            self._collected.refused += 1
            return
        rig = self._rig(parts[0])
        if rig is None:
            return
        if parts[1] == "clock":
            self._exchanges[rig.name].take(payload, arrived_ns)
        elif is_capture_name(parts[2]) and payload:
            # An empty one clears a retained `about`.
            if sum(each.waiting_bytes for each in self._rigs.values()) > self._limits.waiting_bytes:
                rig.dropped += 1
            else:
                rig.put(Post(parts[2], "/".join(parts[3:]), payload))

    def _rig(self, name: str) -> Rig | None:
        found = self._rigs.get(name)
        if found is not None:
            return found
        if len(self._rigs) >= self._limits.rigs:
            if not self._said_full:
                self._said_full = True
                self._say(f"{self._limits.rigs} rigs are taken, no more: {name} is not")
            return None
        folder = self._folder / name
        rig = Rig(name, folder, self._limits, self._answer, self._say, self._note_sealed)
        self._rigs[name] = rig
        self._exchanges[name] = ClockExchange(folder / "clock.jsonl", self._clock, self._limits)
        self._workers.add(asyncio.create_task(rig.run()))
        self._somebody_new.set()
        self._say(f"{name}: heard of for the first time")
        return rig

    async def _answer(self, rig: str, capture: str, payload: bytes) -> None:
        """What is not told now, for want of a broker, is told again in a moment."""
        from aiomqtt import MqttError

        if self._client is None:
            return
        topic = RigTopics(self._address.prefix, rig).of_capture(capture, "ack", self._name)
        try:
            await within(ANSWER_S, self._client.publish(topic, payload, qos=1))
        except MqttError:
            self._rigs[rig].said_nothing_yet()

    async def _ask(self, client: Client) -> bool:
        while True:
            self._somebody_new.clear()
            for name, exchange in list(self._exchanges.items()):
                topic = RigTopics(self._address.prefix, name).clock("ask", self._name)
                await client.publish(topic, exchange.question(), qos=0)
            await is_set_within(self._somebody_new, ASK_S)

    async def _watch_workers(self) -> bool:
        """A worker that fails ends the collector with its error."""
        while True:
            for worker in list(self._workers):
                if worker.done():
                    try:
                        worker.result()
                    except OSError as error:  # of the disk; the broker's mean that it is to be tried again
                        raise StorageError(
                            f"cannot go on in {self._folder}: {error}", "check the folder and its permissions"
                        ) from None
            await asyncio.sleep(0.5)

    async def _until_enough(self) -> bool:
        await self._enough.wait()
        await asyncio.sleep(0.5)  # the last acknowledgement is on its way
        return True

    def _note_sealed(self, rig: str, path: Path) -> None:
        self._collected.sealed.append(path)
        self._say(f"{rig}: {path} is sealed, as its source is")
        if self._until_sealed is not None and len(self._collected.sealed) >= self._until_sealed:
            self._enough.set()


def _name_of(folder: Path) -> str:
    """What this folder's collector is called on the broker: the same after a restart."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "make it first, or name another one")
    path = folder / NAME_FILE
    try:
        if not path.exists():
            path.write_text(json.dumps({"collector": secrets.token_hex(4)}) + "\n")
        name = json.loads(path.read_text()).get("collector")
    except (OSError, ValueError, AttributeError) as error:
        raise StorageError(f"{path} cannot be used: {error}", "check the folder's permissions") from None
    if not isinstance(name, str) or not is_rig_name(name):
        raise StorageError(f"{path} names no collector", "remove that file")
    return name
