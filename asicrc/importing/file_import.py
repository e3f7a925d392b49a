"""From a published file to a sealed capture: recognise, read, hash again, store."""

from __future__ import annotations

import math
import platform
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from asicrc import __version__
from asicrc.capture.schema import SCAN_PERIOD_KEY, WIRE_COUNTERS_KEY
from asicrc.capture.verification import Verifier
from asicrc.capture.writer import CaptureWriter
from asicrc.devices.scan_settings import scan_period_ns
from asicrc.errors import AsicrcError, UsageError
from asicrc.importing.context import ImportContext
from asicrc.importing.formats import format_by_name, recognise
from asicrc.importing.report import ImportReport
from asicrc.importing.source_text import SourceText
from firmware_protocols.bm13xx import ChipModel, model_by_name
from firmware_protocols.device import NO_TIME, Batch, Reason, Setting
from firmware_protocols.errors import LocalProtocolError


def import_file(
    source: Path,
    output: Path,
    *,
    difficulty: float | None = None,
    chip: str | None = None,
    source_format: str | None = None,
) -> ImportReport:
    """Read `source`, hash every proof in it again, and seal the result as the capture `output`.

    `difficulty` is required of a proof where the source states nothing itself; `chip` names the model
    where the source does not; `source_format` is recognised from the content when None.

    Raises BadFile for a source that cannot be read as any format, UsageError for bad options or an output
    that exists, StorageError when the output cannot be written. After an error there is no output.
    """
    if difficulty is not None and not (difficulty > 0 and math.isfinite(difficulty)):
        raise UsageError(
            f"a required difficulty is above 0, not {difficulty}", "leave --difficulty out for 1"
        )
    model = None if chip is None else _model(chip)
    name = recognise(source) if source_format is None else format_by_name(source_format).name
    chosen = format_by_name(name)
    text = SourceText(source)
    context = ImportContext(text.name, difficulty, model)
    with _new_capture(output, {**_about_this_program(), "device_url": f"file:{text.name}"}) as writer:
        stored = _Stored(writer, context)
        for batch in chosen.read(text, context):
            stored.add(batch)
        stored.finish(
            {
                "name": text.name,
                "sha256": text.sha256,
                "size_bytes": text.size_bytes,
                "lines": text.lines_read,
                "rows": context.rows,
                "comment_lines": context.comment_lines,
                "format": name,
            }
        )
        writer.seal(f"imported from {text.name}")
    return ImportReport(
        path=str(output),
        format=name,
        counters=stored.verifier.counters,
        reasons=stored.reasons,
        wire_counters=context.wire_counters,
        required_difficulty=context.required.as_json(),
    )


class _Stored:
    """Judges batches and appends them to the capture."""

    def __init__(self, writer: CaptureWriter, context: ImportContext) -> None:
        self.verifier = Verifier()
        self.reasons: Counter[Reason] = Counter()
        self._writer = writer
        self._context = context
        self._settings: list[Setting] = []
        self._periods: set[int | None] = set()
        self._first_ns: int | None = None

    def add(self, batch: Batch) -> None:
        writer, events = self._writer, batch.nonces
        for line in batch.log:
            writer.add_log(line)
        for line in self._context.problems.drain():
            writer.add_log(line, "warning")
        if batch.settings:
            writer.add_settings(batch.settings)
            self._settings += batch.settings
            self.verifier.scan_period_ns = scan_period_ns(self._context.identity, self._settings)
        for job in batch.jobs:
            self.verifier.add_job(job)
        if batch.jobs:
            writer.add_jobs(batch.jobs)
        if batch.wire:
            writer.add_wire(batch.wire)
        if len(events):
            self._periods.add(self.verifier.scan_period_ns)
            events["seq"] = np.arange(writer.next_seq, writer.next_seq + len(events))
            for _ in range(writer.segment, int(events["segment"].max())):
                writer.add_segment(NO_TIME, self._context.segment_reason)
            self.verifier.judge(events)
            for reason, count in enumerate(np.bincount(events["reason"], minlength=len(Reason))):
                self.reasons[Reason(reason)] += int(count)
            writer.add_events(events)
            timed = events["t_ns"][events["t_ns"] != NO_TIME]
            if self._first_ns is None and len(timed):
                self._first_ns = int(timed[0])
        writer.commit()

    def finish(self, source: dict[str, Any]) -> None:
        writer, context = self._writer, self._context
        for line in context.problems.drain(last=True):
            writer.add_log(line, "warning")
        writer.set_meta("source", source)
        writer.set_meta("identity", asdict(context.identity))
        writer.set_meta("clock", context.clock)
        writer.set_meta("required_difficulty", context.required.as_json())
        if context.wire_counters is not None:
            writer.set_meta(WIRE_COUNTERS_KEY, context.wire_counters)
        # A period that changed on the way cannot be told with one number; later checks then do without.
        periods = {period for period in self._periods if period is not None}
        if len(periods) == 1 and len(self._periods) == 1:
            writer.set_meta(SCAN_PERIOD_KEY, periods.pop())
        if context.clock_is_realtime and self._first_ns is not None:
            writer.add_anchor(self._first_ns, self._first_ns)


@contextmanager
def _new_capture(output: Path, meta: dict[str, Any]) -> Iterator[CaptureWriter]:
    """A new capture that is gone again if the block does not end well."""
    writer = CaptureWriter.create(output, meta)
    try:
        yield writer
    except BaseException:
        with suppress(AsicrcError):  # the first error is the one to report
            writer.close()
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{output}{suffix}").unlink(missing_ok=True)
        raise


def _model(chip: str) -> ChipModel:
    try:
        return model_by_name(chip)
    except LocalProtocolError as error:
        raise UsageError(str(error), "give one of these as --chip") from None


def _about_this_program() -> dict[str, str]:
    return {
        "asicrc_version": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }
