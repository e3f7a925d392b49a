"""A connection to a broker: made again and again until it stands, with what went wrong said once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from asicrc.errors import DeviceError, Refused, UsageError
from asicrc.telemetry.mqtt.address import HINT, BrokerAddress
from asicrc.telemetry.mqtt.messages import LARGEST_MESSAGE_BYTES

if TYPE_CHECKING:
    from aiomqtt import Client, Will

CONNECT_S = 10.0
"""For the broker's greeting; one that accepts and is silent is given up after it."""
TRY_S = 3.0
"""The same in MQTT 5, before 3.1.1 is tried."""
ANSWER_S = 15.0
"""For its receipt of a message."""
LEAVE_S = 2.0
KEEPALIVE_S = 20
MOST_UNREAD = 1_000
"""Messages that came and were not taken yet; what is beyond is asked for or said again, if it is of ours."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0
_T = TypeVar("_T")
_REFUSALS = {4, 5, 134, 135, 138}
"""Codes of MQTT 3.1.1 and 5 for a login that is refused."""
_NOTHING = logging.getLogger("asicrc.mqtt")
_NOTHING.addHandler(logging.NullHandler())
_NOTHING.propagate = False
"""What the client library logs is said by the exceptions that it raises."""


@asynccontextmanager
async def connected(
    address: BrokerAddress, name: str, will: Will | None = None, limit_size: bool = False
) -> AsyncIterator[Client]:
    """An open connection. Raises aiomqtt's MqttError, and Refused for a login that is refused.

    With `limit_size` the broker is asked, in MQTT 5, to send nothing above the largest message that is taken;
    a broker that knows 3.1.1 only is asked for nothing.
    """
    import aiomqtt
    from paho.mqtt import properties as paho_properties
    from paho.mqtt.packettypes import PacketTypes

    def client(version: aiomqtt.ProtocolVersion) -> Client:
        properties: Any = None
        if version is aiomqtt.ProtocolVersion.V5:
            make: Any = paho_properties.Properties  # the library's own types leave it out
            properties = make(PacketTypes.CONNECT)
            properties.MaximumPacketSize = LARGEST_MESSAGE_BYTES + 1_000
        return aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            logger=_NOTHING,
            identifier=f"asicrc-{name}"[:60] + f"-{secrets.token_hex(4)}",
            protocol=version,
            will=will,
            timeout=math.inf,  # see `within`
            keepalive=KEEPALIVE_S,
            properties=properties,
            tls_context=address.tls_context,
            max_inflight_messages=20,
            max_queued_incoming_messages=MOST_UNREAD,
            max_concurrent_outgoing_calls=64,
        )

    versions = [aiomqtt.ProtocolVersion.V311]
    if limit_size:
        versions.insert(0, aiomqtt.ProtocolVersion.V5)
    for version in versions:
        opened = client(version)
        try:
            await within(TRY_S if version is not versions[-1] else CONNECT_S, opened.__aenter__())
        except aiomqtt.MqttError as error:
            if _code(error) in _REFUSALS:
                raise Refused(f"{address.name} refuses the login: {error}", HINT) from None
            if version is not versions[-1]:  # one that does not know MQTT 5 may say nothing at all
                continue
            raise
        break
    try:
        yield opened
    except BaseException as error:
        with contextlib.suppress(aiomqtt.MqttError):  # the first error is the one to report
            await within(LEAVE_S, opened.__aexit__(type(error), error, error.__traceback__))
        raise
    await within(LEAVE_S, opened.__aexit__(None, None, None))


async def within(seconds: float, call: Awaitable[_T]) -> _T:
    """The result of a call of the library. Raises aiomqtt's MqttError when there is none in time.

    In place of the library's own waiting: that is `asyncio.wait_for`, which in Python 3.11 may swallow the
    cancellation that Ctrl-C is.
    """
    import aiomqtt

    try:
        async with asyncio.timeout(seconds):
            return await call
    except TimeoutError:
        raise aiomqtt.MqttError(f"no answer within {seconds:g} s") from None


async def kept_up(
    address: BrokerAddress,
    session: Callable[[Callable[[], None]], Coroutine[Any, Any, bool]],
    say: Callable[[str], None],
    give_up_s: float | None = None,
    stop: asyncio.Event | None = None,
) -> bool:
    """Run `session` again after each failure of the broker, until it returns; its result.

    It is handed what it calls once its connection stands. False when `stop` was set while there was no
    broker. Raises DeviceError when nothing stood for `give_up_s`; None: it is tried for good.
    """
    import aiomqtt

    loop = asyncio.get_running_loop()
    wait_s, said, failing_since = FIRST_WAIT_S, "", loop.time()
    stood = asyncio.Event()
    while True:
        try:
            if stop is None:
                return await session(stood.set)
            return await first_of(session(stood.set), _stopped_before(stop, stood))
        except (aiomqtt.MqttError, OSError, TimeoutError) as error:
            what = str(error) or type(error).__name__
        now = loop.time()
        if stood.is_set():
            stood.clear()
            wait_s, said, failing_since = FIRST_WAIT_S, "", now
        if what != said:
            say(f"{address.name}: {what}; trying again (Ctrl-C ends)")
            said = what
        if give_up_s is not None and now - failing_since > give_up_s:
            raise DeviceError(
                f"{address.name}: no connection for {now - failing_since:.0f} s: {what}",
                "is the broker running, and is it this host and port?",
            )
        if stop is None:
            await asyncio.sleep(wait_s)
        elif await is_set_within(stop, wait_s):
            return False
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


async def _stopped_before(stop: asyncio.Event, stood: asyncio.Event) -> bool:
    """Returns False when there is no connection and none is wanted any more; else the session ends itself."""
    await stop.wait()
    while stood.is_set():
        await asyncio.sleep(1.0)
    return False


async def first_of(*work: Coroutine[Any, Any, bool]) -> bool:
    """Run until one of them returns or fails, end the others, and hand its result or error on."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        results = [task.result() for task in done]  # an error of any of them is raised
        return results[0]
    finally:
        await end_all(tasks)


async def end_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel until all have ended: one may be cancelled in the moment in which what it waited for comes.

    What they failed with is not raised: the first error was.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=1.0)
        for task in done:
            if not task.cancelled():
                task.exception()


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def check_library() -> None:
    """Raises UsageError where aiomqtt is not installed."""
    try:
        import aiomqtt  # noqa: F401
    except ImportError:
        raise UsageError("MQTT needs the library aiomqtt", "pip install 'asicrc[mqtt]'") from None


def _code(error: Exception) -> int | None:
    code = getattr(error, "rc", None)
    value = getattr(code, "value", code)
    return value if isinstance(value, int) else None
