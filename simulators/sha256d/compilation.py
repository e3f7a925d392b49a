"""Compile a kernel once per machine, not once per process, wherever there is a folder to keep it in."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar

from numba import njit

_P = ParamSpec("_P")
_R = TypeVar("_R")
_LOG = logging.getLogger(__name__)


def cached_kernel(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile without the interpreter lock and keep the machine code on disk.

    numba keeps it in NUMBA_CACHE_DIR, beside the source, or in the user's cache folder, whichever it can
    write first. Where it can write none of them (a read-only container) the kernel is compiled anew in
    every process, with a warning in the log.
    """
    try:
        compiled: Callable[_P, _R] = njit(nogil=True, cache=True)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        _LOG.warning(
            "no writable folder for compiled kernels, so each process compiles them again (seconds): "
            "set NUMBA_CACHE_DIR to a folder you can write (%s)",
            error,
        )
        compiled = njit(nogil=True)(function)
    return compiled


def kernel_part(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile a function that is always inlined into kernels: one call left in a loop keeps LLVM from
    vectorising it.

    numba compiles a kept kernel anew when the kernel's own file has changed, its bytecode, or what it closes
    over, and looks at nothing else. A kernel with parts in other files closes over `sources_fingerprint`.
    """
    compiled: Callable[_P, _R] = njit(forceinline=True)(function)
    return compiled


@cache
def sources_fingerprint(lowering: str) -> int:
    """32 bits that change with the sources of this package and with the lowering that is compiled in."""
    digest = hashlib.sha256(lowering.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return int.from_bytes(digest.digest()[:4], "big")
