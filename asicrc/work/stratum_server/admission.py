"""Who may connect: the addresses that were named, so many at once, and only so many a second."""

from __future__ import annotations

from asicrc.work.stratum_server.limits import Bucket, ServerLimits


class Admission:
    """`accept_from` are the IP addresses that may connect, None all."""

    def __init__(self, limits: ServerLimits, accept_from: frozenset[str] | None) -> None:
        self._limits = limits
        self._accept_from = accept_from
        self._rate = Bucket(limits.accepted_per_s, limits.accepted_burst)

    def refusal(self, host: str, connected: int, now_ns: int) -> str:
        """Why `host` is turned away while so many are `connected`; empty where it is let in."""
        if self._accept_from is not None and host not in self._accept_from:
            return "only " + ", ".join(sorted(self._accept_from)) + " may connect"
        if connected >= self._limits.connections:
            return f"{self._limits.connections} are connected already"
        if not self._rate.take_if_any(now_ns):
            return f"more than {self._limits.accepted_per_s:g} a second want to connect"
        return ""
