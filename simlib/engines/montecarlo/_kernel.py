"""The Monte Carlo kernel: the next-reaction method with keyed random numbers.

This module is imported only for a simulation, because it needs Numba. The kernel takes the named tuples that the module
`arrays` defines.

Each move keeps the absolute time at which it will fire. When an event at time t changes the hazard of a move from a to
b, the rest of the move's unit exponential, (fire - t) a, gives the new time: fire = t + rest / b (Gibson and Bruck
2000). A move whose hazard is 0 keeps the rest until its hazard is positive again. So the k-th firing of a move always
uses its k-th exponential. Calendar windows and interventions cut time into segments, each with its own rate table. When
a segment begins, every hazard is looked up again, and the same rule applies. The method is exact (Anderson 2007). If
the hazard of a move does not change, its firing time stays the same, bit for bit.

The state is kept in three forms at once: one level per variable, one rate table entry per move (changed by strides),
and a packed state (words with one bit for each level of each variable). A condition is tested with a few AND operations
on these words. Histograms are kept as differences between report times, and are summed once at the end. All counts are
integers, so sums do not depend on their order.

The kernel is one serial function that releases the GIL. It is compiled once per installation, because its arguments are
flat arrays and no part of it depends on the scenario. Indices are unsigned 32-bit integers, because Numba tests for
each signed index whether it is negative. Helpers with the argument `structure` are inlined before typing, so that the
arrays of `structure` are unpacked only once.

`row` is the place in `counts` where the present report time begins. `offset`, `chances` and `held` are the places where
the present segment begins in the rates, the chances and the held effects. `t` is the time in days.

References: Gibson, M. and Bruck, J. (2000) Efficient exact stochastic simulation of chemical systems with many species
and many channels, J. Phys. Chem. A 104. Anderson, D. (2007) A modified next reaction method for simulating chemical
systems with time dependent propensities and delays, J. Chem. Phys. 127.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from simlib.engines.compile_cache import compiled_once
from simlib.engines.montecarlo.arrays import FIRINGS
from simlib.engines.montecarlo.streams import GAMMA, MIX_1, MIX_2

_ONE = np.uint64(1)
_S12, _S27, _S30, _S31 = (np.uint64(shift) for shift in (12, 27, 30, 31))
_BIT, _WORD = np.uint32(63), np.uint32(6)

_LEAN: dict[str, Any] = {"_nrt": False, "no_cfunc_wrapper": True}
"""Options that turn off Numba's reference counting, because all arrays belong to the caller.

