"""One BLAS thread where more gain little.

Threads of a BLAS wait for each other by spinning, after each of the thousand small steps of a decomposition.
On a machine whose cores are taken, the fit of an ESN of 100 units took 1.1 s with two threads and 0.06 s with
one, of 1,000 units 4 s and 0.5 s; 1,085 capacities of 50 states took 7 s and 1.5 s. On one that is idle two
threads save a third to a half.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController

PRODUCTS = 512
CAPACITIES = 1023
DECOMPOSITIONS = 2048
"""Columns up to which one thread works: a product is one large step, a decomposition many small ones, and the
capacities of a table of states are some of both."""
_lock = threading.Lock()
_users: list[Any] = []  # one entry for each caller inside; the first one's limit is lifted by the last


@contextmanager
def one_thread_up_to(most: int, columns: int) -> Iterator[None]:
    """Inside, BLAS has one thread if there are no more than `most` columns, else as many as were set."""
    if columns > most:
        yield
        return
    with _lock:
        _users.append(_users[0] if _users else _controller().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            limit = _users.pop()
            if not _users:
                limit.restore_original_limits()


@lru_cache(maxsize=1)
def _controller() -> Any:
    """Finding the libraries takes 30 ms, so it is done once."""
    return ThreadpoolController()
