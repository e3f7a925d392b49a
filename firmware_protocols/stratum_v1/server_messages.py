"""What a pool sends to its miners. Hashes stand in header byte order here, whatever the wire has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from firmware_protocols.stratum_v1.replies import Id

MAX_BRANCHES = 32
"""Merkle branches of a job: ESP-Miner takes no more, its version 2.1.8 aborts above its own limit."""
MAX_EXTRANONCE2_SIZE = 32
"""Bytes; ESP-Miner clamps here."""
MAX_EXTRANONCE1_SIZE = 64


@dataclass(frozen=True, slots=True)
class Notify:
    """mining.notify: a job. `claimtrie` is there for LBRY only, which has one parameter more."""

    job_id: str
    prev_hash: bytes
    coinbase1: bytes
    coinbase2: bytes
    branch: tuple[bytes, ...]
    version: int
    nbits: int
    ntime: int
    clean_jobs: bool
    claimtrie: bytes | None = None
    id: Id = None


@dataclass(frozen=True, slots=True)
class SetDifficulty:
    """mining.set_difficulty: for the jobs that come after it."""

    difficulty: float
    id: Id = None


@dataclass(frozen=True, slots=True)
class SetExtranonce:
    """mining.set_extranonce: for the jobs that come after it."""

    extranonce1: bytes
    extranonce2_size: int
    id: Id = None


@dataclass(frozen=True, slots=True)
class SetVersionMask:
    """mining.set_version_mask (BIP 310): at once; ESP-Miner takes it up with the next job."""

    mask: int
    id: Id = None


@dataclass(frozen=True, slots=True)
class Reconnect:
    """client.reconnect: elsewhere, or with None to where the miner is."""

    host: str | None = None
    port: int | None = None
    wait_s: float | None = None
    id: Id = None

    def destination(self, host: str, port: int) -> tuple[str, int] | None:
        """Where a miner that is at host:port goes, or None to stay: nowhere outside its domain.

        cgminer's rule: the domain is all from the first dot on, and a host without one has none. An address
        in numbers has no domain here either; by cgminer's rule its first byte could be any.
        """
        there = host if self.host is None else self.host
        domain = there.partition(".")[2]
        if there != host and (not domain or domain != host.partition(".")[2] or _is_address(there)):
            return None
        return there, port if self.port is None else self.port


@dataclass(frozen=True, slots=True)
class GetVersion:
    """client.get_version: wants the name of the miner's software."""

    id: Id = None


@dataclass(frozen=True, slots=True)
class ShowMessage:
    """client.show_message, for the miner's log."""

    text: str
    id: Id = None


@dataclass(frozen=True, slots=True)
class Ping:
    """mining.ping."""

    id: Id = None


ServerRequest: TypeAlias = GetVersion | Ping
"""These are answered."""
ServerNotification: TypeAlias = (
    Notify | SetDifficulty | SetExtranonce | SetVersionMask | Reconnect | ShowMessage
)


def _is_address(host: str) -> bool:
    return host.replace(".", "").isdigit()
