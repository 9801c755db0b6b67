"""The terms (*slots*) of the rates in a walk, and groups of states with equal exit rates.

The module `walk` defines slots, weights and ratings.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simlib.evidence.state_graph import StateGraph
from simlib.evidence.timetable import Span, Timetable
from simlib.evidence.walk import Weights
from simlib.typing import Ints

_OUTCOMES, _ENTRIES, _RATINGS = 14, 22, 13
"""Bits of a slot's number for the outcome, the rate table entry and the rating. The other bits hold the weight."""


class RateTerms:
    """Numbers the slots and the groups of a walk, in the order in which they are found.

    - ratings: the index of each rating.
    - groups: the index of each group of states with the same exit rate.
    - group_slots: the slots of each group.
    """

    def __init__(self, graph: StateGraph, timetable: Timetable) -> None:
        self.graph, self.timetable, self.tables = graph, timetable, graph.tables
        self.ratings: dict[Any, int] = {}
        self.groups: dict[tuple[Any, int], int] = {}
        self.group_slots: list[Ints] = []
        firings = self.tables.outcome_ids
        self._kind_of: Ints = np.array([timetable.coverage[firing] for firing in firings], dtype=np.int64)
        self._weights: dict[tuple[int, float, float], int] = {}
        self._by_delays: dict[tuple[float | None, ...], Ints] = {}

    def slots(self, span: Span, firing: Ints, weight: Ints) -> Ints:
        """Pack the weight, rating, entry and outcome of each firing into one number."""
        rating = self.ratings.setdefault(span.segment.rating, len(self.ratings))
        outcome, entry = self.graph.outcome[firing], self.graph.entry[firing]
        return ((weight << _RATINGS | rating) << _ENTRIES | entry) << _OUTCOMES | outcome

    def weights_of(self, span: Span) -> tuple[Ints, Ints, Ints]:
        """Return three arrays with the index of a weight for each outcome, or -1 for a weight of 0.

        - The probability that the log does not show a firing by the date of the answer, for transitions that no row
          counts.
        - The probability that the log ever shows a firing, for transitions that are matched to a row.
        - The probability that the log shows a firing by the date of the answer, for firings that change no state.

        On days on which the absence of rows says nothing, these probabilities are set to 1, 1 and 0.
        """
        if span.delays not in self._by_delays:
            kinds = zip(self.timetable.kinds, span.delays, strict=True)
            table = np.array([self._weights_of_kind(kind.chance, delay) for kind, delay in kinds], dtype=np.int64)
            self._by_delays[span.delays] = table.reshape(-1, 3)[self._kind_of].T
        unseen, along, still = self._by_delays[span.delays]
        return unseen, along, still

    def _weights_of_kind(self, chance: float | str, delay: float | None) -> tuple[int, int, int]:
        if delay is None:
            return self._weight(-1, 1.0, 0.0), self._weight(-1, 1.0, 0.0), -1
        if isinstance(chance, str):
            index = self.tables.assumption(chance)
            along, still = self._weight(index, 0.0, 1.0), self._weight(index, 0.0, delay)
            return self._weight(index, 1.0, -delay), along, still
        return (
            self._weight(-1, 1.0 - chance * delay, 0.0),
            self._weight(-1, chance, 0.0),
            self._weight(-1, chance * delay, 0.0),
        )

    def _weight(self, assumption: int, constant: float, slope: float) -> int:
        if constant == slope == 0:
            return -1
        return self._weights.setdefault((assumption if slope else -1, constant, slope), len(self._weights))

    def exit_groups(self, states: Ints, span: Span) -> Ints:
        """Return the number of each machine state's group, whose states have the same exit rate."""
        rule = (span.segment.rating, span.delays)
        new = [state for state in states.tolist() if (rule, state) not in self.groups]
        if new:
            numbers = np.array(new, dtype=np.int64)
            place, firing = self.graph.firings(numbers)
            moves = self.graph.target[firing] != numbers[place]
            _, _, still = self.weights_of(span)
            weight = np.where(moves, self._weight(-1, 1.0, 0.0), still[self.graph.outcome[firing]])
            slot = self.slots(span, firing, weight)
            for index, state in enumerate(new):
                self.groups[(rule, state)] = len(self.groups)
                self.group_slots.append(slot[(place == index) & (weight >= 0)])
        return np.array([self.groups[(rule, state)] for state in states.tolist()], dtype=np.int64)

    def weights(self) -> Weights:
        """Return the weights found so far."""
        table = np.array(list(self._weights), dtype=float).reshape(-1, 3)
        return Weights(table[:, 0].astype(np.int64), table[:, 1], table[:, 2])


def unpacked(slots: Ints) -> dict[str, Ints]:
    """Unpack the numbers of `RateTerms.slots` into parts named as the arrays of a `Walk`."""
    return {
        "slot_outcome": slots & (1 << _OUTCOMES) - 1,
        "slot_entry": slots >> _OUTCOMES & (1 << _ENTRIES) - 1,
        "slot_rating": slots >> _OUTCOMES + _ENTRIES & (1 << _RATINGS) - 1,
        "slot_weight": slots >> _OUTCOMES + _ENTRIES + _RATINGS,
    }
