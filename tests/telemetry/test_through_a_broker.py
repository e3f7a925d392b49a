"""Publisher, broker and collector together: what a broker keeps, who gets what, what a bad broker does."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import aiomqtt
import pytest
from brokers import BrokerProcess
from captures import begun, ended, grow
from free_ports import free_port

from asicrc.capture.reader import load
from asicrc.capture.recheck import verify
from asicrc.capture.writer import CaptureWriter
from asicrc.errors import DeviceError
from asicrc.telemetry.collect.collector import Collected, Collector
from asicrc.telemetry.collect.rig_relations import relations_in
from asicrc.telemetry.mqtt import publisher as publishing
from asicrc.telemetry.mqtt.address import broker_address
from asicrc.telemetry.mqtt.publisher import Published, Publisher, Wishes

pytestmark = pytest.mark.timeout(500)
PATIENCE_S = 150
"""For what has to come: a machine that has other work to do may let any party stand for seconds."""


@pytest.fixture(params=["amqtt", "mosquitto"])
def each_broker(request: pytest.FixtureRequest, broker: Callable[[str], BrokerProcess]) -> BrokerProcess:
    return broker(request.param)


def collect_and_publish(
    broker: BrokerProcess, out: Path, sources: dict[str, Path], say: Callable[[str], None]
) -> tuple[Collected, list[Published]]:
    out.mkdir(exist_ok=True)
    address = broker_address(broker.url, {})

    async def run() -> tuple[Collected, list[Published]]:
        listens = asyncio.Event()

        def hear(text: str) -> None:
            say(text)
            if text.endswith("listening"):
                listens.set()

        gathering = asyncio.create_task(Collector(address, out, hear, until_sealed=len(sources)).run())
        await listens.wait()  # a publisher waits some seconds only for somebody who gathers
        publishers = [Publisher(path, address, rig, say=say) for rig, path in sources.items()]
        published = await asyncio.gather(*(each.run() for each in publishers))
        return await gathering, published

    return asyncio.run(asyncio.wait_for(run(), PATIENCE_S))


def test_two_rigs_end_in_two_files_with_the_digests_of_their_sources(
    each_broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "FIRST_ACK_S", 30.0)  # a busy collector may need more than is usual
    monkeypatch.setattr(publishing, "LISTEN_S", 30.0)
    sources = {}
    for number, rig in enumerate(("left", "right")):
        sources[rig] = tmp_path / f"{rig}.asicrc"
        writer = begun(sources[rig], seed=number)
        grow(writer, 2_500, seed=number)
        ended(writer)
    said: list[str] = []
    collected, published = collect_and_publish(each_broker, tmp_path / "out", sources, said.append)
    assert [each.collected for each in published] == [True, True]
    assert {path.parent.name for path in collected.sealed} == {"left", "right"}
    for path in collected.sealed:
        source = sources[path.parent.name]
        assert load(path).meta["digest"] == load(source).meta["digest"]
        assert verify(path).digest_ok
        assert load(path).events().tobytes() == load(source).events().tobytes()
    assert collected.refused == 0

    # The rigs are one machine here: their clocks are one, and the bounds have to hold that.
    pair = relations_in(tmp_path / "out").as_json()["pairs"][0]
    offset = pair["by_exchange"]["monotonic_offset_s"]
    assert offset["low"] <= 0 <= offset["high"]
    assert offset["high"] - offset["low"] <= 5
    assert abs(pair["by_anchors"]["monotonic_offset_s"]["estimate"]) < 0.1
    assert pair["by_anchors"]["drift_ppm"] is None  # of two anchors in a moment

    # Once more: everything is there, and nothing is sent again.
    again, published = collect_and_publish_again(each_broker, tmp_path / "out", sources["left"])
    assert published.collected is True
    assert published.rows_sent == 0
    assert again.sealed == []


def collect_and_publish_again(broker: BrokerProcess, out: Path, source: Path) -> tuple[Collected, Published]:
    address = broker_address(broker.url, {})

    async def run() -> tuple[Collected, Published]:
        listens = asyncio.Event()

        def hear(text: str) -> None:
            if text.endswith("listening"):
                listens.set()

        collector = Collector(address, out, hear)
        gathering = asyncio.create_task(collector.run())
        await listens.wait()
        try:
            return collector.collected(), await Publisher(source, address, "left").run()
        finally:
            gathering.cancel()
            await asyncio.gather(gathering, return_exceptions=True)

    return asyncio.run(asyncio.wait_for(run(), PATIENCE_S))


def test_what_a_broker_keeps_of_a_capture_that_runs_and_of_one_that_ended(
    any_broker: BrokerProcess, tmp_path: Path
) -> None:
    path = tmp_path / "a.asicrc"
    writer = begun(path)
    grow(writer, 100)
    address = broker_address(any_broker.url, {})
    heard: dict[str, list[tuple[bytes, bool]]] = {}

    async def run() -> Published:
        publisher = Publisher(path, address, "bench", Wishes(state_interval_s=0.3))
        async with aiomqtt.Client("127.0.0.1", any_broker.port) as listener:
            await listener.subscribe("#", qos=1)
            publishing_task = asyncio.create_task(publisher.run())
            grown = over = False
            async for message in listener.messages:
                assert isinstance(message.payload, bytes)
                heard.setdefault(str(message.topic), []).append((message.payload, message.retain))
                seen = len(heard.get("lab/bench/state", []))
                if seen == 2 and not grown:
                    grown = True
                    grow(writer, 50)
                if seen == 4 and not over:
                    over = True
                    ended(writer)
                if heard.get("lab/bench/availability", [(b"", False)])[-1][0] == b"offline":
                    break
            return await publishing_task

    published = asyncio.run(asyncio.wait_for(run(), PATIENCE_S))
    assert published.sealed and published.collected is None
    assert [payload for payload, _ in heard["lab/bench/availability"]] == [b"online", b"offline"]
    states = [json.loads(payload) for payload, _ in heard["lab/bench/state"]]
    assert [states[0]["events"], states[-1]["events"]] == [100, 150]
    assert states[-1]["ended"] == "duration reached"
    assert states[-1]["last_event_sent"] == states[-1]["last_event"] == 149
    events = [topic for topic in heard if topic.endswith("/rows/events")]
    rows = [row[0] for payload, _ in heard[events[0]] for row in json.loads(payload)["rows"]]
    assert rows == list(range(150))
    assert "homeassistant/sensor/asicrc_bench/temperature_c/config" in heard

    async def kept() -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        async with aiomqtt.Client("127.0.0.1", any_broker.port) as listener:
            await listener.subscribe("#", qos=1)
            await listener.publish("lab/told", b"after all that is kept", qos=1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(PATIENCE_S) as silence:
                    async for message in listener.messages:
                        assert isinstance(message.payload, bytes)
                        if str(message.topic) == "lab/told":
                            silence.reschedule(asyncio.get_running_loop().time() + 1.0)
                            continue
                        assert message.retain
                        found[str(message.topic)] = message.payload
        return found

    found = asyncio.run(kept())
    assert found["lab/bench/availability"] == b"offline"
    assert json.loads(found["lab/bench/state"])["sealed"] is True
    assert {topic.split("/")[0] for topic in found} == {"lab", "homeassistant"}
    assert not [topic for topic in found if "/captures/" in topic]  # no old `about` that nobody answers for


@pytest.mark.long
def test_the_last_will_says_offline_when_a_publisher_dies(any_broker: BrokerProcess, tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with begun(path) as writer:
        grow(writer, 10)
        command = [sys.executable, "-m", "asicrc.cli.main", "publish", str(path), "--mqtt", any_broker.url]
        process = subprocess.Popen([*command, "--rig", "bench"], stderr=subprocess.DEVNULL)

        async def run() -> list[bytes]:
            said: list[bytes] = []
            async with aiomqtt.Client("127.0.0.1", any_broker.port) as listener:
                await listener.subscribe("lab/bench/availability", qos=1)
                async for message in listener.messages:
                    assert isinstance(message.payload, bytes)
                    said.append(message.payload)
                    if said[-1] == b"online":
                        process.kill()
                        process.wait()
                    if said[-1] == b"offline":
                        return said
            return said

        try:
            assert asyncio.run(asyncio.wait_for(run(), PATIENCE_S))[-2:] == [b"online", b"offline"]
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that takes connections and bytes, and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        held: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in held:
            connection.close()


def test_a_broker_that_is_not_there_is_said_once_and_then_given_up(tmp_path: Path) -> None:
    with begun(tmp_path / "a.asicrc") as writer:
        grow(writer, 10)
    said: list[str] = []
    address = broker_address(f"mqtt://127.0.0.1:{free_port()}", {})
    publisher = Publisher(tmp_path / "a.asicrc", address, "bench", Wishes(give_up_s=1.2), said.append)
    with pytest.raises(DeviceError, match="no connection"):
        asyncio.run(asyncio.wait_for(publisher.run(), 30))
    assert len(said) == 1


def test_a_publisher_without_a_broker_ends_at_once_when_its_capture_is_over(
    black_hole: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asicrc.telemetry.mqtt.connection.CONNECT_S", 400.0)
    with begun(tmp_path / "a.asicrc") as writer:
        grow(writer, 10)
    address = broker_address(f"mqtt://127.0.0.1:{black_hole}", {})

    async def run() -> Published:
        publisher = Publisher(tmp_path / "a.asicrc", address, "bench")
        running = asyncio.create_task(publisher.run())
        await asyncio.sleep(0.3)
        publisher.stop()
        return await asyncio.wait_for(running, 60)

    published = asyncio.run(run())
    assert (published.rows_sent, published.sealed, published.collected) == (0, False, None)


@pytest.mark.long
def test_a_capture_beside_a_silent_broker_is_the_one_without_any(black_hole: int, tmp_path: Path) -> None:
    """The twin's clock is its own, so that both have to be the same to the last bit."""
    command = [sys.executable, "-m", "asicrc.cli.main", "capture", "-d", "twin:lv06", "--duration", "600s"]
    plain, beside = tmp_path / "plain.asicrc", tmp_path / "beside.asicrc"
    subprocess.run([*command, "-o", plain], check=True, capture_output=True, timeout=150)
    url = f"mqtt://127.0.0.1:{black_hole}"
    done = subprocess.run([*command, "-o", beside, "--mqtt", url], capture_output=True, timeout=150)
    assert done.returncode == 0, done.stderr
    assert load(beside).meta["end_reason"] == "duration reached"
    assert load(beside).events().tobytes() == load(plain).events().tobytes()
    assert len(load(beside).events()) > 100
    assert load(beside).readings() == load(plain).readings()