With reference counting, the kernel is nine times slower.
"""

_njit = njit(**_LEAN)
_inline = njit(inline="always", **_LEAN)

DONE, TOO_MANY_EVENTS, HISTORY_FULL = 0, 1, 2


@_njit
def mix(x):
    """Return a 64-bit word with its bits mixed, exactly as `streams.mix` does."""
    x = (x ^ (x >> _S30)) * MIX_1
    x = (x ^ (x >> _S27)) * MIX_2
    return x ^ (x >> _S31)


@_njit
def uniform(key, number):
    """Return random number `number` (from 0) of the stream `key`, strictly between 0 and 1."""
    word = mix(key + (np.uint64(number) + _ONE) * GAMMA)
    return (np.float64(np.int64(word >> _S12)) + 0.5) * 2.0**-52


@_njit
def exponential(key, number):
    """Return random number `number` (from 0) of the stream with this key, as a unit exponential."""
    return -math.log(uniform(key, number))


@_njit
def choose(cumulative, first, u):
    """Return the first index, from `first` on, whose cumulative probability exceeds u.

    The last cumulative probability is above 1.
    """
    place = np.uint32(first)
    while u >= cumulative[place]:
        place = np.uint32(place + 1)
    return place


@_njit
def any_clause(condition_start, clause, condition, word):
    """Whether any clause of a condition has no bit in common with the packed state `word`."""
    words = len(word)
    for row in range(condition_start[condition], condition_start[condition + 1]):
        apart = True
        for k in range(words):
            if word[k] & clause[row * words + k]:
                apart = False
                break
        if apart:
            return True
    return False


@_inline
def holds(structure, condition, word):
    return any_clause(structure.condition_start, structure.clause, condition, word)


@_inline
def rung_of(structure, ladder, word):
    """Return the highest rung of a ladder whose condition holds, else its lowest rung.

    Rungs are numbered over all ladders.
    """
    first = structure.rung_start[ladder]
    rung = np.uint32(structure.rung_start[ladder + 1] - 1)
    while rung > first and not holds(structure, rung, word):
        rung = np.uint32(rung - 1)
    return rung


@_njit
def earliest(bits):
    """Return the index of the smallest firing time, given the times' bits as whole numbers.

    These whole numbers sort like the times. Their minimum compiles to vector instructions. The minimum of
    floating-point numbers does not, because the compiler has to expect NaN.
    """
    least = bits[0]
    for move in range(len(bits)):
        least = bits[move] if bits[move] < least else least
    first = 0
    while bits[first] != least:
        first += 1
    return np.uint32(first)


@_inline
def rerate(work, move, new, t):
    """Give a move a new hazard at time t.

    The rest of the move's unit exponential is used at the new rate, or kept while this rate is 0.
    """
    old = work.rate[move]
    if new != old:
        unit = (work.fire[move] - t) * old if old > 0.0 else work.left[move]
        work.rate[move] = new
        work.left[move] = unit
        work.fire[move] = t + unit / new if new > 0.0 else np.inf


@_inline
def set_level(structure, work, counts, row, variable, new):
    """Set a variable's level, and update the packed state, counts and rate table entries."""
    old = work.level[variable]
    change = new - old
    work.level[variable] = new
    before, after = np.uint32(structure.bit[variable] + old), np.uint32(structure.bit[variable] + new)
    work.word[before >> _WORD] ^= _ONE << np.uint64(before & _BIT)
    work.word[after >> _WORD] ^= _ONE << np.uint64(after & _BIT)
    counts[row + before] -= 1
    counts[row + after] += 1
    for k in range(structure.reader_start[variable], structure.reader_start[variable + 1]):
        move = structure.reader_move[k]
        work.place[move] = np.uint32(work.place[move] + change * structure.reader_stride[k])


@_inline
def start(structure, values, work, counts, layout, times, replicate_key):
    """Set up one replicate at t = 0: draw all levels and the first exponential of each move.

    Questions whose conditions hold at the start are answered.
    """
    work.word[:], work.fired[:], work.total[:] = 0, 0, 0
    for move in range(len(structure.entry)):
        work.place[move] = structure.entry[move]
    for variable in range(len(structure.top)):
        chosen = structure.spread_start[variable]
        if structure.spread_start[variable + 1] - chosen > 1:
            chosen = choose(values.share, chosen, uniform(mix(replicate_key ^ structure.start_hash[variable]), 0))
        bit = structure.bit[variable]
        work.level[variable] = 0
        work.word[bit >> _WORD] ^= _ONE << np.uint64(bit & _BIT)
        counts[bit] += 1
        set_level(structure, work, counts, 0, variable, structure.spread_level[chosen])
    for ladder in range(len(work.rung)):
        work.rung[ladder] = rung_of(structure, ladder, work.word)
        counts[layout.rung + work.rung[ladder]] += 1
    offset = structure.segment_table[0]
    for move in range(len(structure.entry)):
        work.key[move] = mix(replicate_key ^ structure.move_hash[move])
        work.left[move] = exponential(work.key[move], 0)
        work.rate[move] = values.rates[offset + work.place[move]]
        work.fire[move] = work.left[move] / work.rate[move] if work.rate[move] > 0.0 else np.inf
    work.accrued[:], work.flow[:], work.paid[:] = 0.0, 0.0, False
    conditions = layout.question - layout.rung + layout.questions
    for pace in range(len(structure.condition_start) - 1 - conditions):
        set_pace(structure, values, work, layout.first_pace + pace, conditions + pace)
    times[:], work.seen[:], work.since[:] = np.inf, 0, 0.0
    for question in range(layout.questions):
        if holds(structure, layout.question - layout.rung + question, work.word):
            answer(counts, 0, layout, times, question, 0.0)


