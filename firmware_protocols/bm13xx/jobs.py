"""Jobs for midstate chips, which job a response belongs to, and the header that it claims to have hashed.

Rules: bitaxeorg/ESP-Miner:components/asic/bm13*.c, checked by hashing: 22,912 nonces of BM1366 chains and
8,863 of a BM1368 chain belong to the job that these rules name.
"""

from __future__ import annotations

from firmware_protocols.bitcoin import Header, midstates
from firmware_protocols.bm13xx.frames import FullJob, MidstateJob
from firmware_protocols.bm13xx.midstate_chips import MIDSTATE_COUNTS
from firmware_protocols.bm13xx.models import ChipModel
from firmware_protocols.errors import LocalProtocolError

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
    """Header byte for the job after `previous`: steps of 8 (BM1362, BM1366), 24 (BM1368, BM1370), 4
    (BM1397) or the number of midstates (BM1387), modulo 128, as ESP-Miner and the S9's firmware do."""
    return (previous + model.job_header_step) % _JOB_HEADER_MODULUS


def rolled_version(job_version: int, version_bits: int) -> int:
    """Version that was hashed: the chip ORs its 16 bits into bits 28..13 of the job's version."""
    return job_version | version_bits << _VERSION_SHIFT


def header_of(job: FullJob, nonce: int, version_bits: int) -> bytes:
    """The 80 bytes that a result of this job claims to hash."""
    version = rolled_version(job.version, version_bits)
    return Header(version, job.prev_hash, job.merkle_root, job.ntime, job.nbits, nonce).pack()


def midstate_job(
    model: ChipModel,
    job_header: int,
    *,
    version: int,
    prev_hash: bytes,
    merkle_root: bytes,
    ntime: int,
    nbits: int,
) -> MidstateJob:
    """A job with as many midstates as the model's jobs have: number i for version `version | i << 13`.

    Raises LocalProtocolError for a chip that takes whole headers, for a version in which those bits are set
    (midstates would repeat), and for fields that no header has.
    """
    if model.job_format != "midstate":
        raise LocalProtocolError(f"the {model.name} takes whole headers (FullJob), not midstates")
    if version >> _VERSION_SHIFT & model.subcores - 1:
        raise LocalProtocolError(
            f"version {version:08x} has no room for {model.subcores} midstates: they roll its bits from 13 on"
        )
    try:
        headers = [
            Header(rolled_version(version, index), prev_hash, merkle_root, ntime, nbits, 0).pack()
            for index in range(model.subcores)
        ]
    except ValueError as error:
        raise LocalProtocolError(str(error)) from None
    states = midstates([header[:64] for header in headers])
    return MidstateJob(job_header, nbits, ntime, merkle_root[28:], tuple(states))


def open_core_job(job_header: int, count: int) -> MidstateJob:
    """Work that opens one core of every gated BM1387: `count` midstates of zero, and ones behind them.

    No header has such a midstate. The nonces of it that reach difficulty 1 are header bytes 7203EA83 and
    E16BF809, of difficulty 1.99 and 1.58. Raises LocalProtocolError unless there are 1, 2 or 4 midstates.
    """
    if count not in MIDSTATE_COUNTS:
        raise LocalProtocolError(f"a job has 1, 2 or 4 midstates, not {count}")
    return MidstateJob(job_header, 0xFFFFFFFF, 0xFFFFFFFF, b"\xff" * 4, (bytes(32),) * count)


def is_open_core(job: MidstateJob) -> bool:
    """Whether this is busy work: the S9's firmwares differ in the rest of it, but not in its midstates."""
    return not any(map(any, job.midstates))
