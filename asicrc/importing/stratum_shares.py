"""Shares as a Stratum server sees them: the job's coinbase parts, and what the miner submitted.

`version`, `ntime`, `nbits` and `nonce` are big-endian integers in hexadecimal; in `prevhash` the bytes of
every 4-byte word are the other way round than in the header (Stratum V1, mining.notify). Checked on 2,588
shares of an Antminer S9, all of which hash (Agnuxo1/Speaking-to-Silicon-THERMODYNAMIC_PROBABILITY_FILTER_TPF,
s9_training_data_raw.csv).
"""

from __future__ import annotations

from collections.abc import Iterator

from asicrc.importing.context import ImportContext
from asicrc.importing.csv_proofs import CsvSource, proof_batches, require_columns
from asicrc.importing.proofs import Proof, ProofTable, Work
from asicrc.importing.row_fields import BadField, Row
from asicrc.importing.source_text import SourceText
from firmware_protocols.device import NO_TIME, Batch
from firmware_protocols.stratum_v1 import BIP320_MASK, rolled, swapped_words

COLUMNS = (
    "timestamp",
    "job_id",
    "version",
    "prevhash",
    "coinb1",
    "coinb2",
    "extranonce1",
    "extranonce2",
    "merkle_branch",
    "ntime",
    "nbits",
    "nonce",
)
"""Needed. `jitter_ms` (since the newest dispatch), `version_bits`, `target` and `difficulty` may be there."""


def read_shares(text: SourceText, context: ImportContext) -> Iterator[Batch]:
    """Batches of shares. Stamps are CLOCK_REALTIME, exactly as printed."""
    source = CsvSource(text, context)
    require_columns(source, context, COLUMNS)
    with_dispatch = source.has("jitter_ms")
    context.clock = {
        "t_ns": "CLOCK_REALTIME as column timestamp states it",
        "stamped": "where the source was recorded, which it does not say",
        "t_sent_ns": "timestamp less jitter_ms: dispatch of the newest job before the share"
        if with_dispatch
        else "not stated",
    }
    if with_dispatch:
        context.clock["jobs.sent_ns"] = (
            "t_sent_ns of the job's first share, which is too late where a newer job had been sent by then"
        )
    context.clock_is_realtime = True
    stated_in = next((name for name in ("target", "difficulty") if source.has(name)), "")
    table = ProofTable(context.required.target_of)
    yield from proof_batches(
        source, context, table, lambda row: _share(row, stated_in), lambda row: _stamp(row)
    )


def _rolled(version: int, version_bits: int) -> int:
    """The version that was hashed. Raises BadField for bits that BIP 320 does not set free."""
    if version_bits & ~BIP320_MASK:
        raise BadField("version_bits has bits outside 1fffe000")
    return rolled(version, version_bits, BIP320_MASK)


def _share(row: Row, stated_in: str) -> Proof:
    version = row.hex_u32("version")
    with_bits = row.has("version_bits")
    t_ns = _stamp(row)
    t_sent_ns = NO_TIME
    if row.has("jitter_ms"):
        delay_ns = row.time_ns("jitter_ms", ns_per_unit=1_000_000)
        if delay_ns < 0:
            raise BadField("jitter_ms is below 0")
        t_sent_ns = t_ns - delay_ns
    stated = None
    if stated_in and row.has(stated_in):
        stated = row.target("target") if stated_in == "target" else row.difficulty("difficulty")
    return Proof(
        work=Work(
            wire_id=row.text("job_id"),
            version=version,
            prev_hash=swapped_words(row.hex_bytes("prevhash", 32)),
            nbits=row.hex_u32("nbits"),
            coinbase1=row.hex_bytes("coinb1"),
            extranonce1=row.hex_bytes("extranonce1", longest=64, empty=True),
            coinbase2=row.hex_bytes("coinb2"),
            branch=row.hashes("merkle_branch"),
            version_mask=BIP320_MASK if with_bits else 0,
        ),
        nonce=row.hex_u32("nonce"),
        version=_rolled(version, row.hex_u32("version_bits")) if with_bits else version,
        ntime=row.hex_u32("ntime"),
        extranonce2=row.hex_bytes("extranonce2", longest=16, empty=True),
        t_ns=t_ns,
        t_sent_ns=t_sent_ns,
        stated=stated,
        stated_in=stated_in,
    )


def _stamp(row: Row) -> int:
    return row.time_ns("timestamp", ns_per_unit=1_000_000_000)
