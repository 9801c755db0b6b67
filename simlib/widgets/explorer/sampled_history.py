"""One simulated history, as dated sentences and as steps on a ladder of escalation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simlib.errors import MissingDependency
from simlib.results import ONGOING
from simlib.typing import Floats, Ints
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.settings import Settings

ENDING_HISTORIES = 4_000
"""Number of simulated histories among which those with a given ending are searched."""

NOTHING_CHANGES = "nothing changes."
"""The end of a sentence about an event that changes nothing."""


@dataclass(frozen=True)
class SampledHistory:
    """One simulated history, as dated sentences and as rungs of a ladder.

    - `number`: the place of the history, from 0, among the simulated histories with the chosen ending.
    - `of`: the number of simulated histories with the chosen ending.
    - `ending`: the id of the ending that it reaches, or `results.ONGOING`.
    - `sentences`: its events as dated sentences.
    - `days` (N,): the times of its start and of its events, N in all, in days from the start.
    - `rungs` (N,): the rung that the history is on from each of these times on, as an index into `rung_names`.
    - `rung_names`: the ids of the rungs.
    """

    number: int
    of: int
    ending: str
    sentences: tuple[str, ...]
    days: Floats
    rungs: Ints
    rung_names: tuple[str, ...]

    def turning_points(self) -> list[str]:
        """Return the sentences about events that change something."""
        return [text for text in self.sentences if not text.endswith(NOTHING_CHANGES)]


def tell(answers: AnswerCache, settings: Settings, *, ending: str = "", number: int = 0) -> SampledHistory | None:
    """Return a simulated history with the ending `ending` ("": any), or None if there is none.

    `number` chooses one of the histories with this ending among `ENDING_HISTORIES` replicates. The random
    numbers are always the same, so other values change a replicate only where they change its course.

    Raises ScenarioError, and MissingDependency if Numba is not installed.
    """
    from simlib.engines.montecarlo.replay import replayed

    engines = answers.engines(settings)
    simulator = answers.simulator(engines)
    if simulator is None:
        raise MissingDependency(engines.reason)
    at = simulator.values(answers.theta(settings))
    fitting = _fitting(answers, settings, ending)
    if len(fitting) == 0:
        return None
    place = number % len(fitting)
    replicate = int(fitting[place])
    played = replayed(simulator, [replicate], at, seed=answers.seed)
    rows = played.rows(replicate)
    scenario = engines.scenario
    ladder = answers.state.ladder()
    index = list(scenario.ladders).index(ladder) if ladder else -1
    rungs = simulator.tables.rungs(played.levels[rows])[index] if ladder else np.zeros(rows.stop - rows.start, np.int64)
    names = tuple(rung.id for rung in scenario.ladders[ladder].rungs) if ladder else ("",)
    reached = int(played.ending[0])
    return SampledHistory(
        place,
        len(fitting),
        list(scenario.endings)[reached] if reached >= 0 else ONGOING,
        tuple(played.story(replicate)),
        played.time[rows],
        rungs,
        names,
    )


def _fitting(answers: AnswerCache, settings: Settings, ending: str) -> Ints:
    if not ending:
        return np.arange(ENDING_HISTORIES)
    counts = answers.sample(settings, ENDING_HISTORIES)
    wanted = -1 if ending == ONGOING else list(answers.state.base.endings).index(ending)
    return np.flatnonzero(counts.ending == wanted)


def heading(history: SampledHistory, label: str) -> str:
    """Return a title with the number of the history and the label of its ending."""
    return f"History {history.number + 1:,} of {history.of:,} sampled ones: {label}"
