"""What the published BM1387 vectors are checked for: frames of an S9 test bench and of one owner's miner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from firmware_protocols.bitcoin import difficulty_from_hash_value, hash_from_midstate
from firmware_protocols.bm13xx import (
    MODELS,
    ChainInactive,
    ChipId,
    MidstateJob,
    MiscControl,
    NonceResponse,
    ReadRegister,
    RegisterResponse,
    SetAddress,
    WriteRegister,
    baud_from_register,
    crc5,
    crc16,
    decode_command,
    decode_response,
    difficulty_from_ticket_mask,
    encode,
    is_open_core,
    job_header_of,
    midstate_variant,
    nonce_fields,
    nonce_from_fields,
    open_core_job,
    pll_from_register,
    solve_pll,
    subcore_of,
    ticket_mask_register,
)

Entry = dict[str, Any]
MODEL = MODELS["BM1387"]
LOCKED = 0x80000000


def check_command(entry: Entry, _: dict[str, Entry]) -> set[str]:
    raw, decoded = bytes.fromhex(entry["hex"]), entry["decode"]
    frame = decode_command(raw, MODEL)
    assert encode(frame, MODEL) == raw
    assert raw[1] == decoded["len"] == len(raw)
    assert crc5(raw[:-1]) == raw[-1]
    assert decoded["crc_ok"] is True
    address = None if decoded["broadcast"] else decoded["addr"]
    match decoded["cmd"]:
        case "set_config":
            assert frame == WriteRegister(decoded["reg"], decoded["value"], address)
            check_config(frame, decoded)
        case "get_status":
            assert frame == ReadRegister(decoded["reg"], address)
        case "set_address":
            assert frame == SetAddress(decoded["addr"])
        case "chain_inactive":
            assert frame == ChainInactive()
        case unknown:
            pytest.fail(f"a command called {unknown}")
    return {"cmd", "broadcast", "len", "addr", "reg", "value", "crc_ok", "pll"}


def check_config(frame: WriteRegister, decoded: Entry) -> None:
    if "pll" in decoded:
        assert frame.register == MODEL.registers.pll0
        check_dividers(frame.value, decoded["pll"])
        assert solve_pll(MODEL, decoded["pll"]["mhz"]).register == frame.value
    else:
        assert frame.register == MODEL.registers.misc_control == MODEL.baud.register
        control = MiscControl.unpack(frame.value)
        assert control == MiscControl(baud_divider=26, keep_baud=True, gate_block=True)
        assert control.pack() == frame.value
        assert int(baud_from_register(MODEL, frame.value)) == 115740


def check_dividers(value: int, expected: Entry) -> None:
    setting = pll_from_register(MODEL, value)
    for name in ("fbdiv", "refdiv", "postdiv1", "postdiv2"):
        assert getattr(setting, name) == expected[name]
    assert setting.mhz == pytest.approx(expected["mhz"], abs=1e-6)
    assert pll_from_register(MODEL, value | LOCKED) == setting


def check_register(entry: Entry, _: dict[str, Entry]) -> set[str]:
    raw, decoded = bytes.fromhex(entry["hex"]), entry["decode"]
    frame = decode_response(raw, MODEL)
    assert frame == RegisterResponse(decoded["value"], None, None, b"")
    assert encode(frame, MODEL) == raw
    assert encode(RegisterResponse(decoded["value"], 5, 6), MODEL) == raw
    assert crc5(raw) == 0
    assert decoded["crc_ok"] is True
    assert raw[-1] >> 5 == decoded["type"] == 0
    chip = ChipId.unpack(frame.value)
    assert chip == ChipId(int(decoded["chip_rev"], 16), decoded["reserved"], decoded["addr"])
    assert chip.model == MODEL.chip_id
    return {"type", "value", "chip_rev", "reserved", "addr", "crc_ok"}


def check_nonce(entry: Entry, _: dict[str, Entry]) -> set[str]:
    raw, decoded = bytes.fromhex(entry["hex"]), entry["decode"]
    frame = decode_response(raw, MODEL)
    assert isinstance(frame, NonceResponse)
    assert encode(frame, MODEL) == raw
    assert crc5(raw) == 0
    assert decoded["crc_ok"] is True
    assert raw[-1] >> 5 == decoded["type"] == 4
    fields = nonce_fields(MODEL, frame.nonce, frame.header)
    assert nonce_from_fields(MODEL, fields.core, fields.counter25) == frame.nonce
    found = {
        "nonce_le": f"{frame.nonce:08x}",
        "core": fields.core,
        "chip_index": fields.chip // MODEL.address_interval_min,
        "chip_addr_field": fields.counter25 >> 17,
        "solution_idx": frame.midstate_or_excess,
        "work_id": frame.header,
    }
    for name in found.keys() & decoded.keys():
        assert found[name] == decoded[name], name
    for count in (1, 2, 4):
        model = midstate_variant(MODEL, count)
        assert job_header_of(model, frame.header) == frame.header & ~(count - 1)
        assert subcore_of(model, frame.header) == frame.header & count - 1
    if decoded["pow_ok"]:
        check_busy_work(frame, decoded)
    else:
        assert decoded["pow_ok"] is None
    if "claimed_hash_le" in decoded:
        assert decoded["claimed_hash_le"].endswith("00000000") is decoded["claimed_hash_leading32_zero"]
        assert fields.core <= 120
    claimed = {"claimed_hash_le", "claimed_hash_leading32_zero"}
    proof = {"midstate", "header_tail", "block_hash", "difficulty", "pow_ok"}
    return {"type", "crc_ok", "note", *proof, *claimed, *found}


def check_busy_work(frame: NonceResponse, decoded: Entry) -> None:
    """The work is not in the vectors, but all of it is known."""
    job = open_core_job(frame.header, 1)
    tail = job.merkle_tail + job.ntime.to_bytes(4, "little") + job.nbits.to_bytes(4, "little")
    tail += frame.nonce.to_bytes(4, "little")
    assert tail.hex() == decoded["header_tail"]
    assert job.midstates[0].hex() == decoded["midstate"]
    value = int.from_bytes(hash_from_midstate(job.midstates[0], tail), "little")
    assert f"{value:064x}" == decoded["block_hash"]
    assert difficulty_from_hash_value(value) == pytest.approx(decoded["difficulty"], abs=6e-5)
    assert value >> 224 == 0


def check_job(entry: Entry, _: dict[str, Entry]) -> set[str]:
    raw, decoded = bytes.fromhex(entry["hex"]), entry["decode"]
    job = decode_command(raw, MODEL)
    assert isinstance(job, MidstateJob)
    assert encode(job, MODEL) == raw
    assert f"{crc16(raw[:-2]):04x}" == raw[-2:].hex() == decoded["crc16"]
    assert decoded["crc_ok"] is True
    assert raw[1] == decoded["len_byte"] == len(raw)
    assert len(job.midstates) == decoded["num_midstates"]
    found = {
        "work_id": job.job_header,
        "starting_nonce": f"{job.starting_nonce:08x}",
        "nbits": f"{job.nbits:08x}",
        "ntime": f"{job.ntime:08x}",
        "merkle_tail": job.merkle_tail.hex(),
        "midstates_wire": [words_reversed(state).hex() for state in job.midstates],
    }
    for name, value in found.items():
        assert value == decoded[name], name
    assert is_open_core(job) is (set(decoded["midstates_wire"]) == {bytes(32).hex()})
    if decoded["nbits"] == "ffffffff":
        assert job == open_core_job(decoded["work_id"], 1)
    return {"kind", "len_byte", "num_midstates", "crc16", "crc_ok", *found}


def words_reversed(state: bytes) -> bytes:
    return b"".join(state[i : i + 4] for i in range(28, -4, -4))


def check_pll_solution(entry: Entry, _: dict[str, Entry]) -> set[str]:
    decoded = entry["decode"]
    value = int(entry["hex"], 16)
    assert decoded["reg"] == MODEL.registers.pll0
    check_dividers(value, decoded)
    assert solve_pll(MODEL, decoded["target_mhz"]).register == value
    return {"kind", "reg", "target_mhz", "fbdiv", "refdiv", "postdiv1", "postdiv2", "mhz"}


def check_ticket_mask(entry: Entry, _: dict[str, Entry]) -> set[str]:
    decoded = entry["decode"]
    assert int(entry["hex"].replace(" ", ""), 16) == decoded["value"]
    assert ticket_mask_register(decoded["difficulty"]) == decoded["value"]
    assert difficulty_from_ticket_mask(decoded["value"]) - 1 == decoded["mask"]
    return {"kind", "difficulty", "mask", "value"}


BM1387_CHECKS: dict[str, Callable[[Entry, dict[str, Entry]], set[str]]] = {
    "command": check_command,
    "register": check_register,
    "nonce": check_nonce,
    "job_midstate": check_job,
    "pll_solution": check_pll_solution,
    "ticket_mask": check_ticket_mask,
}
