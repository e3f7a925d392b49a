"""What is known of a connected miner: for the session, for the log, and for the capture."""

from __future__ import annotations

from typing import Any


class MinerState:
    """What has no underscore may be read from any thread. `extranonce1` tells its jobs from others'."""

    def __init__(self, extranonce1: bytes, peer: str, host: str, t_ns: int) -> None:
        self.extranonce1 = extranonce1
        self.peer = peer
        self.host = host
        self.user_agent: str | None = None
        self.worker: str | None = None
        """A pseudonym: the name itself is kept nowhere."""
        self.version_mask = 0
        """The version bits that its next job lets it roll."""
        self.connected_ns = t_ns
        self.ready_ns: int | None = None
        """Since when it can be sent work."""
        self.left: str | None = None
        """Why it is not there any more."""
        self.last_message_ns = t_ns
        self.last_share_ns: int | None = None
        self.shares = 0
        self.accepted = 0
        self.damaged_lines = 0
        self.waits = 0
        """How often it was read no further for a while: it sent more than `messages_per_s`."""
        self.jobs_waited = 0
        """Jobs that waited here because it had left earlier ones unread: their `sent_ns` is too early."""
        self._refused_at_once = 0
        self._refused_by_verdict = 0

    @property
    def is_ready(self) -> bool:
        return self.ready_ns is not None and self.left is None

    @property
    def refused(self) -> int:
        return self._refused_at_once + self._refused_by_verdict

    @property
    def name(self) -> str:
        """For the log."""
        return f"miner {self.extranonce1.hex()} ({self.peer})"

    def record(self) -> dict[str, Any]:
        """What the capture keeps of it."""
        return {
            "peer": self.peer,
            "user_agent": self.user_agent,
            "worker": self.worker,
            "connected_ns": self.connected_ns,
            "ready_ns": self.ready_ns,
            "version_mask": f"{self.version_mask:08x}",
        }

    def answered(self, accepted: bool) -> None:
        """A share of it was, by its verdict."""
        if accepted:
            self.accepted += 1
        else:
            self._refused_by_verdict += 1
