"""Numba kernels of the filter. They take flat arrays, run serially and release the GIL.

The terms (span, firing, open row, count, grid, way) are defined in the module `walk`. A vector over a grid is ordered
by machine state, and then by combination of counts.

Let Q be the generator of a span: the rates of the ways, with minus the exit rates on the diagonal. If p(0) is the
distribution at the start of the span, the distribution after t days is p(t) = Σ_k w_k P^k p(0). Here P = (c + Q)/Λ and
w_k = exp(-ct) (Λt)^k / k!, for any shift c and scale Λ > 0. With c = Λ this is uniformisation. A c in the middle of the
exit rates needs fewer terms.

The gradient is the discrete adjoint of the same sums. Let λ be the derivative of the log-likelihood with respect to
p(t), and K the index of the last term of the sum. With y_K = w_K λ and y_m = w_m λ + Pᵀ y_(m+1), the derivative with
respect to the entry (target, source) of P is Σ_m y_(m+1)[target] (P^m p)[source], where p = p(0).
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
"""A Poisson weight beyond the mean is left out if it is below the first number, or below the second number times the
weight of 0 jumps."""

_SHIFT = 1.5
"""The largest exit rate exceeds the shift by at most this number / days. So no term is much larger than the sum."""

_WIDE = 16
"""A row is updated block by block if its stride is at least this. For a smaller stride, a mask is faster."""


@compiled_once(fastmath=_FAST)
def _masks(size, stride, times):
    """Return 1 for each combination of counts that is possible just after a firing, else 0.

    A firing is one occurrence of a move. The shape is (1 + open rows, combinations). Line 0 is for firings that no open
    row counts, after which every combination is possible. Each other line is for the firings that one open row counts.
    After such a firing, the count of this row is at least 1.
    """
    masks = np.ones((len(stride) + 1, size))
    for row in range(len(stride)):
        for count in range(size):
            if count // stride[row] % (times[row] + 1) == 0:
                masks[row + 1, count] = 0.0
    return masks


@compiled_once()
def spread(grid, pointer, source, row, stride, times):
    """Mark all cells of `grid` that can be reached from the cells that are marked already.

    A cell is a machine state (first axis) together with a combination of counts (second axis).
    """
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
    """Compute the product of the matrix P and `vector`, and write it into `result`.

    `value` has the entry of P for each transition between machine states, and `diagonal` has the entry on the diagonal
    for each machine state.
    """
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
    """Return the Poisson probabilities of 0, 1, 2 … jumps.

    The list stops `fresh` places after the first negligible probability beyond the mean.
    """
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
    """Return Σ_k weights[k] P^k vector, where P is the matrix of `_pull`."""
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
    """Add Pᵀ `now` to `before`, and derivatives with respect to P to `by_way` and `by_exit`.

    The derivatives are products of `now` and `power`. `by_way` has one for each transition (with respect to its entry
    of P), and `by_exit` has one for each machine state (with respect to its diagonal entry).
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
    """Return the derivatives of the log-likelihood with respect to the `vector` of `_carry`.

    `value_after` are the derivatives with respect to the result of `_carry`. The derivatives with respect to the
    entries of P are added to `by_way` and `by_exit`.
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
    """Prepare the sum of matrix powers that gives the distribution at the end of a span of time.

    In a short span the shift lies in the middle of the exit rates, so that fewer terms are needed. If rows of the log
    open at the start of the span, one term is added for each firing that these rows report.

    Returns:
        Five values:

        - The number of equal parts of the span, each with its own sum. It is 0 if all exit rates are 0.
        - The weights of the terms in one part.
        - The entry of P = (shift + Q) / scale for each transition.
        - The entry of P on the diagonal for each machine state.
        - The scale.
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
    """Return the distribution at a span's end, given the distribution `vector` at its start."""
    parts, weights, value, diagonal, _ = _scaled(days, ways, rate, exit_rate)
    vector = vector.copy()
    for _ in range(parts):
        vector = _carry(vector, weights, ways, value, diagonal)
    return vector


@compiled_once()
def _flow_back(vector, value_after, days, ways, rate, exit_rate, by_way, by_exit):
    """Return the derivatives with respect to the distribution `vector` at the start of a span.

    `value_after` are the derivatives with respect to the distribution at the end. `by_way` and `by_exit` must be 0.
    They receive the derivatives with respect to the rates of the transitions and to the exit rates.
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
def forward(start, rates, spans, ways, maps, cells, masses):
    """Compute the distribution at each span's start and at the log's end, given the log so far.

    The distributions are written into `cells`. For each distribution, `masses` receives the likelihood of the log since
    the start of the previous span, given the log up to that start. Returns the index of the first distribution whose
    likelihood is 0, or -1 if there is none.
    """
    days, _, state_start, grid_start = spans
    way_start = ways[1]
    rate, exit_rate = rates
    map_start, map_source, map_target, map_weight = maps
    vector = start
    for span in range(len(days) + 1):
        begin = cells[grid_start[span] : grid_start[span + 1]]
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
def backward(start, rates, spans, ways, maps, cells, masses, values, derivatives):
    """Compute cell values and derivatives of the log-likelihood from the results of `forward`.

    The value of a cell is the likelihood of the rest of the log from this cell, divided by the mean of this likelihood
    over the distribution in `cells`. `values` receives the values in the order of `cells`. The three arrays
    in `derivatives` receive the derivatives with respect to the rate of each transition, to each exit rate, and to the
    probability of each start state.
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
            cells[grid],
            before,
            days[span - 1],
            _ways_of(span - 1, spans, ways),
            rate[own],
            exit_rate[states],
            by_way[own],
            by_exit[states],
        )
