"""LBRY, the coin of the Goldshell LB-Box: 112-byte headers, their proof of work, and its difficulty."""

from firmware_protocols.lbry.difficulty import (
    DIFFICULTY_SCALE,
    MIN_SHARES,
    ScaleFit,
    ScaleInference,
    expected_shares_per_s,
    infer_difficulty_scale,
    stratum_difficulty_from_hash_value,
    target_from_stratum_difficulty,
)
from firmware_protocols.lbry.header import HEADER_SIZE, LbryHeader
from firmware_protocols.lbry.proof_of_work import hash_value, proof_hash, proof_hash_from_sha256d
from firmware_protocols.lbry.ripemd160 import ripemd160, ripemd160_in_python
from firmware_protocols.lbry.stratum import Lbry

__all__ = [
    "DIFFICULTY_SCALE",
    "HEADER_SIZE",
    "MIN_SHARES",
    "Lbry",
    "LbryHeader",
    "ScaleFit",
    "ScaleInference",
    "expected_shares_per_s",
    "hash_value",
    "infer_difficulty_scale",
    "proof_hash",
    "proof_hash_from_sha256d",
    "ripemd160",
    "ripemd160_in_python",
    "stratum_difficulty_from_hash_value",
    "target_from_stratum_difficulty",
]