@_inline
def first_ending(structure, work, layout):
    for ending in range(layout.endings):
        if holds(structure, layout.ending - layout.rung + ending, work.word):
            return ending
    return -1


@_inline
def answer(counts, row, layout, times, question, t):
    if times[question] == np.inf:
        times[question] = t
        counts[row + layout.question + question] += 1


@_inline
def end_stretch(structure, work, counts, layout, times, question, t):
    """Answer a question about days without a firing if the lull that ends at t was long enough."""
    over = work.since[question] + structure.lull[question]
    if over <= t and times[question] == np.inf:
        cell = 0
        while structure.grid[cell] < over:
            cell += 1
        answer(counts, cell * layout.width, layout, times, question, over)


@_inline
def amount(structure, values, number, replicate_key, draw):
    """Return draw number `draw` of a lognormal amount. An amount without spread is its mean."""
    spread = values.log_spread[number]
    if spread == 0.0:
        return values.mean[number]
    key = mix(replicate_key ^ structure.amount_hash[number])
    radius = math.sqrt(2.0 * exponential(key, 2 * draw))
    normal = radius * math.cos(2.0 * math.pi * uniform(key, 2 * draw + 1))
    return math.exp(values.log_mean[number] + spread * normal)


@_inline
def gain_by_firing(structure, values, work, branch, replicate_key, draw):
    """Add to the impacts what one happening of a move adds, after `draw` earlier happenings."""
    for k in range(structure.impulse_start[branch], structure.impulse_start[branch + 1]):
        number = structure.impulse[k]
        work.accrued[structure.amount_impact[number]] += amount(structure, values, number, replicate_key, draw)


@_inline
def gain_by_ending(structure, values, work, ending, replicate_key):
    for k in range(structure.payment_start[ending], structure.payment_start[ending + 1]):
        number = structure.payment[k]
        work.accrued[structure.amount_impact[number]] += amount(structure, values, number, replicate_key, 0)
    for impact in range(len(work.flow)):
        work.flow[impact] = 0.0


@_inline
def gain_by_days(work, days):
    for impact in range(len(work.flow)):
        work.accrued[impact] += work.flow[impact] * days


@_inline
def set_pace(structure, values, work, number, condition):
    """Start or stop adding amount `number` per day, depending on whether its condition holds."""
    now = holds(structure, condition, work.word)
    if now != work.paid[number]:
        work.paid[number] = now
        change = values.mean[number] if now else -values.mean[number]
        work.flow[structure.amount_impact[number]] += change


@_inline
def note_accrued(work, accrued, cell, days):
    """Write the amounts of impacts at report time `cell`, `days` days after the last update."""
    for impact in range(len(work.flow)):
        accrued[cell, impact] = work.accrued[impact] + work.flow[impact] * days


@_inline
def count_firing(structure, work, counts, row, layout, times, move, branch, t):
    """Count a happening of a move, forced or not, and update the questions about the move."""
    before = work.total[move]
    if row < (len(structure.grid) - 1) * layout.width:
        work.total[move] = before + 1
    counts[row + layout.move + move] += 1
    counts[row + layout.square + move] += 2 * before + 1
    for k in range(structure.answer_start[branch], structure.answer_start[branch + 1]):
        question = structure.answer[k]
        if structure.lull[question] > 0.0:
            end_stretch(structure, work, counts, layout, times, question, t)
            work.since[question] = t
        else:
            work.seen[question] += 1
            if work.seen[question] >= structure.goal[question]:
                answer(counts, row, layout, times, question, t)


