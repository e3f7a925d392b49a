"""What the pool really accepted, on file before anybody is told."""

from __future__ import annotations

from pathlib import Path

HEADER = "accepted_ns,connection,job_id,extranonce1,extranonce2,ntime,nonce,version,difficulty,header"


class PoolTruth:
    """Appends, so that a pool that was killed and begun again goes on in the same file."""

    def __init__(self, file: Path | None) -> None:
        self._file = None if file is None else file.open("a", encoding="utf-8")
        if self._file is not None and self._file.tell() == 0:
            self._write(HEADER)

    def accepted(self, *values: object) -> None:
        self._write(",".join(str(value) for value in values))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, line: str) -> None:
        if self._file is not None:
            self._file.write(line + "\n")
            self._file.flush()
