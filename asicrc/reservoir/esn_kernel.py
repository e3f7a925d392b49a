"""The state update of an echo state network, in single or double precision.

    x[t] = (1 - a) x[t-1] + a tanh(W x[t-1] + W_in u[t] + b)

Unit i hears the units i + s for the same few offsets s, round the ring, so that W x is a sum of shifted
vectors: memory is read in order, where a sparse matrix would gather (1 us a step for 500 units of degree 10,
against 3 us gathered). The hyperbolic tangent is Lambert's continued fraction of an eighth of the argument,
doubled three times by tanh 2y = 2 tanh y / (1 + tanh^2 y), with the one division at the end: right to 3e-7 in
single and 5e-16 in double precision, and vectorised.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.reservoir.compilation import cached_vector_kernel, kernel_part

_SATURATED = {"float32": 9.1, "float64": 19.1}  # tanh is 1 to the last digit


def run_states(
    u: NDArray[Any],
    input_weights: NDArray[Any],
    bias: NDArray[Any],
    weights: NDArray[Any],
    offsets: NDArray[np.int64],
    leak: float,
    state: NDArray[Any],
) -> NDArray[Any]:
    """(T, N) states of inputs u (T, m), from `state` (N,), in the type of `bias`.

    input_weights (m, N), bias (N,), weights (d, N): weights[k, i] goes from unit (i + offsets[k]) % N to i
    """
    kind = bias.dtype.type
    states = np.empty((len(u), len(bias)), dtype=kind)
    _advance(
        _plain(u, kind),
        _plain(input_weights, kind),
        _plain(bias, kind),
        _plain(weights, kind),
        _plain(offsets, np.int64),
        kind(leak),
        kind(1.0 - leak),
        _plain(state, kind),
        states,
        tuple(kind(c) for c in (_SATURATED[bias.dtype.name], *_TANH)),
    )
    return states


def _plain(array: NDArray[Any], kind: Any) -> NDArray[Any]:
    """Contiguous and writable, so that the loop is compiled for one kind of array only."""
    plain = np.ascontiguousarray(array, dtype=kind)
    return plain if plain.flags.writeable else plain.copy()


_TANH = (
    1 / 8,
    2.0,
    1.0,
    *(c / 135135 for c in (17325, 378, 1)),  # numerator of Lambert's fraction, seventh convergent
    *(c / 135135 for c in (62370, 3150, 28)),  # denominator
)


@kernel_part
def _tanh(x: Any, constants: Any) -> Any:
    limit, eighth, two, one, p1, p2, p3, q1, q2, q3 = constants
    y = min(max(x, -limit), limit) * eighth
    s = y * y
    p = y * (((p3 * s + p2) * s + p1) * s + one)
    q = ((q3 * s + q2) * s + q1) * s + one
    p, q = two * p * q, p * p + q * q
    p, q = two * p * q, p * p + q * q
    p, q = two * p * q, p * p + q * q
    return p / q


@cached_vector_kernel
def _advance(
    u: Any,
    input_weights: Any,
    bias: Any,
    weights: Any,
    offsets: Any,
    leak: Any,
    keep: Any,
    state: Any,
    states: Any,
    constants: Any,
) -> None:
    """One-dimensional views only: LLVM vectorises the loops over them, and no others."""
    n = bias.size
    degree = offsets.size
    total = np.empty_like(bias)
    twice = np.empty(2 * n, bias.dtype)  # the state, and once more behind it, for offsets round the ring
    now, again = twice[:n], twice[n:]
    for i in range(n):
        now[i] = state[i]
    for i in range(n):
        again[i] = state[i]
    for t in range(u.shape[0]):
        for i in range(n):
            total[i] = bias[i]
        for j in range(u.shape[1]):
            value, column = u[t, j], input_weights[j]
            for i in range(n):
                total[i] += column[i] * value
        for k in range(0, degree - 1, 2):  # two at a time: half as many passes over the totals
            first, first_weights = twice[offsets[k] : offsets[k] + n], weights[k]
            second, second_weights = twice[offsets[k + 1] : offsets[k + 1] + n], weights[k + 1]
            for i in range(n):
                total[i] += first_weights[i] * first[i] + second_weights[i] * second[i]
        if degree % 2:
            last, last_weights = twice[offsets[degree - 1] : offsets[degree - 1] + n], weights[degree - 1]
            for i in range(n):
                total[i] += last_weights[i] * last[i]
        row = states[t]
        for i in range(n):
            row[i] = keep * now[i] + leak * _tanh(total[i], constants)
        for i in range(n):
            now[i] = row[i]
        for i in range(n):
            again[i] = row[i]
