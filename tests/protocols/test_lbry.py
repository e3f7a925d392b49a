"""LBRY: RIPEMD-160 on both paths, the proof of work, headers, and which difficulty a device means."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stratum_samples import a_job

from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET, sha256d, target_from_compact
from firmware_protocols.errors import LocalProtocolError
from firmware_protocols.lbry import (
    DIFFICULTY_SCALE,
    HEADER_SIZE,
    MIN_SHARES,
    Lbry,
    LbryHeader,
    expected_shares_per_s,
    hash_value,
    infer_difficulty_scale,
    proof_hash,
    ripemd160,
    ripemd160_in_python,
    stratum_difficulty_from_hash_value,
    target_from_stratum_difficulty,
)
from firmware_protocols.lbry.ripemd160 import best_ripemd160
from firmware_protocols.stratum_v1 import (
    Authorize,
    ClientConnection,
    ServerConnection,
    StratumJob,
    Submit,
    Subscribe,
)

PUBLISHED = {
    b"": "9c1185a5c5e9fc54612808977ee8f548b2258d31",
    b"a": "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe",
    b"abc": "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
    b"message digest": "5d0689ef49d2fae572b881b123a85ffa21595f36",
    b"abcdefghijklmnopqrstuvwxyz": "f71c27109c692c1b56bbdceb5b9d2865b3708dbc",
    b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": "12a053384a9c0c88e405a06c27dcf49ada62eb2b",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789": (
        "b0e20b6e3116640286ed3a87a5713079b21f5189"
    ),
    b"1234567890" * 8: "9b752e45573d4b39f4dbd3323cab82bf63326bfb",
}
"""The designers' own (Dobbertin, Bosselaers, Preneel 1996, appendix B)."""
A_MILLION_TIMES_A = "52783243c1697bdbe16d37f97f68f08325dc1528"

GENESIS = LbryHeader(
    version=1,
    prev_hash=bytes(32),
    merkle_root=bytes.fromhex("b8211c82c3d15bcd78bba57005b86fed515149a53a425eb592c07af99fe559cc")[::-1],
    claimtrie=b"\1" + bytes(31),
    ntime=1446058291,
    nbits=0x1F00FFFF,
    nonce=1287,
)
REGTEST = replace(GENESIS, nbits=0x207FFFFF, nonce=1)
hash32 = st.binary(min_size=32, max_size=32)
word = st.integers(0, 0xFFFFFFFF)


@pytest.mark.parametrize("digest", [ripemd160, ripemd160_in_python], ids=["chosen", "in-python"])
@pytest.mark.parametrize(("message", "hexadecimal"), PUBLISHED.items())
def test_ripemd_160_as_published(digest: Callable[[bytes], bytes], message: bytes, hexadecimal: str) -> None:
    assert digest(message).hex() == hexadecimal


@pytest.mark.long
def test_ripemd_160_of_a_million_letters() -> None:
    assert ripemd160_in_python(b"a" * 1_000_000).hex() == A_MILLION_TIMES_A


@pytest.mark.skipif(ripemd160 is ripemd160_in_python, reason="this OpenSSL has no RIPEMD-160 to compare with")
@given(st.binary(max_size=300))
def test_both_ripemd_160_agree(message: bytes) -> None:
    assert ripemd160_in_python(message) == ripemd160(message)


def test_without_openssl_there_is_another() -> None:
    def without(name: str, data: bytes = b"", **_: object) -> hashlib._Hash:
        raise ValueError(f"unsupported hash type {name}")

    def wrong(name: str, data: bytes = b"", **_: object) -> hashlib._Hash:
        return hashlib.sha256(data)

    assert best_ripemd160(without) is ripemd160_in_python
    assert best_ripemd160(wrong) is ripemd160_in_python


def test_openssl_is_taken_where_it_is_right() -> None:
    class Right:
        def __init__(self, data: bytes) -> None:
            self.data = data

        def digest(self) -> bytes:
            return ripemd160_in_python(self.data)

    chosen = best_ripemd160(lambda name, data, usedforsecurity: Right(data))  # type: ignore[arg-type, return-value]
    assert chosen is not ripemd160_in_python
    assert chosen(b"a").hex() == PUBLISHED[b"a"]


@pytest.mark.parametrize(
    ("header", "block_id", "proof"),
    [
        (
            GENESIS,
            "9c89283ba0f3227f6c03b70216b9f665f0118d5e0fa729cedf4fb34d6a34f463",
            "0000fc6eb50fdb1fc4489a322b5f881740441b9a59f3290bad53c3815dc3afab",
        ),
        (
            REGTEST,
            "6e3fcf1299d4ec5d79c3a4c91d624a4acf9e2e173d95a1a0504f677669687556",
            "2ce3c2946cfb782bb7097762d2f64dca140ca9bc68cd1f6b941528ee3b0bbb10",
        ),
    ],
    ids=["mainnet", "regtest"],
)
def test_both_genesis_blocks(header: LbryHeader, block_id: str, proof: str) -> None:
    raw = header.pack()
    assert len(raw) == HEADER_SIZE
    assert LbryHeader.unpack(raw) == header
    assert header.block_id()[::-1].hex() == block_id == sha256d(raw)[::-1].hex()
    assert f"{header.hash_value():064x}" == proof
    assert proof_hash(raw)[::-1].hex() == proof
    assert hash_value(raw) <= target_from_compact(header.nbits)
    assert hash_value(replace(header, claimtrie=bytes(32)).pack()) != header.hash_value()


