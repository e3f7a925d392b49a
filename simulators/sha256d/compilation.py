"""Compile a kernel once per machine, not once per process, wherever there is a folder to keep it in."""

from __future__ import annotations

import logging
from collections.abc import Callable
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
    """Compile a function that is always inlined into kernels of the same file.

    Inlined, because one call left in a loop keeps LLVM from vectorising it. The same file, because numba
    compiles a kept kernel anew when the kernel's own file has changed, and looks at no other.
    """
    compiled: Callable[_P, _R] = njit(forceinline=True)(function)
    return compiled
