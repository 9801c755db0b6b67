"""The subject of lint: one scenario, its tables, and its reachable states.

Loading refuses a scenario with errors. Lint reports parts that follow all rules but are probably mistakes. It uses the
stated values and no interventions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.reachable import STATE_CAP, enumerate_states
from simlib.engines.exact.states import StateSpace
from simlib.errors import DOES_NOT_FIT, Unsupported
from simlib.machine import priors
from simlib.machine.interventions import Segment
from simlib.machine.tables import Tables
from simlib.machine.timeline import cut
from simlib.scenario.assumptions import place_of
from simlib.scenario.document import dotted
from simlib.scenario.model import Assumption, Move, Scenario
from simlib.typing import Bools, Floats, Ints

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of lint about a scenario.

    severity: "error", "warning" or "note".
    where: the place in the file.
    what: the problem.
    expected: the remedy, "" if there is none.
    """

    severity: Severity
    where: str
    what: str
    expected: str = ""

    def __str__(self) -> str:
        expected = f"; {self.expected}" if self.expected else ""
        return f"{self.severity}: {self.where}: {self.what}{expected}"


error, warning, note = (partial(Finding, severity) for severity in get_args(Severity))
"""Each makes a `Finding` of its severity from the place, the problem and the remedy."""


class Subject:
    """One scenario without its interventions, and its states, which are computed on first use.

    Raises ScenarioError when the stated chances of a move's outcomes add up to more than one, and Cancelled.
    """

    def __init__(self, scenario: Scenario, *, cap: int = STATE_CAP, control: Control = UNWATCHED) -> None:
        self.scenario = scenario.replace(interventions=())
        self.cap, self.control = cap, control.silent()
        self.tables = Tables(self.scenario)
        self.theta = priors.theta(scenario)
        # A branch is an outcome with the factors on its chance in some of the states. The first one stands for all.
        first = np.unique(self.tables.branches.outcome, return_index=True)[1]
        self.chances: Floats = self.tables.chances(self.theta)[first]

    # ---------------------------------------------------------------- words

    def place(self, assumption: Assumption) -> str:
        """Return the place of an assumption in the scenario file, such as "assumptions.ID"."""
        return dotted(place_of(assumption))

    def state(self, levels: NDArray[np.integer], variables: Ints | None = None) -> str:
        """Describe levels of variables (default: all), as in "standoff at clashes, talks at none"."""
        some = range(len(levels)) if variables is None else variables
        tables = self.tables
        return ", ".join(f"{tables.variable_ids[v]} at {tables.level_ids[v][levels[v]]}" for v in some)

    # ---------------------------------------------------------------- time

    @cached_property
    def segments(self) -> list[Segment]:
        """Successive periods up to the horizon. No calendar window opens or closes within a period."""
        return cut(self.tables, self.scenario.horizon_days)

    @cached_property
    def peak_rates(self) -> Floats:
        """The highest rate per day in any of the `segments`, for each entry of the moves' tables."""
        return np.array([self.tables.rates(self.theta, segment) for segment in self.segments]).max(axis=0)

    def ever_open(self, move: Move) -> bool:
        """Return whether a move's date or window allows the move at any time before the horizon."""
        window, scenario = move.between, self.scenario
        if move.at is not None:
            return 0 <= scenario.day(move.at) <= scenario.horizon_days
        if window is None:
            return True
        return scenario.day(window.first) < scenario.horizon_days and scenario.day(window.last) + 1 > 0

    # ---------------------------------------------------------------- states

    @cached_property
    def _search(self) -> tuple[StateSpace | None, str]:
        try:
            return enumerate_states(self.tables, cap=self.cap, control=self.control), ""
        except DOES_NOT_FIT as refusal:
            return None, str(refusal)

    @property
    def refusal(self) -> str:
        """The reason why the reachable states could not be listed, "" if they could."""
        return self._search[1]

    @property
    def enumerable(self) -> bool:
        """Whether the reachable states could be listed."""
        return self._search[0] is not None

    @property
    def space(self) -> StateSpace:
        """The states that moves can reach, whatever the rates, chances and calendar windows.

        Raises Unsupported if the states could not be listed. See `enumerable`.
        """
        space, refusal = self._search
        if space is None:
            raise Unsupported(refusal)
        return space

    @cached_property
    def live_outcomes(self) -> Bools:
        """Whether each of O outcomes has a positive chance and a move that the calendar allows (O,).

        Factors on a chance can be ignored: they never turn a positive chance into zero, or zero into a positive chance.
        """
        may = np.array([self.ever_open(move) for move in self.tables.moves], dtype=bool)
        result: Bools = (self.chances > 0) & may[self.tables.outcome_move]
        return result

    @cached_property
    def live_edges(self) -> Bools:
        """Whether each of E edges (changes of state) is possible within the horizon (E,)."""
        result: Bools = self.live_outcomes[self.space.pair_outcome[self.space.pair]] & self.reached[self.space.source]
        return result

    @cached_property
    def start(self) -> tuple[Ints, Floats]:
        """The S states in which the scenario may start, and their probabilities (S,).

        The states (S, V) are the levels of V variables.
        """
        levels, probability = self.tables.start_states(self.theta)
        return levels[probability > 0], probability[probability > 0]

    @cached_property
    def reached(self) -> Bools:
        """Whether outcomes in `live_outcomes` can reach each of the N states in `space` (N,)."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import breadth_first_order

        space, n = self.space, len(self.space)
        roots = np.unique(space.find(self.start[0]))
        taken = np.flatnonzero(self.live_outcomes[space.pair_outcome[space.pair]])
        # One more node, with an edge to every start state, lets one search begin at all of them.
        source = np.concatenate([space.source[taken], np.full(len(roots), n)])
        target = np.concatenate([space.target[taken], roots])
        graph = csr_array((np.ones(len(source)), (source, target)), shape=(n + 1, n + 1))
        visited = breadth_first_order(graph, n, return_predecessors=False)
        result = np.zeros(n + 1, dtype=bool)
        result[visited] = True
        return result[:n]

    @cached_property
    def levels(self) -> NDArray[np.int16]:
        """The R states that can be reached within the horizon, as levels of V variables (R, V)."""
        return self.space.levels[self.reached]

    @cached_property
    def going(self) -> NDArray[np.int16]:
        """The G reachable states in which nothing has ended, as levels of V variables (G, V)."""
        return self.space.levels[self.reached & ~self.space.ended]

    def entries(self, move_index: int) -> tuple[Ints, Ints]:
        """Return the entries of a move's table that allow the move, and a state for each entry.

        The table has one entry for each combination of the levels on which the move depends. A state is given by its
        row in `going`.
        """
        entry, row = np.unique(self.tables.local_index(move_index, self.going), return_index=True)
        possible = self.tables.possible[entry]
        return entry[possible], row[possible]
