"""Replay chosen replicates with all events, and describe a replicate in dated sentences.

A run does not keep the events of its replicates. But every random number is a function of the seed, the replicate and a
name (see `streams`). So any replicate can be replayed with the same seed, and gives the same events, bit for bit.
`histories` replays replicates and keeps every event.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simlib.control import UNWATCHED, Control, helper_threads
from simlib.engines.montecarlo.arrays import Values
from simlib.engines.montecarlo.kernel_call import allocate, call, empty_track
from simlib.engines.montecarlo.simulator import CHUNK_REPLICATES, Simulator, check_runs, thread_count
from simlib.engines.montecarlo.streams import check_seed, seed_key
from simlib.formatting import long_date
from simlib.machine import priors
from simlib.machine.measures import By
from simlib.results import NO_ENDING
from simlib.typing import Bits, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

    from simlib.scenario.model import Scenario

__all__ = ["Histories", "histories", "replayed"]


@dataclass(frozen=True)
class Histories:
    """The start and the events of each of R replicates, in N rows.

    Attributes:
        replicates (R,): The numbers of the replicates.
        start (R + 1,): The rows of replicate replicates[i] are start[i] to start[i + 1] - 1.
        time (N,): The time of the event, in days after `as_of`.
        move (N,): The index of the move, -1 for the start and for a variable that an intervention set.
        outcome (N,): The index of the outcome among the outcomes of all moves, -1 where `move` is -1.
        intervention (N,): The position, in the scenario's list, of the intervention that caused the event, -1 for none.
        levels (N, V): The levels of the V variables after the event.
        ending (R,): The index of the ending, -1 for none.
        ending_time (R,): The time of the ending, in days after `as_of`, infinity for none.
    """

    scenario: Scenario
    horizon: float
    seed: int
    replicates: Ints
    start: Ints
    time: Floats
    move: Ints
    outcome: Ints
    intervention: Ints
    levels: NDArray[np.int16]
    ending: Ints
    ending_time: Floats
    values: Mapping[str, float] | None = None
    """{assumption: value in base units} of the values that differ from the file, None if none does."""

    def __len__(self) -> int:
        return len(self.replicates)

    def rows(self, replicate: int) -> slice:
        """Return the rows of the replicate with this number, or raise KeyError if it is absent."""
        place = np.flatnonzero(self.replicates == replicate)
        if len(place) == 0:
            raise KeyError(f"replicate {replicate} is not among the {len(self)} histories")
        return slice(int(self.start[place[0]]), int(self.start[place[0] + 1]))

    def frame(self) -> pd.DataFrame:
        """Return a table with one row for the start of each replicate and one row for each event.

        The columns are replicate, day (after `as_of`), date, actor, move (id), label, outcome, intervention, and one
        column for each variable with its level after the event. No move is given in the row of a start, or where an
        intervention set a variable.
        """
        import pandas as pd

        scenario = self.scenario
        actors, labels = ([getattr(move, name) for move in scenario] for name in ("actor", "label"))
        outcomes = [outcome.id for move in scenario for outcome in move.outcomes]
        columns: dict[str, Any] = {
            "replicate": np.repeat(self.replicates, np.diff(self.start)),
            "day": self.time,
            "date": [self._date(day) for day in self.time],
            "actor": _named(actors, self.move),
            "move": _named(list(scenario.moves), self.move),
            "label": _named(labels, self.move),
            "outcome": _named(outcomes, self.outcome),
            "intervention": _named([str(item) for item in scenario.interventions], self.intervention),
        }
        for index, (name, variable) in enumerate(scenario.variables.items()):
            levels = pd.CategoricalDtype(list(variable.levels), ordered=True)
            columns[name] = pd.Categorical.from_codes(self.levels[:, index].astype(np.int64), dtype=levels)
        return pd.DataFrame(columns)

    def story(self, replicate: int) -> list[str]:
        """Describe one replicate in dated sentences, from the start to its ending or the horizon.

        Raises KeyError for a replicate that is absent.
        """
        rows = self.rows(replicate)
        place = int(np.flatnonzero(self.replicates == replicate)[0])
        sentences = [f"{long_date(self.scenario.as_of)}: the story begins; {self._situation(rows.start)}."]
        sentences += [self._sentence(row) for row in range(rows.start + 1, rows.stop)]
        return [*sentences, self._last_sentence(place)]

    def _date(self, day: float) -> dt.date:
        return self.scenario.as_of + dt.timedelta(days=int(day))

    def _situation(self, row: int) -> str:
        parts = [
            f"{variable.at(variable.levels[level])}{' (hidden)' if variable.hidden else ''}"
            for variable, level in zip(self.scenario.variables.values(), self.levels[row], strict=True)
        ]
        return "; ".join(parts)

    def _sentence(self, row: int) -> str:
        scenario = self.scenario
        when, change = long_date(self._date(self.time[row])), self._change(row)
        if self.move[row] < 0:
            return f"{when}: by intervention, {change}."
        move = list(scenario.moves.values())[self.move[row]]
        who = scenario.actors[move.actor].label if move.actor in scenario.actors else move.actor
        outcome = [o for m in scenario for o in m.outcomes][self.outcome[row]]
        how = f" ({outcome.label})" if len(move.outcomes) > 1 else ""
        notes = [note for note, true in (("forced", self.intervention[row] >= 0), ("unseen", move.covert)) if true]
        note = f" [{', '.join(notes)}]" if notes else ""
        return f"{when}: {who}: {move.label}{how}{note}; {change}."

    def _change(self, row: int) -> str:
        changes = [
            f"{variable.label} goes from {' to '.join(variable.words(variable.levels[k]) for k in (before, after))}"
            for variable, before, after in zip(
                self.scenario.variables.values(), self.levels[row - 1], self.levels[row], strict=True
            )
            if before != after
        ]
        return ", ".join(changes) or "nothing changes"

    def _last_sentence(self, place: int) -> str:
        if self.ending[place] < 0:
            last = self._date(max(np.ceil(self.horizon) - 1, 0))
            return f"{long_date(last)}: the horizon, with {NO_ENDING.lower()}."
        ending = list(self.scenario.endings.values())[self.ending[place]]
        return f"{long_date(self._date(self.ending_time[place]))}: the story ends: {ending.label}."


def histories(
    scenario: Scenario,
    runs: int | Iterable[int] = 1,
    *,
    values: Mapping[str, float] | None = None,
    by: By = None,
    ignore_windows: bool = False,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Histories:
    """Replay replicates of a simulation and keep every event.

    Args:
        scenario: The scenario, with its interventions.
        runs: How many replicates to replay, from number 0 on, or the numbers of the replicates to replay.
        values: Assumption values that replace stated ones, by name, in base units.
        by: The horizon: a date, or days after `as_of`. Default: the scenario's horizon.
        ignore_windows: Whether to ignore the calendar windows of moves and factors.
        seed: Seed of the run to replay.
        control: Cancellation and number of threads.

    Raises:
        ScenarioError: For an unknown assumption, or a horizon or an intervention outside the scenario's dates.
        ValueError: For a seed or replicate numbers out of range.
        MissingDependency: Without Numba.
        Cancelled: When `control` cancels the work.
    """
    simulator, theta = (
        Simulator(scenario, times=1, by=by, ignore_windows=ignore_windows),
        priors.theta(scenario, values),
    )
    numbers = range(runs) if isinstance(runs, int | np.integer) else runs
    played = replayed(simulator, numbers, simulator.values(theta), seed=seed, control=control)
    return dataclasses.replace(played, values=scenario.changed_values(theta))


def replayed(
    simulator: Simulator,
    numbers: Iterable[int],
    at: Values | None = None,
    *,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Histories:
    """Replay the replicates with these numbers in a simulator, and keep every event.

    Args:
        simulator: The simulator of the run to replay.
        numbers: The numbers of the replicates.
        at: The assumption values, as `Simulator.values` returns them. None: the stated values.
        seed: Seed of the run to replay.
        control: Cancellation and number of threads.

    Raises the errors of `histories`.
    """
    seed, chosen = check_seed(seed), list(map(int, numbers))
    values, blocks = simulator.values() if at is None else at, list(_blocks(chosen))

    def play(block: tuple[int, int]) -> tuple[Any, Any, int]:
        control.check()
        return _replay(simulator, values, seed, *block)

    with helper_threads(thread_count(control.threads, len(blocks)), control) as (pool, _):
        parts = list(pool.map(play, blocks))
    return _histories_of(simulator, seed, chosen, parts)


def _blocks(numbers: list[int]) -> Iterator[tuple[int, int]]:
    check_runs(len(numbers), min(numbers, default=0))
    begin = 0
    for place in range(1, len(numbers) + 1):
        follows = place < len(numbers) and numbers[place] == numbers[place - 1] + 1
        if not follows or place - begin == CHUNK_REPLICATES:
            yield numbers[begin], place - begin
            begin = place


def _replay(simulator: Simulator, values: Values, seed: int, first: int, runs: int) -> tuple[Any, Any, int]:
    """Simulate replicates, and simulate them again with larger arrays if the events do not fit.

    Return the kernel's output, the histories, and how many rows of the histories are filled.
    """
    room = runs * (64 + 2 * len(simulator.tables.move_ids))
    while True:
        output, history = allocate(simulator.flat, runs), empty_track(simulator.flat, runs, room)
        rows = call(simulator.flat, values, output, seed_key(seed), first, history)
        if rows is not None:
            return output, history, rows
        room *= 4


def _histories_of(simulator: Simulator, seed: int, numbers: list[int], parts: list[tuple[Any, Any, int]]) -> Histories:
    tables = simulator.tables
    counts = np.concatenate([np.diff(history.start) for _, history, _ in parts])
    branch, known = np.concatenate([history.branch[:rows] for _, history, rows in parts]), len(tables.branches.outcome)
    whole = np.append(tables.branches.outcome, -1)[np.where(branch < known, branch, -1)]
    shown = np.append(tables.outcome_move, -1)[whole] < len(simulator.scenario.moves)
    counts = np.add.reduceat(shown.astype(np.int64), np.cumsum([0, *counts])[:-1])

    def every(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(history, name)[:rows] for _, history, rows in parts])[shown]

    outcome, action = whole[shown], every("action")
    return Histories(
        scenario=simulator.scenario,
        horizon=simulator.horizon,
        seed=seed,
        replicates=np.array(numbers, dtype=np.int64),
        start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        time=every("time"),
        move=np.append(tables.outcome_move, -1)[outcome],
        outcome=outcome,
        intervention=np.array([*simulator.flat.action_numbers, -1], dtype=np.int64)[action],
        levels=unpack(every("state"), tables.sizes, tables.bit_start)[:, : len(simulator.scenario.variables)],
        ending=np.concatenate([output.ending for output, _, _ in parts]).astype(np.int64),
        ending_time=np.concatenate([output.ending_time for output, _, _ in parts]),
        values=simulator.scenario.changed_values(),
    )


def unpack(words: Bits, sizes: Ints, bit_start: Ints) -> NDArray[np.int16]:
    """Return the levels (N, V) of packed states.

    `words` (N, W) are the packed states: rows of W 64-bit words, with one bit for each level of each variable. `sizes`
    (V,) are the numbers of levels of the variables, and `bit_start` (V,) are the positions of the first bits of the
    variables.
    """
    levels = np.zeros((len(words), len(sizes)), dtype=np.int16)
    for variable, (size, first) in enumerate(zip(sizes, bit_start, strict=True)):
        for level in range(1, int(size)):
            word, bit = divmod(int(first) + level, 64)
            set_here = (words[:, word] >> np.uint64(bit)) & np.uint64(1)
            levels[:, variable] += (set_here * np.uint64(level)).astype(np.int16)
    return levels


def _named(names: list[str], index: Ints) -> NDArray[np.object_]:
    return np.array([*names, None], dtype=object)[index]
