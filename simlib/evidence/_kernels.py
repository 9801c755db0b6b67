"""Numba kernels of the filter: flat arrays in, serial, without the GIL.

Within a span probability flows by uniformisation, p(t) = Σ_k Poisson(k; Λt) P^k p(0) with P = I + Q/Λ. The gradient is
the discrete adjoint of the same sums: with y_K = w_K λ and y_m = w_m λ + Pᵀ y_(m+1), the derivative with respect to the
entry (target, source) of P is Σ_m y_(m+1)[target] (P^m p)[source].
"""

from __future__ import annotations

import math

import numpy as np

from simlib.engines.compile_cache import compiled_once

_FAST = {"reassoc", "contract"}
_LONGEST = 200.0
"""Largest mean number of jumps in one sum. A longer span is carried in several parts."""

_NEGLIGIBLE = 1e-22
"""Poisson weights below this are left out, once past the mean."""


@compiled_once(fastmath=_FAST)
def _pull(vector, result, pointer, source, value, diagonal):
    """Write P vector."""
    for x in range(len(result)):
        total = diagonal[x] * vector[x]
        for k in range(pointer[x], pointer[x + 1]):
            total += value[k] * vector[source[k]]
        result[x] = total


@compiled_once()
def _uniform(exit_rate):
    largest = 0.0
    for x in range(len(exit_rate)):
        largest = max(largest, exit_rate[x])
    return largest


@compiled_once()
def _poisson(mean):
    """Return the Poisson weights up to where they are negligible."""
    weights = np.empty(int(mean + 12.0 * math.sqrt(mean + 1.0)) + 40)
    weights[0] = math.exp(-mean)
    for k in range(1, len(weights)):
        weights[k] = weights[k - 1] * mean / k
        if k > mean and weights[k] < _NEGLIGIBLE:
            return weights[: k + 1]
    return weights


@compiled_once(fastmath=_FAST)
def _carry(vector, weights, pointer, source, value, diagonal):
    """Return Σ_k weights[k] P^k vector."""
    result = weights[0] * vector
    now, after = vector.copy(), np.empty_like(vector)
    for k in range(1, len(weights)):
        _pull(now, after, pointer, source, value, diagonal)
        now, after = after, now
        for x in range(len(result)):
            result[x] += weights[k] * now[x]
    return result


@compiled_once(fastmath=_FAST)
def _carry_back(vector, value_after, weights, pointer, source, value, diagonal, by_way, by_exit):
    """Return the adjoint of `_carry` at `value_after`, and add its derivatives by the entries of P."""
    steps, n = len(weights), len(vector)
    powers = np.empty((steps, n))
    powers[0] = vector
    for m in range(1, steps):
        _pull(powers[m - 1], powers[m], pointer, source, value, diagonal)
    now, before = weights[steps - 1] * value_after, np.empty(n)
    for m in range(steps - 2, -1, -1):
        for x in range(n):
            before[x] = weights[m] * value_after[x] + diagonal[x] * now[x]
            by_exit[x] += powers[m, x] * now[x]
        for x in range(n):
            worth = now[x]
            if worth != 0.0:
                for k in range(pointer[x], pointer[x + 1]):
                    before[source[k]] += value[k] * worth
                    by_way[k] += powers[m, source[k]] * worth
        now, before = before, now
    return now


@compiled_once()
def _parts(mean):
    return max(1, math.ceil(mean / _LONGEST))


@compiled_once()
def _flow(vector, days, pointer, source, rate, exit_rate):
    """Carry a distribution through one span."""
    uniform = _uniform(exit_rate)
    if uniform * days == 0.0:
        return vector.copy()
    parts = _parts(uniform * days)
    weights = _poisson(uniform * days / parts)
    value, diagonal = rate / uniform, 1.0 - exit_rate / uniform
    for _ in range(parts):
        vector = _carry(vector, weights, pointer, source, value, diagonal)
    return vector


@compiled_once()
def _flow_back(vector, value_after, days, pointer, source, rate, exit_rate, by_way, by_exit):
    """Carry values back through one span, and write the derivatives by the rate of each way and each exit."""
    uniform = _uniform(exit_rate)
    if uniform * days == 0.0:
        return value_after.copy()
    parts = _parts(uniform * days)
    weights = _poisson(uniform * days / parts)
    value, diagonal = rate / uniform, 1.0 - exit_rate / uniform
    begins = np.empty((parts, len(vector)))
    begins[0] = vector
    for part in range(1, parts):
        begins[part] = _carry(begins[part - 1], weights, pointer, source, value, diagonal)
    for part in range(parts - 1, -1, -1):
        value_after = _carry_back(begins[part], value_after, weights, pointer, source, value, diagonal, by_way, by_exit)
    for k in range(len(by_way)):
        by_way[k] /= uniform
    for x in range(len(by_exit)):
        by_exit[x] /= -uniform
    return value_after


@compiled_once()
def forward(start, days, state_start, pointer, way_start, source, rate, exit_rate, maps, kept, masses):
    """Carry the start through all spans. Writes each distribution at the start of a span (`kept`, the end last).

    `masses` gets the probability that is left at each crossing. Returns the crossing at which none is, or -1.
    """
    map_start, map_source, map_target, map_weight = maps
    vector = start
    for span in range(len(days) + 1):
        first, last = state_start[span], state_start[span + 1]
        begin = kept[first:last]
        begin[:] = 0.0
        for k in range(map_start[span], map_start[span + 1]):
            begin[map_target[k]] += map_weight[k] * vector[map_source[k]]
        masses[span] = begin.sum()
        if not masses[span] > 0.0:
            return span
        begin /= masses[span]
        if span < len(days):
            ways = slice(way_start[span], way_start[span + 1])
            own = pointer[first + span : last + span + 1]
            vector = _flow(begin, days[span], own, source[ways], rate[ways], exit_rate[first:last])
    return -1


@compiled_once()
def backward(start, days, state_start, pointer, way_start, source, rate, exit_rate, maps, kept, masses, values, by):
    """Carry the value 1 back through all spans. Writes the value at the start of each span (`values`).

    Their product with `kept` is the smoothed distribution. `by` holds the derivatives of the log-likelihood by the rate
    of each way, by each exit rate, and by the probability of each start state.
    """
    map_start, map_source, map_target, map_weight = maps
    by_way, by_exit, by_start = by
    values[state_start[len(days)] :] = 1.0
    for span in range(len(days), -1, -1):
        first = state_start[span]
        size = len(start) if span == 0 else first - state_start[span - 1]
        before = np.zeros(size)
        for k in range(map_start[span], map_start[span + 1]):
            before[map_source[k]] += map_weight[k] * values[first + map_target[k]] / masses[span]
        if span == 0:
            by_start[:] = before
            return
        begin, end = state_start[span - 1], first
        ways = slice(way_start[span - 1], way_start[span])
        own = pointer[begin + span - 1 : end + span]
        values[begin:end] = _flow_back(
            kept[begin:end],
            before,
            days[span - 1],
            own,
            source[ways],
            rate[ways],
            exit_rate[begin:end],
            by_way[ways],
            by_exit[begin:end],
        )
