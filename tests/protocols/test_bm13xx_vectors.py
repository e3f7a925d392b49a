"""Every published vector of the family, decoded to what is written beside it and encoded back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bm1387_vectors import BM1387_CHECKS

from firmware_protocols.bitcoin import (
    Header,
    difficulty_from_hash_value,
    hash_from_midstate,
    hash_value,
    target_from_zero_bits,
)
from firmware_protocols.bm13xx import (
    CLKI_HZ,
    ChainInactive,
    ChipModel,
    FullJob,
    MidstateJob,
    NonceResponse,
    ReadRegister,
    Register,
    RegisterResponse,
    ScanOrder,
    SetAddress,
    Temperature,
    WriteRegister,
    crc5,
    crc16,
    decode_command,
    decode_response,
    difficulty_from_ticket_mask,
    encode,
    excess_bits,
    header_of,
    job_header_candidates,
    job_header_of,
    model_by_name,
    nonce_fields,
    nonce_from_fields,
    pll_from_register,
    rolled_version,
    solve_pll,
    subcore_of,
    ticket_mask_register,
)

Entry = dict[str, Any]
LEFT_OUT = {"DS4432U"}
"""A voltage regulator, which has tests of its own."""
CHECKED = {
    "command": 94 + 13,
    "job_full": 24,
    "job_midstate": 8,
    "register": 27 + 6,
    "nonce": 170 + 34,
    "timed_nonce": 76,
    "midstate_solution": 1,
    "pll_solution": 19 + 7,
    "ticket_mask": 2 + 2,
}
PROOFS = 107 + 60 + 1 + 76 + 1 + 4
PROOFS_WITH_THEIR_JOB = 119


def test_every_vector_is_checked(bm13xx_vectors: Path) -> None:
    entries: list[Entry] = json.loads(bm13xx_vectors.read_text())
    by_name = {entry["name"]: entry for entry in entries}
    checked: Counter[str] = Counter()
    proofs = with_job = 0
    for entry in entries:
        if entry["chip"] in LEFT_OUT:
            checked["left out"] += 1
            continue
        kind = kind_of(entry["decode"])
        try:
            seen = (BM1387_CHECKS if entry["chip"] == "BM1387" else CHECKS)[kind](entry, by_name)
        except Exception as error:
            error.add_note(f"in vector {entry['name']}")
            raise
        unchecked = set(entry["decode"]) - seen
        assert not unchecked, (entry["name"], unchecked)
        checked[kind] += 1
        proofs += entry["decode"].get("pow_ok") is True
        with_job += entry["decode"].get("job_ref") in by_name
    assert len(by_name) == len(entries) == 485
    assert checked == {**CHECKED, "left out": 2}
    assert proofs == PROOFS
    assert with_job == PROOFS_WITH_THEIR_JOB


def kind_of(decoded: Entry) -> str:
    if "kind" in decoded:
        return str(decoded["kind"])
    if "cmd" in decoded:
        return "command"
    return {0: "register", 4: "nonce"}[decoded["type"]]


def check_command(entry: Entry, _: dict[str, Entry]) -> set[str]:
    model, raw, decoded = model_by_name(entry["chip"]), bytes.fromhex(entry["hex"]), entry["decode"]
    frame = decode_command(raw, model)
    assert encode(frame, model) == raw
    assert raw[3] == decoded["len"] == len(raw) - 2
    assert crc5(raw[2:-1]) == raw[-1] == decoded["crc5"]
    assert decoded["crc_ok"] is True
    address = None if decoded["broadcast"] else decoded["addr"]
    match decoded["cmd"]:
        case "write_reg":
            assert frame == WriteRegister(decoded["reg"], decoded["value"], address)
        case "read_reg":
            assert frame == ReadRegister(decoded["reg"], address)
        case "set_address":
            assert frame == SetAddress(decoded["addr"])
        case "chain_inactive":
            assert frame == ChainInactive()
        case unknown:
            pytest.fail(f"a command called {unknown}")
    if "pll" in decoded:
        assert decoded["reg"] == Register.PLL0
        check_pll(model, decoded["value"], decoded["pll"])
        assert solve_pll(model, decoded["pll"]["mhz"]).mhz == pytest.approx(decoded["pll"]["mhz"], abs=0.5)
    return {"cmd", "broadcast", "len", "addr", "reg", "value", "crc5", "crc_ok", "pll"}


def check_pll(model: ChipModel, value: int, expected: Entry) -> None:
    setting = pll_from_register(model, value)
    for name in ("fbdiv", "refdiv", "postdiv1", "postdiv2"):
        assert getattr(setting, name) == expected[name]
    assert setting.mhz == pytest.approx(expected["mhz"], abs=1e-6)
    assert setting.vco_mhz == expected["vco_mhz"]
    assert (setting.register >> 24 == model.pll.flag_high) is expected["vco_hi"]


def check_job(entry: Entry, _: dict[str, Entry]) -> set[str]:
    model, raw, decoded = model_by_name(entry["chip"]), bytes.fromhex(entry["hex"]), entry["decode"]
    job = decode_command(raw, model)
    assert isinstance(job, FullJob)
    assert encode(job, model) == raw
    assert crc16(raw[2:-2]) == int(decoded["crc16"], 16)
    assert decoded["crc_ok"] is True
    assert job.length_byte == decoded["len_byte"]
    assert job.job_header == decoded["job_header"]
    assert job.job_header >> 3 == decoded["job_id"]
    found = {
        "num_midstates": job.midstates,
        "starting_nonce": job.starting_nonce,
        "nbits": f"{job.nbits:08x}",
        "ntime": f"{job.ntime:08x}",
        "merkle_root_internal": job.merkle_root.hex(),
        "prev_hash_internal": job.prev_hash.hex(),
        "version": f"{job.version:08x}",
    }
    for name in found.keys() & decoded.keys():
        assert found[name] == decoded[name]
    return {"kind", "crc16", "crc_ok", "len_byte", "job_header", "job_id", *found}


def check_register(entry: Entry, _: dict[str, Entry]) -> set[str]:
    model, raw, decoded = model_by_name(entry["chip"]), bytes.fromhex(entry["hex"]), entry["decode"]
    frame = decode_response(raw, model)
    assert isinstance(frame, RegisterResponse)
    assert encode(frame, model, short=decoded.get("short_form", False)) == raw
    assert crc5(raw[2:]) == 0
    assert decoded["crc_ok"] is True
    assert raw[-1] >> 5 == decoded["type"] == 0
    assert (frame.value, frame.address, frame.register) == (decoded["value"], decoded["addr"], decoded["reg"])
    assert (len(raw) == 9) is decoded.get("short_form", False)
    if "extra" in decoded:
        assert frame.extra.hex() == decoded["extra"]
    if "temp_c" in decoded:
        assert frame.register == Register.TEMPERATURE
        assert Temperature.unpack(frame.value).celsius == pytest.approx(decoded["temp_c"], abs=6e-4)
    return {"type", "value", "addr", "reg", "extra", "crc_ok", "short_form", "temp_c"}


def check_nonce(entry: Entry, by_name: dict[str, Entry]) -> set[str]:
    model, raw, decoded = model_by_name(entry["chip"]), bytes.fromhex(entry["hex"]), entry["decode"]
    frame = decode_response(raw, model)
    assert isinstance(frame, NonceResponse)
    assert encode(frame, model) == raw
    assert crc5(raw[2:]) == 0
    assert decoded["crc_ok"] is True
    assert raw[-1] >> 5 == decoded["type"] == 4
    fields = nonce_fields(model, frame.nonce, frame.header)
    assert nonce_from_fields(model, fields.core, fields.counter25) == frame.nonce
    found = {
        "nonce_header_u32": f"{frame.nonce:08x}",
        "nonce_be": frame.nonce.to_bytes(4, "little").hex(),
        "core": fields.core,
        "subcore": fields.subcore,
        "counter25": fields.counter25,
        "sweep_counter18": fields.counter25 & 0x3FFFF,
        "chip_addr": fields.chip,
        "excess_bits": frame.midstate_or_excess,
        "result_header": frame.header,
        "version_bits": f"{frame.version_bits:04x}",
        "batch": ScanOrder(model, 500e6, 5000).batch_of(frame.version_bits),
        "job_id": job_header_of(model, frame.header) >> 3,
        "job_id4": job_header_of(model, frame.header) >> 3,
    }
    for name in found.keys() & decoded.keys():
        assert found[name] == decoded[name], name
    assert subcore_of(model, frame.header) == fields.subcore
    if decoded["pow_ok"] is not None:
        header = header_of(job_of(decoded, model, by_name), frame.nonce, frame.version_bits)
        rolled = rolled_version(0x20000000, frame.version_bits)
        assert Header.unpack(header).version == rolled == int(decoded["rolled_version"], 16)
        if (named := by_name.get(decoded["job_ref"])) is not None:
            assert named["decode"]["job_header"] in job_header_candidates(model, frame.header)
        zero_bits = check_proof(header, decoded)
        assert excess_bits(model, frame.midstate_or_excess) == zero_bits - 40
    return {"type", "crc_ok", "job_ref", "rolled_version", *PROOF_KEYS, *found}


def job_of(decoded: Entry, model: ChipModel, by_name: dict[str, Entry]) -> FullJob:
    """The job of a nonce: its own vector, or where that was not published, its own header."""
    if (entry := by_name.get(decoded["job_ref"])) is not None:
        job = decode_command(bytes.fromhex(entry["hex"]), model)
        assert isinstance(job, FullJob)
        return job
    of = Header.unpack(bytes.fromhex(decoded["header80"]))
    return FullJob(0, of.nbits, of.ntime, of.merkle_root, of.prev_hash, 0x20000000)


PROOF_KEYS = {"header80", "block_hash", "difficulty", "pow_ok"}


def check_proof(header: bytes, decoded: Entry) -> int:
    """Compare and hash the header; return its leading zero bits."""
    value = hash_value(header)
    assert header.hex() == decoded["header80"]
    assert f"{value:064x}" == decoded["block_hash"]
    assert difficulty_from_hash_value(value) == pytest.approx(decoded["difficulty"], abs=6e-4)
    assert (value <= target_from_zero_bits(40)) is decoded["pow_ok"] is True
    return 256 - value.bit_length()


def check_timed_nonce(entry: Entry, _: dict[str, Entry]) -> set[str]:
    model, decoded = model_by_name(entry["chip"]), entry["decode"]
    nonce, version_bits = (
        int.from_bytes(bytes.fromhex(entry["hex"]), "little"),
        int(decoded["version_bits"], 16),
    )
    order = ScanOrder(model, decoded["freq_mhz"] * 1e6, decoded["hcn"], chip_address=decoded["chip_addr"])
    fields = nonce_fields(model, nonce)
    assert f"{nonce:08x}" == decoded["nonce_header_u32"]
    assert fields.core == decoded["core"]
    assert fields.counter25 == decoded["counter25"]
    assert order.batch_of(version_bits) == decoded["batch"]
    assert order.position_of(nonce) == decoded["sweep_pos"]
    assert order.counter_at(decoded["sweep_pos"]) == decoded["counter25"]
    header = Header.unpack(bytes.fromhex(decoded["header80"]))
    assert header.nonce == nonce
    assert rolled_version(0x20000000, version_bits) == header.version == int(decoded["rolled_version"], 16)
    check_proof(header.pack(), decoded)
    expected_ms = 1e3 * (
        float(order.expected_s(nonce, version_bits)) + decoded["epoch"] * order.scan_period_s
    )
    assert expected_ms == pytest.approx(decoded["predicted_elapsed_ms"], abs=1e-3)
    assert decoded["elapsed_ms"] == decoded["arrival_log_ms"] - decoded["job_log_ms"]
    assert abs(decoded["elapsed_ms"] - expected_ms) < decoded["log_quantum_ms"]
    return {
        *("kind", "note", "freq_mhz", "hcn", "chip_addr", "job_log_ms", "arrival_log_ms", "log_quantum_ms"),
        *("elapsed_ms", "predicted_elapsed_ms", "version_bits", "batch", "epoch", "core", "counter25"),
        *("sweep_pos", "rolled_version", "nonce_header_u32", *PROOF_KEYS),
    }


def check_midstate_solution(entry: Entry, _: dict[str, Entry]) -> set[str]:
    model, decoded = model_by_name(entry["chip"]), entry["decode"]
    wire = {
        name: bytes.fromhex(decoded[f"{name}_wire"]) for name in ("nbits", "ntime", "merkle_tail", "midstate")
    }
    index = decoded["midstate_idx"]
    states = [bytes(32)] * index + [wire["midstate"]] + [bytes(32)] * (3 - index)
    body = bytes((0x21, 0x96, decoded["job_header"], 4)) + bytes(4)
    body += wire["nbits"] + wire["ntime"] + wire["merkle_tail"] + b"".join(states)
    job = decode_command(b"\x55\xaa" + body + crc16(body).to_bytes(2, "big"), model)
    assert isinstance(job, MidstateJob)
    assert encode(job, model)[2:-2] == body
    assert decoded["midstate_wire_order"].startswith("wordrev")
    response = NonceResponse(int(decoded["nonce_header_u32"], 16), 0, decoded["job_header"] | index)
    raw = encode(response, model)
    assert raw[2:6] == bytes.fromhex(entry["hex"])
    back = decode_response(raw, model)
    assert back == response
    assert job_header_of(model, response.header) == job.job_header
    assert subcore_of(model, response.header) == index
    nonce = response.nonce.to_bytes(4, "little")
    tail = job.merkle_tail + job.ntime.to_bytes(4, "little") + job.nbits.to_bytes(4, "little") + nonce
    assert tail.hex() == decoded["header_tail"]
    value = int.from_bytes(hash_from_midstate(job.midstates[index], tail), "little")
    assert f"{value:064x}" == decoded["block_hash"]
    assert difficulty_from_hash_value(value) == pytest.approx(decoded["difficulty"], abs=6e-4)
    assert (value <= target_from_zero_bits(40)) is decoded["pow_ok"] is True
    return {
        *("kind", "job_header", "midstate_idx", "nbits_wire", "ntime_wire", "merkle_tail_wire"),
        *("midstate_wire", "midstate_wire_order", "header_tail", "nonce_header_u32", *PROOF_KEYS),
    }


def check_pll_solution(entry: Entry, _: dict[str, Entry]) -> set[str]:
    model, decoded = model_by_name(entry["chip"]), entry["decode"]
    value = int.from_bytes(bytes.fromhex(entry["hex"]), "big")
    assert decoded["reg"] == Register.PLL0
    check_pll(model, value, decoded)
    assert solve_pll(model, decoded["target_mhz"]) == pll_from_register(model, value)
    assert CLKI_HZ == 25_000_000
    return {
        *("kind", "target_mhz", "reg", "fbdiv", "refdiv", "postdiv1", "postdiv2", "mhz", "vco_mhz", "vco_hi"),
    }


def check_ticket_mask(entry: Entry, _: dict[str, Entry]) -> set[str]:
    decoded = entry["decode"]
    value = int.from_bytes(bytes.fromhex(entry["hex"]), "big")
    assert value == ticket_mask_register(decoded["difficulty"])
    assert value == decoded["value"]
    assert difficulty_from_ticket_mask(value) - 1 == decoded["mask"]
    return {"kind", "difficulty", "mask", "value"}


CHECKS: dict[str, Callable[[Entry, dict[str, Entry]], set[str]]] = {
    "command": check_command,
    "job_full": check_job,
    "register": check_register,
    "nonce": check_nonce,
    "timed_nonce": check_timed_nonce,
    "midstate_solution": check_midstate_solution,
    "pll_solution": check_pll_solution,
    "ticket_mask": check_ticket_mask,
}
