"""A rig at the collector, without a broker: what it may do to its own files, and that it can do no more."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from captures import begun, ended, grow

from asicrc.capture.digest import content_digest
from asicrc.capture.reader import load
from asicrc.capture.recheck import verify
from asicrc.errors import StorageError, UsageError
from asicrc.telemetry.collect.collector import Collector
from asicrc.telemetry.collect.limits import CollectLimits
from asicrc.telemetry.collect.mirror import Mirror
from asicrc.telemetry.collect.rig import Post, Rig
from asicrc.telemetry.mqtt.address import BrokerAddress
from asicrc.telemetry.mqtt.messages import Acknowledgement, Changes, End, Rows, parsed
from asicrc.telemetry.mqtt.outbox import Outbox, columns_of
from asicrc.telemetry.mqtt.rows import ADDED


class Bench:
    """A rig with its folder, and what it was answered."""

    def __init__(self, folder: Path, limits: CollectLimits | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.answers: list[tuple[str, Acknowledgement]] = []
        self.said: list[str] = []
        self.sealed: list[Path] = []
        self.runner = asyncio.Runner()
        self.rig = Rig(
            "bench",
            folder / "bench",
            limits or CollectLimits(),
            self._answer,
            self.said.append,
            lambda _, path: self.sealed.append(path),
        )

    async def _answer(self, rig: str, capture: str, payload: bytes) -> None:
        self.answers.append((capture, parsed(Acknowledgement, payload)))

    def take(self, *posts: Post) -> None:
        """Let the rig take these, commit and answer."""

        async def work() -> None:
            for post in posts:
                await self.rig._take(post)
            await self.rig._commit(everything=True)

        self.runner.run(work())

    @property
    def newest(self) -> Acknowledgement:
        return self.answers[-1][1]


def posts_of(path: Path, sent: dict[str, int | None] | None = None) -> tuple[str, list[Post]]:
    """All that a publisher would send of a file that is short."""
    outbox = Outbox(path)
    taken = outbox.take(sent or {})
    _, rows = outbox.changes.since(0)
    changes = Changes(session=outbox.changes.session, first=1, rows=rows)
    posts = [Post(outbox.name, "changes", changes.payload())]
    for batch in taken.batches:
        message = Rows(batch=1, after=batch.after, columns=columns_of(batch.table), rows=batch.rows)
        posts.append(Post(outbox.name, f"rows/{batch.table}", message.payload()))
    if taken.sealed is not None:
        end = End(
            reason=taken.sealed.reason,
            digest=taken.sealed.digest,
            last=taken.sealed.last,
            session=outbox.changes.session,
            changes=outbox.changes.last,
        )
        posts.append(Post(outbox.name, "end", end.payload()))
    return outbox.name, posts


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """A bench in `out`; one more is the next process to use that folder."""
    made: list[Bench] = []

    def make(limits: CollectLimits | None = None) -> Bench:
        made.append(Bench(tmp_path / "out", limits))
        return made[-1]

    yield make
    for bench in made:
        bench.rig.close()
        bench.runner.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.asicrc"
    writer = begun(path)
    grow(writer, 400)
    ended(writer)
    return path


def test_a_file_that_is_gathered_has_the_digest_of_its_source(
    source: Path, tmp_path: Path, at: Callable[..., Bench]
) -> None:
    bench = at()
    name, posts = posts_of(source)
    bench.take(*posts)
    path = bench.folder / "bench" / f"{name}.asicrc"
    assert bench.sealed == [path]
    assert load(path).meta == load(source).meta
    assert load(path).events().tobytes() == load(source).events().tobytes()
    assert bench.newest.sealed == load(source).meta["digest"]
    assert bench.newest.committed["events"] == 399
    assert verify(path).digest_ok


def test_a_rig_works_through_its_posts_and_answers_by_itself(source: Path, at: Callable[..., Bench]) -> None:
    bench = at()

    async def work() -> None:
        for post in posts_of(source)[1]:
            bench.rig.put(post)
        worker = asyncio.create_task(bench.rig.run())
        while not (bench.answers and bench.newest.sealed):
            await asyncio.sleep(0.02)
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker

    bench.runner.run(asyncio.wait_for(work(), 45))
    assert bench.rig.waiting_bytes == 0
    assert bench.newest.sealed == load(source).meta["digest"]


def test_what_comes_twice_or_in_another_order_changes_nothing(
    source: Path, tmp_path: Path, at: Callable[..., Bench]
) -> None:
    bench = at()
    name, posts = posts_of(source)
    bench.take(*posts[:3], *posts[:5], *posts[2:], *posts, *reversed(posts))
    assert bench.newest.sealed == load(source).meta["digest"]
    assert [path.stem for path in bench.sealed] == [name]


def test_a_gap_is_told_and_nothing_is_taken_beyond_it(
    source: Path, tmp_path: Path, at: Callable[..., Bench]
) -> None:
    bench = at()
    name, posts = posts_of(source)
    rows = json.loads(next(post.payload for post in posts if post.what == "rows/events"))
    first, later = rows | {"rows": rows["rows"][:100]}, rows | {"after": 199, "rows": rows["rows"][200:]}
    bench.take(*(Post(name, "rows/events", json.dumps(part).encode()) for part in (first, later)))
    assert bench.newest.committed["events"] == 99
    assert bench.newest.missing
    assert bench.newest.sealed is None
    bench.take(*posts)
    assert bench.newest.sealed is not None


def test_a_collector_that_starts_again_goes_on_where_its_disk_ends(
    source: Path, tmp_path: Path, at: Callable[..., Bench]
) -> None:
    name, posts = posts_of(source)
    before = at()
    before.take(*posts[:4])  # and is killed: nothing is closed
    kept = before.newest.committed
    again = at()
    before.rig.close()  # the lock of a dead process is gone
    again.take(Post(name, "changes", posts[0].payload))
    assert again.newest.committed == kept
    again.take(*posts)
    assert again.newest.sealed == load(source).meta["digest"]


def test_a_source_that_goes_on_after_its_seal_is_followed(tmp_path: Path, at: Callable[..., Bench]) -> None:
    from asicrc.capture.writer import CaptureWriter

    source = tmp_path / "source.asicrc"
    writer = begun(source)
    grow(writer, 50)
    first = ended(writer)
    bench = at()
    bench.take(*posts_of(source)[1])
    assert bench.newest.sealed == first
    writer = CaptureWriter.resume(source, reopen=True)
    grow(writer, 50)
    second = ended(writer)
    bench.take(*posts_of(source, dict(bench.newest.committed))[1])
    assert bench.newest.sealed == second != first
    assert load(bench.sealed[-1]).meta["earlier_seals"][0]["digest"] == first


def test_another_content_than_was_stated_is_never_sealed(
    source: Path, tmp_path: Path, at: Callable[..., Bench]
) -> None:
    bench = at()
    name, posts = posts_of(source)
    changed = json.loads(posts[-1].payload) | {"digest": "0" * 64}
    bench.take(*posts[:-1], Post(name, "end", json.dumps(changed).encode()))
    assert bench.newest.sealed is None
    assert "digest" in str(bench.newest.trouble)
    assert not load(bench.folder / "bench" / f"{name}.asicrc").sealed
    assert len(bench.said) == 1
    bench.take(*posts)  # the true one, in a session of its own or this one
    assert bench.newest.sealed == load(source).meta["digest"]


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("rows/events", {"columns": ["row"]}),
        ("rows/events", {"rows": [[0] * 22]}),
        ("rows/events", {"rows": [[1, 2], [3]]}),
        ("rows/nothing", {}),
        ("rows/../events", {}),
        ("rows/sqlite_schema", {}),
        ("changes", {"rows": [["events", 1]]}),
        ("changes", {"rows": [["capture", "sealed", "true"]]}),
        ("changes", {"rows": [["capture", "key", "{"]]}),
        ("changes", {"first": 0}),
        ("end", {"digest": "x"}),
        ("about", {}),
        ("elsewhere", {}),
    ],
)
def test_posts_that_are_none_leave_everything_as_it_was(
    source: Path, tmp_path: Path, at: Callable[..., Bench], what: str, change: dict[str, Any]
) -> None:
    bench = at()
    name, posts = posts_of(source)
    like = next((post for post in posts if post.what == what), posts[0])
    payload = json.dumps(json.loads(like.payload) | change).encode()
    bench.take(Post(name, what, payload), Post(name, what, b"\xff junk"), Post(name, what, payload))
    assert bench.rig.refused == 3
    assert 0 < len(bench.said) <= 2  # the same is not said twice
    bench.take(*posts)
    assert bench.newest.sealed == load(source).meta["digest"]


def test_a_seal_that_is_under_way_is_finished_before_its_file_is_closed(
    source: Path, at: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, (name, posts) = at(), posts_of(source)
    bench.take(*posts[:-1])
    end = parsed(End, posts[-1].payload)
    mirror = bench.rig._gathered[name].mirror
    began, go_on = threading.Event(), threading.Event()

    def slow(connection: Any) -> str:
        began.set()
        assert go_on.wait(30)
        return content_digest(connection)

    monkeypatch.setattr("asicrc.telemetry.collect.mirror.content_digest", slow)
    sealing = threading.Thread(target=mirror.seal, args=(end.reason, end.digest))
    closing = threading.Thread(target=mirror.close)
    sealing.start()
    assert began.wait(30)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive(), "what is half written would be committed"
    go_on.set()
    for thread in (sealing, closing):
        thread.join(30)
    assert mirror.sealed == end.digest
    assert verify(mirror.path).digest_ok


def test_rows_out_of_order_are_refused_whole(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "m.asicrc")
    log = [(1, 5, "info", "a"), (1, 5, "info", "b")]
    with pytest.raises(ValueError, match="order"):
        mirror.add("log", None, log)
    assert mirror.cursors["log"] is None
    assert mirror.add("log", None, log[:1]) == 1
    mirror.close()


def test_a_full_disk_ends_one_capture_and_says_so(
    source: Path, tmp_path: Path, at: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "asicrc.telemetry.collect.mirror.shutil.disk_usage", lambda _: SimpleNamespace(free=1000)
    )
    bench = at()
    bench.take(*posts_of(source)[1])
    assert "free" in str(bench.newest.trouble)
    assert bench.newest.committed == dict.fromkeys(ADDED)


def test_a_flood_is_dropped_before_it_fills_the_memory(tmp_path: Path, at: Callable[..., Bench]) -> None:
    bench = at(CollectLimits(waiting_bytes_of_rig=10_000))
    for _ in range(1_000):
        bench.rig.put(Post("0" * 16, "rows/events", bytes(900)))
    assert bench.rig.waiting_bytes <= 10_000
    assert bench.rig.dropped == 1_000 - 7
    for _ in range(1_000):
        bench.rig.put(Post("0" * 16, "rows/events", b"x"))
    assert bench.rig._queue.qsize() < 25, "small ones take memory too"


def test_a_rig_opens_few_files_and_makes_no_more_than_it_may(
    source: Path, tmp_path: Path, at: Callable[..., Bench]
) -> None:
    bench = at(CollectLimits(captures_of_rig=6, open_captures_of_rig=2))
    _, posts = posts_of(source)
    bench.take(*(Post(f"{number:016x}", posts[1].what, posts[1].payload) for number in range(20)))
    assert len(list((bench.folder / "bench").glob("*.asicrc"))) == 6
    assert len(bench.rig._gathered) <= 2
    bench.rig.close()


Sorted = Callable[[str, bytes], None]


@pytest.fixture
def sorter(tmp_path: Path) -> tuple[Collector, Sorted]:
    (tmp_path / "out").mkdir()
    collector = Collector(
        BrokerAddress("127.0.0.1", 1, "lab"), tmp_path / "out", limits=CollectLimits(rigs=3)
    )

    def sort(topic: str, payload: bytes) -> None:
        async def in_a_loop() -> None:
            collector._sort(SimpleNamespace(topic=topic, payload=payload), 0)  # type: ignore[arg-type]
            for worker in collector._workers:
                worker.cancel()

        asyncio.run(in_a_loop())

    return collector, sort


def test_no_topic_leads_out_of_the_folder(sorter: tuple[Collector, Sorted], tmp_path: Path) -> None:
    collector, sort = sorter
    for rig in ("..", ".", "", "a/../..", "A", "a b", "a" * 65, "-a", "ä", "%2e%2e", "con\x00"):
        sort(f"lab/{rig}/captures/{'0' * 16}/rows/events", b"{}")
    for capture in ("..", "0" * 15, "0" * 17, "G" * 16, "../../../../etc/x", ""):
        sort(f"lab/good/captures/{capture}/rows/events", b"{}")
    assert set(collector._rigs) <= {"good", "a"}
    assert all(rig.waiting_bytes == 0 for rig in collector._rigs.values())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["collector.json"]


def test_a_folder_that_goes_away_ends_the_collector_and_no_connection(tmp_path: Path) -> None:
    collector = Collector(BrokerAddress("127.0.0.1", 1, "lab"), tmp_path)

    async def work() -> None:
        async def fail() -> None:
            raise FileNotFoundError("bench")

        collector._workers.add(worker := asyncio.create_task(fail()))
        await asyncio.wait([worker])
        await collector._watch_workers()

    with pytest.raises(StorageError, match="bench"):
        asyncio.run(work())


def test_only_so_many_rigs_are_taken(sorter: tuple[Collector, Sorted]) -> None:
    collector, sort = sorter
    for number in range(50):
        sort(f"lab/rig{number}/captures/{'0' * 16}/about", b"{}")
    assert len(collector._rigs) == 3


def test_a_collector_needs_a_folder_and_keeps_its_name(tmp_path: Path) -> None:
    address = BrokerAddress("127.0.0.1", 1)
    with pytest.raises(UsageError):
        Collector(address, tmp_path / "missing")
    assert Collector(address, tmp_path)._name == Collector(address, tmp_path)._name
