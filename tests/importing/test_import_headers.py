"""Proofs that state their header, and timed results of one chip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from public_blocks import BLOCK_1, BLOCK_170, PublicBlock, as_csv, swapped

from asicrc.capture import load, verify
from asicrc.errors import BadFile
from asicrc.importing import import_file, recognise
from firmware_protocols.bm13xx import ScanOrder, model_by_name
from firmware_protocols.device import Duplicate, Reason

COMMENT = (
    "# BM1366 on a single-chip Bitaxe, 550 MHz, HASH_COUNTING_NUMBER 0xFFFFF, chip address 0x00, one job; "
    "stamped by the board in 10 ms steps"
)


def proof(block: PublicBlock, **changed: str) -> dict[str, str]:
    row = {
        "job_id": "7",
        "job_sent_at": "1700000000.25",
        "share_received_at": "1700000001.5",
        "worker_name": "somebody",
        "extranonce1": block.extranonce1,
        "extranonce2": block.extranonce2,
        "coinb1": block.coinbase1,
        "coinb2": block.coinbase2,
        "merkle_branch": "[" + ",".join(f'"{one.hex()}"' for one in block.branch) + "]",
        "prevhash": swapped(block.prev_hash).hex(),
        "ntime": f"{block.ntime:08x}",
        "nonce": f"{block.nonce:08x}",
        "version_bits": "00000000",
        "version_used": str(block.version),
        "nbits": str(block.nbits),
        "block_header_hex": block.header.pack().hex(),
        "target_hex": "00000000ffff" + "00" * 26,
    }
    return {**row, **changed}


def timed(block: PublicBlock, t_ms: str, **changed: str) -> dict[str, str]:
    header = block.header.pack()
    row = {
        "t_ms": t_ms,
        "nonce_wire_hex": header[76:].hex(),
        "version_bits_hex": "0000",
        "header80_hex": header.hex(),
    }
    return {**row, **changed}


def test_proofs_are_rebuilt_from_their_fields(tmp_path: Path) -> None:
    source = tmp_path / "x"
    source.write_text(as_csv([proof(BLOCK_1), proof(BLOCK_170)]))
    report = import_file(source, tmp_path / "out.asicrc", difficulty=100.0).as_json()
    assert recognise(source) == "header-proofs"
    assert (report["events"], report["valid"]) == (2, 2)
    assert report["required_difficulty"] == {"difficulty": 1.0, "source": "column target_hex"}
    assert verify(tmp_path / "out.asicrc").ok
    with load(tmp_path / "out.asicrc") as capture:
        events = capture.events()
        assert (events["t_ns"] - events["t_sent_ns"]).tolist() == [1_250_000_000] * 2
        assert all(job.merkle_root is None for job in capture.jobs())
        assert capture.jobs()[0].target == 0xFFFF << 208
        assert [line.text for line in capture.log()] == [
            "--difficulty 100 is not used: column target_hex states what is required"
        ]
    assert b"somebody" not in (tmp_path / "out.asicrc").read_bytes()


def test_a_stated_header_is_not_believed(tmp_path: Path) -> None:
    """The header is a block; the fields beside it are not."""
    source = tmp_path / "x"
    source.write_text(as_csv([proof(BLOCK_1, nonce="00000001"), proof(BLOCK_1, extranonce2="05")]))
    report = import_file(source, tmp_path / "out.asicrc").as_json()
    assert (report["valid"], report["low"]) == (0, 2)
    assert report["reasons"] == {"does_not_hash": 2}
    with load(tmp_path / "out.asicrc") as capture:
        assert [line.text for line in capture.log()] == [
            "line 2: block_header_hex and the fields differ in nonce; the fields are used",
            "line 3: block_header_hex and the fields differ in merkle_root; the fields are used",
        ]


@pytest.mark.parametrize("prev_hash", ["prevhash", "medical_merkle_root", "block_header_hex"])
@pytest.mark.parametrize("bits", [None, "00000000", "00000001"])
def test_optional_columns(tmp_path: Path, prev_hash: str, bits: str | None) -> None:
    row = proof(BLOCK_1)
    for name in ("job_id", "job_sent_at", "merkle_branch", "target_hex", "version_bits", "prevhash"):
        del row[name]
    row |= {"version_bits": bits} if bits else {}
    if prev_hash == "prevhash":
        row["prevhash"] = swapped(BLOCK_1.prev_hash).hex()
    elif prev_hash == "medical_merkle_root":
        row["medical_merkle_root"] = BLOCK_1.prev_hash.hex()
    source = tmp_path / "x"
    source.write_text(as_csv([row]))
    report = import_file(source, tmp_path / "out.asicrc").as_json()
    assert (report["valid"], report["required_difficulty"]["source"]) == (1, "default")
    with load(tmp_path / "out.asicrc") as capture:
        assert capture.log() == []
        job = capture.jobs()[0]
        assert (job.version, job.version_mask) == {
            None: (1, 0),
            "00000000": (1, 0x1FFFE000),
            "00000001": (0, 1),
        }[bits]


@pytest.mark.parametrize(
    "changed",
    [
        {"version_used": "4294967296"},
        {"version_bits": "00002000"},
        {"target_hex": "0"},
        {"block_header_hex": "00"},
        {"job_sent_at": "1700000002"},
    ],
)
def test_fields_out_of_range(tmp_path: Path, changed: dict[str, str]) -> None:
    source = tmp_path / "x"
    source.write_text(as_csv([proof(BLOCK_1), proof(BLOCK_1, **changed)]))
    report = import_file(source, tmp_path / "out.asicrc").as_json()
    assert (report["valid"], report["malformed"]) == (1, 1)


def test_a_real_lv06(tmp_path: Path, published: Callable[[str], Path]) -> None:
    report = import_file(published("lv06_proofs_v10.csv"), tmp_path / "out.asicrc").as_json()
    assert (report["events"], report["valid"], report["malformed"]) == (32, 32, 0)
    assert round(report["min_difficulty"]) == 289
    assert report["required_difficulty"] == {"difficulty": 0.08, "source": "column target_hex"}
    assert verify(tmp_path / "out.asicrc").ok
    with load(tmp_path / "out.asicrc") as capture:
        assert capture.log() == []  # every stated header is the rebuilt one
        events = capture.events()
        assert {job.version for job in capture.jobs()} == {0x20000000}
        assert len(np.unique(events["version"])) == 32
        intervals = np.diff(np.sort(events["t_ns"]))
        assert intervals.std(ddof=1) / intervals.mean() == pytest.approx(0.98, abs=0.03)
    assert b"chimera" not in (tmp_path / "out.asicrc").read_bytes()


def test_a_rescan_is_told_from_a_proof_sent_twice(tmp_path: Path) -> None:
    period_ms = ScanOrder(model_by_name("BM1366"), 550e6, 0xFFFFF).scan_period_s * 1e3
    rows = [timed(BLOCK_1, "590"), timed(BLOCK_1, "600"), timed(BLOCK_1, f"{590 + period_ms:.0f}")]
    source = tmp_path / "x"
    source.write_text(as_csv(rows, comment=COMMENT))
    report = import_file(source, tmp_path / "out.asicrc").as_json()
    assert (report["format"], report["valid"], report["duplicate"]) == ("timed-headers", 3, 2)
    assert verify(tmp_path / "out.asicrc").ok
    with load(tmp_path / "out.asicrc") as capture:
        events = capture.events()
        assert events["duplicate_reason"].tolist() == [Duplicate.NONE, Duplicate.RESENT, Duplicate.RESCAN]
        assert events["t_ns"].tolist()[:2] == [590_000_000, 600_000_000]
        assert events["t_sent_ns"].tolist() == [0, 0, 0]
        assert events["chip"].tolist() == [0, 0, 0]
        assert [job.sent_ns for job in capture.jobs()] == [0]
        assert {s.name: s.read_back for s in capture.settings()} == {
            "frequency_mhz": 550.0,
            "hash_counting_number": float(0xFFFFF),
        }
        assert capture.meta["clock"]["quantum_ns"] == 10_000_000
        identity = capture.meta["identity"]
        assert (identity["family"], identity["model"], identity["chips"]) == ("bm13xx", "BM1366", 1)
        assert identity["details"]["chip_address"] == 0


def test_without_its_comment_it_says_what_is_unknown(tmp_path: Path) -> None:
    source = tmp_path / "x"
    source.write_text(as_csv([timed(BLOCK_1, "590"), timed(BLOCK_1, "687830")]))
    report = import_file(source, tmp_path / "out.asicrc", chip="bm1366").as_json()
    assert (report["valid"], report["duplicate"]) == (2, 1)
    with load(tmp_path / "out.asicrc") as capture:
        assert capture.events()["duplicate_reason"].tolist() == [Duplicate.NONE, Duplicate.RESENT]
        assert capture.events()["chip"].tolist() == [-1, -1]
        assert capture.settings() == []
        assert capture.meta["identity"]["model"] == "BM1366"
        assert capture.meta["clock"]["quantum_ns"] is None
        text = " ".join(line.text for line in capture.log())
    assert "no comment line" in text
    for unknown in ("MHz", "HASH_COUNTING_NUMBER", "chip address", "step of the stamps", "rescan"):
        assert unknown in text
    assert "chip model" not in text


def test_a_comment_that_says_other_things(tmp_path: Path) -> None:
    source = tmp_path / "x"
    comment = "# BM1999, 0 MHz, HASH_COUNTING_NUMBER 0, chip address 999, in 0 ms steps"
    source.write_text(as_csv([timed(BLOCK_1, "590")], comment=comment))
    assert import_file(source, tmp_path / "1.asicrc").as_json()["valid"] == 1
    with load(tmp_path / "1.asicrc") as capture:
        assert capture.settings() == [] and capture.meta["identity"]["model"] == "unknown"
        assert "the chip model, the hash clock (MHz), HASH_COUNTING_NUMBER" in capture.log()[1].text
    source.write_text(as_csv([timed(BLOCK_1, "590")], comment=COMMENT))
    import_file(source, tmp_path / "2.asicrc", chip="BM1370")
    with load(tmp_path / "2.asicrc") as capture:
        assert capture.meta["identity"]["model"] == "BM1366"
        assert any("--chip BM1370 is not used" in entry.text for entry in capture.log())


def test_jobs_are_headers_without_nonce_and_rolled_bits(tmp_path: Path) -> None:
    rows = [timed(BLOCK_1, "1"), timed(BLOCK_170, "1"), timed(BLOCK_1, "2")]
    # rolled bits that are in the header: the same job, though it does not hash
    header = bytearray(BLOCK_1.header.pack())
    header[:4] = (1 | 0x003E << 13).to_bytes(4, "little")
    rows.append(timed(BLOCK_1, "3", header80_hex=header.hex(), version_bits_hex="003e"))
    rows.append(timed(BLOCK_1, "4", version_bits_hex="003e"))  # not in the header
    rows.append(timed(BLOCK_1, "5", nonce_wire_hex="00000000"))
    rows.append(timed(BLOCK_1, "6", version_bits_hex="1003e"))
    source = tmp_path / "x"
    source.write_text(as_csv(rows, comment=COMMENT))
    report = import_file(source, tmp_path / "out.asicrc").as_json()
    assert (report["valid"], report["low"], report["malformed"]) == (4, 2, 1)
    with load(tmp_path / "out.asicrc") as capture:
        events = capture.events()
        assert events["job"].tolist() == [1, 2, 1, 1, 3, 1, 0]
        # stamps of different jobs count from different loads
        assert events["segment"].tolist() == [0, 1, 0, 0, 2, 0, 0]
        assert len(capture.segments()) == 3
        assert events["reason"][3] == events["reason"][5] == Reason.DOES_NOT_HASH
        warnings = [line.text for line in capture.log() if line.level == "warning"]
    assert [text.split(":")[0] for text in warnings] == ["line 7", "line 8", "line 9"]


@pytest.mark.parametrize(
    ("first", "second", "source_of_requirement"),
    [("1.9452", "1.2244", "default"), ("1.945", "1.2", "default"), ("1.9453", "1.2245", "column difficulty")],
)
def test_a_difficulty_column_may_state_what_was_reached(
    tmp_path: Path, first: str, second: str, source_of_requirement: str
) -> None:
    source = tmp_path / "x"
    rows = [timed(BLOCK_1, "1", difficulty=first), timed(BLOCK_170, "1", difficulty=second)]
    source.write_text(as_csv(rows, comment=COMMENT))
    report = import_file(source, tmp_path / "out.asicrc").as_json()
    assert report["required_difficulty"]["source"] == source_of_requirement
    assert report["valid"] == (2 if source_of_requirement == "default" else 0)


def test_a_real_bitaxe(tmp_path: Path, published: Callable[[str], Path]) -> None:
    report = import_file(published("bitaxe_bm1366_timed_addr00.csv"), tmp_path / "out.asicrc").as_json()
    assert (report["events"], report["valid"], report["duplicate"]) == (60, 60, 3)
    assert report["required_difficulty"] == {"difficulty": 1.0, "source": "default"}
    assert verify(tmp_path / "out.asicrc").ok
    with load(tmp_path / "out.asicrc") as capture:
        events = capture.events()
        assert events["duplicate_reason"].tolist() == [0] * 57 + [Duplicate.RESCAN] * 3
        assert len(capture.jobs()) == 1 and capture.jobs()[0].version == 0x20000000
        assert any("difficulty that each proof reached (60 of the first 60" in x.text for x in capture.log())
        # the stamps follow the scan order to their own step
        order = ScanOrder(model_by_name("BM1366"), 550e6, 0xFFFFF)
        due_s = order.expected_s(events["nonce"], events["version"] >> 13 & 0xFFFF)
        residual_s = events["t_ns"] / 1e9 - due_s
        residual_s -= np.round(residual_s / order.scan_period_s) * order.scan_period_s
        assert np.std(residual_s) < 4e-3


def test_columns_without_rows(tmp_path: Path) -> None:
    source = tmp_path / "x"
    source.write_text(as_csv([timed(BLOCK_1, "1")], comment=COMMENT).split("\n1,")[0] + "\n")
    with pytest.raises(BadFile, match="holds no rows"):
        import_file(source, tmp_path / "out.asicrc")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
