"""Everything that passed on a chip line, through the same observer as a live line and a replay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from asicrc.errors import BadFile
from asicrc.importing.context import REAL_SILICON_ZERO_BITS, ImportContext, chip_line
from asicrc.importing.line_settings import LineSettings
from asicrc.importing.row_fields import BadField
from asicrc.importing.source_text import Line, SourceText
from asicrc.importing.wire_lines import WireLine, parse_wire_line
from firmware_protocols.bm13xx import (
    MODELS,
    ChipDecoder,
    ChipModel,
    Damaged,
    HostDecoder,
    LineObserver,
    ReadRegister,
    Received,
    Register,
    RegisterResponse,
    Response,
    WriteRegister,
    model_by_chip_id,
)
from firmware_protocols.device import (
    NO_TIME,
    Batch,
    Direction,
    Job,
    NonceBatch,
    Reason,
    Stamp,
    Verdict,
    WireChunk,
    empty_events,
)

LINES_IN_A_BATCH = 2000
_READ = tuple(model.name for model in MODELS.values() if model.job_format == "full")
"""Jobs of the others are midstates: the headers, which a capture keeps and verifies, are not on the line."""
_ANY_MODEL = MODELS["BM1366"]
"""Register answers have one shape in the whole family, but for those of BM1387, which name no register."""


def read_wire_dump(text: SourceText, context: ImportContext) -> Iterator[Batch]:
    """Batches of wire bytes with the jobs and nonces in them.

    A line that cannot be read becomes a malformed event: what was in it is not known. Raises BadFile
    where no chip names its model and --chip does not either.
    """
    model = _model(text, context)
    reading = _Dump(model, context)
    yield Batch(log=reading.introduction)
    in_batch = 0
    for line in data_lines(text, context):
        reading.take(line)
        in_batch += 1
        if in_batch == LINES_IN_A_BATCH:
            yield reading.batch()
            in_batch = 0
    reading.end()
    yield reading.batch()


def data_lines(text: SourceText, context: ImportContext | None = None) -> Iterator[Line]:
    """Lines that are neither blank nor comments; they are counted in `context`."""
    for line in text.lines():
        if line.text is not None and line.text.lstrip().startswith("#"):
            if context is not None:
                context.comment_lines += 1
        elif line.text is None or line.text.strip():
            if context is not None:
                context.rows += 1
            yield line


class _Dump:
    """State of the line, and of the batch that is being filled."""

    def __init__(self, model: ChipModel, context: ImportContext) -> None:
        self.introduction = [
            "settings are the registers that the host wrote; the dump does not read them back"
        ]
        self._model = model
        self._context = context
        self._observer = LineObserver(model, zero_bits=REAL_SILICON_ZERO_BITS)
        self._commands = ChipDecoder(model)
        self._settings = LineSettings(model)
        self._batch = Batch()
        self._events: list[NonceBatch] = []
        self._unheard: list[WireChunk] = []
        self._chip_ids: list[int] = []
        self._most_chip_ids: tuple[int, ...] = ()
        self._option_told = False
        self._line = 1
        self._t_ns = NO_TIME
        self._timed_lines = self._untimed_lines = 0
        self._describe()

    def take(self, line: Line) -> None:
        try:
            if line.text is None:
                raise BadField("the line is longer than 256 KiB")
            wire = parse_wire_line(line.text)
        except BadField as error:
            self._hear()
            self._context.problems.add(line.number, str(error))
            lost = empty_events(1)
            lost["verdict"], lost["reason"] = Verdict.MALFORMED, Reason.BAD_FIELDS
            self._events.append(lost)
            return
        self._t_ns = wire.t_ns
        self._timed_lines += wire.t_ns != NO_TIME
        self._untimed_lines += wire.t_ns == NO_TIME
        chunk = WireChunk(wire.direction, Stamp(wire.t_ns), wire.data)
        self._batch.wire.append(chunk)
        if wire.direction is Direction.RX:
            self._unheard.append(chunk)
            self._line = line.number
        else:
            self._hear()
            self._say(wire, line.number)

    def end(self) -> None:
        """The dump is over: bytes that wait for the rest of a frame wait no longer."""
        self._hear()
        answers = self._observer.fell_silent(self._t_ns)
        self._events.append(answers.events)
        self._note_chip_ids(answers.registers)
        self._batch.settings += self._settings.changes(self._t_ns)
        if self._timed_lines and self._untimed_lines:
            self._batch.log.append(
                f"{self._untimed_lines} of {self._timed_lines + self._untimed_lines} lines have no time"
            )
        self._describe()

    def batch(self) -> Batch:
        """What came since the last call."""
        self._hear()
        batch, self._batch = self._batch, Batch()
        batch.nonces = np.concatenate([empty_events(), *self._events])
        self._events = []
        self._describe()
        return batch

    def _say(self, wire: WireLine, line: int) -> None:
        """Bytes from the host: settings first, since a ticket mask decides on the jobs behind it."""
        for received in self._commands.receive_data(wire.data, wire.t_ns):
            frame = received.frame
            if isinstance(frame, WriteRegister):
                remark = self._settings.note(frame, line)
                if remark is not None:
                    self._context.problems.add(line, remark)
            elif isinstance(frame, ReadRegister) and frame.register == Register.CHIP_ID:
                self._chip_ids = []
            elif isinstance(frame, Damaged):
                self._context.problems.add(line, f"a {frame.kind} of the host is damaged ({frame.reason})")
        jobs = self._observer.host_sent(wire.data, wire.t_ns)
        if jobs:
            self._batch.settings += self._settings.changes(wire.t_ns)
            self._batch.jobs += [self._with_target(job) for job in jobs]

    def _hear(self) -> None:
        """Pass the chips' bytes on, before anything that the host said after them."""
        if self._unheard:
            answers = self._observer.chip_sent(self._unheard)
            self._events.append(answers.events)
            self._note_chip_ids(answers.registers)
            self._unheard = []

    def _with_target(self, job: Job) -> Job:
        """The ticket mask decides; without one --difficulty, else what any chip applies."""
        context, observer = self._context, self._observer
        if Register.TICKET_MASK in observer.registers_written:
            difficulty = observer.ticket_difficulty
            context.required.from_ticket_mask(
                difficulty, REAL_SILICON_ZERO_BITS + difficulty.bit_length() - 1
            )
            if context.difficulty is not None and not self._option_told:
                self._option_told = True
                self._batch.log.append(
                    f"--difficulty {context.difficulty:g} is not used: "
                    f"the ticket mask on the wire says {difficulty}"
                )
            return job
        return replace(job, target=context.required.default_target)

    def _note_chip_ids(self, answers: list[tuple[RegisterResponse, int]]) -> None:
        for answer, _ in answers:
            if answer.register != Register.CHIP_ID:
                continue
            self._chip_ids.append(answer.value)
            if len(self._chip_ids) > len(self._most_chip_ids):
                self._most_chip_ids = tuple(self._chip_ids)
            other = model_by_chip_id(answer.value >> 16)
            if other is not self._model:
                name = f"chip id {answer.value >> 16:04x}" if other is None else other.name
                self._context.problems.add(
                    self._line, f"by here a chip has answered as {name}; read as a {self._model.name}"
                )

    def _describe(self) -> None:
        context = self._context
        context.wire_counters = self._observer.wire_counters()
        context.identity = chip_line(
            context.source_name,
            self._model,
            chips=len(self._most_chip_ids),
            chip_ids=self._most_chip_ids,
        )
        context.clock = {
            "t_ns": "as the dump states it; from when it counts is not stated"
            if self._timed_lines
            else "not stated",
            "stamped": "where the source was recorded, which it does not say",
        }


