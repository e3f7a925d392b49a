"""What SHA-256d does on anything that computes it: H05, H19 and S17."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.papers.hamming import (
    HASH_BITS,
    MIN_PAIRS,
    HammingResult,
    forced_zeros_seen,
    hamming_of_hashes,
)
from asicrc.analysis.papers.proof_hashes import proof_hashes, proof_headers
from asicrc.analysis.papers.scrambling import nonce_scrambling
from asicrc.capture.reader import load
from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.deciding import (
    COMPUTATION,
    COMPUTED,
    DATA,
    FROM_DATA,
    all_hold,
    answered,
    computed_in,
    holds,
    within_margin,
)
from asicrc.claims.procedures.published_files import published
from asicrc.claims.procedures.published_shares import S9_SHARES, imported
from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate, EvidenceVerdict
from asicrc.filtering.certain_abort import certain_abort
from firmware_protocols.device import Verdict

Hashes = NDArray[np.uint8]
BITS_MARGIN = 0.5
"""Of the mean distance, in bits."""
HASHES, PAIRS = 20_000, 8_000
CERTAIN_PER_CENT, CERTAIN_MARGIN = (1.0, 3.0), 0.1


def diffusion(context: Context) -> ClaimOutcome:
    """H05: hashes of neighbouring nonces, and of the published shares where they are here."""
    hashes = proof_hashes(_neighbours(context.seed))
    path = published(context, S9_SHARES)
    if path is None:
        return _diffusion(COMPUTED, hashes, None)
    return answered("H05", FROM_DATA, lambda: _diffusion(FROM_DATA, hashes, _hashes_of(path)))


def _diffusion(source: str, hashes: Hashes, of_shares: Hashes | None) -> ClaimOutcome:
    free = hamming_of_hashes(hashes, 0)
    results = [("neighbouring nonces", free)]
    note = (
        f"Neighbouring hashes differ in {free.mean_bits:.2f} of 256 bits. That is SHA-256, on any machine; "
        "it says nothing of a chip."
    )
    if of_shares is not None:
        shares = hamming_of_hashes(of_shares, forced_zeros_seen(of_shares))
        results.append((f"shares of an S9, {shares.forced_zeros} zeros forced by the target", shares))
        note += (
            f" Shares differ in {shares.mean_bits:.1f}, for their target leaves only "
            f"{HASH_BITS - shares.forced_zeros} bits free: that is selection, not a lack of diffusion."
        )
    distances = {name: _bits(result) for name, result in results}
    verdict = all_hold([within_margin(bits, half, BITS_MARGIN) for bits, half in distances.values()])
    return ClaimOutcome(
        "H05",
        source,
        verdict,
        verdict,
        note,
        [
            Reproduced(f"mean distance, {name}", f"half of the free bits: {half:g}", bits, "bits")
            for name, (bits, half) in distances.items()
        ],
        [test for _, result in results for test in (*result.finding.nulls, result.law)],
        smallest_effect=max((result.finding.smallest_effect or 0.0) * _free(result) for _, result in results),
        effect_unit="bits of the mean distance",
        needs="" if verdict is not EvidenceVerdict.NOT_RESOLVED else "more hashes",
    )


def _bits(result: HammingResult) -> tuple[Estimate, float]:
    """Mean distance of the free bits, and half of them."""
    return result.finding.effect.scaled(_free(result)), _free(result) / 2


def _free(result: HammingResult) -> int:
    return HASH_BITS - result.forced_zeros


def _neighbours(seed: np.random.SeedSequence) -> list[bytes]:
    """Headers of one random block with nonces one after the other, none of them selected."""
    start = np.random.default_rng(seed).bytes(76)
    return [start + struct.pack("<I", nonce) for nonce in range(HASHES)]


def _hashes_of(path: Path) -> Hashes:
    with imported(path) as file, load(file) as capture:
        events = capture.events(distinct=True)
        valid = events[events["verdict"] == Verdict.VALID]
        if len(valid) <= MIN_PAIRS:
            raise NoAnswer(f"{path.name} has {len(valid)} valid shares", f"more than {MIN_PAIRS}")
        return proof_hashes(proof_headers(valid, capture.iter_jobs()))


def scrambling(context: Context) -> ClaimOutcome:
    """H19: a flipped bit of the nonce through the 2 x 64 rounds, held against an ideal function."""
    rng = np.random.default_rng(context.seed)
    found = nonce_scrambling(rng.bytes(80), PAIRS, seed=int(rng.integers(1 << 31)))
    bits = found.finding.effect.scaled(HASH_BITS)
    verdict = within_margin(bits, HASH_BITS / 2, BITS_MARGIN)
    first, second = found.mixed_rounds
    return ClaimOutcome(
        "H19",
        COMPUTED,
        verdict,
        verdict,
        f"A flipped bit of the nonce comes in with round {_first(found.share)}, and from round {first} on "
        f"half of the state differs; in the second hash from round {second}. The rounds make that on any "
        "machine: nothing quantum and nothing of a chip is measured.",
        [
            Reproduced("bits that differ after the last round", "half of the state", bits, "bits of 256"),
            Reproduced("first round from which all are mixed, hash 1", None, _round(first)),
            Reproduced("first round from which all are mixed, hash 2", None, _round(second)),
        ],
        found.finding.nulls,
        smallest_effect=(found.finding.smallest_effect or 0.0) * HASH_BITS,
        effect_unit="bits of 256",
    )


def _first(share: NDArray[np.float64]) -> int:
    return int(np.argmax(share > 0)) + 1


def _round(number: int | None) -> float | str:
    return "never" if number is None else float(number)


def certain_saving(context: Context) -> ClaimOutcome:
    """S17: rounds that no nonce needs before its first word is known."""
    found = certain_abort(context.seed)
    percent = 100 * found.after_the_end_share
    low, high = CERTAIN_PER_CENT
    verdict = holds(low - CERTAIN_MARGIN <= percent <= high + CERTAIN_MARGIN)
    return ClaimOutcome(
        "S17",
        COMPUTED,
        verdict,
        verdict,
        f"The first word of the hash is known {found.after_the_end} rounds before the end of 2 x 64: "
        f"{percent:.2f} % for sure. With the {found.nonce_free} rounds that hold no nonce it is "
        f"{100 * found.with_nonce_free_share:.1f} %; miners and chips skip both already.",
        [
            Reproduced("certain saving, of n = 128 rounds", "1 to 3 %", percent, "%"),
            Reproduced("the same, of n = 64 of one hash", None, 2 * percent, "%"),
            Reproduced("and unneeded halves of rounds", None, 100 * found.with_halves_share, "%"),
            Reproduced("and nonce-free first rounds", None, 100 * found.with_nonce_free_share, "%"),
            Reproduced("hashes that bore it out", None, float(found.checked)),
        ],
    )


PROCEDURES: tuple[Procedure, ...] = (
    Procedure("H05", frozenset({COMPUTATION, DATA}), diffusion, computed_in(1.0)),
    Procedure("H19", frozenset({COMPUTATION}), scrambling, computed_in(1.0)),
    Procedure("S17", frozenset({COMPUTATION}), certain_saving, computed_in(1.0)),
)
