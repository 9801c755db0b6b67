"""The order of sliders: which assumptions move an answer most, by the exact gradient at the stated values.

The gradient of every ending and question costs a few solves. It is kept in a file named by the hash of the scenario, so
that the same scenario opens in order the next time. The notebooks come with the files of their scenarios.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.errors import Unsupported
from simlib.files import write_atomically
from simlib.machine.measures import every, find
from simlib.results import ONGOING
from simlib.scenario.model import Assumption, Scenario
from simlib.scenario.scales import forward

if TYPE_CHECKING:
    import pandas as pd

    from simlib.engines.exact.solver import Solver

__all__ = ["Influence", "compute", "file_name", "find_stored", "first_order"]

FORMAT = 2

CERTAIN = 1e-6
"""Probabilities are extrapolated on the logit scale, and are kept at least this far from 0 and 1 there."""


@dataclass(frozen=True)
class Influence:
    """Derivatives of answers by the horizon: {measure: {assumption: ∂p/∂θ}} on the plain scale.

    A question without a gradient (a lull) is missing. Its sliders are ordered by all endings together.
    """

    sha256: str
    day: float
    slopes: Mapping[str, Mapping[str, float]]

    def effect(self, assumption: Assumption, measure: str) -> tuple[float, float]:
        """Return the change of an answer at low and at high, estimated from its slope on the scale of the kind."""
        slope = self.slopes[measure].get(assumption.id, 0.0)
        return tuple(slope * step for step in _steps(assumption))  # type: ignore[return-value]

    def weights(self, scenario: Scenario, measure: str = "") -> dict[str, float]:
        """Return for each assumption how far it moves an answer over its range, estimated from the slope.

        If the answer has no gradient, the number is the probability that the assumption moves between the endings.
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

    def drivers(self, scenario: Scenario, measure: str) -> pd.DataFrame:
        """Return the assumptions by falling effect on one answer: assumption, label, at_low, at_high."""
        import pandas as pd

        rows = [(a.id, a.short_label, *self.effect(a, measure)) for a in scenario.assumptions.values()]
        rows = [row for row in rows if row[2] or row[3]]
        rows.sort(key=lambda row: -max(abs(row[2]), abs(row[3])))
        frame = pd.DataFrame(rows, columns=["assumption", "label", "at_low", "at_high"])
        frame.attrs["title"] = f"What moves it most: {find(scenario, measure)[0].label}"
        return frame

    def save(self, path: Path) -> None:
        """Write the influence to a file, whole or not at all."""
        data = {
            "format": FORMAT,
            "sha256": self.sha256,
            "day": self.day,
            "slopes": {
                measure: {name: float(f"{slope:.9g}") for name, slope in slopes.items() if slope}
                for measure, slopes in self.slopes.items()
            },
        }
        write_atomically(path, (json.dumps(data, indent=1) + "\n").encode())


def _steps(assumption: Assumption, value: float | None = None) -> tuple[float, float]:
    """Return the steps from a value to low and to high on the scale of the kind, in units of the value."""
    a = assumption
    value = a.value if value is None else value
    stretch = value * (1 - value) if a.kind == "chance" else value
    centre = forward(a.kind, value)
    if a.fixed or not math.isfinite(centre):
        return 0.0, 0.0
    return tuple(stretch * (forward(a.kind, end) - centre) for end in (a.low, a.high))  # type: ignore[return-value]


def first_order(assumption: Assumption, value: float, answer: float, slope: float) -> tuple[float, float]:
    """Return a probability at low and at high, extrapolated from its derivative on the logit scale."""
    p = min(max(answer, CERTAIN), 1 - CERTAIN)
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
    """Compute the influence on some answers at some values.

    Default: every ending and question, at the stated values. An answer that has no gradient is left out. Raises
    TooManyStates, Cancelled.
    """
    from simlib.engines.exact.forecast import Solver, gradient

    ongoing = f"ending:{ONGOING}"
    every_name = [m.name for m in every(scenario, ("ending", "question")) if m.name != ongoing]
    solver = solver or Solver(scenario, times=1, control=control)
    slopes: dict[str, dict[str, float]] = {}
    for name in every_name if measures is None else measures:
        try:
            frame = gradient(scenario, name, values=values, solver=solver, control=Control(cancel=control.cancel))
        except Unsupported:
            continue
        slopes[name] = dict(zip(frame["assumption"], map(float, frame["derivative"]), strict=True))
    return Influence(scenario.sha256, scenario.horizon_days, slopes)


def file_name(scenario: Scenario) -> str:
    """Return the name of the file that holds the influence in a scenario."""
    return f"influence-{scenario.id}-{scenario.sha256[:12]}.json"


def find_stored(scenario: Scenario, folders: list[Path]) -> Influence | None:
    """Return the influence stored for exactly this scenario in one of some folders, if any."""
    known = {measure.name for measure in every(scenario, ("ending", "question"))}
    for folder in folders:
        try:
            data = json.loads((folder / file_name(scenario)).read_text(encoding="utf-8"))
            if data["format"] == FORMAT and data["sha256"] == scenario.sha256 and set(data["slopes"]) <= known:
                slopes = {e: {str(a): float(x) for a, x in part.items()} for e, part in data["slopes"].items()}
                return Influence(data["sha256"], float(data["day"]), slopes)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return None
