"""Compile a loop once per machine, not once per process, wherever there is a folder to keep it in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from numba import njit

_P = ParamSpec("_P")
_R = TypeVar("_R")
_LOG = logging.getLogger(__name__)


def cached_kernel(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile without the interpreter lock and keep the machine code on disk.

    numba keeps it in NUMBA_CACHE_DIR, beside the source, or in the user's cache folder. Where it can write
    none of them the loop is compiled anew in every process, with a warning in the log.
    """
    return _compiled(function)


def cached_vector_kernel(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The same, with division as IEEE 754 has it: asking each divisor whether it is 0 would keep a loop from
    being vectorised. Nothing is reordered or fused, so the digits are those of plain numpy."""
    return _compiled(function, error_model="numpy")


def kernel_part(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile a function that is inlined into kernels of the same file, wherever it is called."""
    compiled: Callable[_P, _R] = njit(forceinline=True)(function)
    return compiled


def _compiled(function: Callable[_P, _R], **options: Any) -> Callable[_P, _R]:
    try:
        compiled: Callable[_P, _R] = njit(nogil=True, cache=True, **options)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        _LOG.warning(
            "no writable folder for compiled loops, so each process compiles them again (seconds): "
            "set NUMBA_CACHE_DIR to a folder you can write (%s)",
            error,
        )
        compiled = njit(nogil=True, **options)(function)
    return compiled
