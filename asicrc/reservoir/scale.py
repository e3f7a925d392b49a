"""The same work on one core, on all of them, or on a Dask cluster, with the same results.

Each task's random numbers are a function of its configuration, never of where or in which order it runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import joblib
import numpy as np

from asicrc.errors import UsageError

_T = TypeVar("_T")
BACKENDS = ("loky", "threading", "sequential", "dask")


def config_seed(root: int, config: Mapping[str, Any]) -> np.random.SeedSequence:
    """A seed that belongs to a configuration of JSON values: the root seed and the SHA-256 of its JSON."""
    text = json.dumps(dict(config), sort_keys=True, separators=(",", ":"), allow_nan=False)
    words = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype="<u4").tolist()
    return np.random.SeedSequence([root, *words])


def run_all(
    work: Callable[..., _T],
    tasks: Iterable[tuple[Any, ...]],
    *,
    n_jobs: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
    each: Callable[[_T], None] = lambda _: None,
) -> list[_T]:
    """`work(*task)` for all tasks, in their order; `each` is told of every result as it comes, in order too.

    `n_jobs` -1 is all cores. `backend` "dask" takes the cluster at `scheduler`, or the client that is active.
    The linear algebra of each worker has one thread. Raises UsageError for a backend that is not there, and
    for 0 jobs.
    """
    results: list[_T] = []
    with _backend(backend, n_jobs, scheduler):
        parallel = joblib.Parallel(n_jobs=1 if backend == "sequential" else n_jobs, return_as="generator")
        for result in parallel(joblib.delayed(_one_thread)(work, task) for task in tasks):
            results.append(result)
            each(result)
    return results


def _one_thread(work: Callable[..., _T], task: tuple[Any, ...]) -> _T:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return work(*task)


@contextmanager
def _backend(backend: str, n_jobs: int, scheduler: str | None) -> Iterator[None]:
    if n_jobs == 0:
        raise UsageError("0 processes do no work", "1 or more; -1 is all cores")
    if backend not in BACKENDS:
        raise UsageError(f"no backend is called {backend!r}", f"known: {', '.join(BACKENDS)}")
    if backend == "sequential":
        yield
        return
    if backend != "dask":
        with joblib.parallel_config(backend=backend, n_jobs=n_jobs):
            yield
        return
    try:
        from distributed import Client, default_client
    except ImportError:
        raise UsageError("the Dask backend needs Dask", "pip install 'asicrc[dask]'") from None
    if scheduler is not None:
        try:
            connected = Client(scheduler)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise UsageError(f"no Dask cluster at {scheduler!r}: {error}", "--dask tcp://HOST:8786") from None
        with connected, joblib.parallel_config(backend="dask", n_jobs=n_jobs):
            yield
        return
    try:
        default_client()  # type: ignore[no-untyped-call]
    except ValueError:
        raise UsageError(
            "no Dask cluster is connected", "give --dask tcp://HOST:8786, or make a Client before"
        ) from None
    with joblib.parallel_config(backend="dask", n_jobs=n_jobs):
        yield
