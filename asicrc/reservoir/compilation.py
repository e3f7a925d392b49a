"""Compile a loop once per machine, not once per process, wherever there is a folder to keep it in."""

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

    numba keeps it in NUMBA_CACHE_DIR, beside the source, or in the user's cache folder. Where it can write
    none of them the loop is compiled anew in every process, with a warning in the log.
    """
    try:
        compiled: Callable[_P, _R] = njit(nogil=True, cache=True)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        _LOG.warning(
            "no writable folder for compiled loops, so each process compiles them again (seconds): "
            "set NUMBA_CACHE_DIR to a folder you can write (%s)",
            error,
        )
        compiled = njit(nogil=True)(function)
    return compiled
