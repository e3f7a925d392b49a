"""Frames for the tests: a few true ones, and strategies for all kinds."""

from __future__ import annotations

from hypothesis import strategies as st

from firmware_protocols.bm13xx import (
    MODELS,
    ChainInactive,
    ChipModel,
    FullJob,
    MidstateJob,
    NonceResponse,
    ReadRegister,
    RegisterResponse,
    SetAddress,
    WriteRegister,
)

FULL_MODELS = [model for model in MODELS.values() if model.job_format == "full"]
BM1366, BM1368, BM1370 = (MODELS[name] for name in ("BM1366", "BM1368", "BM1370"))
BM1387, BM1397 = MODELS["BM1387"], MODELS["BM1397"]

byte = st.integers(0, 0xFF)
word = st.integers(0, 0xFFFFFFFF)
hash32 = st.binary(min_size=32, max_size=32)
place = st.none() | byte

small_commands = st.one_of(
    st.just(ChainInactive()),
    st.builds(SetAddress, byte),
    st.builds(ReadRegister, byte, place),
    st.builds(WriteRegister, byte, word, place),
)
full_jobs = st.builds(
    FullJob, byte, word, word, hash32, hash32, word, word, byte, st.sampled_from((0x36, 0x56))
)
midstate_jobs = st.builds(
    MidstateJob,
    byte,
    word,
    word,
    st.binary(min_size=4, max_size=4),
    st.sampled_from((1, 2, 4)).flatmap(lambda n: st.tuples(*[hash32] * n)),
    word,
)
register_responses = st.builds(RegisterResponse, word, byte, byte, st.binary(min_size=2, max_size=2))
nonce_responses = st.builds(NonceResponse, word, byte, byte, st.integers(0, 0xFFFF))
short_responses = st.builds(RegisterResponse, word, byte, byte, st.just(b"")) | st.builds(
    NonceResponse, word, byte, byte
)


def commands(model: ChipModel) -> st.SearchStrategy[object]:
    return small_commands | (full_jobs if model.job_format == "full" else midstate_jobs)


JOB_HEX = (
    "55aa2136000100000000194203179"
    + "4f62666e49f5d7f196b20bd86d99469b25ffd6a147582b70865c551763e06352f0ac2bb"
    "00000000000000001a3e02009306f484c40261fe6b73de66a8a57d8ac1a278920000002066b1"
)
JOB = FullJob(
    job_header=0,
    nbits=0x17034219,
    ntime=0x6626F694,
    merkle_root=bytes.fromhex("2f0ac2bb763e06350865c551147582b7b25ffd6a86d99469196b20bde49f5d7f"),
    prev_hash=bytes.fromhex("c1a27892a8a57d8a6b73de66c40261fe9306f4841a3e02000000000000000000"),
    version=0x20000000,
    length_byte=0x36,
)
NONCE_HEX = "aa55acd4804a010700479" + "5"
NONCE = NonceResponse(nonce=0x4A80D4AC, midstate_or_excess=1, header=7, version_bits=0x0047)
HEADER_HEX = (
    "00e00820c1a27892a8a57d8a6b73de66c40261fe9306f4841a3e020000000000000000002f0ac2bb763e06350865c551147582b7"
    "b25ffd6a86d99469196b20bde49f5d7f94f6266619420317acd4804a"
)
GOLDEN = [
    (BM1366, "55aa510900a49000ffff1c", WriteRegister(0xA4, 0x9000FFFF)),
    (BM1366, "55aa520500000a", ReadRegister(0)),
    (BM1366, "55aa5305000003", ChainInactive()),
    (BM1366, "55aa4005020001", SetAddress(2)),
    (BM1366, "55aa41098c2c0015000309", WriteRegister(0x2C, 0x00150003, 0x8C)),
    (BM1370, "55aa4005040003", SetAddress(4)),
    (BM1366, JOB_HEX, JOB),
    (BM1366, NONCE_HEX, NONCE),
    (BM1366, "aa55136600000000000005", RegisterResponse(0x13660000, 0, 0)),
    (BM1370, "aa550000c100001802", RegisterResponse(0xC100, 0, 0x18, b"")),
]
