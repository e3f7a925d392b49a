"""One rig as the collector sees it: its messages in turn, its files, what they have on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from asicrc.capture.schema import SCHEMA_VERSION
from asicrc.errors import AsicrcError, BadFile, StorageError
from asicrc.telemetry.collect.limits import CollectLimits
from asicrc.telemetry.collect.mirror import Mirror, RowsMissing
from asicrc.telemetry.mqtt.messages import About, Acknowledgement, Changes, End, Rows, parsed
from asicrc.telemetry.mqtt.outbox import columns_of
from asicrc.telemetry.mqtt.rows import ADDED, REPLACED, decoded

COMMIT_S = 0.25
COMMIT_ROWS = 2_000
"""A commit is due after the first of the two."""
SAY_AGAIN_S = 5.0
"""What is there is acknowledged so often even when nothing came."""
_MISSING_AGAIN_S = 1.0
_POST_BYTES = 400
"""What a message takes beside its payload."""
_MOST_SAID = 200
"""Different things about one rig; a flood of junk is no reason for a flood of lines."""

Answer = Callable[[str, str, bytes], Awaitable[None]]
"""(rig, capture, payload) to the topic on which this collector acknowledges."""


class Post(NamedTuple):
    """A message to a capture of the rig; `what` is `about`, `rows/TABLE`, `changes` or `end`."""

    capture: str
    what: str
    payload: bytes

    @property
    def size_bytes(self) -> int:
        """In memory, so that a flood of empty messages has an end too."""
        return len(self.payload) + _POST_BYTES


class _Gathered:
    """A capture on its way. `session` and `change` are the publisher's numbering of what it replaces."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.session: str | None = None
        self.change = 0
        self.rows_waiting = 0
        self.missing = False
        self.missing_said_at = 0.0
        self.answer_due = False
        self.trouble: str | None = None
        self.given_up = False


