"""How many threads a matrix product gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

_WORTH_MANY_THREADS = 1024


@contextmanager
def threads_for(columns: int) -> Iterator[None]:
    """One BLAS thread while the matrices have fewer than 1,024 columns, all of them beyond.

    Two threads save half at best; on a machine with other work they wait for each other. Measured there:
    1.5 s instead of 7 s for 1,085 capacities of 50 states, 5 s instead of 26 s for 200 of 500 states.
    """
    if columns >= _WORTH_MANY_THREADS:
        yield
        return
    with threadpool_limits(limits=1, user_api="blas"):
        yield
