"""Every register of every round, against SHA-256 written out as the standard has it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from firmware_protocols.bitcoin.hashing import INITIAL_STATE, ROUND_CONSTANTS
from simulators.sha256d import SwitchingModel, round_states, round_toggles, round_weights

MASK = 0xFFFFFFFF
HEADER = np.random.default_rng(77).bytes(80)
ALL_ROUNDS = range(1, 129)


def test_states_weights_and_toggles_of_every_round() -> None:
    nonces = np.array([0, 1, 2**32 - 1, *np.random.default_rng(1).integers(0, 1 << 32, 300)])
    states = round_states(HEADER, nonces, ALL_ROUNDS)
    weights, toggles = round_weights(HEADER, nonces), round_toggles(HEADER, nonces)
    assert states.shape == (128, 8, 303)
    assert weights.shape == toggles.shape == (128, 303)
    for place in (0, 1, 2, 100, 302):
        before_and_after = rounds_by_the_standard(HEADER[:76] + int(nonces[place]).to_bytes(4, "little"))
        for number, (before, after) in enumerate(before_and_after):
            assert states[number, :, place].tolist() == after
            assert weights[number, place] == sum(word.bit_count() for word in after)
            changed = sum((x ^ y).bit_count() for x, y in zip(before, after, strict=True))
            assert toggles[number, place] == changed


def test_ten_thousand_nonces_agree_with_each_other_and_with_hashlib() -> None:
    """Weights and toggles are recounted from the states, and the states give the hash."""
    nonces = np.random.default_rng(2).integers(0, 1 << 32, 10_000)
    states = round_states(HEADER, nonces, ALL_ROUNDS)
    assert np.array_equal(np.bitwise_count(states).sum(axis=1), round_weights(HEADER, nonces))
    toggles = round_toggles(HEADER, nonces)
    for begin in (0, 64):
        inside = np.bitwise_count(states[begin + 1 : begin + 64] ^ states[begin : begin + 63]).sum(axis=1)
        assert np.array_equal(inside, toggles[begin + 1 : begin + 64])
    final = (states[127].astype(np.uint64) + np.array(INITIAL_STATE, np.uint64)[:, None]) & MASK
    for place in range(0, 10_000, 7):
        header = HEADER[:76] + int(nonces[place]).to_bytes(4, "little")
        digest = hashlib.sha256(hashlib.sha256(header).digest()).digest()
        assert final[:, place].astype(">u4").tobytes() == digest


def test_the_first_rounds_hold_no_nonce() -> None:
    states = round_states(HEADER, np.arange(1000), [1, 2, 3, 4])
    assert (states[:3] == states[:3, :, :1]).all()
    assert len(np.unique(states[3, 0])) == 1000


def test_an_out_is_filled_and_must_fit() -> None:
    out = np.empty((128, 500), np.uint16)
    assert round_toggles(HEADER, np.arange(500), out) is out
    assert np.array_equal(out, round_toggles(HEADER, np.arange(500)))
    with pytest.raises(ValueError, match=r"shape \(128, 501\)"):
        round_toggles(HEADER, np.arange(501), out)
    with pytest.raises(ValueError, match="uint16"):
        round_weights(HEADER, np.arange(500), out.astype(np.uint32))


@pytest.mark.parametrize("nonces", [[-1], [1 << 32], [0.5], [[1, 2]]])
def test_nonces_that_are_none(nonces: list[object]) -> None:
    with pytest.raises(ValueError, match="nonces"):
        round_weights(HEADER, nonces)


def test_rounds_that_are_none() -> None:
    for number in (0, 129):
        with pytest.raises(ValueError, match="1 to 128"):
            round_states(HEADER, [1], [number])
    assert round_toggles(HEADER, []).shape == (128, 0)


def test_energy_goes_with_toggles() -> None:
    model = SwitchingModel.of_efficiency(20e-12, 0.9)
    toggles = round_toggles(HEADER, np.arange(4000))
    energy = model.energy_j(toggles)
    assert energy.shape == toggles.shape
    # rounds 1 to 8 of a hash change fewer or more bits than later ones: the mean of all is near a half
    assert energy.sum(axis=0).mean() == pytest.approx(20e-12, rel=0.01)
    assert SwitchingModel(1e-15, 2.0).energy_j([0, 10]) == pytest.approx([0.0, 4e-14])
    assert SwitchingModel(1e-15, 1.0, 1e-3, 1e-9).energy_j(0) == pytest.approx(1e-12)
    with pytest.raises(ValueError, match="above 0"):
        SwitchingModel.of_efficiency(0, 1)


def rounds_by_the_standard(header80: bytes) -> list[tuple[list[int], list[int]]]:
    """The registers before and after each of the 2 x 64 rounds (FIPS 180-4, section 6.2.2)."""
    midstate, _ = compressed(list(INITIAL_STATE), header80[:64])
    digest, first = compressed(midstate, padded(header80[64:], 640))
    _, second = compressed(list(INITIAL_STATE), padded(b"".join(w.to_bytes(4, "big") for w in digest), 256))
    return first + second


def padded(message: bytes, bits: int) -> bytes:
    return message + b"\x80" + bytes(55 - len(message)) + bits.to_bytes(8, "big")


def compressed(state: list[int], block: bytes) -> tuple[list[int], list[tuple[list[int], list[int]]]]:
    w = [int.from_bytes(block[4 * t : 4 * t + 4], "big") for t in range(16)]
    for t in range(16, 64):
        s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3
        s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10
        w.append((s1 + w[t - 7] + s0 + w[t - 16]) & MASK)
    now, rounds = list(state), []
    for t in range(64):
        a, b, c, d, e, f, g, h = now
        sigma1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)
        t1 = h + sigma1 + (e & f ^ ~e & MASK & g) + ROUND_CONSTANTS[t] + w[t]
        t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + (a & b ^ a & c ^ b & c)
        then = [(t1 + t2) & MASK, a, b, c, (d + t1) & MASK, e, f, g]
        rounds.append((now, then))
        now = then
    return [(x + y) & MASK for x, y in zip(state, now, strict=True)], rounds


def rotr(x: int, n: int) -> int:
    return (x >> n | x << (32 - n)) & MASK
