"""A recorded line as a device: the same bytes, with their own stamps, through the same observer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from asicrc.capture.reader import Capture, load
from asicrc.devices.scan_settings import model_of
from asicrc.devices.url import DeviceUrl
from asicrc.errors import BadFile
from asicrc.transports.recorded import RecordedClock
from firmware_protocols.bm13xx import LineObserver
from firmware_protocols.device import (
    NO_TIME,
    Batch,
    Capability,
    Clock,
    DeviceIdentity,
    Direction,
    JitterFloor,
    Job,
    NonceBatch,
    Setting,
    SettingRefused,
    WireChunk,
    WorkForm,
)
from firmware_protocols.errors import ProtocolError

CHUNKS_IN_A_READ = 512
LATEST_NS = 1 << 62
"""Stamps and offsets up to here can be added up; wall time reaches it in 2116."""


class ReplayDevice:
    """Implements `DeviceProtocol` for a capture with wire bytes. It takes no settings and no jobs."""

    def __init__(self, capture: Capture, identity: DeviceIdentity, observer: LineObserver) -> None:
        self.identity = identity
        self._capture = capture
        self._observer = observer
        midstates = observer.model.job_format == "midstate"
        self._headers = capture.iter_jobs() if midstates else iter(())
        """Of the jobs that the wire shows as midstates only."""
        self._header = next(self._headers, None)
        self._chunks = _placed_in_time(capture)
        self._next = next(self._chunks, None)
        start_ns = NO_TIME if self._next is None else self._next.stamp.t_ns
        offset_ns = next((a.realtime_ns - a.monotonic_ns for a in capture.anchors()), 0)
        if abs(offset_ns) > LATEST_NS:
            raise _bad_time(capture, "its first clock anchor")
        self._clock = RecordedClock(start_ns, offset_ns)

    @property
    def capabilities(self) -> dict[str, Capability]:
        return {"work": Capability.NONE}

    @property
    def clock(self) -> Clock:
        return self._clock

    def check(self, requested: dict[str, float]) -> None:
        if requested:
            raise SettingRefused(f"a recording cannot be set: {', '.join(sorted(requested))}")

    @property
    def limits(self) -> dict[str, Any]:
        return {}

    @property
    def stamps(self) -> dict[str, str]:
        recorded = self._capture.meta.get("clock")
        stated = recorded if isinstance(recorded, dict) else {}
        return {str(name): str(text) for name, text in stated.items()} | {"replayed": self._capture.path.name}

    @property
    def job_interval_s(self) -> float:
        return 2.0

    def originals(self) -> list[Setting]:
        return []

    def adopt_originals(self, settings: list[Setting]) -> None:
        raise SettingRefused("a recording has no settings to put back")

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        self.check(requested)
        return [s for s in self._capture.settings() if s.kind == "set"]

    def begin_point(self, key: tuple[int, ...]) -> None:
        pass  # a recording goes on as it was

    def jitter_floor(self) -> JitterFloor | None:
        return None

    @property
    def work_form(self) -> WorkForm:
        return WorkForm()

    def send(self, job: Job) -> list[Job]:
        raise SettingRefused("a recording takes no jobs: it brings its own")

    def read(self, until_ns: int) -> Batch:
        batch = Batch()
        answers: list[WireChunk] = []
        while self._next is not None and len(batch.wire) < CHUNKS_IN_A_READ:
            chunk = self._next
            if chunk.stamp.t_ns > until_ns or (answers and chunk.direction is Direction.TX):
                break
            batch.wire.append(chunk)
            if chunk.direction is Direction.TX:
                self._announce_jobs(chunk.stamp.t_ns)
                batch.jobs.extend(self._observer.host_sent(chunk.data, chunk.stamp.t_ns))
            else:
                answers.append(chunk)
            self._clock.advance_to(chunk.stamp.t_ns)
            self._next = next(self._chunks, None)
        batch.nonces = self._observer.chip_sent(answers).events
        if self._next is None:
            batch.ended = "the recording ended"
        elif not batch.wire:
            self._clock.advance_to(until_ns)
        return batch

    def _announce_jobs(self, until_ns: int) -> None:
        while self._header is not None and self._header.sent_ns <= until_ns:
            if self._header.merkle_root is not None and not self._header.damaged:
                self._observer.expect_job(self._header)
            self._header = next(self._headers, None)

    def judged(self, events: NonceBatch) -> None:
        """Nobody waits for an answer."""

    def wire_counters(self) -> dict[str, int]:
        return self._observer.wire_counters()

    def restore(self) -> list[Setting]:
        return []

    def make_safe(self) -> list[Setting]:
        return []

    def close(self) -> None:
        self._capture.close()


def _placed_in_time(capture: Capture) -> Iterator[WireChunk]:
    """The recorded bytes. Raises BadFile at a stamp that no clock of a machine shows."""
    for chunk in capture.wire():
        if chunk.stamp.t_ns != NO_TIME and abs(chunk.stamp.t_ns) > LATEST_NS:
            raise _bad_time(capture, f"a stamp of its wire, {chunk.stamp.t_ns} ns,")
        yield chunk


def _bad_time(capture: Capture, what: str) -> BadFile:
    return BadFile(
        f"{capture.path}: {what} is more than 146 years from zero",
        "the file is damaged or was altered: get it again from where it was written",
    )


def open_replay(url: DeviceUrl) -> ReplayDevice:
    """Open `replay:FILE`. Raises BadFile for a capture without wire bytes or of an unknown chip."""
    url.reject_unknown(set())
    path = Path(url.target)
    capture = load(path)
    try:
        recorded = capture.identity
        if recorded is None or next(capture.wire(), None) is None:
            raise BadFile(f"{path} holds no wire bytes to replay", "captures from a serial line have them")
        try:
            model = model_of(recorded)
        except ProtocolError as error:
            raise BadFile(f"{path}: {error}") from None
        observer = LineObserver(
            model,
            zero_bits=int(recorded.details.get("zero_bits") or 32),
            baud=float(recorded.details.get("baud_at_open") or 0) or None,
        )
        return ReplayDevice(capture, replace(recorded, url=url.text), observer)
    except BaseException:
        capture.close()
        raise
