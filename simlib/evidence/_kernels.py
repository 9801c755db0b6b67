"""Numba kernels of the filter. They take flat arrays, run serially and release the GIL.

Within a span probability flows as p(t) = Σ_k w_k P^k p(0) with P = (c + Q)/Λ and w_k = exp(-ct) (Λt)^k / k!. With c = Λ
this is uniformisation. A c in the middle of the exit rates needs fewer terms. The gradient is the discrete adjoint of
the same sums: with y_K = w_K λ and y_m = w_m λ + Pᵀ y_(m+1), the derivative with respect to the entry (target, source)
of P is Σ_m y_(m+1)[target] (P^m p)[source].
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint64

from simlib.engines.compile_cache import compiled_once

_FAST = {"reassoc", "contract"}
_LONGEST = 200.0
"""Largest mean number of jumps in one sum. A longer span is carried in several parts."""

_NEGLIGIBLE, _PRECISE = 1e-18, 1e-11
"""Beyond the mean, a Poisson weight is left out if it is below the first number, or below the second number times the
weight of no jump."""

_SHIFT = 1.5
"""Largest exponent by which the terms of a sum may be larger than the sum itself."""

_WIDE = 16
"""A row is updated block by block if its stride is at least this. For a smaller stride, a mask is faster."""


@compiled_once(fastmath=_FAST)
def _masks(size, stride, times):
    """Mark the combinations of counts that a firing can lead to (1 + rows, size).

    Row 0 is for a firing that no open row counts: it can lead to every combination. The other rows are for a firing
    that this open row counts: it leads to a count of at least 1.
    """
    masks = np.ones((len(stride) + 1, size))
    for row in range(len(stride)):
        for count in range(size):
            if count // stride[row] % (times[row] + 1) == 0:
                masks[row + 1, count] = 0.0
    return masks


@compiled_once()
def spread(grid, pointer, source, row, stride, times):
    """Mark, in a grid of states by counts, every cell that can be reached from the marked ones."""
    masks = _masks(grid.shape[1], stride, times)
    changed = True
    while changed:
        changed = False
        for x in range(grid.shape[0]):
            for k in range(pointer[x], pointer[x + 1]):
                shift = stride[row[k] - 1] if row[k] > 0 else 0
                for count in range(shift, grid.shape[1]):
                    if masks[row[k], count] > 0.0 and grid[source[k], count - shift] and not grid[x, count]:
                        grid[x, count] = True
                        changed = True


@compiled_once(fastmath=_FAST)
def _pull(vector, result, ways, value, diagonal):
    """Write P times the vector into `result`. Both vectors are flat grids of states by counts."""
    pointer, source, row, stride, times, masks, _ = ways
    size, one = uint64(masks.shape[1]), uint64(1)
    for x in range(uint64(len(diagonal))):
        own, k, end = x * size, uint64(pointer[x]), uint64(pointer[x + one])
        for count in range(size):
            result[own + count] = diagonal[x] * vector[own + count]
        while k < end:
            along, rate, other = uint64(row[k]), value[k], uint64(source[k]) * size
            more, further = 0.0, other
            k += one
            if k < end and row[k] == along:
                more, further = value[k], uint64(source[k]) * size
                k += one
            if along == 0:
                for count in range(size):
                    result[own + count] += rate * vector[other + count] + more * vector[further + count]
                continue
            shift = uint64(stride[along - one])
            long = shift * uint64(times[along - one])
            if shift < _WIDE:
                for count in range(shift, size):
                    gain = rate * vector[other + count - shift] + more * vector[further + count - shift]
                    result[own + count] += masks[along, count] * gain
                continue
            for block in range(shift, size, long + shift):
                for count in range(block, block + long):
                    gain = rate * vector[other + count - shift] + more * vector[further + count - shift]
                    result[own + count] += gain


@compiled_once()
def _poisson(mean, fresh):
    """Return the Poisson weights up to a negligible one, and `fresh` further weights."""
    weights = np.empty(int(mean + 12.0 * math.sqrt(mean + 1.0)) + 40 + fresh)
    weights[0] = math.exp(-mean)
    negligible, last = max(_NEGLIGIBLE, _PRECISE * weights[0]), len(weights)
    for k in range(1, len(weights)):
        weights[k] = weights[k - 1] * mean / k
        if last == len(weights) and k > mean and weights[k] < negligible:
            last = k + fresh + 1
        if k + 1 == last:
            return weights[:last]
    return weights


@compiled_once(fastmath=_FAST)
def _carry(vector, weights, ways, value, diagonal):
    """Return Σ_k weights[k] P^k vector."""
    result = weights[0] * vector
    now, after = vector.copy(), np.empty_like(vector)
    for k in range(1, len(weights)):
        _pull(now, after, ways, value, diagonal)
        now, after = after, now
        for x in range(len(result)):
            result[x] += weights[k] * now[x]
    return result


@compiled_once(fastmath=_FAST)
def _push(power, now, before, ways, value, diagonal, by_way, by_exit):
    """Add Pᵀ `now` to `before`.

    The derivatives with respect to the entries of P are added to `by_way` and `by_exit`.
    """
    pointer, source, row, stride, times, masks, _ = ways
    size, one = uint64(masks.shape[1]), uint64(1)
    for x in range(uint64(len(diagonal))):
        own, total = x * size, 0.0
        for count in range(size):
            before[own + count] += diagonal[x] * now[own + count]
            total += power[own + count] * now[own + count]
        by_exit[x] += total
        for k in range(uint64(pointer[x]), uint64(pointer[x + one])):
            rate, other, along = value[k], uint64(source[k]) * size, uint64(row[k])
            total = 0.0
            if along == 0:
                for count in range(size):
                    before[other + count] += rate * now[own + count]
                    total += power[other + count] * now[own + count]
                by_way[k] += total
                continue
            shift = uint64(stride[along - one])
            long = shift * uint64(times[along - one])
            if shift < _WIDE:
                for count in range(shift, size):
                    gain = masks[along, count] * now[own + count]
                    before[other + count - shift] += rate * gain
                    total += power[other + count - shift] * gain
            else:
                for block in range(shift, size, long + shift):
                    for count in range(block, block + long):
                        before[other + count - shift] += rate * now[own + count]
                        total += power[other + count - shift] * now[own + count]
            by_way[k] += total


@compiled_once(fastmath=_FAST)
def _carry_back(vector, value_after, weights, ways, value, diagonal, by_way, by_exit):
    """Return the adjoint of `_carry` at `value_after`.

    The derivatives with respect to the entries of P are added to `by_way` and `by_exit`.
    """
    steps = len(weights)
    powers = np.empty((steps, len(vector)))
    powers[0] = vector
    for m in range(1, steps):
        _pull(powers[m - 1], powers[m], ways, value, diagonal)
    now = weights[steps - 1] * value_after
    for m in range(steps - 2, -1, -1):
        before = weights[m] * value_after
        _push(powers[m], now, before, ways, value, diagonal, by_way, by_exit)
        now = before
    return now


@compiled_once()
def _scaled(days, ways, rate, exit_rate):
    """Return the number of equal parts of a span, the weights of one part, P, and the scale.

    P = (shift + Q) / scale is given by its entries along the ways and on the diagonal. In a short span the shift lies
    in the middle of the exit rates, so that fewer terms are needed. A row that opens with the span needs a term for
    each of its firings. A span without any rate has no parts.
    """
    _, source, row, _, _, _, fresh = ways
    most, least = exit_rate.max(), exit_rate.min()
    if most * days == 0.0:
        return 0, np.ones(1), rate, exit_rate, 1.0
    shift = max((most + least) / 2, most - _SHIFT / days)
    onward = np.zeros(len(exit_rate))
    for k in range(len(row)):
        if row[k] == 0 or fresh[row[k] - 1] == 0:
            onward[source[k]] += rate[k]
    scale = max(max(most - shift, shift - least) + onward.max(), most / 10)
    parts = max(1, math.ceil(scale * days / _LONGEST))
    weights = _poisson(scale * days / parts, fresh.sum()) * math.exp((scale - shift) * days / parts)
    return parts, weights, rate / scale, (shift - exit_rate) / scale, scale


@compiled_once()
def _flow(vector, days, ways, rate, exit_rate):
    """Carry a distribution through one span."""
    parts, weights, value, diagonal, _ = _scaled(days, ways, rate, exit_rate)
    vector = vector.copy()
    for _ in range(parts):
        vector = _carry(vector, weights, ways, value, diagonal)
    return vector


@compiled_once()
def _flow_back(vector, value_after, days, ways, rate, exit_rate, by_way, by_exit):
    """Carry values back through one span.

    The derivatives with respect to rates and exit rates are added to `by_way` and `by_exit`.
    """
    parts, weights, value, diagonal, scale = _scaled(days, ways, rate, exit_rate)
    value_after = value_after.copy()
    begins = np.empty((max(parts, 1), len(vector)))
    begins[0] = vector
    for part in range(1, parts):
        begins[part] = _carry(begins[part - 1], weights, ways, value, diagonal)
    for part in range(parts - 1, -1, -1):
        value_after = _carry_back(begins[part], value_after, weights, ways, value, diagonal, by_way, by_exit)
    by_way /= scale
    by_exit /= -scale
    return value_after


@compiled_once()
def _ways_of(span, spans, ways):
    _, sizes, state_start, _ = spans
    pointer, way_start, source, row, (stride, times, fresh, row_start) = ways
    own, rows = slice(way_start[span], way_start[span + 1]), slice(row_start[span], row_start[span + 1])
    place = slice(state_start[span] + span, state_start[span + 1] + span + 1)
    masks = _masks(sizes[span], stride[rows], times[rows])
    return pointer[place], source[own], row[own], stride[rows], times[rows], masks, fresh[rows]


@compiled_once()
def forward(start, rates, spans, ways, maps, kept, masses):
    """Carry the start distribution through all spans.

    `kept` receives the distribution at the start of each span and, last, at the end. `masses` receives the share of the
    probability that passes each crossing into a span. Returns the crossing that none of it passes, or -1.
    """
    days, _, state_start, grid_start = spans
    way_start = ways[1]
    rate, exit_rate = rates
    map_start, map_source, map_target, map_weight = maps
    vector = start
    for span in range(len(days) + 1):
        begin = kept[grid_start[span] : grid_start[span + 1]]
        for k in range(map_start[span], map_start[span + 1]):
            begin[map_target[k]] += map_weight[k] * vector[map_source[k]]
        masses[span] = begin.sum()
        if not masses[span] > 0.0:
            return span
        begin /= masses[span]
        if span < len(days):
            own = slice(way_start[span], way_start[span + 1])
            states = slice(state_start[span], state_start[span + 1])
            vector = _flow(begin, days[span], _ways_of(span, spans, ways), rate[own], exit_rate[states])
    return -1


@compiled_once()
def backward(start, rates, spans, ways, maps, kept, masses, values, derivatives):
    """Carry the value 1 back through all spans.

    `values` receives the value at the start of each span. The product of `values` and `kept` is the smoothed
    distribution. `derivatives` receives the derivatives of the log-likelihood by the rate of each way, by each exit
    rate, and by the probability of each start state.
    """
    days, _, state_start, grid_start = spans
    way_start = ways[1]
    rate, exit_rate = rates
    map_start, map_source, map_target, map_weight = maps
    by_way, by_exit, by_start = derivatives
    values[grid_start[len(days)] :] = 1.0
    for span in range(len(days), -1, -1):
        size = len(start) if span == 0 else grid_start[span] - grid_start[span - 1]
        before = np.zeros(size)
        for k in range(map_start[span], map_start[span + 1]):
            worth = values[grid_start[span] + map_target[k]]
            before[map_source[k]] += map_weight[k] * worth / masses[span]
        if span == 0:
            by_start[:] = before
            return
        own = slice(way_start[span - 1], way_start[span])
        states = slice(state_start[span - 1], state_start[span])
        grid = slice(grid_start[span - 1], grid_start[span])
        values[grid] = _flow_back(
            kept[grid],
            before,
            days[span - 1],
            _ways_of(span - 1, spans, ways),
            rate[own],
            exit_rate[states],
            by_way[own],
            by_exit[states],
        )
