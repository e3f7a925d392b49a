"""The primitives, against blocks that everybody has."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols.bitcoin import (
    DIFFICULTY_1_TARGET,
    HEADER_SIZE,
    Header,
    build_coinbase,
    compact_from_target,
    difficulty_from_hash_value,
    hash_from_midstate,
    hash_value,
    merkle_root_from_branch,
    midstate,
    midstates,
    sha256d,
    target_from_compact,
    target_from_difficulty,
    target_from_zero_bits,
)
from firmware_protocols.bitcoin.hashing import INITIAL_STATE, ROUND_CONSTANTS

GENESIS = Header(
    version=1,
    prev_hash=bytes(32),
    merkle_root=bytes.fromhex("4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b")[::-1],
    ntime=1231006505,
    nbits=0x1D00FFFF,
    nonce=2083236893,
)
BLOCK_125552 = Header(
    version=1,
    prev_hash=bytes.fromhex("00000000000008a3a41b85b8b29ad444def299fee21793cd8b9e567eab02cd81")[::-1],
    merkle_root=bytes.fromhex("2b12fcf1b09288fcaff797d71e950e71ae42b91e8bdb2304758dfcffc2b620e3")[::-1],
    ntime=1305998791,
    nbits=0x1A44B9F2,
    nonce=2504433986,
)
hash32 = st.binary(min_size=32, max_size=32)
word = st.integers(0, 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("header", "block_hash"),
    [
        (GENESIS, "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"),
        (BLOCK_125552, "00000000000000001e8d6829a8a21adc5d38d0a473b144b6765798e61f98bd1d"),
    ],
)
def test_blocks_of_the_chain(header: Header, block_hash: str) -> None:
    assert f"{header.hash_value():064x}" == block_hash
    assert hash_value(header.pack()) <= target_from_compact(header.nbits)
    assert sha256d(header.pack())[::-1].hex() == block_hash
    assert Header.unpack(header.pack()) == header
    assert len(header.pack()) == HEADER_SIZE


def test_difficulty_of_the_genesis_block() -> None:
    assert target_from_compact(GENESIS.nbits) == DIFFICULTY_1_TARGET
    assert difficulty_from_hash_value(DIFFICULTY_1_TARGET) == 1
    assert difficulty_from_hash_value(GENESIS.hash_value()) == pytest.approx(2536.43, abs=0.01)
    assert difficulty_from_hash_value(0) == float("inf")
    assert difficulty_from_hash_value(target_from_compact(BLOCK_125552.nbits)) == pytest.approx(
        244112.49, abs=0.01
    )


@given(word, hash32, hash32, word, word, word)
def test_headers_round_trip(
    version: int, prev: bytes, root: bytes, ntime: int, nbits: int, nonce: int
) -> None:
    header = Header(version, prev, root, ntime, nbits, nonce)
    assert Header.unpack(header.pack()) == header


def test_headers_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="32 bytes each"):
        Header(1, b"", bytes(32), 0, 0, 0).pack()
    with pytest.raises(ValueError, match="32 bits"):
        Header(1 << 32, bytes(32), bytes(32), 0, 0, 0).pack()
    with pytest.raises(ValueError, match="80 bytes, not 79"):
        Header.unpack(bytes(79))


@given(st.integers(0, (1 << 256) - 1))
def test_compact_bits_round_down_and_come_back(target: int) -> None:
    compact = compact_from_target(target)
    rounded = target_from_compact(compact)
    assert rounded <= target
    assert target - rounded <= target >> 15
    assert compact_from_target(rounded) == compact


@pytest.mark.parametrize("nbits", [0x1D00FFFF, 0x1A44B9F2, 0x17034219, 0x207FFFFF, 0x03000001, 0x01120000, 0])
def test_compact_bits_of_the_chain(nbits: int) -> None:
    compact = compact_from_target(target_from_compact(nbits))
    assert target_from_compact(compact) == target_from_compact(nbits)


def test_compact_bits_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="negative"):
        target_from_compact(0x1D80FFFF)
    with pytest.raises(ValueError, match="overflow"):
        target_from_compact(0xFF00FFFF)
    with pytest.raises(ValueError, match="0 to 256 bits"):
        compact_from_target(1 << 256)


def test_targets() -> None:
    assert target_from_difficulty(1) == DIFFICULTY_1_TARGET
    assert target_from_difficulty(Fraction(1, 3)) == 3 * DIFFICULTY_1_TARGET
    assert target_from_difficulty(float("inf")) == 0
    assert target_from_difficulty(1e-30) == (1 << 256) - 1
    assert target_from_zero_bits(0) == (1 << 256) - 1
    assert target_from_zero_bits(256) == 0
    assert difficulty_from_hash_value(target_from_zero_bits(40)) == pytest.approx(255.996, abs=1e-3)
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            target_from_difficulty(wrong)
    with pytest.raises(ValueError, match="0 to 256"):
        target_from_zero_bits(257)


def test_constants_of_sha_256() -> None:
    assert (INITIAL_STATE[0], INITIAL_STATE[-1]) == (0x6A09E667, 0x5BE0CD19)
    assert (ROUND_CONSTANTS[0], ROUND_CONSTANTS[-1]) == (0x428A2F98, 0xC67178F2)


@given(st.binary(max_size=55))
def test_the_midstate_of_a_padded_message_is_its_digest(message: bytes) -> None:
    padded = message + b"\x80" + bytes(55 - len(message)) + (8 * len(message)).to_bytes(8, "big")
    assert midstate(padded) == hashlib.sha256(message).digest()


@given(st.lists(st.binary(min_size=64, max_size=64), max_size=5))
def test_midstates_side_by_side(blocks: list[bytes]) -> None:
    assert midstates(blocks) == [midstate(block) for block in blocks]


@given(st.binary(min_size=80, max_size=80))
def test_a_hash_from_the_midstate(header: bytes) -> None:
    assert hash_from_midstate(midstate(header[:64]), header[64:]) == sha256d(header)


def test_a_midstate_has_one_block() -> None:
    with pytest.raises(ValueError, match="64 bytes, not 63"):
        midstate(bytes(63))
    for state, tail in ((bytes(31), bytes(16)), (bytes(32), bytes(12))):
        with pytest.raises(ValueError, match="32 bytes and a tail 16"):
            hash_from_midstate(state, tail)


def test_the_merkle_root_of_block_2_transactions() -> None:
    """Block 170, the first with a payment: its two transaction ids give its root."""
    coinbase_id = bytes.fromhex("b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082")[::-1]
    payment_id = bytes.fromhex("f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16")[::-1]
    root = bytes.fromhex("7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff")[::-1]
    assert sha256d(coinbase_id + payment_id) == root
    assert merkle_root_from_branch(b"a", []) == sha256d(b"a")
    assert merkle_root_from_branch(b"a", [payment_id]) == sha256d(sha256d(b"a") + payment_id)
    with pytest.raises(ValueError, match="32-byte hashes, not 31"):
        merkle_root_from_branch(b"a", [bytes(31)])


def test_a_coinbase() -> None:
    raw = build_coinbase(840_000, b"extra", 312_500_000, b"\x51")
    assert raw[:4] == b"\1\0\0\0"
    assert raw[41:51] == bytes([9, 3]) + (840_000).to_bytes(3, "little") + b"extra"
    assert build_coinbase(128, b"", 0, b"")[41:45] == b"\x03\x02\x80\x00"  # the sign bit needs a byte
    with pytest.raises(ValueError, match="2 to 100 bytes"):
        build_coinbase(1, bytes(99), 0, b"")
    assert build_coinbase(840_000, b"", 0, bytes(252)).count(b"\xfc" + bytes(252)) == 1
    with pytest.raises(ValueError, match="at most 252 bytes, not 253"):
        build_coinbase(840_000, b"", 0, bytes(253))
    for height, value_sat in ((-1, 0), (840_000, -1), (840_000, 1 << 63)):
        with pytest.raises(ValueError, match="no block has height"):
            build_coinbase(height, b"", value_sat, b"")
