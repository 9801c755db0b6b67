"""Elasticities: the relative change of an answer per relative change of an assumption.

They are exact at the stated values, from one adjoint solution for each answer (see `simlib.engines.exact.adjoint`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.answer import Answer, ScenarioKey, dated, pick, provenance
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.adjoint import Adjoint
from simlib.engines.exact.forecast import Solver
from simlib.formatting import listed, plainly, quoted
from simlib.machine import priors
from simlib.machine.asked_events import with_events
from simlib.machine.measures import By, Measure, days_by, find
from simlib.scenario.model import Assumption, Scenario
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Elasticities", "elasticities"]

NAMED_ASSUMPTIONS = 5
"""The sentences name at most this many assumptions for each measure."""


@dataclass(frozen=True)
class Elasticities(Answer):
    """Exact slopes of measures with respect to A assumptions, at the stated values.

    by_day: the day of the measures, in days after the start.
    answers: the value of each measure, by name.
    derivatives (A,): the slopes of each measure, by name. The unit is the unit of the measure per base unit of the
    assumption (per day for a rate).
    """

    kind: ClassVar[str] = "elasticities"

    scenario: ScenarioKey
    by: dt.date
    by_day: float
    measures: tuple[Measure, ...]
    assumptions: tuple[Assumption, ...]
    answers: Mapping[str, float]
    derivatives: Mapping[str, Floats]
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        names = listed(measure.words for measure in self.measures)
        return f"How much does a small change of each assumption change {names} by {self.by_words}?"

    def elasticity(self, measure: str) -> Floats:
        """Return the elasticity of a measure for each assumption (A,), nan if the measure is 0.

        An elasticity is ∂ log answer / ∂ log θ: the relative change of the measure per relative change of the
        assumption θ.
        """
        theta = np.array([a.value for a in self.assumptions])
        answer = self.answers[measure]
        return self.derivatives[measure] * theta / (answer if answer > 0 else np.nan)

    def frame(self) -> pd.DataFrame:
        """Return a table with one row for each measure and assumption.

        For each measure, the assumption with the largest elasticity, positive or negative, comes first.
        """
        import pandas as pd

        rows = [
            {"measure": m.name, "assumption": self.assumptions[i].id}
            | pick(self.assumptions[i], "label", "value")
            | {"answer": self.answers[m.name], "derivative": self.derivatives[m.name][i], "elasticity": elasticity[i]}
            for m in self.measures
            for elasticity in (self.elasticity(m.name),)
            for i in _steepest(elasticity)
        ]
        return pd.DataFrame(rows)

    def sentences(self) -> list[str]:
        """Say which assumptions change each measure most when one at a time grows by 1%."""
        lines = []
        for measure in self.measures:
            elasticity = self.elasticity(measure.name)
            steepest = [i for i in _steepest(elasticity)[:NAMED_ASSUMPTIONS] if abs(elasticity[i]) >= 0.005]
            changes = [self._change(measure, i, float(elasticity[i])) for i in steepest]
            answer = measure.write(self.answers[measure.name])
            change = "; ".join(changes) if changes else "the answer changes by less than 0.005% of its value"
            lines.append(
                f"{measure.words} by {self.by_words} is {answer} at the stated values. "
                f"Judged by slope, raising one assumption by 1% has this effect: {change}."
            )
        return lines

    def _change(self, measure: Measure, place: int, elasticity: float) -> str:
        change = self.answers[measure.name] * abs(elasticity) / 100
        size = plainly(100 * change, " points") if measure.probability else plainly(change)
        verb = "raises" if elasticity > 0 else "lowers"
        return f"{quoted(self.assumptions[place].label)} {verb} it by {abs(elasticity):.2g}% of its value ({size})"

    def data(self) -> dict[str, Any]:
        """Return the answers, and their derivatives and elasticities by assumption, as plain data."""
        ids = [a.id for a in self.assumptions]
        return {
            "answers": self.answers,
            "derivatives": {name: dict(zip(ids, row, strict=True)) for name, row in self.derivatives.items()},
            "elasticities": {m.name: dict(zip(ids, self.elasticity(m.name), strict=True)) for m in self.measures},
        }


def _steepest(elasticity: Floats) -> Ints:
    return np.argsort(-np.abs(np.nan_to_num(elasticity)), kind="stable")


def elasticities(
    scenario: Scenario, measures: str | Iterable[str] | None = None, *, by: By = None, control: Control = UNWATCHED
) -> Elasticities:
    """Return the exact slopes of measures with respect to all assumptions, at the stated values.

    Args:
        scenario: The scenario, with its interventions.
        measures: Names of measures. Default: the headline (main measure).
        by: The target: a date, or days after `as_of`. Default: the horizon.
        control: Progress callback and cancellation.

    Raises:
        ScenarioError: For unknown measures or a target outside the forecast.
        TooManyStates: When there are too many states.
        Cancelled: When `control` cancels the work.
    """
    chosen, day = find(scenario, measures), days_by(scenario, by)
    stoppable = control.silent()
    solver = Solver(with_events(scenario, chosen, day), times=1, control=stoppable)
    adjoint = Adjoint(solver, priors.theta(scenario), by=day, control=stoppable)
    answers, derivatives = {}, {}
    for place, measure in enumerate(chosen):
        answers[measure.name], derivatives[measure.name] = adjoint.of(measure.name)
        control.report((place + 1) / len(chosen))
    every, names = tuple(scenario.assumptions.values()), [measure.name for measure in chosen]
    source = provenance(scenario, engine="exact", draws=0, measures=names, by_day=day)
    return Elasticities(*dated(scenario, day), chosen, every, answers, derivatives, source)