class Rig:
    """Reads posts from a bounded queue of its own, so that none holds another rig up."""

    def __init__(
        self,
        name: str,
        folder: Path,
        limits: CollectLimits,
        answer: Answer,
        say: Callable[[str], None],
        on_sealed: Callable[[str, Path], None],
    ) -> None:
        self.name = name
        self.folder = folder
        self.dropped = 0
        """Posts for which there was no room; the publisher sends them again."""
        self.refused = 0
        """Posts that were none."""
        self.rows = 0
        self.waiting_bytes = 0
        self._limits = limits
        self._answer = answer
        self._say = say
        self._on_sealed = on_sealed
        self._queue: asyncio.Queue[Post] = asyncio.Queue()
        self._gathered: dict[str, _Gathered] = {}
        self._refused: set[str] = set()
        self._said: set[str] = set()

    def put(self, post: Post) -> int:
        """Bytes that wait now; a post for which there is no room is dropped."""
        if self.waiting_bytes + post.size_bytes > self._limits.waiting_bytes_of_rig:
            self.dropped += 1
        else:
            self.waiting_bytes += post.size_bytes
            self._queue.put_nowait(post)
        return self.waiting_bytes

    def said_nothing_yet(self) -> None:
        """A new connection: whoever publishes is to be told again what is there."""
        for gathered in self._gathered.values():
            gathered.answer_due = True

    async def run(self) -> None:
        """Until cancelled; then `close`."""
        loop = asyncio.get_running_loop()
        commit_at = said_at = loop.time()
        while True:
            now = loop.time()
            if now >= commit_at or any(g.rows_waiting >= COMMIT_ROWS for g in self._gathered.values()):
                await self._commit(everything=now - said_at >= SAY_AGAIN_S)
                commit_at = loop.time() + COMMIT_S
                if now - said_at >= SAY_AGAIN_S:
                    said_at = now
            if self._queue.empty():
                try:
                    async with asyncio.timeout(max(0.01, commit_at - loop.time())):
                        post = await self._queue.get()
                except TimeoutError:
                    continue
            else:
                post = self._queue.get_nowait()
                await asyncio.sleep(0)  # the other rigs' turn
            self.waiting_bytes -= post.size_bytes
            await self._take(post)

    def close(self) -> None:
        for gathered in self._gathered.values():
            gathered.mirror.close()
        self._gathered.clear()

    async def _take(self, post: Post) -> None:
        gathered = self._of(post.capture)
        if gathered is None:
            return
        if gathered.given_up:
            gathered.answer_due = True
            return
        try:
            await self._take_into(gathered, post)
        except RowsMissing:
            gathered.missing = True
        except (StorageError, BadFile) as error:
            self._give_up(gathered, error)
        except ValueError as error:  # nothing of it is kept, and whoever sent it need not be the rig
            self.refused += 1
            self._say_once(f"{post.capture}: a message on {post.what[:40]} is passed over: {error}")

    async def _take_into(self, gathered: _Gathered, post: Post) -> None:
        kind, _, table = post.what.partition("/")
        if kind == "about":
            about = parsed(About, post.payload)
            if about.capture != post.capture or about.schema_version != SCHEMA_VERSION:
                raise ValueError(f"schema {about.schema_version} of {about.capture!r} is not taken")
            gathered.answer_due = True
        elif kind == "rows":
            rows = parsed(Rows, post.payload)
            if table not in ADDED or rows.columns != columns_of(table):
                raise ValueError("these are no columns of such a table")
            new = gathered.mirror.add(table, rows.after, decoded(table, rows.rows))
            gathered.rows_waiting += new
            self.rows += new
            gathered.answer_due = True
        elif kind == "changes":
            self._take_changes(gathered, parsed(Changes, post.payload))
        elif kind == "end":
            await self._end(gathered, parsed(End, post.payload), post.capture)
        else:
            raise ValueError("no such topic")

    def _take_changes(self, gathered: _Gathered, changes: Changes) -> None:
        first = changes.first
        if changes.session != gathered.session:
            if first != 1:
                raise RowsMissing
            gathered.session, gathered.change, gathered.trouble = changes.session, 0, None
        if first > gathered.change + 1:
            raise RowsMissing
        new = changes.rows[gathered.change + 1 - first :]
        for row in new:
            if not row or row[0] not in REPLACED:
                raise ValueError("a change is of no table that is replaced")
        gathered.mirror.replace([(row[0], decoded(row[0], [row[1:]])[0]) for row in new])
        gathered.change = max(gathered.change, first - 1 + len(changes.rows))
        gathered.answer_due = True

    async def _end(self, gathered: _Gathered, end: End, capture: str) -> None:
        mirror = gathered.mirror
        gathered.answer_due = True
        if mirror.sealed == end.digest:
            return
        complete = all(mirror.cursors[table] == end.last.get(table) for table in ADDED)
        if not complete or gathered.session != end.session or gathered.change != end.changes:
            raise RowsMissing
        if await asyncio.to_thread(mirror.seal, end.reason, end.digest):
            gathered.rows_waiting = 0
            gathered.trouble = None
            self._on_sealed(self.name, mirror.path)
        else:
            self._trouble(gathered, "what came has another digest than the source states: it is not sealed")

    async def _commit(self, everything: bool) -> None:
        """Commit what waits, and say what is on the disk."""
        now = asyncio.get_running_loop().time()
        for capture, gathered in list(self._gathered.items()):
            mirror = gathered.mirror
            if mirror.changed and not gathered.given_up:
                try:
                    await asyncio.to_thread(mirror.commit)
                    if mirror.size_bytes() > self._limits.capture_bytes:
                        raise StorageError(f"{mirror.path} is above {self._limits.capture_bytes} bytes")
                except StorageError as error:
                    self._give_up(gathered, error)
            gathered.rows_waiting = 0
            if gathered.missing and now - gathered.missing_said_at >= _MISSING_AGAIN_S:
                gathered.missing_said_at = now
                gathered.answer_due = True
            if gathered.answer_due or (everything and mirror.sealed is None):
                missing, gathered.missing = gathered.missing, False
                gathered.answer_due = False
                said = Acknowledgement(
                    committed=dict(mirror.committed),
                    session=gathered.session,
                    change=gathered.change,
                    sealed=mirror.sealed,
                    missing=missing,
                    trouble=None if gathered.trouble is None else gathered.trouble[:1_000],
                )
                await self._answer(self.name, capture, said.payload())

    def _of(self, capture: str) -> _Gathered | None:
        """The capture of this name, opened; None for one that is not taken, which was said."""
        found = self._gathered.get(capture)
        if found is not None:
            self._gathered[capture] = self._gathered.pop(capture)  # the one used last stands last
            return found
        if capture in self._refused:
            return None
        try:
            path = self._path_for(capture)
            if path is not None:
                self._close_oldest()
                found = self._gathered[capture] = _Gathered(Mirror(path))
        except (BadFile, StorageError, OSError) as error:
            self._refuse(capture, str(error))
        return found

    def _path_for(self, capture: str) -> Path | None:
        path = self.folder / f"{capture}.asicrc"
        if not path.exists():
            self.folder.mkdir(exist_ok=True)
            if len(list(self.folder.glob("*.asicrc"))) >= self._limits.captures_of_rig:
                self._refuse(capture, f"{self._limits.captures_of_rig} captures of a rig are taken, no more")
                return None
        return path

    def _close_oldest(self) -> None:
        while len(self._gathered) >= self._limits.open_captures_of_rig:
            oldest = next(iter(self._gathered))
            self._gathered.pop(oldest).mirror.close()

    def _refuse(self, capture: str, why: str) -> None:
        if len(self._refused) < _MOST_SAID:  # names are as many as a rig likes
            self._refused.add(capture)
        self._say_once(f"{capture} is not taken: {why}")

    def _say_once(self, text: str) -> None:
        if len(self._said) < _MOST_SAID and text not in self._said:
            self._said.add(text)
            self._say(f"{self.name}: {text}")

    def _trouble(self, gathered: _Gathered, why: str) -> None:
        self._say_once(f"{gathered.mirror.path.stem}: {why}")
        gathered.trouble = why
        gathered.answer_due = True

    def _give_up(self, gathered: _Gathered, error: AsicrcError) -> None:
        """Nothing more is written: what is on the disk stays as it is."""
        self._trouble(gathered, error.message)
        gathered.given_up = True
        gathered.mirror.close()