def test_an_old_file_is_not_published_by_a_capture_that_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asicrc.telemetry import beside

    monkeypatch.setattr(beside, "ENDS_WITHIN_S", 200.0)
    old = tmp_path / "old.asicrc"
    begun(old).close()
    before = time.monotonic()
    with beside.live_views(old, lambda _: None, mqtt=f"mqtt://127.0.0.1:{free_port()}"):
        pass
    assert time.monotonic() - before < 100.0  # no process was waited for


def test_a_capture_that_goes_on_is_published_once_it_is_written_again(tmp_path: Path) -> None:
    from asicrc.telemetry.beside import wait_for_writing

    path, gone, seen = tmp_path / "a.asicrc", threading.Event(), list[bool]()
    with begun(path) as writer:
        writer.seal("interrupted")
    waiting = threading.Thread(target=lambda: seen.append(wait_for_writing(path, gone)), daemon=True)
    waiting.start()
    waiting.join(0.25)
    assert waiting.is_alive()  # its earlier end is not the end of what is to be published
    with CaptureWriter.resume(path, reopen=True):
        waiting.join(40)
        assert seen == [True]
    gone.set()
    assert not wait_for_writing(tmp_path / "never begun", gone)


@pytest.mark.parametrize("words", [["--mqtt", "http://127.0.0.1"], ["--prometheus", "nowhere"]])
def test_a_sweep_with_an_address_that_is_none_does_not_go_on(words: list[str], tmp_path: Path) -> None:
    from asicrc.cli.main import _run

    path = tmp_path / "a.asicrc"
    begun(path).close()
    before = path.read_bytes()
    assert _run(["resume", str(path), *words]) == 2
    assert path.read_bytes() == before


