"""The hashes behind the proofs of a capture, built again from job and answer."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from asicrc.errors import NoAnswer
from firmware_protocols.bitcoin import merkle_root_from_branch
from firmware_protocols.device import Job, NonceBatch

BYTES = 32


def proof_headers(events: NonceBatch, jobs: Iterable[Job]) -> list[bytes]:
    """Headers of 80 bytes, one for each event, of SHA-256d proofs that hold.

    Raises NoAnswer where an event has no job, or one of another proof of work.
    """
    by_number = {job.number: job for job in jobs}
    headers = []
    for event in events:
        job = by_number.get(int(event["job"]))
        if job is None or job.damaged or job.algorithm != "sha256d":
            raise NoAnswer(
                "an event has no whole job of SHA-256d", "hashes are built again for valid proofs of Bitcoin"
            )
        extranonce2 = event["extranonce2"].tobytes()[: int(event["extranonce2_len"])]
        root = job.merkle_root
        if root is None:
            coinbase = job.coinbase1 + job.extranonce1 + extranonce2 + job.coinbase2
            root = merkle_root_from_branch(coinbase, job.branch)
        headers.append(
            struct.pack("<I", int(event["version"]))
            + job.prev_hash
            + root
            + struct.pack("<III", int(event["ntime"]), job.nbits, int(event["nonce"]))
        )
    return headers


def proof_hashes(headers: Iterable[bytes]) -> NDArray[np.uint8]:
    """(n, 32) bytes, the most significant first, as a target is compared with."""
    digests = [sha256(sha256(header).digest()).digest()[::-1] for header in headers]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, BYTES)
