"""The straight-line program from a nonce to the top word of its SHA-256d: SHA-256 run on symbols.

Every value is known to be a constant, to be the same for all nonces of a header, or to depend on the nonce.
Constants are folded, equal terms shared, what the header fixes is computed once beside the loop, and what
the top word does not need is dropped. So the rounds before the nonce, the fixed part of the schedule and the
early end of the second hash come out by themselves. FIPS 180-4 (NIST, 2015), sections 4.1.2 and 6.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from itertools import pairwise

from firmware_protocols.bitcoin.hashing import INITIAL_STATE, ROUND_CONSTANTS

MIDSTATE_WORDS = 8
HEADER_WORDS = 11
"""The midstate, and the three words of the header before its nonce."""
MASK = 0xFFFFFFFF
ROUNDS = 64
TOP_WORD_ROUNDS = 61
"""Of the second hash: its word H7 is e of round 60 plus the initial value."""
_PADDING, _HEADER_BITS, _DIGEST_BITS = 0x80000000, 640, 256


class Depends(IntEnum):
    """On what a value depends: on more is more."""

    NOTHING = 0
    HEADER = 1
    NONCE = 2


@dataclass(frozen=True, slots=True)
class Node:
    """One 32-bit value: `op` of the values numbered `args`; a rotation or shift has its distance second.

    Ops: `const` (args: the value), `input` (args: number of the header word), `nonce`, `add`, `xor`, `and`,
    `or`, `rotr`, `shr`, and `weight`, the number of bits that are set.
    """

    op: str
    args: tuple[int, ...]
    depends: Depends

    @property
    def operands(self) -> tuple[int, ...]:
        """Numbers of the values that it is made of."""
        if self.op in ("const", "input", "nonce"):
            return ()
        return self.args[:1] if self.op in ("rotr", "shr") else self.args


@dataclass(frozen=True, slots=True)
class Program:
    """`nodes` in an order to compute them in; `kept` numbers those of the header that the loop reads."""

    nodes: tuple[Node, ...]
    kept: tuple[int, ...]
    outputs: tuple[int, ...]


@cache
def top_word_program() -> Program:
    """From header words (8 of the midstate, 3 of the tail) and the nonce to the last e of SHA-256d.

    The nonce is the big-endian word 19 of the header. The output lacks the last addition of H7.
    """
    trace = _Trace()
    midstate, first_words = trace.header_block()
    first = trace.compress(midstate, first_words, ROUNDS)
    _, e = trace.compress(*trace.digest_block(midstate, *first), TOP_WORD_ROUNDS)
    return trace.program(e[-1:])


@dataclass(frozen=True, slots=True)
class NeededRounds:
    """Of the 2 x 64 rounds of SHA-256d on a header whose nonce changes, those that no test of the top word
    needs: `nonce_free` at the start of the first hash, `after_the_end` of the second, and before that end
    `without_a` in which only e is needed.
    """

    nonce_free: int
    without_a: int
    after_the_end: int


@cache
def needed_rounds() -> NeededRounds:
    """Found by following the top word back through the trace of both hashes."""
    trace = _Trace()
    (a1, e1), (a2, e2) = trace.both_hashes()
    wanted = trace.needed_for(e2[TOP_WORD_ROUNDS + 3])
    written = [(a2[4 + t] in wanted, e2[4 + t] in wanted) for t in range(ROUNDS)]
    return NeededRounds(
        nonce_free=sum(not trace.varies(a1[4 + t]) and not trace.varies(e1[4 + t]) for t in range(ROUNDS)),
        without_a=sum(e_needed and not a_needed for a_needed, e_needed in written),
        after_the_end=sum(not a_needed and not e_needed for a_needed, e_needed in written),
    )


@cache
def register_program() -> Program:
    """From the same inputs to what every round writes: a_-4, e_-4, a_-3, ..., e_63 of the first hash, then of
    the second.

    Rounds below 0 stand for the state that a compression starts from: its D, C, B, A are a_-4 to a_-1, and
    its H, G, F, E are e_-4 to e_-1.
    """
    trace = _Trace()
    return trace.program(
        [row for a, e in trace.both_hashes() for pair in zip(a, e, strict=True) for row in pair]
    )


@cache
def weight_program() -> Program:
    """To the Hamming weight of the eight registers after each of the 2 x 64 rounds."""
    trace = _Trace()
    return trace.program([total for a, e in trace.both_hashes() for total in trace.over_registers(a, e)])


@cache
def toggle_program() -> Program:
    """To the number of register bits that each of the 2 x 64 rounds changes."""
    trace = _Trace()
    return trace.program([total for a, e in trace.both_hashes() for total in trace.over_changes(a, e)])


class _Trace:
    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._numbers: dict[Node, int] = {}

    def needed_for(self, output: int) -> set[int]:
        """Numbers of all values that one is made of, itself included."""
        wanted = {output}
        for number in range(output, -1, -1):
            if number in wanted:
                wanted.update(self._nodes[number].operands)
        return wanted

    def varies(self, number: int) -> bool:
        """Whether a value depends on the nonce."""
        return self._nodes[number].depends is Depends.NONCE

    def both_hashes(self) -> list[tuple[list[int], list[int]]]:
        """The sequences a and e of either hash, to their ends."""
        midstate, first_words = self.header_block()
        first = self.compress(midstate, first_words, ROUNDS)
        return [first, self.compress(*self.digest_block(midstate, *first), ROUNDS)]

    def over_registers(self, a: list[int], e: list[int]) -> list[int]:
        """After each round the weights of all registers: they hold the last four of either sequence."""
        weights = [self.add(self._weight(x), self._weight(y)) for x, y in zip(a, e, strict=True)]
        return self._last_four(weights)

    def over_changes(self, a: list[int], e: list[int]) -> list[int]:
        """For each round the bits that differ, likewise: b changes as a did a round before.

        The registers before round 0 are taken to hold what they start from, so that round 0 changes only what
        moves on and what is new.
        """
        changes = [
            self.add(self._weight(self._xor(a[i], a[i - 1])), self._weight(self._xor(e[i], e[i - 1])))
            for i in range(1, len(a))
        ]
        return self._last_four(changes)

    def _last_four(self, terms: list[int]) -> list[int]:
        """Sums of four in a row, the last of which is of round 0, 1, ..., 63."""
        pairs = [self.add(x, y) for x, y in pairwise(terms)]
        return [self.add(pairs[-1 - back], pairs[-3 - back]) for back in reversed(range(ROUNDS))]

    def header_block(self) -> tuple[list[int], list[int]]:
        """The midstate, and the words of the second block of a header."""
        header = [self.input(number) for number in range(HEADER_WORDS)]
        padding = map(self.const, (_PADDING, *[0] * 10, _HEADER_BITS))
        return header[:MIDSTATE_WORDS], [*header[MIDSTATE_WORDS:], self.nonce(), *padding]

    def digest_block(self, midstate: list[int], a: list[int], e: list[int]) -> tuple[list[int], list[int]]:
        """The initial state, and the words of the block that the second hash is of."""
        digest = [self.add(a[-1 - i], midstate[i]) for i in range(4)]
        digest += [self.add(e[-1 - i], midstate[4 + i]) for i in range(4)]
        padding = map(self.const, (_PADDING, *[0] * 6, _DIGEST_BITS))
        return [self.const(word) for word in INITIAL_STATE], [*digest, *padding]

    def compress(self, state: list[int], words: list[int], rounds: int) -> tuple[list[int], list[int]]:
        """The sequences a and e after `rounds` rounds, newest last; b, c, d and f, g, h are earlier ones."""
        w = list(words)
        a, e = state[3::-1], state[:3:-1]
        for t in range(rounds):
            if t >= len(words):
                w.append(
                    self.add(
                        self._sigma(w[t - 2], 17, 19, 10),
                        w[t - 7],
                        self._sigma(w[t - 15], 7, 18, 3),
                        w[t - 16],
                    )
                )
            choice = self._xor(e[-3], self._and(e[-1], self._xor(e[-2], e[-3])))
            constant = self.add(self.const(ROUND_CONSTANTS[t]), w[t])
            t1 = self.add(e[-4], constant, self._rotations(e[-1], 6, 11, 25), choice)
            majority = self._or(self._and(a[-1], a[-2]), self._and(a[-3], self._or(a[-1], a[-2])))
            t2 = self.add(self._rotations(a[-1], 2, 13, 22), majority)
            e.append(self.add(a[-4], t1))
            a.append(self.add(t1, t2))
        return a, e

    def program(self, outputs: list[int]) -> Program:
        """What the outputs need, each as late as it can be: a CPU has few registers for what waits."""
        new: dict[int, int] = {}
        nodes: list[Node] = []
        waiting = list(reversed(outputs))
        while waiting:
            old = waiting[-1]
            node = self._nodes[old]
            missing = [operand for operand in node.operands if operand not in new]
            if missing:
                waiting.extend(reversed(missing))
                continue
            waiting.pop()
            if old not in new:
                new[old] = len(nodes)
                operands = tuple(new[operand] for operand in node.operands)
                nodes.append(Node(node.op, operands + node.args[len(operands) :], node.depends))
        kept = {
            operand
            for node in nodes
            if node.depends is Depends.NONCE
            for operand in node.operands
            if nodes[operand].depends is Depends.HEADER
        }
        return Program(tuple(nodes), tuple(sorted(kept)), tuple(new[output] for output in outputs))

    def const(self, value: int) -> int:
        return self._node("const", (value & MASK,), Depends.NOTHING)

    def input(self, number: int) -> int:
        return self._node("input", (number,), Depends.HEADER)

    def nonce(self) -> int:
        return self._node("nonce", (), Depends.NONCE)

    def add(self, *terms: int) -> int:
        """The sum modulo 2**32, with what does not depend on the nonce added up first."""
        constant, header, nonce = 0, list[int](), list[int]()
        for term in self._flat(terms):
            node = self._nodes[term]
            if node.op == "const":
                constant += node.args[0]
            else:
                (header if node.depends is Depends.HEADER else nonce).append(term)
        fixed = self._sum(header)
        if constant & MASK:
            added = self.const(constant)
            fixed = added if fixed is None else self._binary("add", fixed, added)
        varying = self._sum(nonce)
        if varying is None:
            return self.const(0) if fixed is None else fixed
        return varying if fixed is None else self._binary("add", varying, fixed)

    def _flat(self, terms: Iterable[int]) -> Iterator[int]:
        """The terms, with a sum of a nonce's value and a header's taken apart if the header has another."""
        terms = list(terms)
        fixed = any(self._nodes[term].depends is Depends.HEADER for term in terms)
        for term in terms:
            node = self._nodes[term]
            splits = node.op == "add" and node.depends is Depends.NONCE
            if splits and fixed and self._nodes[node.args[1]].depends is Depends.HEADER:
                yield from node.args
            else:
                yield term

    def _sum(self, terms: list[int]) -> int | None:
        total: int | None = None
        for term in terms:
            total = term if total is None else self._binary("add", total, term)
        return total

    def _sigma(self, x: int, first: int, second: int, shift: int) -> int:
        return self._xor(self._xor(self._rotr(x, first), self._rotr(x, second)), self._shr(x, shift))

    def _rotations(self, x: int, first: int, second: int, third: int) -> int:
        return self._xor(self._xor(self._rotr(x, first), self._rotr(x, second)), self._rotr(x, third))

    def _rotr(self, x: int, n: int) -> int:
        node = self._nodes[x]
        if node.op == "const":
            return self.const(rotr(node.args[0], n))
        return self._node("rotr", (x, n), node.depends)

    def _shr(self, x: int, n: int) -> int:
        node = self._nodes[x]
        if node.op == "const":
            return self.const(node.args[0] >> n)
        return self._node("shr", (x, n), node.depends)

    def _weight(self, x: int) -> int:
        node = self._nodes[x]
        if node.op == "const":
            return self.const(node.args[0].bit_count())
        return self._node("weight", (x,), node.depends)

    def _xor(self, x: int, y: int) -> int:
        return self._binary("xor", x, y)

    def _and(self, x: int, y: int) -> int:
        return self._binary("and", x, y)

    def _or(self, x: int, y: int) -> int:
        return self._binary("or", x, y)

    def _binary(self, op: str, x: int, y: int) -> int:
        first, second = self._nodes[x], self._nodes[y]
        if first.op == second.op == "const":
            return self.const(combine(op, first.args[0], second.args[0]))
        for value, other in ((first, y), (second, x)):
            if value.op == "const" and value.args[0] == 0:
                return self.const(0) if op == "and" else other
        return self._node(op, (x, y), max(first.depends, second.depends))

    def _node(self, op: str, args: tuple[int, ...], depends: Depends) -> int:
        node = Node(op, args, depends)
        if node not in self._numbers:
            self._numbers[node] = len(self._nodes)
            self._nodes.append(node)
        return self._numbers[node]


def rotr(x: int, n: int) -> int:
    """A 32-bit word rotated to the right."""
    return (x >> n | x << (32 - n)) & MASK


def combine(op: str, x: int, y: int) -> int:
    """What an operation of a `Node` does to two words."""
    if op == "add":
        return (x + y) & MASK
    if op == "xor":
        return x ^ y
    return x & y if op == "and" else x | y
