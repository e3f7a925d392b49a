"""A text file from someone else, line by line, with bounds."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asicrc.errors import BadFile

MAX_LINE_BYTES = 256 << 10
"""A share with its coinbase and a deep branch has a few kB."""
_HEAD_BYTES = 4096
_BOM = "\ufeff"
_NOT_TEXT = (
    (b"SQLite format 3\0", "an SQLite file", "a capture needs no import: use `asicrc show`"),
    (b"\x1f\x8b", "compressed (gzip)", "unpack it first: gunzip"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV"),
    (b"PAR1", "a Parquet file", "write the table as CSV first"),
    (b"\xff\xfe", "UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8"),
)


class Line(NamedTuple):
    """`number` counts from 1. `text` has no line end; it is None for a line beyond `MAX_LINE_BYTES`.

    Bytes that are not UTF-8 stand in the text as lone surrogates, which no field accepts.
    """

    number: int
    text: str | None


class SourceText:
    """The source file. Raises BadFile for what is no text file, with what it is instead."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name.encode("utf-8", "backslashreplace").decode()
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        """Bytes read so far by the newest `lines`, as `sha256` and `lines_read`."""
        self.lines_read = 0
        self._check()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def lines(self) -> Iterator[Line]:
        """Every line from the beginning. Line ends may be LF or CR LF; a byte order mark is dropped."""
        self._digest = hashlib.sha256()
        self.size_bytes = self.lines_read = 0
        try:
            with self.path.open("rb") as stream:
                while raw := self._counted(stream.readline(MAX_LINE_BYTES + 1)):
                    self.lines_read += 1
                    text: str | None = None
                    if len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
                        while raw and not raw.endswith(b"\n"):
                            raw = self._counted(stream.readline(MAX_LINE_BYTES))
                    else:
                        text = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
                        if self.lines_read == 1:
                            text = text.removeprefix(_BOM)
                    yield Line(self.lines_read, text)
        except OSError as error:
            raise BadFile(
                f"{self.path} cannot be read: {error.strerror}", "copy it to a local disk and try again"
            ) from None

    def _counted(self, raw: bytes) -> bytes:
        self._digest.update(raw)
        self.size_bytes += len(raw)
        return raw

    def _check(self) -> None:
        try:
            status = self.path.stat()
            if stat.S_ISDIR(status.st_mode):
                raise BadFile(f"{self.path} is a folder, not a file", "name one file inside it")
            if not stat.S_ISREG(status.st_mode):
                raise BadFile(f"{self.path} is no regular file", "write the data to a file first")
            with self.path.open("rb") as stream:
                head = stream.read(_HEAD_BYTES)
        except FileNotFoundError:
            raise BadFile(f"there is no file {self.path}", "check the path") from None
        except (OSError, ValueError) as error:
            raise BadFile(
                f"{self.path} cannot be opened: {error}", "check the path and its permissions"
            ) from None
        if not head.strip():
            raise BadFile(f"{self.path} is empty", "it was cut while copying, or never written: get it again")
        for magic, kind, hint in _NOT_TEXT:
            if head.startswith(magic):
                raise BadFile(f"{self.path} is {kind}, not text", hint)
        if b"\0" in head:
            raise BadFile(f"{self.path} is binary, not text", "the formats that are read are all text")
