"""Numba kernels of the exact engine, imported only through `simlib.engines.exact.backend`.

The module that calls a kernel also has a version of the kernel in NumPy or SciPy, so that the exact engine works
without Numba. Tests compare the two versions. Kernels are serial, release the GIL, and take only arrays, numbers and
tuples of arrays, so they compile once per installation.

The code of a state is one whole number, whose digits are the levels of the variables. A branch is an outcome of a move
in one context. A context says which conditions on the move's outcomes hold. A clock is a hidden variable that counts
the completed stages of a move's (Erlang distributed) waiting time.

The search for states uses these arrays:

- `table`: The position of each state in `codes`. The index is the code itself if `dense`, otherwise the slot of the
  code.
- `codes`, `counts`, `endings`: For each state its code, the number of edges out of it, and its ending (-1: none).
- `sizes`, `radix`: The number of levels of each variable, and the value of its digit in a code.
- `moves`, `effects`, `clauses`, `clocks`: What moves read and do, when endings hold, and which variables are clocks.
  The module `reachable` makes these tuples of arrays.

In a sparse matrix, row r has the entries `value[k]` in the columns `index[k]`, with k from `start[r]` to
`start[r + 1]` - 1. `diagonal` has the entries on its diagonal.
"""

from __future__ import annotations

from numba import uint64

from simlib.engines.compile_cache import compiled_once

# With signed indices, Numba tests in the inner loop whether they are negative. Unsigned indices doubled the speed of
# `step`.
_FAST = {"reassoc", "contract"}


@compiled_once()
def _find(table, codes, dense, code):
    """Return the position of a state code in the hash table, and the index of the state or -1."""
    if dense:
        return uint64(code), table[code]
    mask = uint64(len(table) - 1)
    mixed = uint64(code) * uint64(0x9E3779B97F4A7C15)
    slot = (mixed ^ (mixed >> uint64(29))) & mask
    while True:
        index = table[slot]
        if index < 0 or codes[index] == code:
            return slot, index
        slot = (slot + uint64(1)) & mask


@compiled_once()
def _ending(levels, clause_ending, clause_start, clause_variable, clause_allowed):
    """Return the index of the first ending whose condition holds, or -1.

    A condition holds if all tests of one of its clauses are passed. Test k is passed if row k of `clause_allowed` is
    true at the level of the variable that the test reads.
    """
    for clause in range(len(clause_ending)):
        holds = True
        for k in range(clause_start[clause], clause_start[clause + 1]):
            if not clause_allowed[k, levels[clause_variable[k]]]:
                holds = False
                break
        if holds:
            return clause_ending[clause]
    return -1


@compiled_once()
def _moved(levels, branch, effects, sizes, radix):
    """Return how much the state code changes when a branch happens."""
    start, variable, shifts, amount = effects
    delta = 0
    for k in range(start[branch], start[branch + 1]):
        v = variable[k]
        level = levels[v] + amount[k] if shifts[k] else amount[k]
        level = min(max(level, 0), sizes[v] - 1)
        delta += (level - levels[v]) * radix[v]
    return delta


