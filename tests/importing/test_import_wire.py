"""Dumps of a chip line: made here from a known block, and the recording of a real S19k Pro."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import process_time

import pytest
from public_blocks import BLOCK_1, BLOCK_170, PublicBlock

from asicrc.capture import load, verify
from asicrc.errors import BadFile, UsageError
from asicrc.importing import import_file, recognise
from firmware_protocols.bm13xx import (
    ChipId,
    FullJob,
    NonceResponse,
    ReadRegister,
    Register,
    RegisterResponse,
    ScanOrder,
    WriteRegister,
    encode,
    model_by_name,
    solve_pll,
    ticket_mask_register,
)
from firmware_protocols.bm13xx.frames import Command, Response
from firmware_protocols.device import NO_TIME, Direction, Duplicate, Reason, Verdict

BM1366 = model_by_name("BM1366")
CHIP_ID = RegisterResponse(ChipId(0x1366, 0, 0).pack(), 0, Register.CHIP_ID, b"\0\0")


def line(way: str, frame: Command | Response) -> str:
    return f"{way} {encode(frame, BM1366).hex()}"


def job(block: PublicBlock, job_header: int = 0x08) -> FullJob:
    header = block.header
    return FullJob(
        job_header=job_header,
        nbits=header.nbits,
        ntime=header.ntime,
        merkle_root=header.merkle_root,
        prev_hash=header.prev_hash,
        version=header.version,
    )


def nonce(block: PublicBlock, job_header: int = 0x08, version_bits: int = 0) -> NonceResponse:
    return NonceResponse(block.nonce, 0, job_header, version_bits)


START = [
    line("tx", ReadRegister(Register.CHIP_ID)),
    line("rx", CHIP_ID),
    line("tx", WriteRegister(Register.TICKET_MASK, ticket_mask_register(1))),
    line("tx", WriteRegister(Register.PLL0, solve_pll(BM1366, 62.5).register)),
    line("tx", WriteRegister(Register.PLL0, solve_pll(BM1366, 400.0).register)),
    line("tx", WriteRegister(Register.HASH_COUNTING_NUMBER, 0x1000)),
]


def write(folder: Path, lines: list[str]) -> Path:
    source = folder / "dump"
    source.write_text("\n".join(lines) + "\n")
    return source


def test_nonces_find_their_jobs(tmp_path: Path) -> None:
    damaged = bytearray(encode(job(BLOCK_170, 0x10), BM1366))
    damaged[40] ^= 1
    lines = [
        *START,
        line("tx", job(BLOCK_1)),
        line("rx", nonce(BLOCK_1)),
        line("rx", nonce(BLOCK_1)),
        line("rx", nonce(BLOCK_170)),
        line("rx", nonce(BLOCK_170, 0x10)),
        f"tx {damaged.hex()}",
        line("rx", nonce(BLOCK_170, 0x10)),
        line("tx", job(BLOCK_170)),
        line("rx", nonce(BLOCK_170)),
        line("tx", replace(job(BLOCK_170), prev_hash=bytes(32))),
        line("rx", nonce(BLOCK_170)),
    ]
    source, output = write(tmp_path, lines), tmp_path / "out.asicrc"
    report = import_file(source, output).as_json()
    assert recognise(source) == report["format"] == "wire-dump"
    assert (report["events"], report["valid"], report["duplicate"]) == (7, 3, 1)
    assert (report["low"], report["stale"], report["unknown_job"]) == (1, 1, 2)
    assert report["reasons"] == {"no_job": 1, "damaged_job": 1, "does_not_hash": 1, "earlier_job": 1}
    assert (report["frames"], report["damaged_frames"]) == (8, 0)
    assert report["required_difficulty"] == {
        "difficulty": 1.0,
        "source": "ticket mask on the wire",
        "zero_bits": 32,
    }
    assert verify(output).ok
    with load(output) as capture:
        assert (capture.events()["t_ns"] == NO_TIME).all()
        wire = list(capture.wire())
        assert [encode(CHIP_ID, BM1366) == chunk.data for chunk in wire[:2]] == [False, True]
        assert b"".join(c.data for c in wire) == bytes.fromhex("".join(text.split()[1] for text in lines))
        # what is in force when work begins, without the steps of the ramp
        assert [(s.name, s.read_back, s.kind) for s in capture.settings()] == [
            ("frequency_mhz", 400.0, "set"),
            ("difficulty", 1.0, "set"),
            ("hash_counting_number", 4096.0, "set"),
        ]
        identity = capture.meta["identity"]
        assert (identity["model"], identity["chips"], identity["chip_ids"]) == ("BM1366", 1, [0x13660000])
        assert identity["details"]["zero_bits"] == 32
        assert capture.meta["wire_counters"]["frames"] == 8


def test_times_and_forms_of_a_line(tmp_path: Path) -> None:
    answer = encode(nonce(BLOCK_1), BM1366).hex()
    spaced = " ".join(answer[i : i + 2] for i in range(0, len(answer), 2)).upper()
    lines = [
        *START,
        "",
        "# sent",
        f"0.5 {line('TX', job(BLOCK_1))}",
        f"1.000000001 RX: {spaced}",
        f"2000000000 rx {answer}",
        f"[3s] {answer}",
        f"4000ms {spaced}",
        spaced,
    ]
    report = import_file(write(tmp_path, lines), tmp_path / "out.asicrc").as_json()
    assert (report["events"], report["valid"], report["malformed"]) == (5, 5, 0)
    with load(tmp_path / "out.asicrc") as capture:
        events = capture.events()
        assert events["t_ns"].tolist() == [
            1_000_000_001,
            2_000_000_000,
            3_000_000_000,
            4_000_000_000,
            NO_TIME,
        ]
        assert set(events["t_sent_ns"].tolist()) == {500_000_000}
        assert [chunk.direction for chunk in capture.wire()][-3:] == [Direction.RX] * 3
        assert any("lines have no time" in entry.text for entry in capture.log())


def test_frames_may_be_split_over_lines(tmp_path: Path) -> None:
    sent, heard = encode(job(BLOCK_1), BM1366).hex(), encode(nonce(BLOCK_1), BM1366).hex()
    lines = [*START, f"tx {sent[:50]}", f"tx {sent[50:]}", f"rx {heard[:8]}", "tx 00", f"rx {heard[8:]}"]
    report = import_file(write(tmp_path, lines), tmp_path / "out.asicrc").as_json()
    assert (report["events"], report["valid"]) == (1, 1)


def test_a_line_that_cannot_be_read_is_a_malformed_event(tmp_path: Path) -> None:
    bad = ["rx 55a", "rx", "rx xyz", "hello", "1.2.3 rx aa55", "0x55aa", "99999999999999999999 rx aa"]
    lines = [*START, line("tx", job(BLOCK_1)), *bad, line("rx", nonce(BLOCK_1))]
    report = import_file(write(tmp_path, lines), tmp_path / "out.asicrc").as_json()
    assert (report["events"], report["valid"], report["malformed"]) == (len(bad) + 1, 1, len(bad))
    with load(tmp_path / "out.asicrc") as capture:
        events = capture.events()
        assert (events["verdict"][:-1] == Verdict.MALFORMED).all()
        assert (events["reason"][:-1] == Reason.BAD_FIELDS).all()
        warned = [entry.text for entry in capture.log() if entry.level == "warning"]
        assert [text.split(":")[0] for text in warned] == [f"line {8 + i}" for i in range(len(bad))]
    assert verify(tmp_path / "out.asicrc").ok


def test_chips_with_clocks_of_their_own_have_no_common_one(tmp_path: Path) -> None:
    lines = [
        *START,
        line("tx", job(BLOCK_1)),
        line("tx", WriteRegister(Register.PLL0, solve_pll(BM1366, 425.0).register, 2)),
    ]
    import_file(write(tmp_path, lines), tmp_path / "out.asicrc")
    with load(tmp_path / "out.asicrc") as capture:
        last = {s.name: s.read_back for s in capture.settings()}
    assert last["frequency_mhz"] is None
    assert (last["frequency_mhz_lowest"], last["frequency_mhz_highest"]) == (400.0, 425.0)


def test_a_clock_that_is_none_is_unknown(tmp_path: Path) -> None:
    lines = [
        *START,
        line("tx", job(BLOCK_1)),
        line("tx", WriteRegister(Register.PLL0, 0)),
        line("tx", job(BLOCK_1)),
        line("tx", WriteRegister(Register.PLL0, solve_pll(BM1366, 425.0).register)),
    ]
    import_file(write(tmp_path, lines), tmp_path / "out.asicrc")
    with load(tmp_path / "out.asicrc") as capture:
        clocks = [s.read_back for s in capture.settings() if s.name == "frequency_mhz"]
        assert clocks == [400.0, None, 425.0]
        assert [entry.text[:40] for entry in capture.log() if entry.level == "warning"] == [
            "line 8: the clock is not known from here"
        ]


def test_a_rescan_on_a_timed_line(tmp_path: Path) -> None:
    period_s = ScanOrder(BM1366, 400e6, 0x1000).scan_period_s
    again = [10.0, 10.2, 10.0 + period_s, 10.0 + 3 * period_s]
    lines = [*START, "9.0 " + line("tx", job(BLOCK_1))]
    lines += [f"{t_s:.9f} " + line("rx", nonce(BLOCK_1)) for t_s in again]
    import_file(write(tmp_path, lines), tmp_path / "out.asicrc")
    assert verify(tmp_path / "out.asicrc").ok
    with load(tmp_path / "out.asicrc") as capture:
        assert capture.events()["duplicate_reason"].tolist() == [
            Duplicate.NONE,
            Duplicate.RESENT,
            Duplicate.RESCAN,
            Duplicate.RESCAN,
        ]
        assert capture.meta["scan_period_ns"] == pytest.approx(period_s * 1e9, abs=1)


def test_chips_that_say_different_things_and_lines_without_end(tmp_path: Path) -> None:
    other = RegisterResponse(ChipId(0x1370, 0, 0).pack(), 0, Register.CHIP_ID, b"\0\0")
    nobody = RegisterResponse(ChipId(0x4242, 0, 0).pack(), 0, Register.CHIP_ID, b"\0\0")
    lines = [line("rx", nobody), line("rx", CHIP_ID), line("rx", other), "rx " + "00" * 200_000]
    report = import_file(write(tmp_path, lines), tmp_path / "out.asicrc").as_json()
    assert (report["events"], report["malformed"]) == (1, 1)
    with load(tmp_path / "out.asicrc") as capture:
        assert [entry.text for entry in capture.log() if entry.level == "warning"] == [
            "line 3: by here a chip has answered as chip id 4242; read as a BM1366",
            "line 3: by here a chip has answered as BM1370; read as a BM1366",
            "line 4: the line is longer than 256 KiB",
        ]
        assert capture.meta["identity"]["chips"] == 3


def test_the_model_comes_from_the_chip_then_from_the_user(tmp_path: Path) -> None:
    silent = [one for one in START if one != START[1]] + [
        line("tx", job(BLOCK_1)),
        line("rx", nonce(BLOCK_1)),
    ]
    source = write(tmp_path, silent)
    with pytest.raises(BadFile) as found:
        import_file(source, tmp_path / "out.asicrc")
    assert found.value.hint == "name it with --chip: BM1362, BM1366, BM1368, BM1370"
    with pytest.raises(BadFile, match="midstates"):
        import_file(source, tmp_path / "out.asicrc", chip="BM1397")
    with pytest.raises(UsageError, match="BM9999"):
        import_file(source, tmp_path / "out.asicrc", chip="BM9999")
    assert import_file(source, tmp_path / "1.asicrc", chip="bm1366").as_json()["valid"] == 1
    speaking = write(tmp_path, [*START, line("tx", job(BLOCK_1))])
    import_file(speaking, tmp_path / "2.asicrc", chip="BM1370")
    with load(tmp_path / "2.asicrc") as capture:
        assert capture.meta["identity"]["model"] == "BM1366"
        assert any("--chip BM1370 is not used" in entry.text for entry in capture.log())
    assert not (tmp_path / "out.asicrc").exists()


def test_a_chip_that_takes_midstates_is_recognised_and_refused(tmp_path: Path) -> None:
    answer = RegisterResponse(ChipId(0x1397, 0, 0).pack(), 0, Register.CHIP_ID)
    source = write(tmp_path, [f"rx {encode(answer, model_by_name('BM1397')).hex()}"])
    with pytest.raises(BadFile, match="the line of a BM1397, whose jobs are midstates") as found:
        import_file(source, tmp_path / "out.asicrc")
    assert found.value.hint == "dumps of BM1362, BM1366, BM1368, BM1370 are read"


def test_without_a_ticket_mask_the_option_counts(tmp_path: Path) -> None:
    lines = [START[1], line("tx", job(BLOCK_1)), line("rx", nonce(BLOCK_1))]
    source = write(tmp_path, lines)
    easy = import_file(source, tmp_path / "1.asicrc").as_json()
    assert (easy["valid"], easy["required_difficulty"]) == (1, {"difficulty": 1.0, "source": "default"})
    hard = import_file(source, tmp_path / "2.asicrc", difficulty=2).as_json()
    assert (hard["low"], hard["reasons"]) == (1, {"below_target": 1})
    masked = write(tmp_path, [*START, *lines[1:]])
    seen = import_file(masked, tmp_path / "3.asicrc", difficulty=2).as_json()
    assert (seen["valid"], seen["required_difficulty"]["source"]) == (1, "ticket mask on the wire")


def test_a_ticket_mask_that_is_none(tmp_path: Path) -> None:
    lines = [*START, line("tx", WriteRegister(Register.TICKET_MASK, 0x5A)), line("tx", job(BLOCK_1))]
    with pytest.raises(BadFile, match="line 7 sets a ticket mask"):
        import_file(write(tmp_path, lines), tmp_path / "out.asicrc")
    assert [p.name for p in tmp_path.iterdir()] == ["dump"]


def test_a_real_s19k_pro(tmp_path: Path, published: Callable[[str], Path]) -> None:
    source, output = published("s19kpro_bm1366_wire.txt"), tmp_path / "out.asicrc"
    start = process_time()
    report = import_file(source, output).as_json()
    assert process_time() - start < 20, "some 0.7 s where nobody takes this machine's time"
    assert (report["events"], report["valid"], report["stale"], report["malformed"]) == (13824, 13460, 0, 0)
    assert report["reasons"] == {"no_job": 75, "damaged_job": 223, "does_not_hash": 66}
    assert (report["unknown_job"], report["low"], report["duplicate"]) == (298, 66, 0)
    assert (report["frames"], report["damaged_frames"]) == (13824 + 77, 0)
    assert report["required_difficulty"] == {
        "difficulty": 256.0,
        "source": "ticket mask on the wire",
        "zero_bits": 40,
    }
    assert 255.9 < report["min_difficulty"] < 256
    assert verify(output).ok
    with load(output) as capture:
        events, jobs = capture.events(), capture.jobs()
        assert (len(jobs), sum(job.damaged for job in jobs)) == (199, 3)
        assert (events["t_ns"] == NO_TIME).all()
        valid = events[events["verdict"] == Verdict.VALID]
        assert set(valid["core"].tolist()) == set(range(112))
        assert set(valid["chip"].tolist()) == set(range(0, 154, 2))
        identity = capture.meta["identity"]
        assert (identity["model"], identity["chips"]) == ("BM1366", 77)
        last = {s.name: s.read_back for s in capture.settings()}
        assert (last["difficulty"], last["hash_counting_number"]) == (256.0, float(0x115A))
        assert last["frequency_mhz"] is None
        assert (last["frequency_mhz_lowest"], last["frequency_mhz_highest"]) == (570.0, 593.75)
