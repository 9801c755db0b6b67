"""The range of each answer over draws of all assumptions. No widget here.

The code calls this range the doubt about an answer.
"""

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
from simlib.results import Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats
from simlib.widgets.explorer.engine_cache import AnswerCache
from simlib.widgets.explorer.state import Settings

DRAWS = 128
"""Number of draws of the assumptions. With this number, the ends of a range are off by a few points."""

FORMAT = 1


@dataclass(frozen=True)
class Doubt:
    """The range of each ending's and question's probability over draws of the assumptions.

    `spread` maps the name of an ending or a question to an array (5, T). Its rows are the 5th, 25th, 50th, 75th and
    95th percentiles over time.
    """

    draws: int
    spread: Mapping[str, Floats]

    def save(self, path: Path) -> None:
        """Write the ranges to a file. If that fails, no part of the file is changed."""
        spread = {name: np.round(points, 6).tolist() for name, points in self.spread.items()}
        write_atomically(path, (json.dumps({"format": FORMAT, "draws": self.draws, "spread": spread}) + "\n").encode())


def compute(
    answers: AnswerCache, settings: Settings, stated: Forecast, *, control: Control = UNWATCHED
) -> Doubt | None:
    """Return the range of every ending and question at the given settings.

    `stated` is the answer to these settings. The range comes from draws of the assumptions from their priors. If the
    scenario comes from an update with a log, the draws are those of the updated belief, unless a value is changed by
    hand or by a view. Returns None if the scenario is too large for the exact engine. Raises Cancelled.
    """
    machine = answers.machine(settings)
    if answers.solver(machine, control) is None:
        return None
    scenario = answers.state.scenario(settings)
    learnt = answers.state.belief if not answers.state.values(settings) else None
    belief, centre = belief_of(scenario, learnt or DRAWS), priors.theta(scenario)
    forecasts = []
    quiet = Control(cancel=control.cancel)
    for number, (theta, start) in enumerate(belief.rows()):
        forecasts.append(answers.solve(machine, theta, centre=centre, start=start, control=quiet))
        control.check()
        control.report((number + 1) / belief.draws)
    ensemble = Ensemble(scenario, belief, tuple(forecasts), stated, 0, {})
    spread = {f"ending:{name}": ensemble.spread(name) for name in stated.endings}
    spread |= {f"question:{name}": ensemble.spread(name, "questions") for name in stated.questions}
    return Doubt(belief.draws, spread)


def file_name(scenario: Scenario) -> str:
    """Return the name of the file that holds the ranges at the stated values of a scenario."""
    return f"doubt-{scenario.id}-{scenario.sha256[:12]}.json"


def find_stored(scenario: Scenario, folders: list[Path]) -> Doubt | None:
    """Return the ranges stored for exactly this scenario in one of the folders, or None."""
    for folder in folders:
        try:
            data = json.loads((folder / file_name(scenario)).read_text(encoding="utf-8"))
            if data["format"] == FORMAT:
                return Doubt(int(data["draws"]), {str(n): np.array(p, float) for n, p in data["spread"].items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return None
