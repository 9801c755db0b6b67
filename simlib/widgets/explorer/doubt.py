"""The doubt about an answer: its range over draws of all assumptions from their priors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.ensemble import Ensemble
from simlib.files import write_atomically
from simlib.machine import priors
from simlib.machine.belief import belief_of
from simlib.results import EventGroup, Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.settings import Settings

DOUBT_DRAWS = 128
"""Number of draws of the assumptions. The ends of a range are then off by a few percentage points."""

DOUBT_FORMAT = 2


@dataclass(frozen=True)
class Doubt:
    """The range of the probability of each ending and question, over draws of the assumptions.

    - `draws`: the number of draws.
    - `means`: the mean probability of each ending and question by the horizon, by names such as "ending:settlement".
    - `spread`: an array (5, T) for each ending and question, by the same names. The rows are the 5th, 25th,
      50th, 75th and 95th percentile of the probability, at T times.
    """

    draws: int
    means: Mapping[str, float]
    spread: Mapping[str, Floats]

    def save(self, path: Path) -> None:
        """Write the ranges to a JSON file. If writing fails, an earlier file stays as it was."""
        spread = {name: np.round(points, 6).tolist() for name, points in self.spread.items()}
        means = {name: round(mean, 6) for name, mean in self.means.items()}
        data = {"format": DOUBT_FORMAT, "draws": self.draws, "means": means, "spread": spread}
        write_atomically(path, (json.dumps(data) + "\n").encode())


def compute(
    answers: AnswerCache, settings: Settings, stated: Forecast, *, control: Control = UNWATCHED
) -> Doubt | None:
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
    belief, centre = belief_of(scenario, learnt or DOUBT_DRAWS), priors.theta(scenario)
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
    return Doubt(belief.draws, means, {full: ensemble.spread(name, kind) for full, name, kind in named})


def file_name(scenario: Scenario) -> str:
    """Return the name of the file that stores the ranges of a scenario at its stated values."""
    return f"doubt-{scenario.id}-{scenario.sha256[:12]}.json"


def find_stored(scenario: Scenario, folders: list[Path]) -> Doubt | None:
    """Return the ranges stored for exactly this scenario in one of the folders, or None."""
    for folder in folders:
        try:
            data = json.loads((folder / file_name(scenario)).read_text(encoding="utf-8"))
            if data["format"] == DOUBT_FORMAT:
                spread = {str(name): np.array(points, float) for name, points in data["spread"].items()}
                return Doubt(int(data["draws"]), {str(n): float(mean) for n, mean in data["means"].items()}, spread)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return None