@compiled_once()
def _set_back(code, after, sizes, radix, moves, clauses, clocks):
    """Return how much a state code changes when the clocks of all impossible moves are set to 0.

    The clock of a move is a hidden variable that counts the stages of its wait. In an ending, all clocks are set to 0.
    """
    table_start, move_start, move_variable, move_stride, possible, _, _ = moves
    clock_move, clock_variable = clocks
    clause_ending, clause_start, clause_variable, clause_allowed = clauses
    for v in range(len(sizes)):
        after[v] = (code // radix[v]) % sizes[v]
    over = _ending(after, clause_ending, clause_start, clause_variable, clause_allowed) >= 0
    delta = 0
    for c in range(len(clock_move)):
        m, v = clock_move[c], clock_variable[c]
        entry = table_start[m]
        for k in range(move_start[m], move_start[m + 1]):
            entry += after[move_variable[k]] * move_stride[k]
        if over or not possible[entry]:
            delta -= after[v] * radix[v]
    return delta


@compiled_once()
def insert(table, codes, dense, first, last):
    """Enter codes[first:last] into the hash table, each with its position in `codes`."""
    for index in range(first, last):
        slot, _ = _find(table, codes, dense, codes[index])
        table[slot] = index


@compiled_once()
def explore(
    table, codes, counts, endings, dense, count, done, limit, stop, sizes, radix, moves, effects, clauses, clocks
):
    """Continue breadth-first search until `stop` states are expanded or over `limit` are found.

    A state is expanded when the states that follow it have been found. `table` maps codes to positions in the order of
    discovery, directly if `dense`, else by open addressing. Returns (states found, states expanded).
    """
    table_start, move_start, move_variable, move_stride, possible, outcomes, branches = moves
    clause_ending, clause_start, clause_variable, clause_allowed = clauses
    levels, after = sizes.copy(), sizes.copy()
    while done < count and done < stop and count <= limit:
        code = codes[done]
        for v in range(len(sizes)):
            levels[v] = (code // radix[v]) % sizes[v]
        endings[done] = _ending(levels, clause_ending, clause_start, clause_variable, clause_allowed)
        edges = 0
        if endings[done] < 0:
            for m in range(len(table_start) - 1):
                entry = table_start[m]
                for k in range(move_start[m], move_start[m + 1]):
                    entry += levels[move_variable[k]] * move_stride[k]
                if not possible[entry]:
                    continue
                for branch in range(branches[entry], branches[entry] + outcomes[m]):
                    delta = _moved(levels, branch, effects, sizes, radix)
                    if len(clocks[0]):
                        delta += _set_back(code + delta, after, sizes, radix, moves, clauses, clocks)
                    if delta == 0:
                        continue
                    edges += 1
                    slot, index = _find(table, codes, dense, code + delta)
                    if index < 0:
                        table[slot] = count
                        codes[count] = code + delta
                        count += 1
        counts[done] = edges
        done += 1
    return count, done


@compiled_once()
def fill_edges(
    table, codes, endings, dense, first, last, start, target, pair, sizes, radix, moves, effects, clauses, clocks, pairs
):
    """Write the target state and the pair of each edge out of states `first` to `last` - 1.

    A pair is (rate table entry, outcome). Self-loops are left out.
    """
    table_start, move_start, move_variable, move_stride, possible, outcomes, branches = moves
    levels, after = sizes.copy(), sizes.copy()
    for x in range(first, last):
        if endings[x] >= 0:
            continue
        code = codes[x]
        for v in range(len(sizes)):
            levels[v] = (code // radix[v]) % sizes[v]
        edge = start[x]
        for m in range(len(table_start) - 1):
            local = 0
            for k in range(move_start[m], move_start[m + 1]):
                local += levels[move_variable[k]] * move_stride[k]
            if not possible[table_start[m] + local]:
                continue
            first_branch = branches[table_start[m] + local]
            for place in range(outcomes[m]):
                delta = _moved(levels, first_branch + place, effects, sizes, radix)
                if len(clocks[0]):
                    delta += _set_back(code + delta, after, sizes, radix, moves, clauses, clocks)
                if delta == 0:
                    continue
                _, index = _find(table, codes, dense, code + delta)
                target[edge] = index
                pair[edge] = pairs[m] + local * outcomes[m] + place
                edge += 1


@compiled_once(fastmath=_FAST)
def step(vector, result, start, index, value, diagonal, first, last):
    """Write rows `first` to `last` - 1 of `result = diagonal * vector + matrix @ vector`."""
    for row in range(uint64(first), uint64(last)):
        total = diagonal[row] * vector[row]
        for k in range(uint64(start[row]), uint64(start[row + uint64(1)])):
            total += value[k] * vector[index[k]]
        result[row] = total


@compiled_once()
def leap(vector, result, start, index, value, diagonal, first, last):
    """Set rows `first` to `last` - 1 of `result = diagonal * vector + matrix @ vector - result`."""
    for row in range(uint64(first), uint64(last)):
        total = diagonal[row] * vector[row] - result[row]
        for k in range(uint64(start[row]), uint64(start[row + uint64(1)])):
            total += value[k] * vector[index[k]]
        result[row] = total


@compiled_once()
def slot_sums(pair_rates, pair, slot_start, out):
    """Write the rate of each slot (all edges from one state to another) to `out`."""
    slots = uint64(len(slot_start))
    for slot in range(slots):
        last = uint64(slot_start[slot + uint64(1)]) if slot + uint64(1) < slots else uint64(len(pair))
        total = 0.0
        for k in range(uint64(slot_start[slot]), last):
            total += pair_rates[pair[k]]
        out[slot] = total


@compiled_once(fastmath=_FAST)
def add(total, weight, vector):
    """Add weight * vector to total, without a temporary copy."""
    for x in range(len(total)):
        total[x] += weight * vector[x]


@compiled_once()
def histogram(block, cells, out):
    """Add block[x, 0] to out[cells[x, g]] for every state x and group g."""
    for x in range(uint64(len(cells))):
        for group in range(uint64(cells.shape[1])):
            out[cells[x, group]] += block[x, 0]


@compiled_once(fastmath=_FAST)
def count_steps(vector, spare, start, index, value, shift, weights, end, sums):
    """Do one step per weight: vector[x, n] becomes Σ_k value[k] vector[index[k], n - shift[k]].

    The sum is over the edges k into state x. Before each step, the vector times the weight is added to `end`, and the
    column sums of the vector itself are added to the step's own row of `sums`. Returns (vector after the last step,
    spare array).
    """
    rows, columns = vector.shape
    for step in range(len(weights)):
        weight = weights[step]
        for x in range(uint64(rows)):
            for n in range(uint64(columns)):
                sums[step, n] += vector[x, n]
        if weight > 0:
            for x in range(uint64(rows)):
                for n in range(uint64(columns)):
                    end[x, n] += weight * vector[x, n]
        for x in range(uint64(rows)):
            spare[x] = 0.0
            for k in range(uint64(start[x]), uint64(start[x + uint64(1)])):
                source, up, rate = uint64(index[k]), uint64(shift[k]), value[k]
                for n in range(up, uint64(columns)):
                    spare[x, n] += rate * vector[source, n - up]
        vector, spare = spare, vector
    return vector, spare


@compiled_once(fastmath=_FAST)
def edge_sums(forward, backward, edge_start, target, pair, out, first, last):
    """Add Σ_j forward[x, j] (backward[y, j] - backward[x, j]) to out[pair] for edges x → y."""
    nodes = forward.shape[1]
    for x in range(uint64(first), uint64(last)):
        for k in range(uint64(edge_start[x]), uint64(edge_start[x + uint64(1)])):
            y = target[k]
            total = 0.0
            for j in range(nodes):
                total += forward[x, j] * (backward[y, j] - backward[x, j])
            out[pair[k]] += total