@_inline
def apply(structure, values, work, counts, row, offset, held, layout, times, branch, t):
    """Apply a branch (outcome) or pin (setting of a variable), and return the new ending or -1."""
    changed = False
    for effect in range(structure.effect_start[branch], structure.effect_start[branch + 1]):
        if structure.held[held + effect]:
            continue
        variable = structure.effect_variable[effect]
        old = work.level[variable]
        new = old * structure.effect_keep[effect] + structure.effect_amount[effect]
        new = 0 if new < 0 else new
        new = structure.top[variable] if new > structure.top[variable] else new
        if new != old:
            changed = True
            set_level(structure, work, counts, row, variable, new)
    if not changed:
        return -1
    for k in range(structure.clock_start[branch], structure.clock_start[branch + 1]):
        clock = structure.clock[k]
        if not structure.possible[work.place[structure.clock_move[clock]]]:
            set_level(structure, work, counts, row, structure.clock_variable[clock], 0)
    for k in range(structure.touched_start[branch], structure.touched_start[branch + 1]):
        move = structure.touched[k]
        rerate(work, move, values.rates[offset + work.place[move]], t)
    for k in range(structure.ladder_start[branch], structure.ladder_start[branch + 1]):
        ladder = structure.ladder[k]
        rung = rung_of(structure, ladder, work.word)
        counts[row + layout.rung + work.rung[ladder]] -= 1
        counts[row + layout.rung + rung] += 1
        work.rung[ladder] = rung
    rungs = layout.ending - layout.rung
    for k in range(structure.question_start[branch], structure.question_start[branch + 1]):
        question = structure.question[k]
        condition = rungs + layout.endings + question
        if times[question] == np.inf and holds(structure, condition, work.word):
            answer(counts, row, layout, times, question, t)
    first_pace = rungs + layout.endings + layout.questions
    for k in range(structure.pace_start[branch], structure.pace_start[branch + 1]):
        pace = structure.pace[k]
        set_pace(structure, values, work, layout.first_pace + pace, first_pace + pace)
    for k in range(structure.ending_start[branch], structure.ending_start[branch + 1]):
        if holds(structure, rungs + structure.ending[k], work.word):
            return np.int64(structure.ending[k])
    return -1


@_inline
def action_branch(structure, values, work, chances, action, replicate_key):
    """Return the branch (outcome) or pin that an intervention causes now, or -1 for no effect."""
    outcome, move = np.int64(structure.action_outcome[action]), structure.action_move[action]
    if move < 0:
        effect = structure.effect_start[outcome]
        same = work.level[structure.effect_variable[effect]] == structure.effect_amount[effect]
        return np.int64(-1) if same else outcome
    if not structure.possible[structure.action_guard[action] + work.place[move]]:
        return np.int64(-1)
    first = structure.branch[work.place[move]]
    if outcome >= 0:
        return first + outcome
    u = uniform(mix(replicate_key ^ structure.action_hash[action]), structure.action_repeat[action])
    return np.int64(choose(values.chance, chances + first, u)) - np.int64(chances)


@_inline
def fire_next(structure, values, work, chances, move):
    """Draw and return the branch (outcome) of a move that fires, and draw its next firing time."""
    number = 2 * work.fired[move]
    first = structure.branch[work.place[move]]
    branch = np.int64(first)
    if structure.outcome_start[move + 1] - structure.outcome_start[move] > 1:
        branch = np.int64(choose(values.chance, chances + first, uniform(work.key[move], number + 1)))
        branch -= np.int64(chances)
    work.fired[move] += 1
    work.fire[move] += exponential(work.key[move], number + 2) / work.rate[move]
    return branch


@_inline
def note(history, row, t, branch, action, word):
    if row >= len(history.time):
        return False
    history.time[row], history.branch[row], history.action[row] = t, branch, action
    for k in range(len(word)):
        history.state[row, k] = word[k]
    return True


