"""Input and output of the Monte Carlo kernel, as named tuples of flat arrays.

A *branch* is an outcome of a move in one context, that is, with one set of probabilities and effects. A *pin* is an
intervention that sets a variable. A *firing* is one happening of a move. A *packed state* is a row of 64-bit words with
one bit for each level of each variable. This module does not need Numba.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FIRINGS = 1000
"""Number of columns that count replicates by how often a move happened: 0, 1, 2, ..., and 999 or more."""


class Layout(NamedTuple):
    """The columns of the array of counts (see `Output`), and how many things are counted.

    The array has a row for each report time. Its first columns count replicates by the level of each variable.

    Attributes:
        rung, ending, question: The first column that counts replicates by rung (level of escalation), by ending, and by
            question with the answer yes.
        move: The first column that counts the firings of each move.
        square: The first column that sums the squared number of firings of each move over replicates.
        width: The number of columns.
        words: The number of 64-bit words of a packed state.
        endings, questions, impacts: The numbers of endings, questions and impacts.
        first_pace: The index of the first amount per day among all amounts of impacts.

    Conditions are numbered in the order of rungs, endings, questions, amounts per day. A question about a move has a
    condition that never holds.
    """

    rung: int
    ending: int
    question: int
    move: int
    square: int
    width: int
    words: int
    endings: int
    questions: int
    impacts: int
    first_pace: int


class Structure(NamedTuple):
    """The scenario without assumption values, as flat arrays.

    An array `NAME_start` cuts the array `NAME` into lists: the list of x is NAME[NAME_start[x]:NAME_start[x + 1]]. The
    arrays `start_hash` (by variable), `move_hash`, `action_hash` and `amount_hash` hold hashes of the names of random
    numbers. In the arrays by branch or pin, the pins follow the branches. `grid` holds the report times in days,
    followed by infinity.

    By variable:
        top: The index of its highest level.
        bit: Its first bit in a packed state.
        reader_move, reader_stride: The moves that read the variable, and the strides of the variable in their tables.
        spread_level: Its possible start levels.
    By move:
        entry: Its table entry if every level is 0.
        outcome_start: Its first outcome among the outcomes of all moves.
    By rate table entry:
        possible: Whether the guard (condition) of the move holds. After all entries, a copy of them follows for each
            move with a fixed date. A copy is also False where an intervention replaces the rate.
        branch: The first branch of the entry's context.
    By branch or pin:
        effect_variable, effect_keep, effect_amount: Its effects. The new level is old level x keep + amount, kept
            within the range of levels.
        touched: The moves whose hazard may change.
        clock: The clocks that may have to be set back.
        ladder, ending, question: The ladders, endings and questions whose conditions may change.
        answer: The questions for which the firing of the branch counts.
        impulse: The amounts of impacts that the firing adds.
        pace: The amounts per day that may start or stop.
    By question:
        goal: The number of firings for which the question asks.
        lull: The number of days without a firing for which the question asks, 0 for none.
    By clock (a variable that counts the stages of the wait of a move):
        clock_move, clock_variable: The move, and the variable.
    By ladder, condition and ending:
        rung_start: Where the rungs (levels of escalation) of each ladder begin among all rungs.
        condition_start: Where the clauses of each condition begin.
        clause: The clauses, each a row of words. A condition holds if the packed state has no bit in common with one of
            its clauses.
        payment: The amounts of impacts that the ending adds.
    By segment of time:
        segment_end: Its end in days.
        segment_table, segment_chance: Where its rates and its chances begin in `Values`.
        held: Whether each effect is blocked because its variable is held.
        action_start: Where the interventions at its start begin.
    By intervention on a day:
        action_move: The move, -1 for a pin.
        action_outcome: The outcome within the move (-1: drawn at random), or the pin among branches and pins.
        action_guard: Where the part of `possible` that applies to it begins: the original, or the copy for its date.
        action_repeat: How many earlier interventions have the same name of random numbers.
    By amount of an impact (amounts of firings, then amounts per day, then amounts of endings):
        amount_impact: The impact.
    """

    top: np.ndarray
    bit: np.ndarray
    reader_start: np.ndarray
    reader_move: np.ndarray
    reader_stride: np.ndarray
    spread_start: np.ndarray
    spread_level: np.ndarray
    start_hash: np.ndarray
    entry: np.ndarray
    possible: np.ndarray
    branch: np.ndarray
    move_hash: np.ndarray
    outcome_start: np.ndarray
    effect_start: np.ndarray
    effect_variable: np.ndarray
    effect_keep: np.ndarray
    effect_amount: np.ndarray
    touched_start: np.ndarray
    touched: np.ndarray
    clock_start: np.ndarray
    clock: np.ndarray
    ladder_start: np.ndarray
    ladder: np.ndarray
    ending_start: np.ndarray
    ending: np.ndarray
    question_start: np.ndarray
    question: np.ndarray
    answer_start: np.ndarray
    answer: np.ndarray
    goal: np.ndarray
    lull: np.ndarray
    clock_move: np.ndarray
    clock_variable: np.ndarray
    rung_start: np.ndarray
    condition_start: np.ndarray
    clause: np.ndarray
    segment_end: np.ndarray
    segment_table: np.ndarray
    segment_chance: np.ndarray
    held: np.ndarray
    action_start: np.ndarray
    action_move: np.ndarray
    action_outcome: np.ndarray
    action_guard: np.ndarray
    action_hash: np.ndarray
    action_repeat: np.ndarray
    grid: np.ndarray
    amount_impact: np.ndarray
    amount_hash: np.ndarray
    impulse_start: np.ndarray
    impulse: np.ndarray
    pace_start: np.ndarray
    pace: np.ndarray
    payment_start: np.ndarray
    payment: np.ndarray


class Values(NamedTuple):
    """The arrays that depend on assumption values.

    Attributes:
        rates: The hazard per day of every rate table entry. The rate tables stand one after the other.
        chance: The cumulative probabilities of the branches (outcomes) in each context, for one rate table after the
            other.
        share: The cumulative probabilities of the start levels of each variable.
        mean: The mean of each amount of an impact.
        log_mean, log_spread: The mean and the standard deviation of the logarithm of each amount. If the standard
            deviation is 0, the amount always equals its mean.
    """

    rates: np.ndarray
    chance: np.ndarray
    share: np.ndarray
    mean: np.ndarray
    log_mean: np.ndarray
    log_spread: np.ndarray


class Output(NamedTuple):
    """The output of one kernel call for R replicates, T report times, Q questions and I impacts.

    Integers summed over replicates:
        counts: Changes of the counts between report times, flat. `Layout` describes the columns.
        tried: For each one-off intervention, the number of replicates that had no ending when it acted.
        void: For each one-off intervention, the number of these replicates in which it had no effect.
        firings: For each move, the number of replicates with 0, 1, 2, ... firings, flat (`FIRINGS` columns).

    By replicate:
        ending (R,): The ending, -1 for none.
        ending_time (R,): Its day, infinity for none.
        question_time (R, Q): The day on which each question was answered, infinity for never.
        events (R,): The number of events.
        accrued (R, T, I): The accumulated amount of each impact by each report time.
    """

    counts: np.ndarray
    tried: np.ndarray
    void: np.ndarray
    firings: np.ndarray
    ending: np.ndarray
    ending_time: np.ndarray
    question_time: np.ndarray
    events: np.ndarray
    accrued: np.ndarray


class Track(NamedTuple):
    """Histories of R replicates: one row for the start of each replicate and one for each event.

    If the arrays are empty, no history is kept.

    Attributes:
        start (R + 1,): The first row of each replicate.
        time: The day of each row.
        branch: The branch (outcome) that happened or the pin (setting of a variable), -1 for the start.
        action: The one-off intervention that caused the event, -1 for none.
        state: The packed state after the event.
    """

    start: np.ndarray
    time: np.ndarray
    branch: np.ndarray
    action: np.ndarray
    state: np.ndarray


class Work(NamedTuple):
    """The present state of one replicate.

    Attributes:
        level: The level of each variable.
        word: The packed state.
        rung: The rung (level of escalation) of each ladder, numbered over all ladders.

    By move:
        place: Its present rate table entry, numbered over all moves.
        key: The key of its random numbers.
        fire: The day on which it will fire, infinity while its rate is 0.
        rate: Its present hazard per day.
        left: The part of its unit exponential that was left when its rate last changed.
        fired, total: The number of its firings that were not forced, and of all its firings.
        bits: The bits of `fire`, read as whole numbers.
    By question:
        seen: The number of firings so far that count for the question.
        since: The day of the last of them, 0 before the first.
    By impact:
        accrued, flow: The amount so far, and the present gain per day.
    By amount of an impact:
        paid: Whether the amount is gained per day and its condition holds now.
    """

    level: np.ndarray
    word: np.ndarray
    rung: np.ndarray
    place: np.ndarray
    key: np.ndarray
    fire: np.ndarray
    rate: np.ndarray
    left: np.ndarray
    fired: np.ndarray
    total: np.ndarray
    bits: np.ndarray
    seen: np.ndarray
    since: np.ndarray
    accrued: np.ndarray
    flow: np.ndarray
    paid: np.ndarray


def make_work(layout: Layout, structure: Structure) -> Work:
    """Return the arrays for the state of one replicate. Each thread needs separate arrays."""
    moves = len(structure.entry)
    fire = _apart(max(moves, 1))
    fire[:] = np.inf
    return Work(
        _apart(len(structure.top), np.int32),
        _apart(layout.words, np.uint64),
        _apart(len(structure.rung_start) - 1, np.uint32),
        _apart(moves, np.uint32),
        _apart(moves, np.uint64),
        fire,
        _apart(moves),
        _apart(moves),
        _apart(moves, np.int64),
        _apart(moves, np.int64),
        fire.view(np.int64),
        _apart(layout.questions, np.int64),
        _apart(layout.questions),
        _apart(layout.impacts),
        _apart(layout.impacts),
        _apart(len(structure.amount_impact), np.bool_),
    )


def _apart(length: int, dtype: type = np.float64) -> np.ndarray:
    """Return an array of zeros that shares no cache line with another thread's array."""
    margin = 128 // np.dtype(dtype).itemsize
    return np.zeros(length + 2 * margin, dtype)[margin : margin + length]
