"""Input and output of the Monte Carlo kernel, as named tuples of flat arrays.

A *branch* is an outcome of a move in one context, that is, with one set of probabilities and effects. A *pin* is an
intervention that sets a variable. This module does not need Numba.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FIRINGS = 1000
"""Number of columns that count replicates by the firings of a move: 0, 1, 2, ... The last column is for 999 or more."""


class Layout(NamedTuple):
    """The layout of the array of counts, and the numbers of things counted.

    `rung` to `square` are the first columns of each kind of count, and `width` is the number of columns. Levels start
    at column 0. `words` is the number of words of a packed state. `first_pace` is the number of the first amount per
    day among all amounts of impacts.

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

    There are V variables, M moves, branches followed by pins, and C conditions. Arrays `NAME_start` give ranges: the
    range of x is start[x] to start[x + 1].

    By variable: its `top` level, its first `bit` in the packed state, the moves that read it (`reader_*`) with their
    strides, and its possible start levels (`spread_*`). By move: its `entry` in the tables when every level is 0. By
    table entry: whether the guard holds there (`possible`), and the first `branch` of the context. A second part of
    `possible` is for moves on their dates. By branch: its effects (new level = old x keep + amount, kept within the
    range of levels), and the things that the effects may change: `touched` moves, `clock`s (pairs of a move with a wait
    and the variable that counts its stages), `ladder`s, `ending`s and `question`s. `answer` lists the questions for
    which the firing of a branch counts. By question: the number of firings that it asks for (`goal`), and the days of
    its `lull` (0: none). A condition holds when any of its clauses (one row of words each) shares no bit with the
    packed state. By segment: its end, its rate table and chances, the effects that a hold blocks (`held`), and the
    interventions at its start (`action_*`).

    Amounts of impacts are numbered in this order: amounts of firings, amounts per day, amounts of endings. Each has its
    `amount_impact` and, for its random numbers, an `amount_hash`. `impulse` lists the amounts that the firing of a
    branch adds, `pace` the amounts per day that it may start or stop, and `payment` the amounts that an ending adds.
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
    """Numbers that depend on assumption values: rates, cumulative shares and amounts.

    Each amount of an impact has a mean, and the mean and standard deviation of its logarithm. If this standard
    deviation is 0, the amount always equals its mean.
    """

    rates: np.ndarray
    chance: np.ndarray
    share: np.ndarray
    mean: np.ndarray
    log_mean: np.ndarray
    log_spread: np.ndarray


class Output(NamedTuple):
    """Output of one call of the kernel.

    The first four arrays are integers summed over replicates. The others have one row for each replicate. `accrued` (R,
    T, I) is the accumulated amount of each impact by each report time.
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
    """Histories: one row for the start (branch -1) and one per event.

    A row has a time, a branch (or pin), an intervention (`action`, -1: none) and the packed state. `start` (R + 1,) is
    the first row of each replicate. If the arrays are empty, no history is kept.
    """

    start: np.ndarray
    time: np.ndarray
    branch: np.ndarray
    action: np.ndarray
    state: np.ndarray


class Work(NamedTuple):
    """The present state of one replicate: levels, packed word, rungs.

    By move: its table index, stream key, firing time, rate, rest of its exponential, and numbers of firings. `bits` are
    the bits of the firing times, read as whole numbers. By question: `seen`, the number of firings that count for it,
    and `since`, the time of the last one (0 before the first). By impact: the amount `accrued` so far, and its present
    gain per day (`flow`). `paid` says which amounts per day are gained now.
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
    """Return arrays for the state of one replicate. Each thread needs its own."""
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
    """Return an array of zeros on cache lines of its own, so that no two threads write to one line."""
    margin = 128 // np.dtype(dtype).itemsize
    return np.zeros(length + 2 * margin, dtype)[margin : margin + length]
