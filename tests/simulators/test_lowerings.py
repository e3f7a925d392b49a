"""The traced program and the ways it is made into code: each against hashlib."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from firmware_protocols import bitcoin
from firmware_protocols.bitcoin.hashing import INITIAL_STATE
from simulators.sha256d import needed_rounds, scan, scan_chip_order
from simulators.sha256d.compilation import sources_fingerprint
from simulators.sha256d.lowering import LOWERINGS, OVERRIDE, best_lowering, target_features
from simulators.sha256d.midstate import first_block_state
from simulators.sha256d.trace import Depends, combine, rotr, top_word_program

RUNS_HERE = [lowering.name for lowering in LOWERINGS if lowering.needs <= target_features()]
CACHE = "NUMBA_CACHE_DIR"


@pytest.mark.parametrize("seed", range(20))
def test_the_program_is_sha256d(seed: int) -> None:
    header80 = np.random.default_rng(seed).bytes(80)
    assert top_word_by_program(header80) == top_word(header80)


def test_what_the_header_fixes_and_the_end_needs_not_is_not_in_the_loop() -> None:
    """Two whole hashes would be 5,300 operations."""
    program = top_word_program()
    loop = [node for node in program.nodes if node.depends is Depends.NONCE]
    assert len(loop) < 3900
    assert len(program.kept) < 32
    assert all(
        node.depends >= max(program.nodes[i].depends for i in node.operands) for node in loop if node.operands
    )


@pytest.mark.parametrize("seed", range(5))
def test_midstates(seed: int) -> None:
    block = np.random.default_rng(seed).bytes(64)
    state = first_block_state(np.frombuffer(block, ">u4").astype(np.uint32))
    assert state.astype(">u4").tobytes() == bitcoin.midstate(block)


def test_rounds_that_no_test_of_the_top_word_needs() -> None:
    needed = needed_rounds()
    assert (needed.nonce_free, needed.without_a, needed.after_the_end) == (3, 4, 3)


def test_the_best_that_the_cpu_has_is_taken() -> None:
    avx2 = frozenset({"sse4.1", "avx", "avx2"})
    assert best_lowering(avx2 | {"avx512f", "sha"}).name == "vector-16"
    assert best_lowering(avx2 | {"sha"}).name == "sha-ni"
    assert best_lowering(avx2).name == "vector-8"
    assert best_lowering(frozenset()).name == "vector-4"
    assert best_lowering(avx2, "loops").name == "loops"
    with pytest.raises(ValueError, match="runs vector-8, vector-4, loops"):
        best_lowering(avx2, "vector-16")
    with pytest.raises(ValueError, match=OVERRIDE):
        best_lowering(avx2, "fpga")


def test_kept_code_is_of_these_sources_and_this_lowering() -> None:
    assert sources_fingerprint("loops") != sources_fingerprint("vector-4")


def test_threads_find_the_same() -> None:
    header80 = np.random.default_rng(3).bytes(80)
    target = (1 << 248) - 1
    alone = scan(header80, 0xFFFF_0000, 65536, target)
    assert 150 < alone.size < 380
    for threads in (2, 3, 7):
        assert scan(header80, 0xFFFF_0000, 65536, target, threads=threads).tolist() == alone.tolist()
    assert scan_chip_order(header80, 5, 1, (1 << 256) - 1, threads=4).tolist() == [5]
    with pytest.raises(ValueError, match="1 thread or more"):
        scan(header80, 0, 10, target, threads=0)


@pytest.mark.long
@pytest.mark.parametrize("name", RUNS_HERE)
def test_every_lowering_finds_the_same(name: str, tmp_path: Path) -> None:
    assert found_by(tmp_path, {OVERRIDE: name}) == (name, expected_hits())


@pytest.mark.long
@pytest.mark.parametrize(
    ("features", "name"), [("", "vector-4"), ("+sse4.1,+avx,+avx2", "vector-8")], ids=["SSE2", "AVX2"]
)
@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="features of x86-64")
def test_an_older_cpu_is_never_asked_too_much(features: str, name: str, tmp_path: Path) -> None:
    target = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": features}
    assert found_by(tmp_path, target) == (name, expected_hits())


PROGRAM = """
import json
from simulators.sha256d import scan
from simulators.sha256d.lowering import chosen_lowering
header80 = bytes(range(80))
hits = [scan(header80, start, count, (1 << 246) - 1).tolist() for start, count in RANGES]
print(json.dumps([chosen_lowering().name, hits]))
"""
RANGES = [(0, 5000), (2**32 - 300, 300), (77, 1), (123_456_789, 4097)]


def found_by(cache: Path, environment: dict[str, str]) -> tuple[str, list[list[int]]]:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("RANGES", repr(RANGES))],
        env=os.environ | environment | {CACHE: str(cache)},
        capture_output=True,
        text=True,
        timeout=500,
        check=True,
    )
    name, hits = json.loads(run.stdout)
    return name, hits


def expected_hits() -> list[list[int]]:
    head = bytes(range(76))
    return [
        [
            nonce
            for nonce in range(start, start + count)
            if value(head + nonce.to_bytes(4, "little")) >> 246 == 0
        ]
        for start, count in RANGES
    ]


def value(header80: bytes) -> int:
    return int.from_bytes(hashlib.sha256(hashlib.sha256(header80).digest()).digest(), "little")


def top_word(header80: bytes) -> int:
    digest = hashlib.sha256(hashlib.sha256(header80).digest()).digest()
    return int.from_bytes(digest[28:], "big")


def top_word_by_program(header80: bytes) -> int:
    program = top_word_program()
    words = [
        *first_block_state(np.frombuffer(header80[:64], ">u4").astype(np.uint32)).tolist(),
        *np.frombuffer(header80[64:], ">u4").tolist(),
    ]
    values: list[int] = []
    for node in program.nodes:
        of = [values[operand] for operand in node.operands]
        if node.op == "const":
            values.append(node.args[0])
        elif node.op == "input":
            values.append(words[node.args[0]])
        elif node.op == "nonce":
            values.append(words[11])
        elif node.op == "rotr":
            values.append(rotr(of[0], node.args[1]))
        elif node.op == "shr":
            values.append(of[0] >> node.args[1])
        else:
            values.append(combine(node.op, of[0], of[1]))
    return (values[program.outputs[0]] + INITIAL_STATE[7]) & 0xFFFFFFFF
