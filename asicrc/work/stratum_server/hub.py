"""What a connection needs of the server that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asicrc.work.stratum_server.answers import Expected
from asicrc.work.stratum_server.limits import ServerLimits
from asicrc.work.stratum_server.scaled import ScaledAlgorithm
from asicrc.work.stratum_server.work_line import WorkLine
from firmware_protocols.device import Clock, Job

if TYPE_CHECKING:
    from asicrc.work.stratum_server.miner import MinerConnection


class Hub(Protocol):
    """Called on the receiver's thread."""

    clock: Clock
    limits: ServerLimits
    algorithm: ScaledAlgorithm
    version_mask: int

    def became_ready(self, miner: MinerConnection, t_ns: int) -> tuple[float, WorkLine | None]:
        """The difficulty, and the work to begin with, if there is any yet."""

    def went(self, miner: MinerConnection, t_ns: int) -> None: ...

    def next_job_number(self) -> int: ...

    def next_seq(self) -> int: ...

    def share(self, seq: int, row: bytes, expected: Expected | None) -> None: ...

    def sent_by_itself(self, job: Job) -> None: ...

    def pseudonym(self, worker: str) -> str: ...

    def say(self, text: str, *, of_stranger: bool) -> None: ...
