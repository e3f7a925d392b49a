"""The traced program as vector code, as many nonces a step as the CPU's registers hold.

Nothing here belongs to one kind of CPU: LLVM makes rotations and three-way logic of AVX-512, or shifts of
AVX2 and SSE2, out of the same operations.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from simulators.sha256d.trace import Depends, Node, Program, top_word_program

_WORD = ir.IntType(32)


def vector_top_words(lanes: int) -> Any:
    """`Lowering.top_words` of `lanes` nonces a step, which divide the length of the rows."""

    @intrinsic
    def top_words(typing_context: Any, header: Any, nonces: Any, out: Any) -> Any:
        return types.void(header, nonces, out), vector_code(top_word_program(), lanes)

    return top_words


def vector_code(program: Program, lanes: int) -> Any:
    """Code of an intrinsic whose last arguments are `(header, nonces, out)`, `lanes` nonces a step.

    `header` and `nonces` as of `Lowering.top_words`. `lanes` divide the length of `nonces`, and `out` has a
    row of that length for each output, of words or of narrower integers.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        header, nonces, out = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[-3:], args[-3:], strict=True)
        )
        count = cgutils.unpack_tuple(builder, nonces.shape)[0]
        _emit(builder, program, lanes, header.data, nonces.data, out.data, count)
        return context.get_dummy_value()

    return codegen


def _emit(builder: Any, program: Program, lanes: int, header: Any, nonces: Any, out: Any, count: Any) -> None:
    """What the header fixes first, spread over the lanes where the loop reads it; then the loop."""
    scalars: dict[int, Any] = {}
    for number, node in enumerate(program.nodes):
        if node.depends is Depends.NOTHING:
            scalars[number] = ir.Constant(_WORD, node.args[0])
        elif node.op == "input":
            place = builder.gep(header, [ir.Constant(ir.IntType(64), node.args[0])])
            scalars[number] = builder.load(place)
        elif node.depends is Depends.HEADER:
            scalars[number] = _operation(builder, node, scalars, _WORD)
    vector = ir.VectorType(_WORD, lanes)
    spread: dict[int, Any] = {number: _spread(builder, scalars[number], vector) for number in program.kept}
    rows: dict[int, list[int]] = {number: [] for number in range(len(program.nodes))}
    for row, number in enumerate(program.outputs):
        rows[number].append(row)
    step = ir.Constant(count.type, lanes)
    with cgutils.for_range_slice(builder, ir.Constant(count.type, 0), count, step, count.type) as (index, _):
        values = dict(spread)
        for number, node in enumerate(program.nodes):
            if node.depends is Depends.NOTHING:
                values[number] = ir.Constant(vector, [node.args[0]] * lanes)
            elif node.op == "nonce":
                values[number] = builder.load(_lanes_at(builder, nonces, index, vector), align=4)
            elif node.depends is Depends.NONCE:
                values[number] = _operation(builder, node, values, vector)
            for row in rows[number]:  # at once: kept for later it would only take up a register
                value = values[number] if number in values else _spread(builder, scalars[number], vector)
                place = builder.add(index, builder.mul(count, ir.Constant(count.type, row)))
                narrow = ir.VectorType(out.type.pointee, lanes)
                if narrow != vector:
                    value = builder.trunc(value, narrow)
                builder.store(value, _lanes_at(builder, out, place, narrow), align=narrow.element.width // 8)


def _operation(builder: Any, node: Node, values: dict[int, Any], kind: Any) -> Any:
    first = values[node.args[0]]
    if node.op == "weight":
        return builder.call(_declared(builder.module, "llvm.ctpop", kind, 1), [first])
    if node.op in ("rotr", "shr"):
        distance = node.args[1]
        count = ir.Constant(_WORD, distance)
        if isinstance(kind, ir.VectorType):
            count = ir.Constant(kind, [distance] * kind.count)
        if node.op == "shr":
            return builder.lshr(first, count)
        return builder.call(_declared(builder.module, "llvm.fshr", kind, 3), [first, first, count])
    second = values[node.args[1]]
    emit = {"add": builder.add, "xor": builder.xor, "and": builder.and_, "or": builder.or_}[node.op]
    return emit(first, second)


def _declared(module: Any, name: str, kind: Any, arguments: int) -> Any:
    """One of LLVM's own functions: fshr shifts two words in a row, and rotates when they are the same."""
    suffix = f"v{kind.count}i32" if isinstance(kind, ir.VectorType) else "i32"
    return cgutils.get_or_insert_function(
        module, ir.FunctionType(kind, [kind] * arguments), f"{name}.{suffix}"
    )


def _spread(builder: Any, value: Any, vector: Any) -> Any:
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(_WORD, 0))
    mask = ir.Constant(ir.VectorType(_WORD, vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), mask)


def _lanes_at(builder: Any, row: Any, index: Any, vector: Any) -> Any:
    return builder.bitcast(builder.gep(row, [index]), vector.as_pointer())