@compiled_once(**_LEAN)
def run(layout, structure, values, work, output, history, seed_key, first, replicates, max_events):
    """Simulate replicates from `first` on, and return (status, replicates done, history rows).

    Counts are added to those arrays of `output` that hold sums over replicates. In its other arrays, one row is filled
    for each replicate. The loop is one piece, because it is the algorithm of the module docstring step by step.
    """
    moves, segments, effects = len(structure.entry), len(structure.segment_end), len(structure.effect_variable)
    counts, rows, keep = output.counts, 0, len(history.time)
    for replicate in range(replicates):
        replicate_key = mix(seed_key + (np.uint64(first + replicate) + _ONE) * GAMMA)
        times = output.question_time[replicate]
        start(structure, values, work, counts, layout, times, replicate_key)
        ended = first_ending(structure, work, layout)
        if ended >= 0:
            counts[layout.ending + ended] += 1
            gain_by_ending(structure, values, work, ended, replicate_key)
        if keep and not note(history, rows, 0.0, -1, -1, work.word):
            return HISTORY_FULL, replicate, rows
        rows += 1
        accrued = output.accrued[replicate]
        t, since, cell, segment, events = 0.0, 0.0, 0, 0, 0
        offset, chances, held = structure.segment_table[0], structure.segment_chance[0], np.uint32(0)
        action, last_action = structure.action_start[0], structure.action_start[1]
        while ended < 0:
            if action < last_action:
                present, action = action, action + 1
                output.tried[present] += 1
                branch = action_branch(structure, values, work, chances, present, replicate_key)
                if branch < 0:
                    output.void[present] += 1
                    continue
                move = structure.action_move[present]
            else:
                present, first_move = -1, earliest(work.bits)
                if work.fire[first_move] >= structure.segment_end[segment]:
                    t, segment = structure.segment_end[segment], segment + 1
                    if segment == segments:
                        break
                    offset, chances = structure.segment_table[segment], structure.segment_chance[segment]
                    held = np.uint32(segment * effects)
                    action, last_action = structure.action_start[segment], structure.action_start[segment + 1]
                    for move in range(moves):
                        rerate(work, move, values.rates[offset + work.place[move]], t)
                    continue
                t, move = work.fire[first_move], np.int64(first_move)
                branch = fire_next(structure, values, work, chances, first_move)
            while structure.grid[cell] < t:
                note_accrued(work, accrued, cell, structure.grid[cell] - since)
                cell += 1
            gain_by_days(work, t - since)
            since = t
            row = cell * layout.width
            if move >= 0:
                gain_by_firing(structure, values, work, np.uint32(branch), replicate_key, work.total[move])
                count_firing(structure, work, counts, row, layout, times, np.uint32(move), np.uint32(branch), t)
            ended = apply(structure, values, work, counts, row, offset, held, layout, times, np.uint32(branch), t)
            if ended >= 0:
                counts[row + layout.ending + ended] += 1
                gain_by_ending(structure, values, work, ended, replicate_key)
            events += 1
            if events > max_events:
                return TOO_MANY_EVENTS, replicate, rows
            if keep and not note(history, rows, t, branch, present, work.word):
                return HISTORY_FULL, replicate, rows
            rows += 1
        for question in range(layout.questions):
            if structure.lull[question] > 0.0:
                end_stretch(structure, work, counts, layout, times, question, t)
        for move in range(moves):
            output.firings[move * FIRINGS + min(work.total[move], FIRINGS - 1)] += 1
        for later in range(cell, len(structure.grid) - 1):
            note_accrued(work, accrued, later, structure.grid[later] - since)
        output.ending[replicate] = ended
        output.ending_time[replicate] = t if ended >= 0 else np.inf
        output.events[replicate] = events
        if keep:
            history.start[replicate + 1] = rows
    return DONE, replicates, rows
