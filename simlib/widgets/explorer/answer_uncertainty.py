"""The uncertainty of an answer: its range over draws of all assumptions from their priors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.ensemble import Ensemble
from simlib.machine import priors
from simlib.machine.belief import belief_of
from simlib.results import EventGroup, Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.result_store import ResultStore
from simlib.widgets.explorer.settings import Settings

UNCERTAINTY_DRAWS = 128
"""Number of draws of the assumptions. The ends of a range are then off by a few percentage points."""

UNCERTAINTY_STORE = ResultStore("doubt", 2)
"""The files keep their old name, so that those of earlier sessions are found."""


@dataclass(frozen=True)
class AnswerUncertainty:
    """The range of the probability of each ending and question, over draws of the assumptions.

    - `draws`: the number of draws.
    - `means`: the mean probability of each ending and question by the horizon, by names such as "ending:settlement".
    - `spread`: an array (5, T) for each ending and question, by the same names. The rows are the 5th, 25th,
      50th, 75th and 95th percentile of the probability, at T times.
    """

    draws: int
    means: Mapping[str, float]
    spread: Mapping[str, Floats]

    def save(self, scenario: Scenario, folder: Path) -> None:
        """Write the ranges of an unchanged scenario to a folder."""
        spread = {name: np.round(points, 6).tolist() for name, points in self.spread.items()}
        means = {name: round(mean, 6) for name, mean in self.means.items()}
        UNCERTAINTY_STORE.save(scenario, folder, {"draws": self.draws, "means": means, "spread": spread})


def compute(
    answers: AnswerCache, settings: Settings, stated: Forecast, *, control: Control = UNWATCHED
) -> AnswerUncertainty | None:
    """Return the range of the probability of every ending and question at the given settings.

    `stated` is the answer to these settings. The assumptions are drawn from their priors. After an update with a log of
    events they are drawn from the updated belief, unless a value was changed by hand or by a view.

    Returns None if the scenario is too large for the exact engine. Raises Cancelled.
    """
    engines = answers.engines(settings)
    if answers.solver(engines, control) is None:
        return None
    scenario = answers.state.scenario(settings)
    learnt = answers.state.belief if not answers.state.values(settings) else None
    belief, centre = belief_of(scenario, learnt or UNCERTAINTY_DRAWS), priors.theta(scenario)
    forecasts = []
    quiet = control.silent()
    for number, (theta, start) in enumerate(belief.rows()):
        forecasts.append(answers.solve(engines, theta, centre=centre, start=start, control=quiet))
        control.check()
        control.report((number + 1) / belief.draws)
    ensemble = Ensemble(scenario, belief, tuple(forecasts), stated, 0, {})
    kinds: tuple[tuple[EventGroup, str], ...] = (("endings", "ending"), ("questions", "question"))
    named = [(f"{word}:{name}", name, kind) for kind, word in kinds for name in getattr(stated, kind)]
    means = {full: float(ensemble.weights @ ensemble.values(name, kind)[:, -1]) for full, name, kind in named}
    return AnswerUncertainty(belief.draws, means, {full: ensemble.spread(name, kind) for full, name, kind in named})


def find_stored(scenario: Scenario, folders: list[Path]) -> AnswerUncertainty | None:
    """Return the ranges stored for exactly this scenario in one of the folders, or None."""
    return UNCERTAINTY_STORE.find(scenario, folders, _read)


def _read(data: Any) -> AnswerUncertainty:
    spread = {str(name): np.array(points, float) for name, points in data["spread"].items()}
    return AnswerUncertainty(int(data["draws"]), {str(n): float(mean) for n, mean in data["means"].items()}, spread)
