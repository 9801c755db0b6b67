"""Numba kernels for several vectors side by side.

This module is imported only through `simlib.engines.exact.backend`. A block (N, 4) holds four vectors over N states,
one in each column (*lane*). The processor loads a row at once, so four vectors cost little more than one. Numba does
not put neighbouring numbers into one register by itself. So the few operations on a row are written as LLVM vector
instructions, which work on any processor. The module `lanes` has a NumPy version of every kernel.

In the kernels, the edges into row r are start[r] to start[r + 1] - 1. An edge k comes from the state index[k].
"""

from __future__ import annotations

from llvmlite import ir
from numba import types, uint64
from numba.core import cgutils
from numba.extending import intrinsic

from simlib.engines.compile_cache import compiled_once

_LANES = 4
_ROW, _INDEX = ir.VectorType(ir.DoubleType(), _LANES), ir.IntType(32)
_FUSED = ("contract",)


def _place(context, builder, kind, array, row):
    """Return a pointer to the row with index `row` of an array (N, 4)."""
    data = context.make_array(kind)(context, builder, array).data
    first = builder.gep(data, [builder.mul(row, ir.Constant(row.type, _LANES))])
    return builder.bitcast(first, _ROW.as_pointer())


def _load(builder, place):
    row = builder.load(place)
    row.align = 8  # an array may begin at any number, not only at the start of an aligned row
    return row


def _spread(builder, number):
    """Return a row of four numbers, each equal to `number`."""
    return _first(builder, builder.insert_element(ir.Constant(_ROW, ir.Undefined), number, ir.Constant(_INDEX, 0)))


def _first(builder, row):
    """Return a row of four numbers, each equal to the first number of `row`."""
    nothing = ir.Constant(_ROW, ir.Undefined)
    return builder.shuffle_vector(row, nothing, ir.Constant(ir.VectorType(_INDEX, _LANES), [0] * _LANES))


def _add(builder, total, product):
    place = builder.bitcast(total, _ROW.as_pointer())
    builder.store(builder.fadd(builder.load(place), product, flags=_FUSED), place)


@intrinsic
def _zeros(typing):
    """Return a pointer to four zeros, to which rows can be added.

    The compiler keeps the four sums in registers.
    """

    def generate(context, builder, signature, arguments):
        place = cgutils.alloca_once(builder, _ROW)
        builder.store(ir.Constant(_ROW, [0.0] * _LANES), place)
        return builder.bitcast(place, ir.DoubleType().as_pointer())

    return types.CPointer(types.float64)(), generate


@intrinsic
def _add_scaled(typing, total, block, row, weight):
    """Add weight * block[row] to `total`."""

    def generate(context, builder, signature, arguments):
        total, block, row, weight = arguments
        vector = _load(builder, _place(context, builder, signature.args[1], block, row))
        _add(builder, total, builder.fmul(vector, _spread(builder, weight), flags=_FUSED))
        return context.get_dummy_value()

    return types.void(total, block, types.uint64, types.float64), generate


@intrinsic
def _add_product(typing, total, block, row, weights, place):
    """Add weights[place] * block[row] to `total`, where all three are rows of four numbers."""

    def generate(context, builder, signature, arguments):
        total, block, row, weights, place = arguments
        vector = _load(builder, _place(context, builder, signature.args[1], block, row))
        weight = _load(builder, _place(context, builder, signature.args[3], weights, place))
        _add(builder, total, builder.fmul(vector, weight, flags=_FUSED))
        return context.get_dummy_value()

    return types.void(total, block, types.uint64, weights, types.uint64), generate


@intrinsic
def _add_from_first(typing, total, block, row, weights, place):
    """Add weights[place] * block[row, 0] to `total`. weights[place] is a row of four numbers."""

    def generate(context, builder, signature, arguments):
        total, block, row, weights, place = arguments
        vector = _first(builder, _load(builder, _place(context, builder, signature.args[1], block, row)))
        weight = _load(builder, _place(context, builder, signature.args[3], weights, place))
        _add(builder, total, builder.fmul(vector, weight, flags=_FUSED))
        return context.get_dummy_value()

    return types.void(total, block, types.uint64, weights, types.uint64), generate


