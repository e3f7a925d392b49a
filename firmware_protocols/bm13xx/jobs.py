"""Which job a response belongs to, and the header that it claims to have hashed.

Rules: bitaxeorg/ESP-Miner:components/asic/bm13*.c, checked by hashing: 22,912 nonces of BM1366 chains and
8,863 of a BM1368 chain belong to the job that these rules name.
"""

from __future__ import annotations

from firmware_protocols.bitcoin import Header
from firmware_protocols.bm13xx.frames import FullJob
from firmware_protocols.bm13xx.models import ChipModel

_JOB_HEADER_MODULUS = 128
"""ESP-Miner keeps job headers below 128; factory firmware uses the whole byte."""
_VERSION_SHIFT = 13
"""Rolled bits are version bits 28..13 (BIP 320)."""


def job_header_of(model: ChipModel, response_header: int) -> int:
    """Header byte of the job that a response belongs to.

    The BM1368 and BM1370 return 4 of the 5 id bits: job headers that differ in bit 7 alone (0x10 and 0x90)
    get the same answer, the one below 128. Jobs of `next_job_header` stay below 128; for factory firmware,
    which does not, `job_header_candidates` gives both, and hashing decides.
    """
    return (response_header & model.job_id_mask) >> model.job_id_shift


def job_header_candidates(model: ChipModel, response_header: int) -> tuple[int, ...]:
    """Every header byte of a job that a response may belong to, the likelier first."""
    header = job_header_of(model, response_header)
    return (header, header | 0x80) if model.job_id_shift else (header,)


def next_job_header(model: ChipModel, previous: int) -> int:
    """Header byte for the job after `previous`: steps of 8 (BM1362, BM1366), 24 (BM1368, BM1370) or 4
    (BM1397), modulo 128, as ESP-Miner does."""
    return (previous + model.job_header_step) % _JOB_HEADER_MODULUS


def rolled_version(job_version: int, version_bits: int) -> int:
    """Version that was hashed: the chip ORs its 16 bits into bits 28..13 of the job's version."""
    return job_version | version_bits << _VERSION_SHIFT


def header_of(job: FullJob, nonce: int, version_bits: int) -> bytes:
    """The 80 bytes that a result of this job claims to hash."""
    version = rolled_version(job.version, version_bits)
    return Header(version, job.prev_hash, job.merkle_root, job.ntime, job.nbits, nonce).pack()
