"""Timed results of one chip, each with its whole header, and a comment that says how they were made.

`t_ms` counts from the load of the job, `nonce_wire_hex` is the nonce as the chip sent it (header bytes
76..79), `version_bits_hex` what it put into version bits 28..13. Seen in a test log of
MoellerDi/ESP-Miner:components/bm1397/test/log/test_bm1366_output_fullscan.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from asicrc.importing.context import ImportContext, chip_line
from asicrc.importing.csv_proofs import CsvSource, proof_batches, require_columns
from asicrc.importing.proofs import Proof, ProofTable, Work
from asicrc.importing.row_fields import BadField, Row
from asicrc.importing.source_text import SourceText
from firmware_protocols.bitcoin import HEADER_SIZE, Header
from firmware_protocols.bm13xx import ChipModel, model_by_name
from firmware_protocols.device import Batch, Setting
from firmware_protocols.errors import LocalProtocolError
from firmware_protocols.stratum_v1 import BIP320_MASK

COLUMNS = ("t_ms", "nonce_wire_hex", "version_bits_hex", "header80_hex")
"""Needed. `difficulty` may be there; it is then found out whether it is required or was reached."""

_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_FREQUENCY = re.compile(r"(\d{1,4}(?:\.\d{1,6})?)\s*MHz", re.IGNORECASE)
_HCN = re.compile(r"HASH_COUNTING_NUMBER\s*[=:]?\s*(0x[0-9a-f]{1,8}|\d{1,10})\b", re.IGNORECASE)
_ADDRESS = re.compile(r"chip address\s*[=:]?\s*(0x[0-9a-f]{1,2}|\d{1,3})\b", re.IGNORECASE)
_STEP = re.compile(r"in\s+(\d{1,6})\s*(ns|us|ms|s)\s+steps", re.IGNORECASE)
_MODEL = re.compile(r"\bBM13\d\d\b", re.IGNORECASE)
_SINGLE_CHIP = re.compile(r"\b(?:single[- ]chip|one chip|1 chip)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """What the comment says; None for what it does not."""

    model: ChipModel | None = None
    frequency_mhz: float | None = None
    hash_counting_number: int | None = None
    chip_address: int | None = None
    quantum_ns: int | None = None
    single_chip: bool = False

    @classmethod
    def of(cls, comment: str) -> Statement:
        """Look for each value; one that no chip can have is as if it were not there."""
        name, frequency, hcn = _MODEL.search(comment), _FREQUENCY.search(comment), _HCN.search(comment)
        address, step = _ADDRESS.search(comment), _STEP.search(comment)
        hcn_value = _integer(hcn[1]) if hcn else 0
        address_value = _integer(address[1]) if address else 256
        return cls(
            model=_known_model(name[0]) if name else None,
            frequency_mhz=(float(frequency[1]) or None) if frequency else None,
            hash_counting_number=hcn_value if 1 <= hcn_value <= 0xFFFFFFFF else None,
            chip_address=address_value if address_value <= 255 else None,
            quantum_ns=(int(step[1]) * _NS[step[2].lower()] or None) if step else None,
            single_chip=_SINGLE_CHIP.search(comment) is not None,
        )

    def unknown(self) -> list[str]:
        """What it leaves open, in words."""
        values = {
            "the chip model": self.model,
            "the hash clock (MHz)": self.frequency_mhz,
            "HASH_COUNTING_NUMBER": self.hash_counting_number,
            "the chip address": self.chip_address,
            "the step of the stamps": self.quantum_ns,
        }
        return [name for name, value in values.items() if value is None]


def read_timed_headers(text: SourceText, context: ImportContext) -> Iterator[Batch]:
    """Batches of results, the settings first. Every job is a segment, its load at 0."""
    source = CsvSource(text, context)
    require_columns(source, context, COLUMNS)
    comment = " ".join(source.comments)
    stated = Statement.of(comment)
    model = stated.model or context.model
    context.clock = {
        "t_ns": "since the load of the job, as column t_ms states it",
        "stamped": "where the source was recorded, see the log",
        "quantum_ns": stated.quantum_ns,
    }
    context.segment_reason = "another job: its stamps count from its own load"
    if model is not None:
        context.identity = chip_line(
            context.source_name,
            model,
            chips=1 if stated.single_chip else 0,
            chip_address=stated.chip_address,
        )
    yield Batch(settings=_settings(stated), log=_said(comment, stated, context))
    table = ProofTable(
        context.required.target_of, model=model, chip_address=stated.chip_address, segment_per_job=True
    )
    with_difficulty = source.has("difficulty")
    yield from proof_batches(source, context, table, lambda row: _result(row, with_difficulty), _stamp)


def _said(comment: str, stated: Statement, context: ImportContext) -> list[str]:
    log = [f"comment of the source: {comment[:1000]}" if comment else "the source has no comment line"]
    if stated.model and context.model and stated.model is not context.model:
        log.append(f"--chip {context.model.name} is not used: the comment names the {stated.model.name}")
    unknown = [
        name for name in stated.unknown() if not (name == "the chip model" and context.model is not None)
    ]
    if unknown:
        log.append(f"not stated, therefore unknown: {', '.join(unknown)}")
    if stated.frequency_mhz is None or stated.hash_counting_number is None:
        log.append("without clock and HASH_COUNTING_NUMBER a rescan cannot be told from a proof sent twice")
    return log


def _settings(stated: Statement) -> list[Setting]:
    """As read back: the comment says what was in force, not what had been asked for."""
    values = {
        "frequency_mhz": stated.frequency_mhz,
        "hash_counting_number": stated.hash_counting_number,
    }
    return [Setting(0, name, None, float(value)) for name, value in values.items() if value is not None]


def _result(row: Row, with_difficulty: bool) -> Proof:
    header = Header.unpack(row.hex_bytes("header80_hex", HEADER_SIZE))
    nonce = int.from_bytes(row.hex_bytes("nonce_wire_hex", 4), "little")
    bits = row.hex_u32("version_bits_hex")
    if bits >> 16:
        raise BadField("version_bits_hex has more than 16 bits")
    remarks = []
    base, mask = header.version & ~BIP320_MASK, BIP320_MASK
    if header.version & BIP320_MASK != bits << 13:
        remarks.append("version_bits_hex is not in the header's version, which is taken as it stands")
        base, mask = header.version, 0
    if nonce != header.nonce:
        remarks.append("nonce_wire_hex is not the header's nonce; nonce_wire_hex is used")
    return Proof(
        work=Work(
            wire_id="",
            version=base,
            prev_hash=header.prev_hash,
            nbits=header.nbits,
            ntime=header.ntime,
            merkle_root=header.merkle_root,
            version_mask=mask,
        ),
        nonce=nonce,
        version=header.version,
        ntime=header.ntime,
        t_ns=_stamp(row),
        t_sent_ns=0,
        stated=row.difficulty("difficulty") if with_difficulty and row.has("difficulty") else None,
        stated_in="difficulty",
        remarks=remarks,
    )


def _stamp(row: Row) -> int:
    return row.time_ns("t_ms", ns_per_unit=1_000_000)


def _known_model(name: str) -> ChipModel | None:
    try:
        return model_by_name(name)
    except LocalProtocolError:
        return None


def _integer(digits: str) -> int:
    return int(digits, 16 if digits.lower().startswith("0x") else 10)
