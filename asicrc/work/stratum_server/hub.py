"""What a connection needs of the server that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from asicrc.work.stratum_server.answers import Expected
from asicrc.work.stratum_server.limits import ServerLimits
from asicrc.work.stratum_server.work_line import WorkLine
from firmware_protocols.device import Clock, Job
from firmware_protocols.stratum_v1 import Algorithm

if TYPE_CHECKING:
    from asicrc.work.stratum_server.miner import MinerConnection


class TalkHub(Protocol):
    """Whoever serves miners, with jobs of its own or of a pool's. Called on the receiver's thread."""

    @property
    def clock(self) -> Clock: ...

    @property
    def limits(self) -> ServerLimits: ...

    @property
    def algorithm(self) -> Algorithm: ...

    @property
    def version_mask(self) -> int:
        """The version bits that miners may roll."""

    def went(self, miner: Any, t_ns: int) -> None: ...

    def pseudonym(self, worker: str) -> str: ...

    def say(self, text: str, *, of_stranger: bool) -> None: ...


class Hub(TalkHub, Protocol):
    """The work server."""

    def became_ready(self, miner: MinerConnection, t_ns: int) -> tuple[float, WorkLine | None]:
        """The difficulty, and the work to begin with, if there is any yet."""

    def next_job_number(self) -> int: ...

    def next_seq(self) -> int: ...

    def share(self, seq: int, row: bytes, expected: Expected | None) -> None: ...

    def sent_by_itself(self, job: Job) -> None: ...
