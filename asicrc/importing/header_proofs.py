"""Proofs that state their header beside the fields it is made of, one job to each.

The header is put together from the fields, as for every other source, and hashed; the stated one only has
to agree. Found by hashing 32 proofs of a Lucky Miner LV06 (Agnuxo1/ASIC-RAG-CHIMERA,
archive/REAL_DATA_LV06, Experiment_v10): `version_used` and `nbits` are decimal, `nonce`, `ntime` and
`version_bits` hexadecimal of big-endian integers; version_used = 20000000 | version_bits; the previous
block's place holds a hash in header byte order, which no column of Stratum's states; the coinbase hash is
the merkle root.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from asicrc.importing.context import ImportContext
from asicrc.importing.csv_proofs import CsvSource, proof_batches, require_columns
from asicrc.importing.proofs import Proof, ProofTable, Work
from asicrc.importing.row_fields import BadField, Row
from asicrc.importing.source_text import SourceText
from firmware_protocols.bitcoin import HEADER_SIZE, Header
from firmware_protocols.device import NO_TIME, Batch
from firmware_protocols.stratum_v1 import BIP320_MASK, swapped_words

COLUMNS = (
    "block_header_hex",
    "version_used",
    "coinb1",
    "coinb2",
    "extranonce1",
    "extranonce2",
    "ntime",
    "nbits",
    "nonce",
)
"""Needed. `job_id`, `version_bits`, `merkle_branch`, `prevhash` or `medical_merkle_root`, `target_hex`,
`difficulty`, `share_received_at` or `timestamp`, and `job_sent_at` may be there."""

_PREV_HASH_COLUMN = "medical_merkle_root"


def read_header_proofs(text: SourceText, context: ImportContext) -> Iterator[Batch]:
    """Batches of proofs. Stamps are CLOCK_REALTIME, exactly as printed."""
    source = CsvSource(text, context)
    require_columns(source, context, COLUMNS)
    stamp = next((name for name in ("share_received_at", "timestamp") if source.has(name)), "")
    context.clock = {
        "t_ns": f"CLOCK_REALTIME as column {stamp} states it" if stamp else "not stated",
        "stamped": "where the source was recorded, which it does not say",
        "t_sent_ns": "column job_sent_at" if source.has("job_sent_at") else "not stated",
    }
    context.clock_is_realtime = bool(stamp)
    stated_in = next((name for name in ("target_hex", "difficulty") if source.has(name)), "")
    table = ProofTable(context.required.target_of)
    yield from proof_batches(
        source,
        context,
        table,
        lambda row: _proof(row, stamp, stated_in),
        lambda row: _time(row, stamp),
    )


def _proof(row: Row, stamp: str, stated_in: str) -> Proof:
    stated_header = row.hex_bytes("block_header_hex", HEADER_SIZE)
    version, base, mask = _versions(row)
    proof = Proof(
        work=Work(
            wire_id=row.text("job_id") if row.has("job_id") else "",
            version=base,
            prev_hash=_prev_hash(row, stated_header),
            nbits=row.whole_u32("nbits"),
            coinbase1=row.hex_bytes("coinb1"),
            extranonce1=row.hex_bytes("extranonce1", longest=64, empty=True),
            coinbase2=row.hex_bytes("coinb2"),
            branch=row.hashes("merkle_branch") if row.has("merkle_branch") else (),
            version_mask=mask,
        ),
        nonce=row.hex_u32("nonce"),
        version=version,
        ntime=row.hex_u32("ntime"),
        extranonce2=row.hex_bytes("extranonce2", longest=16, empty=True),
        t_ns=_time(row, stamp),
        t_sent_ns=_time(row, "job_sent_at") if row.has("job_sent_at") else NO_TIME,
        stated=_stated(row, stated_in),
        stated_in=stated_in,
    )
    if proof.t_sent_ns != NO_TIME and proof.t_ns != NO_TIME and proof.t_sent_ns > proof.t_ns:
        raise BadField("job_sent_at is later than the share")
    proof.remarks += _contradictions(proof, stated_header)
    return proof


def _versions(row: Row) -> tuple[int, int, int]:
    """Version as hashed, version of the job, and the bits that were free to roll."""
    version = row.whole_u32("version_used")
    if not row.has("version_bits"):
        return version, version, 0
    bits = row.hex_u32("version_bits")
    if bits & ~version:
        raise BadField("version_bits has bits that version_used lacks")
    if bits & ~BIP320_MASK:
        return version, version & ~bits, bits
    return version, version & ~BIP320_MASK, BIP320_MASK


def _prev_hash(row: Row, stated_header: bytes) -> bytes:
    if row.has("prevhash"):
        return swapped_words(row.hex_bytes("prevhash", 32))
    if row.has(_PREV_HASH_COLUMN):
        return row.hex_bytes(_PREV_HASH_COLUMN, 32)
    return Header.unpack(stated_header).prev_hash  # the only place where it stands


def _stated(row: Row, stated_in: str) -> int | Decimal | None:
    if not stated_in or not row.has(stated_in):
        return None
    return row.target(stated_in) if stated_in == "target_hex" else row.difficulty(stated_in)


def _contradictions(proof: Proof, stated_header: bytes) -> list[str]:
    built, stated = Header.unpack(proof.header()), Header.unpack(stated_header)
    names = [name for name in Header.__slots__ if getattr(built, name) != getattr(stated, name)]
    return [f"block_header_hex and the fields differ in {', '.join(names)}; the fields are used"] * bool(
        names
    )


def _time(row: Row, column: str) -> int:
    return row.time_ns(column, ns_per_unit=1_000_000_000) if column else NO_TIME
