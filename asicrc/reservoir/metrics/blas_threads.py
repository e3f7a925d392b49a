"""How many threads a matrix product gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

_WORTH_MANY_THREADS = 256


@contextmanager
def threads_for(columns: int) -> Iterator[None]:
    """One BLAS thread while the matrices have fewer than 256 columns, all of them beyond.

    Small products cost more in handing over than they save, and on a machine with other work the threads wait
    for each other: 1.5 s instead of 7 s for 1,085 capacities of 50 states.
    """
    if columns >= _WORTH_MANY_THREADS:
        yield
        return
    with threadpool_limits(limits=1, user_api="blas"):
        yield
