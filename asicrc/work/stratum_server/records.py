"""What a capture keeps of the miners: enough to tell them apart, nothing that says whose they are."""

from __future__ import annotations

import hmac
import secrets
import threading
from typing import Any

from firmware_protocols.redaction import MIN_SECRET, REDACTED

RECORDS_KEPT = 1_000
"""Connections of one capture that are described; the log tells of more."""
LONGEST_AGENT = 64


class Pseudonyms:
    """Names for names: the same worker has the same one for as long as this object lives, and no longer.

    Workers are wallets as often as not. The key is in no file, so that a name cannot be found by trying.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, worker: str) -> str:
        return "w-" + hmac.digest(self._key, worker.encode("utf-8", "backslashreplace"), "sha256").hex()[:8]


def shown_agent(agent: str | None, *secret: str) -> str | None:
    """A miner's name for its software, as far as it may be kept: printable, short, without its secrets."""
    if agent is None:
        return None
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in agent[:LONGEST_AGENT])
    lowered = agent.lower()
    if any(len(part) >= MIN_SECRET and part.lower() in lowered for part in _parts(secret)):
        return REDACTED
    return shown


def _parts(secret: tuple[str, ...]) -> list[str]:
    """Each secret whole, and what stands before and after its first dot: wallet and rig."""
    return [part for text in secret for part in (text, *text.partition(".")[::2])]


class MinerRecords:
    """The value of the capture's key `miners`: by extranonce1, which is in every job."""

    def __init__(self) -> None:
        self._records: dict[str, dict[str, Any]] = {}
        self._seen: dict[tuple[str, str], int | None] = {}
        self._lock = threading.Lock()
        self.changed = False

    def came(self, extranonce1: bytes, record: dict[str, Any], key: tuple[str, str]) -> float | None:
        """Note one that is ready. How long it was gone, s, if it was here before and left; NaN if it did not.

        A miner that lost its power comes back before its old connection is known to be dead.
        """
        known = key in self._seen
        left_ns = self._seen.get(key)
        if known or len(self._seen) < RECORDS_KEPT:
            self._seen[key] = None
        with self._lock:
            if len(self._records) < RECORDS_KEPT:
                self._records[extranonce1.hex()] = record
                self.changed = True
        if not known:
            return None
        return float("nan") if left_ns is None else (record["ready_ns"] - left_ns) / 1e9

    def left(self, extranonce1: bytes, t_ns: int, reason: str, key: tuple[str, str]) -> None:
        with self._lock:
            record = self._records.get(extranonce1.hex())
            if record is not None:
                record |= {"left_ns": t_ns, "left": reason}
                self.changed = True
        if key in self._seen:
            self._seen[key] = t_ns

    def take(self) -> dict[str, dict[str, Any]]:
        """All of them, for the capture."""
        with self._lock:
            self.changed = False
            return {extranonce1: dict(record) for extranonce1, record in self._records.items()}
