"""CSV in general: comments, the header line, rows in blocks, and nothing lost on the way."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence

from asicrc.errors import BadFile
from asicrc.importing.context import ImportContext
from asicrc.importing.proofs import Proof, ProofTable, Unreadable
from asicrc.importing.row_fields import BadField, Row
from asicrc.importing.source_text import Line, SourceText
from firmware_protocols.device import NO_TIME, Batch

ROWS_IN_A_BATCH = 2000
MAX_COMMENTS = 50
_TOO_LONG = "the line is longer than 256 KiB"


def split_fields(text: str) -> list[str]:
    """Fields of one line. Raises BadField for quotes that do not match; no field holds a line end."""
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True))
    except (csv.Error, StopIteration):
        raise BadField("the quotes of the line do not match") from None


def column_names(text: str) -> list[str]:
    """Names of a header line, in small letters; empty for a line that is none."""
    try:
        return [name.strip().lower() for name in split_fields(text)]
    except BadField:
        return []


class CsvSource:
    """The rows of a source file. Lines that begin with `#` are comments; every other one is a row."""

    def __init__(self, source: SourceText, context: ImportContext) -> None:
        self.comments: list[str] = []
        """Comment lines before the header, without the `#`."""
        self._path = source.path
        self._context = context
        self._lines = source.lines()
        self._columns = self._read_header()

    def has(self, column: str) -> bool:
        return column in self._columns

    def rows(self) -> Iterator[Row | BadField]:
        """Every row; where a line cannot be taken apart, the reason. Its log line is already written."""
        for line in self._data_lines():
            try:
                yield self._row(line)
            except BadField as error:
                self._context.problems.add(line.number, str(error))
                yield error

    def _row(self, line: Line) -> Row:
        if line.text is None:
            raise BadField(_TOO_LONG)
        fields = split_fields(line.text)
        if len(fields) != len(self._columns):
            raise BadField(f"{len(fields)} fields, the header names {len(self._columns)} columns")
        return Row(line.number, dict(zip(self._columns, fields, strict=True)))

    def _data_lines(self) -> Iterator[Line]:
        for line in self._lines:
            if line.text is not None and not line.text.strip():
                continue
            if line.text is not None and line.text.lstrip().startswith("#"):
                self._context.comment_lines += 1
                continue
            self._context.rows += 1
            yield line

    def _read_header(self) -> list[str]:
        for line in self._lines:
            if line.text is not None and line.text.lstrip().startswith("#"):
                self._context.comment_lines += 1
                if len(self.comments) < MAX_COMMENTS:
                    self.comments.append(line.text.strip().lstrip("#").strip())
            elif line.text is None or line.text.strip():
                return self._checked(column_names(line.text or ""))
        raise BadFile(f"{self._path} has no line that names its columns", "get it again: it was cut")

    def _checked(self, columns: list[str]) -> list[str]:
        twice = sorted({name for name in columns if name and columns.count(name) > 1})
        if twice:
            raise BadFile(
                f"{self._path} names the column {twice[0]!r} twice",
                "leave one of them out, then import again",
            )
        return columns


def proof_batches(
    source: CsvSource,
    context: ImportContext,
    table: ProofTable,
    parse: Callable[[Row], Proof],
    stamp_of: Callable[[Row], int],
) -> Iterator[Batch]:
    """Every row as an event, `ROWS_IN_A_BATCH` at a time.

    `parse` raises BadField; such a row becomes a malformed event, with its stamp if `stamp_of` can still
    read it. Raises BadFile when there are no rows.
    """
    examined = False
    for rows in _in_blocks(source.rows()):
        parsed = [_parsed(row, context, parse, stamp_of) for row in rows]
        proofs = [row for row in parsed if isinstance(row, Proof)]
        log = [] if examined else context.required.examine(proofs)
        examined = examined or bool(proofs)
        batch = table.batch(parsed)
        batch.log = log
        yield batch
    if not context.rows:
        raise BadFile(
            f"{context.source_name} names its columns but holds no rows", "get it again: it was cut"
        )


def require_columns(source: CsvSource, context: ImportContext, columns: Sequence[str]) -> None:
    """Raises BadFile where a format that was asked for by name does not fit the file."""
    missing = [name for name in columns if not source.has(name)]
    if missing:
        raise BadFile(
            f"{context.source_name} lacks the column {', '.join(missing)}",
            "leave the format out to have it recognised from the content",
        )


def _parsed(
    row: Row | BadField,
    context: ImportContext,
    parse: Callable[[Row], Proof],
    stamp_of: Callable[[Row], int],
) -> Proof | Unreadable:
    if isinstance(row, BadField):
        return Unreadable()
    try:
        proof = parse(row)
    except BadField as error:
        context.problems.add(row.line, str(error))
        try:
            return Unreadable(stamp_of(row))
        except BadField:
            return Unreadable(NO_TIME)
    for remark in proof.remarks:
        context.problems.add(row.line, remark)
    return proof


def _in_blocks(rows: Iterator[Row | BadField]) -> Iterator[list[Row | BadField]]:
    block: list[Row | BadField] = []
    for row in rows:
        block.append(row)
        if len(block) == ROWS_IN_A_BATCH:
            yield block
            block = []
    if block:
        yield block
