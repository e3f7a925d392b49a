"""Jobs with easy targets, and proofs for them found with hashlib."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np

from asicrc.capture import CaptureWriter, Verifier
from firmware_protocols.device import (
    NO_TIME,
    Direction,
    Job,
    NonceBatch,
    Reading,
    Setting,
    Stamp,
    WireChunk,
    empty_events,
)

EASY = (1 << 250) - 1  # one hash in 64


def easy_job(number: int, wire_id: str = "7", target: int = EASY, chip_target: int | None = None) -> Job:
    rng = np.random.default_rng(number)
    return Job(
        number=number,
        wire_id=wire_id,
        version=0x20000000,
        prev_hash=rng.bytes(32),
        ntime=0x69637392 + number,
        nbits=0x1D00FFFF,
        target=target,
        merkle_root=rng.bytes(32),
        version_mask=0x1FFFE000,
        chip_target=chip_target,
        sent_ns=number * 10**9,
    )


def hash_of(job: Job, nonce: int, merkle_root: bytes | None = None) -> int:
    """By the book, and on purpose not by the code under test."""
    header = struct.pack("<I", job.version) + job.prev_hash + (merkle_root or job.merkle_root or b"")
    header += struct.pack("<III", job.ntime, job.nbits, nonce)
    assert len(header) == 80
    return int.from_bytes(hashlib.sha256(hashlib.sha256(header).digest()).digest(), "little")


def nonces_where(job: Job, wanted: int, lowest: int, highest: int, start: int = 0) -> list[int]:
    """The first `wanted` nonces whose hash lies in the range, ends included."""
    found: list[int] = []
    nonce = start
    while len(found) < wanted:
        if lowest <= hash_of(job, nonce) <= highest:
            found.append(nonce)
        nonce += 1
    return found


def events_for(job: Job, nonces: list[int], first_seq: int = 0, first_ns: int = 10**12) -> NonceBatch:
    events = empty_events(len(nonces))
    events["seq"] = np.arange(first_seq, first_seq + len(nonces))
    events["t_ns"] = first_ns + np.arange(len(nonces)) * 1_000_000
    events["n_in_read"] = 1
    events["job"] = job.number
    events["nonce"] = nonces
    events["version"] = job.version
    events["ntime"] = job.ntime
    return events


def write_sample(path: Path, n_jobs: int = 3, sealed: bool = True) -> tuple[list[Job], NonceBatch]:
    """A capture with something in every table that has a writer."""
    jobs = [easy_job(number) for number in range(1, n_jobs + 1)]
    events = np.concatenate(
        [events_for(job, nonces_where(job, 4, 0, EASY), 4 * i) for i, job in enumerate(jobs)]
    )
    verifier = Verifier()
    for job in jobs:
        verifier.add_job(job)
    verifier.judge(events)
    writer = CaptureWriter.create(path, {"device": "test", "seed": 7}, t_start_ns=5, boot_id="b-1")
    writer.add_jobs(jobs)
    writer.add_events(events)
    writer.add_wire(
        [
            WireChunk(Direction.TX, Stamp(10), b"\x55\xaa\x00"),
            WireChunk(Direction.RX, Stamp(11, 1_700_000_000_000_000_000), bytes(range(256))),
            WireChunk(Direction.RX, Stamp(NO_TIME), b""),
        ]
    )
    writer.add_readings([Reading(20, "temperature_c", 51.5), Reading(21, "power_w", float("inf"))])
    writer.add_settings(
        [Setting(3, "core_voltage_mv", None, 1200.0, "original"), Setting(4, "frequency_mhz", 400.0, None)]
    )
    writer.add_anchor(1_700_000_000_000_000_000, 5)
    writer.add_log("start \x00 \udcff \u20bf", "warning", 6)
    writer.set_meta("wire_counters", {"frames": 12, "damaged_frames": 1, "skipped_bytes": 3})
    if sealed:
        writer.seal("asked to")
    else:
        writer.close()
    return jobs, events
