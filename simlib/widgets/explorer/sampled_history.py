"""One sampled history, as a dated story and as steps on a ladder. No widget here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simlib.errors import MissingDependency
from simlib.results import ONGOING
from simlib.typing import Floats, Ints
from simlib.widgets.explorer.engine_cache import AnswerCache
from simlib.widgets.explorer.state import Settings

SAMPLE = 4_000
"""Number of replicates in which histories with a given ending are searched."""

UNCHANGED = "nothing changes."


@dataclass(frozen=True)
class SampledHistory:
    """One simulated history, as dated sentences and as rungs of a ladder.

    `number` is its place, from 0, among the `of` sampled histories that have the chosen ending. `days[n]` is the day,
    counted from the start, from which it is on the rung `rung_names[rungs[n]]`.
    """

    number: int
    of: int
    ending: str
    sentences: tuple[str, ...]
    days: Floats
    rungs: Ints
    rung_names: tuple[str, ...]

    def turning_points(self) -> list[str]:
        """Return the sentences, without those that say that nothing changes."""
        return [text for text in self.sentences if not text.endswith(UNCHANGED)]


def tell(answers: AnswerCache, settings: Settings, *, ending: str = "", number: int = 0) -> SampledHistory | None:
    """Return a simulated history that ends in `ending` ("" for any), or None if none does.

    `number` chooses one of the histories with this ending among `SAMPLE` replicates. The random numbers are those of
    the previews, so the same history under other values differs only where the values matter. Raises MissingDependency
    without Numba.
    """
    from simlib.engines.montecarlo.replay import histories

    machine = answers.machine(settings)
    simulator = answers.simulator(machine)
    if simulator is None:
        raise MissingDependency(machine.reason)
    theta = answers.theta(settings, machine)
    fitting = _fitting(answers, settings, ending)
    if len(fitting) == 0:
        return None
    place = number % len(fitting)
    replicate = int(fitting[place])
    played = histories(simulator, [replicate], theta=theta, seed=answers.seed)
    rows = played.rows(replicate)
    scenario = machine.scenario
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
        return np.arange(SAMPLE)
    counts = answers.sample(settings, SAMPLE)
    wanted = -1 if ending == ONGOING else list(answers.state.base.endings).index(ending)
    return np.flatnonzero(counts.ending == wanted)


def heading(history: SampledHistory, label: str) -> str:
    """Return a title with the number of the history and the label of its ending."""
    return f"history {history.number + 1:,} of {history.of:,} sampled ones: {label}"
