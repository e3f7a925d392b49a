"""The top word of SHA-256d with the CPU's own SHA-256 instructions, several nonces interleaved.

One of them does two rounds of one hash, and waits for the one before: so the code goes through several
hashes in turn. Intel SDM volume 2, SHA256RNDS2, SHA256MSG1 and SHA256MSG2: the state is held as (A, B, E, F)
and (C, D, G, H), highest lane first.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from firmware_protocols.bitcoin.hashing import INITIAL_STATE, ROUND_CONSTANTS
from simulators.sha256d.trace import TOP_WORD_ROUNDS

INTERLEAVED = 4
_WORD = ir.IntType(32)
_FOUR = ir.VectorType(_WORD, 4)
_UNDEFINED = ir.Constant(_FOUR, ir.Undefined)
_PADDING, _HEADER_BITS, _DIGEST_BITS = 0x80000000, 640, 256
_ROUNDS = 64
_BEFORE_NONCE = 2
"""Rounds of the first hash that are the same for all nonces. The nonce comes in with round 3, and the
instruction does two rounds."""

State = tuple[Any, Any]


@intrinsic
def sha_ni_top_words(typing_context: Any, header: Any, nonces: Any, out: Any) -> Any:
    """`Lowering.top_words`, for rows whose length `INTERLEAVED` divides."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, args, strict=True)
        ]
        count = cgutils.unpack_tuple(builder, rows[1].shape)[0]
        builder.call(_function(builder.module, count.type), [*(row.data for row in rows), count])
        return context.get_dummy_value()

    return types.void(header, nonces, out), codegen


def _function(module: Any, count_type: Any) -> Any:
    """The loop as a function of its own, which is never inlined.

    These instructions leave the upper halves of AVX registers as they are, and wait for them on each step if
    a loop before has used them (a hundred times slower on an Intel Xeon); LLVM clears them before a call.
    """
    words = _WORD.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [words, words, words, count_type])
    function = cgutils.get_or_insert_function(module, kind, "sha256d_top_words_sha_ni")
    if function.is_declaration:
        function.linkage = "internal"
        function.attributes.add("noinline")
        builder = ir.IRBuilder(function.append_basic_block())
        _Emitter(builder).loop(*function.args)
        builder.ret_void()
    return function


class _Emitter:
    def __init__(self, builder: Any) -> None:
        self._builder = builder
        four = ir.FunctionType(_FOUR, [_FOUR, _FOUR, _FOUR])
        two = ir.FunctionType(_FOUR, [_FOUR, _FOUR])
        declare = cgutils.get_or_insert_function
        self._rnds2 = declare(builder.module, four, "llvm.x86.sha256rnds2")
        self._msg1 = declare(builder.module, two, "llvm.x86.sha256msg1")
        self._msg2 = declare(builder.module, two, "llvm.x86.sha256msg2")

    def loop(self, header: Any, nonces: Any, out: Any, count: Any) -> None:
        builder = self._builder
        words = [builder.load(builder.gep(header, [_index(number)])) for number in range(11)]
        midstate = self._state(words[:8])
        tail = self._vector([*words[8:], ir.Constant(_WORD, 0)])
        begun = self._two_rounds(midstate, self._keyed(tail, 0))
        step = ir.Constant(count.type, INTERLEAVED)
        with cgutils.for_range_slice(builder, ir.Constant(count.type, 0), count, step, count.type) as (i, _):
            places = [builder.add(i, ir.Constant(count.type, lane)) for lane in range(INTERLEAVED)]
            first = [
                [
                    builder.insert_element(tail, builder.load(builder.gep(nonces, [place])), _lane(3)),
                    _constant(_PADDING, 0, 0, 0),
                    _constant(0, 0, 0, 0),
                    _constant(0, 0, 0, _HEADER_BITS),
                ]
                for place in places
            ]
            states = self._compress([begun] * INTERLEAVED, first, _BEFORE_NONCE, _ROUNDS)
            second = [self._digest(state, midstate) for state in states]
            start = self._state([ir.Constant(_WORD, word) for word in INITIAL_STATE])
            states = self._compress([start] * INTERLEAVED, second, 0, TOP_WORD_ROUNDS + 1)
            for place, (abef, _) in zip(places, states, strict=True):
                # one round further on e is called f
                builder.store(builder.extract_element(abef, _lane(0)), builder.gep(out, [place]))

    def _compress(self, states: list[State], blocks: list[list[Any]], begin: int, end: int) -> list[State]:
        """Rounds `begin` to `end`, both even, of several hashes side by side. `blocks` are used up."""
        for t in range(begin, end, 2):
            group, half = divmod(t, 4)
            if group >= 4 and half == 0:
                for block in blocks:
                    block.append(self._schedule(block, group))
            keyed = [self._keyed(block[group], group) for block in blocks]
            if half:
                keyed = [self._shuffled(words, 2, 3, 2, 3) for words in keyed]
            states = [self._two_rounds(state, words) for state, words in zip(states, keyed, strict=True)]
        return states

    def _two_rounds(self, state: State, keyed: Any) -> State:
        abef, cdgh = state
        return self._builder.call(self._rnds2, [cdgh, abef, keyed]), abef

    def _schedule(self, block: list[Any], group: int) -> Any:
        """The next four words, of the sixteen before them."""
        builder = self._builder
        oldest, older, newer, newest = block[group - 4 : group]
        seven_before = builder.shuffle_vector(newer, newest, _mask(1, 2, 3, 4))
        partly = builder.add(builder.call(self._msg1, [oldest, older]), seven_before)
        return builder.call(self._msg2, [partly, newest])

    def _keyed(self, words: Any, group: int) -> Any:
        return self._builder.add(words, _constant(*ROUND_CONSTANTS[4 * group : 4 * group + 4]))

    def _digest(self, state: State, midstate: State) -> list[Any]:
        """The block of the second hash."""
        builder = self._builder
        abef, cdgh = (builder.add(x, y) for x, y in zip(state, midstate, strict=True))
        return [
            builder.shuffle_vector(abef, cdgh, _mask(3, 2, 7, 6)),
            builder.shuffle_vector(abef, cdgh, _mask(1, 0, 5, 4)),
            _constant(_PADDING, 0, 0, 0),
            _constant(0, 0, 0, _DIGEST_BITS),
        ]

    def _state(self, words: list[Any]) -> State:
        a, b, c, d, e, f, g, h = words
        return self._vector([f, e, b, a]), self._vector([h, g, d, c])

    def _vector(self, words: list[Any]) -> Any:
        vector = _UNDEFINED
        for lane, word in enumerate(words):
            vector = self._builder.insert_element(vector, word, _lane(lane))
        return vector

    def _shuffled(self, words: Any, *lanes: int) -> Any:
        return self._builder.shuffle_vector(words, _UNDEFINED, _mask(*lanes))


def _constant(*words: int) -> Any:
    return ir.Constant(_FOUR, list(words))


def _mask(*lanes: int) -> Any:
    return ir.Constant(_FOUR, list(lanes))


def _lane(number: int) -> Any:
    return ir.Constant(_WORD, number)


def _index(number: int) -> Any:
    return ir.Constant(ir.IntType(64), number)
