"""Input and output of the Monte Carlo kernel: flat arrays, grouped and named. No Numba here."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FIRINGS = 1000
"""Number of columns for the firings of one move by the last report time: 0, 1, 2, ... The last is "that many or more".
"""


class Layout(NamedTuple):
    """Columns of the accumulator (levels from 0), its width, and the numbers of things counted.

    Conditions are numbered in the order of rungs, endings, questions, amounts per day. The condition of a question
    about a move never holds. Among the amounts of impacts, those per day are numbered from `first_pace` on.
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

    There are V variables, M moves, branches (outcomes in a context) followed by pins, and C conditions. Ranges are
    given by starts: the range of x is start[x] to start[x + 1]. By variable: its `top` level, its first `bit` in the
    packed state, the moves that read it (`reader_*`) with their strides, and its possible start levels (`spread_*`). By
    move: its `entry` in the tables when every level is 0. By table entry: whether the guard holds there (`possible`),
    followed by the same for each move on its date, and the first `branch` of the context. By branch: effects (new level
    = old x keep + amount, saturated), and the things that they can change: `touched` moves, `clock`s (each of a move
    and a variable), `ladder`s, `ending`s, `question`s. `answer`s are the questions for which its firing counts. By
    question: the number of firings that it asks for (`goal`), and the days of its `lull` (0: none). A condition holds
    when any of its clauses (one row of words each) shares no bit with the state. By segment: its end, its rate table
    and chances, the effects that are `held` back, and the actions at its start.

    Amounts of impacts are numbered impulses first, then amounts per day, then those at endings. Each has its
    `amount_impact` and, for its random numbers, an `amount_hash`. A branch gains `impulse`s, and changes which amounts
    per day are gained (`pace`). An ending gains `payment`s.
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
    """Numbers that depend on assumption values: `rates`, cumulative chances and start shares.

    Each amount of an impact has its mean, and the mean and standard deviation of its logarithm (0: always the mean).
    """

    rates: np.ndarray
    chance: np.ndarray
    share: np.ndarray
    mean: np.ndarray
    log_mean: np.ndarray
    log_spread: np.ndarray


class Output(NamedTuple):
    """Output of one call: integers summed over replicates, then one row for each replicate.

    `accrued` (R, T, I) is the accumulated amount of each impact by each report time.
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

    A row has a time, a branch (or pin), an action (-1: none) and the packed state.

    `start` (R + 1,) says where each replicate begins. Arrays of no length mean that nothing is kept.
    """

    start: np.ndarray
    time: np.ndarray
    branch: np.ndarray
    action: np.ndarray
    state: np.ndarray


class Work(NamedTuple):
    """The state of one replicate: levels, packed word, rungs.

    By move: its table entry, clock, and counts. `bits` are the bits of the firing times, read as whole numbers. By
    question: the number of firings `seen` that count for it, and the time `since` when there was none. By impact: the
    amount accrued so far, and the present gain per day. `paid` says which amounts per day are gained now.
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
    """Return room for the state of one replicate, for one thread."""
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
