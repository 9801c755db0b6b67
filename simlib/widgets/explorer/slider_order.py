"""The order of the sliders: the assumptions that change an answer most come first.

The influence of an assumption comes from the exact gradient at the stated values. The gradients of all endings and
questions take as long as a few solves. They are stored in a file whose name holds the hash of the scenario. The
notebooks come with such files.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.errors import Unsupported
from simlib.machine import priors
from simlib.machine.measures import every
from simlib.results import ONGOING
from simlib.scenario.model import Assumption, Scenario
from simlib.scenario.scales import forward
from simlib.widgets.explorer.result_store import ResultStore

if TYPE_CHECKING:
    from simlib.engines.exact.solver import Solver

__all__ = ["INFLUENCE_STORE", "Influence", "compute", "find_stored", "first_order"]

INFLUENCE_STORE = ResultStore("influence", 2)

LOGIT_MARGIN = 1e-6
"""Least distance of a probability from 0 and from 1, so that its logit is finite."""


@dataclass(frozen=True)
class Influence:
    """How far each assumption changes each answer.

    - `sha256`: the hash of the scenario.
    - `day`: the horizon in days.
    - `slopes`: the derivatives {measure: {assumption: ∂p/∂θ}}. p is the probability by the horizon, and θ is the value
      of the assumption in base units.

    A question without a gradient is missing in `slopes`. An example is a question about a lull, which is a time without
    certain events. For such a question, the slopes of all endings together decide the order of the sliders.
    """

    sha256: str
    day: float
    slopes: Mapping[str, Mapping[str, float]]

    def effect(self, assumption: Assumption, measure: str) -> tuple[float, float]:
        """Estimate the changes of an answer if an assumption goes to its low end or its high end.

        The estimate is linear in the log of the assumption or, for a chance, in its logit.
        """
        slope = self.slopes[measure].get(assumption.id, 0.0)
        return tuple(slope * step for step in _steps(assumption))  # type: ignore[return-value]

    def weights(self, scenario: Scenario, measure: str = "") -> dict[str, float]:
        """Estimate {assumption: change of the measure's probability over the assumption's range}.

        If the measure has no gradient, the number says how much probability the assumption moves between the endings.
        """
        result = {}
        endings = [name for name in self.slopes if name.startswith("ending:")]
        for name, assumption in scenario.assumptions.items():
            if measure in self.slopes:
                low, high = self.effect(assumption, measure)
                result[name] = abs(high - low)
                continue
            spans = [high - low for low, high in (self.effect(assumption, ending) for ending in endings)]
            result[name] = (sum(map(abs, spans)) + abs(sum(spans))) / 2
        return result

    def save(self, scenario: Scenario, folder: Path) -> None:
        """Write the influence at the stated values of a scenario to a folder."""
        slopes = {
            measure: {name: float(f"{slope:.9g}") for name, slope in slopes.items() if slope}
            for measure, slopes in self.slopes.items()
        }
        INFLUENCE_STORE.save(scenario, folder, {"sha256": self.sha256, "day": self.day, "slopes": slopes})


def _steps(assumption: Assumption, value: float | None = None) -> tuple[float, float]:
    """Return the differences from `value` to the low end and to the high end of an assumption.

    Each difference is g(end) - g(value) on the log or logit scale g. The difference is then multiplied by dθ/dg at
    `value`, so that it has the unit of the assumption. Both differences are 0 if the assumption is fixed, or if
    g(value) is infinite.
    """
    a = assumption
    value = a.value if value is None else value
    stretch = value * (1 - value) if a.kind == "chance" else value
    centre = forward(a.kind, value)
    if a.fixed or not math.isfinite(centre):
        return 0.0, 0.0
    return tuple(stretch * (forward(a.kind, end) - centre) for end in (a.low, a.high))  # type: ignore[return-value]


def first_order(assumption: Assumption, value: float, answer: float, slope: float) -> tuple[float, float]:
    """Estimate a probability at the low and high ends of an assumption, from a derivative.

    `answer` is the probability if the assumption has the value `value`, and `slope` is the derivative at this value.
    The logit of the probability is taken as linear in the log of the assumption or, for a chance, in its logit.
    """
    p = min(max(answer, LOGIT_MARGIN), 1 - LOGIT_MARGIN)
    moved = [math.log(p / (1 - p)) + slope * step / (p * (1 - p)) for step in _steps(assumption, value)]
    return tuple(float(1 / (1 + np.exp(-np.clip(x, -30, 30)))) for x in moved)  # type: ignore[return-value]


def compute(
    scenario: Scenario,
    *,
    measures: list[str] | None = None,
    values: Mapping[str, float] | None = None,
    solver: Solver | None = None,
    control: Control = UNWATCHED,
) -> Influence:
    """Compute the influence of each assumption on measures.

    A measure that has no gradient is left out.

    Args:
        scenario: The scenario.
        measures: Names of measures. Default: every ending and question.
        values: Values of assumptions in base units. Default: the stated values.
        solver: A solver that is already prepared. Default: a new one.
        control: Progress callback and cancellation.

    Raises:
        TooManyStates: When there are too many states.
        Cancelled: When `control` cancels the work.
    """
    from simlib.engines.exact.adjoint import Adjoint
    from simlib.engines.exact.solver import Solver

    ongoing = f"ending:{ONGOING}"
    every_name = [m.name for m in every(scenario, ("ending", "question")) if m.name != ongoing]
    solver = solver or Solver(scenario, times=1, control=control)
    adjoint = Adjoint(solver, priors.theta(scenario, values), control=control)
    slopes: dict[str, dict[str, float]] = {}
    for name in every_name if measures is None else measures:
        with contextlib.suppress(Unsupported):
            slopes[name] = dict(zip(scenario.assumptions, adjoint.of(name)[1].tolist(), strict=True))
    return Influence(scenario.sha256, scenario.horizon_days, slopes)


def find_stored(scenario: Scenario, folders: list[Path]) -> Influence | None:
    """Return the influence stored for exactly this scenario in one of the folders, or None."""
    known = {measure.name for measure in every(scenario, ("ending", "question"))}

    def read(data: Any) -> Influence:
        if data["sha256"] != scenario.sha256 or not set(data["slopes"]) <= known:
            raise ValueError("the file is about another scenario")
        slopes = {e: {str(a): float(x) for a, x in part.items()} for e, part in data["slopes"].items()}
        return Influence(data["sha256"], float(data["day"]), slopes)

    return INFLUENCE_STORE.find(scenario, folders, read)