@given(word, hash32, hash32, hash32, word, word, word)
def test_headers_round_trip(
    version: int, prev: bytes, root: bytes, claimtrie: bytes, ntime: int, nbits: int, nonce: int
) -> None:
    header = LbryHeader(version, prev, root, claimtrie, ntime, nbits, nonce)
    raw = header.pack()
    assert LbryHeader.unpack(raw) == header
    assert raw[68:100] == claimtrie
    assert raw[:68] + raw[100:] == raw[:4] + prev + root + raw[100:]


def test_headers_that_cannot_be() -> None:
    for name in ("prev_hash", "merkle_root", "claimtrie"):
        with pytest.raises(ValueError, match="32 bytes each"):
            replace(GENESIS, **{name: bytes(31)}).pack()
    for name in ("version", "ntime", "nbits", "nonce"):
        with pytest.raises(ValueError, match="does not fit 32 bits"):
            replace(GENESIS, **{name: 1 << 32}).pack()
    with pytest.raises(ValueError, match="112 bytes, not 80"):
        LbryHeader.unpack(bytes(80))


def test_difficulty_counts_in_256ths() -> None:
    assert DIFFICULTY_SCALE == 256
    assert target_from_stratum_difficulty(256) == DIFFICULTY_1_TARGET
    assert target_from_stratum_difficulty(1, scale=1) == DIFFICULTY_1_TARGET
    assert target_from_stratum_difficulty(Fraction(1, 2)) == DIFFICULTY_1_TARGET << 9
    assert target_from_stratum_difficulty(float("inf")) == 0
    assert stratum_difficulty_from_hash_value(DIFFICULTY_1_TARGET) == 256
    assert stratum_difficulty_from_hash_value(DIFFICULTY_1_TARGET, scale=1) == 1
    assert stratum_difficulty_from_hash_value(0) == float("inf")
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            target_from_stratum_difficulty(wrong)
    with pytest.raises(ValueError, match="at least 1"):
        target_from_stratum_difficulty(1, scale=0)


@pytest.mark.parametrize(
    ("difficulty", "bitcoin", "target_256", "target_1"),
    [  # what Bitcoin calls the first one in 256ths, 2**-32 at least; leading digits of both targets, of 64
        (0.05, 0.0001953125, "000013ffebfff", "00000013ffebf"),
        (1e-4, 3.90625e-7, "00270fd8effff", "0000270fd8eff"),
        (2.0**-22, 2.0**-30, "3fffc00000000", "003fffc000000"),
        (2.0**-24, 2.0**-32, "ffff000000000", "00ffff0000000"),
        (2.0**-25, 2.0**-32, "f" * 64, "01fffe0000000"),
        (1e-9, 2.0**-32, "f" * 64, "3b9a8e6535fff"),
        (1e-12, 2.0**-32, "f" * 64, "f" * 64),
    ],
)
def test_the_easiest_difficulties(difficulty: float, bitcoin: float, target_256: str, target_1: str) -> None:
    """Down to where every hash is a share, which no difficulty below goes beyond."""
    by_256, by_1 = Lbry().target(difficulty), Lbry(1).target(difficulty)
    assert f"{by_256:064x}".startswith(target_256)
    assert f"{by_1:064x}".startswith(target_1)
    assert by_256 == min(2**256 - 1, target_from_stratum_difficulty(difficulty / 256, 1))
    assert DIFFICULTY_1_TARGET / by_256 == pytest.approx(bitcoin, rel=1e-4)


@given(st.floats(1e-6, 1e12), st.sampled_from([1, 256]))
def test_a_target_is_the_largest_hash_of_its_difficulty(difficulty: float, scale: int) -> None:
    target = target_from_stratum_difficulty(difficulty, scale)
    assert Fraction(scale * DIFFICULTY_1_TARGET, target) >= Fraction(difficulty)
    assert Fraction(scale * DIFFICULTY_1_TARGET, target + 1) < Fraction(difficulty)
    assert stratum_difficulty_from_hash_value(target, scale) == pytest.approx(difficulty)


@pytest.mark.parametrize(("difficulty", "per_s"), [(1, 10431), (256, 40.7), (4096, 2.55), (65536, 0.159)])
def test_share_rates_of_175_ghs(difficulty: float, per_s: float) -> None:
    assert expected_shares_per_s(175e9, difficulty) == pytest.approx(per_s, rel=0.005)


