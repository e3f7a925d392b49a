"""What truly happened, on file: CSV of the shares that left, and lines that begin with # for the rest."""

from __future__ import annotations

from pathlib import Path

from simulators.miners.hasher import Hit

HEADER = "sent_ns,found_ns,job_id,extranonce2,ntime,nonce,version,difficulty"


class Truth:
    """Times are CLOCK_MONOTONIC. Lines are on file when a method returns."""

    def __init__(self, file: Path | None) -> None:
        self._file = file.open("w", encoding="utf-8") if file is not None else None
        self._write(HEADER)

    def sent(self, at_ns: int, hit: Hit, nonce: int, difficulty: float) -> None:
        job, found = hit.work.job, hit.found
        self._write(
            f"{at_ns},{hit.due_ns},{job.job_id},{found.extranonce2.hex()},{job.ntime},{nonce},"
            f"{found.version},{difficulty:.10g}"
        )

    def lost(self, hit: Hit, why: str) -> None:
        """A proof of the chips that the firmware throws away."""
        self._write(f"# {why},{hit.due_ns},{hit.work.job.job_id},{hit.found.nonce}")

    def noted(self, what: str, at_ns: int, of: object = "") -> None:
        """`received` and `taken_up` of a job by its id, `restart`, `connected`, `pool_lost` and others."""
        self._write(f"# {what},{at_ns},{of}")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, line: str) -> None:
        if self._file is not None:
            self._file.write(line + "\n")
            self._file.flush()
