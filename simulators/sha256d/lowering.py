"""The ways there are to compute top words, and which of them the CPU that numba compiles for runs best.

numba compiles for this machine's CPU unless NUMBA_CPU_NAME and NUMBA_CPU_FEATURES name another one: an
instruction that the target does not have would end the interpreter, so nothing else is asked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from numba.core.registry import cpu_target

from simulators.sha256d.loop_lowering import loop_top_words
from simulators.sha256d.sha_ni_lowering import sha_ni_top_words
from simulators.sha256d.vector_lowering import vector_top_words

OVERRIDE = "ASICRC_SHA256D_LOWERING"
"""Environment variable that names another lowering than the best one, for comparisons."""


@dataclass(frozen=True, slots=True)
class Lowering:
    """`top_words(header, nonces, out)` is for compiled code. uint32 rows: `header` begins with midstate and
    tail, 11 words; `nonces` and `out` are as long as each other. `out` receives the last e of the second hash
    of each nonce, the big-endian word 19 of the header. `needs` are CPU features by LLVM's names."""

    name: str
    needs: frozenset[str]
    top_words: Any


LOWERINGS = (
    Lowering("vector-16", frozenset({"avx512f"}), vector_top_words(16)),
    Lowering("sha-ni", frozenset({"sha", "sse4.1"}), sha_ni_top_words),
    Lowering("vector-8", frozenset({"avx2"}), vector_top_words(8)),
    Lowering("vector-4", frozenset(), vector_top_words(4)),
    Lowering("loops", frozenset(), loop_top_words),
)
"""The faster ones first: 16 lanes were 2.0 times as fast as SHA-NI on an Intel Xeon that has both, and 0.9
times on an AMD EPYC, which is the smaller loss."""


@cache
def target_features() -> frozenset[str]:
    """What the CPU has that numba compiles for, by LLVM's names: `avx2`, `sha`, ..."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return frozenset(name[1:] for name in features.split(",") if name.startswith("+"))


def vector_lanes() -> int:
    """32-bit words that a vector register of the target holds."""
    features = target_features()
    return 16 if "avx512f" in features else 8 if "avx2" in features else 4


@cache
def chosen_lowering() -> Lowering:
    """What the kernels of this process are made with. Raises ValueError as `best_lowering` does."""
    return best_lowering(target_features(), os.environ.get(OVERRIDE))


def best_lowering(features: frozenset[str], name: str | None = None) -> Lowering:
    """The first of `LOWERINGS` that a CPU with these features runs, or the one called `name`.

    Raises ValueError for a name that there is not, or one whose instructions the CPU does not have.
    """
    usable = {lowering.name: lowering for lowering in LOWERINGS if lowering.needs <= features}
    if name is None:
        return next(iter(usable.values()))
    if name not in usable:
        raise ValueError(f"{OVERRIDE}={name!r}: the CPU that numba compiles for runs {', '.join(usable)}")
    return usable[name]
