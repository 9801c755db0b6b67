"""The states that are possible given a log, and the transitions between them (`ways`).

Terms of this module:

- firing: a move that happens with one of its outcomes.
- span: a stretch of time within which no row of the log opens or closes and no hazard changes.
- open row: a row of the log is open during the days on which its firings may have happened. The row closes at the end
  of these days.
- count: the number of firings that an open row has received so far. A full count is the number of firings that the row
  reports. A combination of counts has one count for each open row.
- machine state: a level for each variable of the scenario.
- grid: the states of a span, by machine state and combination of counts. Each cell is one state of the walk.
- way: a transition within a span from one machine state to another. A way *along* an open row raises the count of this
  row by one, and may lead back to the same machine state. Ways along no row raise no count.
- slot: one term of the rate of a way. The rate of a way is the sum of the rates of its slots. The rate of a slot is a
  product: the hazard of a rate table entry, the chance of an outcome, and a weight. For a way along a row, the weight
  is the probability that the log shows the firing. For other ways, it is the probability that the log does not show it.
- rating: the calendar windows that are closed and the interventions in force. Hazards and chances depend on the rating.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from simlib.errors import SimlibError
from simlib.evidence.timetable import Fact, OpenRow, Span
from simlib.typing import Bits, Bools, Floats, Ints


class StoryEnd(NamedTuple):
    """The day from which every possible state is an ending, and one such state.

    `early` are the rows and facts that are taken in on that day, although they would otherwise be taken in later.
    `across` are open rows that join rows of the log from both sides of that day, and can be taken in only in part.
    """

    day: float
    state: int
    early: tuple[OpenRow | Fact, ...] = ()
    across: tuple[OpenRow, ...] = ()


class NoProbability(SimlibError):
    """A log has probability 0 at given values of the assumptions.

    For example, so many events were expected that their absence from the log has probability 0.
    """


class ImpossibleRow(NoProbability):
    """A row or fact of the log after which no state of the scenario is possible.

    - row: the row about moves, or the fact (a row about the state).
    - levels (N, V): the level of each of V variables in the N states that were possible just before.
    - day: the day on which the row closes or the fact is checked.
    """

    def __init__(self, row: OpenRow | Fact, levels: Ints, day: float) -> None:
        self.row, self.levels, self.day = row, levels, day
        super().__init__(f"{row.reading.row}: no state of the scenario is possible after this row")


@dataclass(frozen=True)
class Weights:
    """The weights of firings: probabilities that the log shows a firing, or does not show it.

    A weight is `constant + slope * c`, where c is the chance that the log shows a firing. `assumption` is the index of
    the assumption that gives c, or -1 if the weight is constant.
    """

    assumption: Ints
    constant: Floats
    slope: Floats


@dataclass(frozen=True)
class Walk:
    """The possible states in each span, and the ways (transitions) between them, as flat arrays.

    The terms are defined at the top of the module. Most arrays hold the values of all spans, one span after the other.

    - levels (N, V): the level of each of V variables, for each of N machine states.
    - ended (N,): whether the machine state is an ending.
    - days (S,): the length of each of S spans, in days.
    - sizes (S,): the number of combinations of counts in each span.
    - state: the machine states of each span, then the machine states at the end of the log, as indices into `levels`.
    - state_start (S + 2,): where the machine states of each span begin in `state`.
    - grid_start (S + 2,): where the grid of each span begins in a vector over all grids. The cells of one machine state
      are neighbours.
    - pointer: for each span, where the ways into each machine state begin, counted from the first way of the span.
    - way_start (S + 1,): where the ways of each span begin in `source` and `row`.
    - source: the machine state that each way leaves, as an index into its span.
    - row: the open row that each way goes along: 1 for the first open row of the span, and so on, or 0 for no row.
    - stride: for each open row, by how much a firing raises the index of the combination of counts.
    - times: for each open row, how many firings it reports.
    - fresh: for each open row, its `times` if it opens as the span begins, else 0.
    - row_start (S + 1,): where the open rows of each span begin in `stride`, `times` and `fresh`.
    - slot: the slots of each way, whose rates sum to the rate of the way.
    - slot_start: where the slots of each way begin in `slot`.
    - exit_group: the group of each machine state of each span. States of one group have the same exit rate.
    - group_slot: the slots of each group, whose rates sum to the exit rate.
    - group_start: where the slots of each group begin in `group_slot`.
    - map_start (S + 2,): where the entries of each map begin. A map is linear and leads from the grid of a span to the
      grid of the next span. The first map leads from the start states to the first span, and the last map leads from
      the last span to the end of the log.
    - map_source: the cell that each entry leaves, as an index into its grid. In the first map, it is the index of a
      start state.
    - map_target: the cell to which each entry leads, as an index into its grid.
    - map_weight: the factor of each entry on the probability.
    - ratings: the different ratings.
    - slot_outcome: the outcome of each slot.
    - slot_entry: the entry of each slot in the tables of hazards.
    - slot_rating: the rating of each slot, as an index into `ratings`.
    - slot_weight: the weight of each slot, as an index into `weights`.
    - weights: the different weights.
    - spans (S,): the spans.
    - story_end: the day from which every possible state is an ending, with one such state, or None.
    """

    levels: Ints
    ended: Bools
    days: Floats
    sizes: Ints
    state: Ints
    state_start: Ints
    grid_start: Ints
    pointer: Bits
    way_start: Ints
    source: Bits
    row: Bits
    stride: Ints
    times: Ints
    fresh: Ints
    row_start: Ints
    slot: Ints
    slot_start: Ints
    exit_group: Ints
    group_slot: Ints
    group_start: Ints
    map_start: Ints
    map_source: Bits
    map_target: Bits
    map_weight: Floats
    ratings: tuple[Any, ...]
    slot_outcome: Ints
    slot_entry: Ints
    slot_rating: Ints
    slot_weight: Ints
    weights: Weights
    spans: tuple[Span, ...]
    story_end: StoryEnd | None