def shares_of(scale: int, count: int, seed: int, difficulty: float = 4096.0) -> list[tuple[float, int]]:
    """What a device that follows this scale sends: hashes uniform below its target."""
    rng = random.Random(seed)
    target = target_from_stratum_difficulty(difficulty, scale)
    return [(difficulty, rng.randrange(target + 1)) for _ in range(count)]


@pytest.mark.parametrize("scale", [1, 256])
def test_the_scale_is_told_from_the_first_shares(scale: int) -> None:
    told = [infer_difficulty_scale(shares_of(scale, MIN_SHARES, seed)).scale for seed in range(2000)]
    # The right scale is refused once in 10,000, the wrong one fits by chance once in 2 ** 32.
    assert told.count(scale) >= 1995
    assert set(told) <= {scale, None}


@pytest.mark.parametrize(("times", "is_told"), [(9.9, True), (10.1, False)])
@pytest.mark.parametrize("difficulty", [4096.0, 1.0, 1e-4])
def test_shares_as_good_as_one_in_ten_thousand_are_too_good(
    difficulty: float, times: float, is_told: bool
) -> None:
    """Four shares that are each ten times better than they have to be: once in 10**4."""
    shares = [(difficulty, int(target_from_stratum_difficulty(difficulty) / times))] * 4
    inference = infer_difficulty_scale(shares)
    assert inference.scale == (256 if is_told else None)
    assert [fit.missed for fit in inference.fits] == [4, 0]
    assert inference.fits[1].probability == pytest.approx(times**-4)


@pytest.mark.parametrize("scale", [16, 4096, 65536])
def test_another_scale_is_refused(scale: int) -> None:
    for seed in range(200):
        inference = infer_difficulty_scale(shares_of(scale, 16, seed))
        assert inference.scale is None
        assert "none of the scales 1 and 256 fits the 16 shares" in inference.reason


@pytest.mark.parametrize("count", range(MIN_SHARES))
def test_too_few_shares_tell_nothing(count: int) -> None:
    inference = infer_difficulty_scale(iter(shares_of(256, count, 1)))
    assert (inference.scale, inference.shares) == (None, count)
    assert inference.reason == f"{count} shares are too few to tell; 4 are needed"


def test_what_is_said_of_the_shares() -> None:
    difficulties = [1000.0, 2000.0, 4000.0, 8000.0]
    shares = [(d, target_from_stratum_difficulty(d, 256)) for d in difficulties]
    inference = infer_difficulty_scale(shares)
    assert inference.scale == 256
    assert inference.reason == "only scale 256 fits all 4 shares"
    by_one, by_256 = inference.fits
    assert (by_one.scale, by_one.missed, by_one.probability, by_one.fits) == (1, 4, 1.0, False)
    assert (by_256.scale, by_256.missed, by_256.probability, by_256.fits) == (256, 0, 1.0, True)
    good = [(d, target_from_stratum_difficulty(d, 1)) for d in difficulties]
    inference = infer_difficulty_scale(good)
    assert inference.scale == 1
    assert inference.fits[1].probability == pytest.approx(256.0**-4)


def test_scales_too_near_each_other_are_not_told_apart() -> None:
    inference = infer_difficulty_scale([(1.0, DIFFICULTY_1_TARGET)] * 4, scales=(1, 2))
    assert inference.scale is None
    assert inference.reason == "scales 1 and 2 all fit the 4 shares: more are needed"


def test_a_box_and_its_pool() -> None:
    """A job with a claim trie, from one end to the other, mined and accepted."""
    pool = ServerConnection(algorithm=Lbry())
    box = ClientConnection()
    job = replace(a_job(), claimtrie=bytes(range(32)))
    greeting = box.send(Subscribe("LB-Box")) + box.send(Authorize("w"))
    subscribe, authorize = (received.message for received in pool.receive_data(greeting, 0))
    assert isinstance(subscribe, Subscribe)
    assert isinstance(authorize, Authorize)
    difficulty = 2.0**-22
    lines = [
        pool.answer_subscribe(subscribe, b"\xc6\xe1\x1b\x03", 4),
        pool.answer_authorize(authorize),
        pool.set_difficulty(difficulty),
        pool.notify(job)[0],
    ]
    *_, mine = (received.message for received in box.receive_data(b"".join(lines), 5))
    assert isinstance(mine, StratumJob)
    algorithm = Lbry()
    assert algorithm.name == "lbry"
    nonce = next(
        nonce
        for nonce in range(10_000)
        if hash_value(mine.header(bytes(4), nonce, algorithm=algorithm)) <= algorithm.target(difficulty)
    )
    header = LbryHeader.unpack(mine.header(bytes(4), nonce, algorithm=algorithm))
    assert (header.claimtrie, header.nonce) == (bytes(range(32)), nonce)
    (received,) = pool.receive_data(box.submit(mine, "w", bytes(4), nonce), 6)
    assert isinstance(received.message, Submit)
    verdict = pool.judge(received.message)
    assert verdict.accepted
    assert verdict.hash_value == header.hash_value()
    with pytest.raises(LocalProtocolError, match="not LBRY's"):
        algorithm.header(a_job(), bytes(32), 1, 0, 0)