@intrinsic
def _write(typing, total, block, row):
    def generate(context, builder, signature, arguments):
        total, block, row = arguments
        vector = builder.load(builder.bitcast(total, _ROW.as_pointer()))
        builder.store(vector, _place(context, builder, signature.args[1], block, row)).align = 8
        return context.get_dummy_value()

    return types.void(total, block, types.uint64), generate


@compiled_once()
def step(block, result, start, index, value, diagonal, first, last):
    """Write rows `first` to `last` - 1 of `result = diagonal * block + matrix @ block`."""
    for row in range(uint64(first), uint64(last)):
        total = _zeros()
        _add_scaled(total, block, row, diagonal[row])
        for k in range(uint64(start[row]), uint64(start[row + uint64(1)])):
            _add_scaled(total, block, uint64(index[k]), value[k])
        _write(total, result, row)


@compiled_once()
def leap(block, result, start, index, value, diagonal, first, last):
    """Write rows `first` to `last` - 1 of `result = diagonal * block + matrix @ block - result`."""
    for row in range(uint64(first), uint64(last)):
        total = _zeros()
        _add_scaled(total, result, row, -1.0)
        _add_scaled(total, block, row, diagonal[row])
        for k in range(uint64(start[row]), uint64(start[row + uint64(1)])):
            _add_scaled(total, block, uint64(index[k]), value[k])
        _write(total, result, row)


@compiled_once()
def add_own(block, result, rows, start, index, values, stays, stay):
    """Add the flow along edges and self-loops whose rates differ by column to `result` (N, 4)."""
    for r in range(uint64(len(rows))):
        row = uint64(rows[r])
        total = _zeros()
        _add_scaled(total, result, row, 1.0)
        for k in range(uint64(start[r]), uint64(start[r + uint64(1)])):
            _add_product(total, block, uint64(index[k]), values, k)
        _write(total, result, row)
    for r in range(uint64(len(stays))):
        row = uint64(stays[r])
        total = _zeros()
        _add_scaled(total, result, row, 1.0)
        _add_product(total, block, row, stay, r)
        _write(total, result, row)


@compiled_once()
def add_gained(block, result, rows, start, index, values, stays, stay):
    """Do the same as `add_own`, but take all flow from the first column of the block."""
    for r in range(uint64(len(rows))):
        row = uint64(rows[r])
        total = _zeros()
        _add_scaled(total, result, row, 1.0)
        for k in range(uint64(start[r]), uint64(start[r + uint64(1)])):
            _add_from_first(total, block, uint64(index[k]), values, k)
        _write(total, result, row)
    for r in range(uint64(len(stays))):
        row = uint64(stays[r])
        total = _zeros()
        _add_scaled(total, result, row, 1.0)
        _add_from_first(total, block, row, stay, r)
        _write(total, result, row)


@compiled_once()
def take_out(block, rows, out, keep, taken):
    """Add each out[r] * block[rows[r]] to `taken` (1, 4), and scale block[rows[r]] by keep[r]."""
    sums = _zeros()
    for r in range(uint64(len(rows))):
        row = uint64(rows[r])
        _add_product(sums, block, row, out, r)
        total = _zeros()
        _add_product(total, block, row, keep, r)
        _write(total, block, row)
    _add_scaled(sums, taken, uint64(0), 1.0)
    _write(sums, taken, uint64(0))


@compiled_once()
def weighted(block, rows, own, first, result):
    """Write Σ_r own[r] * block[rows[r]] + first[r] * block[rows[r], 0] to `result` (1, 4)."""
    total = _zeros()
    for r in range(uint64(len(rows))):
        row = uint64(rows[r])
        _add_product(total, block, row, own, r)
        _add_from_first(total, block, row, first, r)
    _write(total, result, uint64(0))


@compiled_once()
def group_sums(block, order, start, result):
    """Write the sum of rows order[start[g]:start[g + 1]] of a block to result[g], for each g."""
    for g in range(uint64(len(start) - 1)):
        total = _zeros()
        for k in range(uint64(start[g]), uint64(start[g + uint64(1)])):
            _add_scaled(total, block, uint64(order[k]), 1.0)
        _write(total, result, g)