def _model(text: SourceText, context: ImportContext) -> ChipModel:
    """From the first chip-ID answer, else from the user.

    Raises BadFile without either, and for a model whose jobs are not headers.
    """
    found = _answering_model(text)
    model = found or context.model
    if model is None:
        raise BadFile(
            f"{text.path} holds no answer of a chip that says its model",
            f"name it with --chip: {', '.join(_READ)}",
        )
    if found and context.model and found is not context.model:
        context.problems.add(
            1, f"--chip {context.model.name} is not used: a {found.name} answers in the dump"
        )
    if model.name not in _READ:
        raise BadFile(
            f"{text.path} is the line of a {model.name}, whose jobs are midstates and not headers",
            f"dumps of {', '.join(_READ)} are read",
        )
    return model


def _answering_model(text: SourceText) -> ChipModel | None:
    decoder = HostDecoder(_ANY_MODEL)
    for line in data_lines(text):
        try:
            wire = parse_wire_line(line.text or "")
        except BadField:
            continue  # the second reading accounts for it
        if wire.direction is Direction.RX:
            model = _model_said(decoder.receive_data(wire.data, NO_TIME))
            if model is not None:
                return model
    return _model_said(decoder.flush(NO_TIME))


def _model_said(received: list[Received[Response]]) -> ChipModel | None:
    for item in received:
        if isinstance(item.frame, RegisterResponse) and item.frame.register == Register.CHIP_ID:
            model = model_by_chip_id(item.frame.value >> 16)
            if model is not None:
                return model
    return None