@pytest.mark.long
def test_a_broker_that_stops_answering_on_the_way_holds_no_capture_up(
    broker: Callable[[str], BrokerProcess], tmp_path: Path
) -> None:
    middle = broker("mosquitto")
    path = tmp_path / "a.asicrc"
    command = [sys.executable, "-m", "asicrc.cli.main", "capture", "-d", "sim:bm1366", "--duration", "10m"]
    capture = subprocess.Popen(
        [*command, "-o", path, "--mqtt", middle.url, "--rig", "bench", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wanted = "lab/bench/captures/+/rows/events"
        asyncio.run(asyncio.wait_for(first_message(middle, wanted), PATIENCE_S))
        middle.pause()
        before, ends_s = len(load(path).events()), time.monotonic() + PATIENCE_S
        while len(load(path).events()) < before + 50:  # it goes on, though nothing is sent any more
            assert time.monotonic() < ends_s and capture.poll() is None
            time.sleep(0.1)
        capture.send_signal(signal.SIGINT)
        answer, errors = capture.communicate(timeout=PATIENCE_S)
    finally:
        middle.go_on()
        capture.kill()
        capture.wait()
    assert capture.returncode == 130, errors
    said = json.loads(answer)
    assert said["restored"] is True
    assert said["valid"] == said["events"] >= before + 50
    assert "sends the rest" in errors

    collected, published = collect_and_publish(middle, tmp_path / "out", {"bench": path}, lambda _: None)
    assert published[0].collected is True
    assert load(collected.sealed[0]).meta["digest"] == load(path).meta["digest"]


async def first_message(broker: BrokerProcess, topic: str) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port) as listener:
        await listener.subscribe(topic, qos=1)
        async for _ in listener.messages:
            return


@pytest.mark.parametrize(
    "arguments",
    [
        ["--mqtt", "mqtt://me:sesame@127.0.0.1"],
        ["--mqtt", "http://127.0.0.1"],
        ["--prometheus", "nonsense"],
        ["--mqtt", "mqtt://127.0.0.1", "--rig", "Not/A/Rig"],
    ],
)
def test_a_capture_with_an_address_that_is_none_does_not_begin(arguments: list[str], tmp_path: Path) -> None:
    from asicrc.cli.main import _run

    before = sorted(tmp_path.iterdir())
    output = str(tmp_path / "a.asicrc")
    assert _run(["capture", "-d", "twin:lv06", "-o", output, *arguments]) == 2
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["publish", "a.asicrc"], 2),
        (["publish", "missing.asicrc", "--mqtt", "mqtt://127.0.0.1:1"], 4),
        (["publish", "a.asicrc", "--mqtt", "mqtt://127.0.0.1:1", "--discovery-prefix", "a/#"], 2),
        (["publish", "a.asicrc", "--mqtt", "mqtt://127.0.0.1:1", "--give-up", "0.1s"], 3),
        (["publish", "a.asicrc", "--prometheus", "127.0.0.1"], 2),
        (["collect", "mqtt://me:sesame@127.0.0.1", "-o", "out"], 2),
        (["collect", "mqtt://127.0.0.1:1", "-o", "out", "--give-up", "0.1s"], 3),
    ],
)
def test_commands_end_with_the_code_that_the_readme_gives(
    arguments: list[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from asicrc.cli.main import _run

    monkeypatch.chdir(tmp_path)
    begun(tmp_path / "a.asicrc").close()
    assert _run([*arguments, "--json"]) == code
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["message"]
    assert "sesame" not in said.out + said.err


def test_waiting_times_are_what_the_guide_says() -> None:
    from asicrc.telemetry import beside

    assert publishing.LISTEN_S == 3.0
    assert beside.ENDS_WITHIN_S == 10.0


def test_a_publisher_that_is_interrupted_says_good_bye(any_broker: BrokerProcess, tmp_path: Path) -> None:
    with begun(tmp_path / "a.asicrc") as writer:
        grow(writer, 10)
    address = broker_address(any_broker.url, {})

    async def run() -> list[bytes]:
        said: list[bytes] = []
        async with aiomqtt.Client("127.0.0.1", any_broker.port) as listener:
            await listener.subscribe("lab/bench/availability", qos=1)
            publishing = asyncio.create_task(Publisher(tmp_path / "a.asicrc", address, "bench").run())
            async for message in listener.messages:
                assert isinstance(message.payload, bytes)
                said.append(message.payload)
                if len(said) == 2:
                    break
                publishing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await publishing
        return said

    assert asyncio.run(asyncio.wait_for(run(), PATIENCE_S)) == [b"online", b"offline"]


def test_a_message_that_is_too_large_does_not_reach_a_collector(
    any_broker: BrokerProcess, tmp_path: Path
) -> None:
    """Asked for in MQTT 5, dropped on arrival where the broker does not know it."""
    (tmp_path / "out").mkdir()
    collector = Collector(broker_address(any_broker.url, {}), tmp_path / "out")
    reached: list[int] = []
    sort = collector._sort

    async def run() -> None:
        def note(message: aiomqtt.Message, arrived_ns: int) -> None:
            reached.append(len(message.payload) if isinstance(message.payload, bytes) else 0)
            sort(message, arrived_ns)

        collector._sort = note  # type: ignore[method-assign]
        gathering = asyncio.create_task(collector.run())
        async with aiomqtt.Client("127.0.0.1", any_broker.port) as hostile:
            topic = f"lab/bad/captures/{'0' * 16}/rows/events"
            while not reached:  # until it listens
                await hostile.publish(topic, b"small", qos=1)
                await asyncio.sleep(0.1)
            await hostile.publish(topic, bytes(5 << 20), qos=1, timeout=120)
            seen = len(reached)
            await hostile.publish(topic, b"small again", qos=1)
            while len(reached) <= seen or reached[-1] != 11:
                await asyncio.sleep(0.05)
        gathering.cancel()
        await asyncio.gather(gathering, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), PATIENCE_S))
    if any_broker.kind == "mosquitto":
        assert max(reached) == 11
    assert collector.collected().rows == {"bad": 0}
    assert collector.collected().refused >= 2
