"""Which counters hash to a small top word: the kernel around the lowering that this CPU runs best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators.sha256d.compilation import cached_kernel, sources_fingerprint
from simulators.sha256d.lowering import chosen_lowering
from simulators.sha256d.rows import LANES, collect, count_up, swap_row
from simulators.sha256d.trace import HEADER_WORDS, MIDSTATE_WORDS

_Words = NDArray[np.uint32]
Find = Callable[
    [_Words, _Words, tuple[_Words, int, int], int, int, np.uint32, bool, NDArray[np.int64]], tuple[int, int]
]
_top_words: Any = chosen_lowering().top_words


def _made_of(fingerprint: int) -> Find:
    @cached_kernel
    def find_candidates(
        midstate: _Words,
        tail: _Words,
        runs: tuple[_Words, int, int],
        begin: int,
        end: int,
        top_limit: np.uint32,
        chip_order: bool,
        out: NDArray[np.int64],
    ) -> tuple[int, int]:
        """Which counters of some runs hash to a top word of at most `top_limit`.

        Parameters
        ----------
        midstate
            (8,) the state after the first 64 bytes of the header.
        tail
            (3,) header bytes 64 to 75 as big-endian words.
        runs
            starts (r,), count and step: counter i of all is starts[i // count] + (i % count) * step,
            below 2**32.
        begin, end
            Which of them: begin <= i < end, with end at most r * count.
        chip_order
            True: the counter is the big-endian word 19 of the header. False: it is the little-endian one.
        out
            (at least LANES,) receives the i that pass, ascending.

        Returns
        -------
        How many were written, and the i to go on from: below `end` when `out` is full.
        """
        header = np.empty(HEADER_WORDS + 1, dtype=np.uint32)
        header[HEADER_WORDS] = fingerprint  # read by nothing: it has to be closed over
        for i in range(MIDSTATE_WORDS):  # numba takes seconds to compile the assignment of a slice
            header[i] = midstate[i]
        for i in range(MIDSTATE_WORDS, HEADER_WORDS):
            header[i] = tail[i - MIDSTATE_WORDS]
        nonces = np.empty(LANES, dtype=np.uint32)
        last_e = np.empty(LANES, dtype=np.uint32)
        found = 0
        while begin < end and found + LANES <= out.size:
            count_up(nonces, runs, begin)
            if not chip_order:
                swap_row(nonces)
            _top_words(header, nonces, last_e)
            lanes = min(LANES, end - begin)
            found = collect(last_e, lanes, begin, top_limit, out, found)
            begin += lanes
        return found, begin

    return find_candidates


find_candidates = _made_of(sources_fingerprint(chosen_lowering().name))
