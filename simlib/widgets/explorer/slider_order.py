"""The order of sliders: which assumptions move the endings most, by the exact gradient at the stated values.

The gradient of every ending costs a few solves. It is kept in a file named by the hash of the scenario, so that the
same scenario opens in order the next time. The notebooks come with the files of their scenarios.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simlib.control import UNWATCHED, Control
from simlib.files import write_atomically
from simlib.results import ONGOING
from simlib.scenario.model import Assumption, Scenario
from simlib.scenario.scales import forward

if TYPE_CHECKING:
    import pandas as pd

    from simlib.engines.exact.solver import Solver

__all__ = ["Influence", "compute", "file_name", "find_stored", "most_likely"]

FORMAT = 1


@dataclass(frozen=True)
class Influence:
    """Derivatives of each ending's probability by the horizon: {ending: {assumption: ∂p/∂θ}} on the plain scale."""

    sha256: str
    day: float
    slopes: Mapping[str, Mapping[str, float]]

    def effect(self, assumption: Assumption, ending: str) -> tuple[float, float]:
        """Return the change of an ending's probability, to first order on the scale of the kind, at low and at high."""
        a = assumption
        slope = self.slopes[ending].get(a.id, 0.0)
        stretch = a.value * (1 - a.value) if a.kind == "chance" else a.value
        centre = forward(a.kind, a.value)
        if a.fixed or not math.isfinite(centre):
            return 0.0, 0.0
        return tuple(slope * stretch * (forward(a.kind, end) - centre) for end in (a.low, a.high))  # type: ignore[return-value]

    def weights(self, scenario: Scenario) -> dict[str, float]:
        """Return for each assumption how much probability it moves between endings over its range, to first order."""
        result = {}
        for name, assumption in scenario.assumptions.items():
            spans = [high - low for low, high in (self.effect(assumption, ending) for ending in self.slopes)]
            result[name] = (sum(map(abs, spans)) + abs(sum(spans))) / 2
        return result

    def drivers(self, scenario: Scenario, ending: str) -> pd.DataFrame:
        """Return the assumptions by falling effect on one ending: assumption, label, at_low, at_high."""
        import pandas as pd

        rows = [(a.id, a.short_label, *self.effect(a, ending)) for a in scenario.assumptions.values()]
        rows = [row for row in rows if row[2] or row[3]]
        rows.sort(key=lambda row: -max(abs(row[2]), abs(row[3])))
        frame = pd.DataFrame(rows, columns=["assumption", "label", "at_low", "at_high"])
        frame.attrs["title"] = f"Assumptions that matter most: {scenario.endings[ending].label}"
        return frame

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        data = {
            "format": FORMAT,
            "sha256": self.sha256,
            "day": self.day,
            "slopes": {
                ending: {name: float(f"{slope:.9g}") for name, slope in slopes.items() if slope}
                for ending, slopes in self.slopes.items()
            },
        }
        write_atomically(path, (json.dumps(data, indent=1) + "\n").encode())


def compute(scenario: Scenario, *, solver: Solver | None = None, control: Control = UNWATCHED) -> Influence:
    """Compute the influence at the stated values; raises TooManyStates, Cancelled."""
    from simlib.engines.exact.forecast import gradient

    frame = gradient(scenario, solver=solver, control=control)
    slopes: dict[str, dict[str, float]] = {ending: {} for ending in scenario.endings}
    for measure, assumption, slope in zip(frame["measure"], frame["assumption"], frame["derivative"], strict=True):
        slopes[measure.removeprefix("ending:")][assumption] = float(slope)
    return Influence(scenario.sha256, float(frame["day"].iloc[0]), slopes)


def file_name(scenario: Scenario) -> str:
    """Return the name of the file that holds the influence in a scenario."""
    return f"influence-{scenario.id}-{scenario.sha256[:12]}.json"


def find_stored(scenario: Scenario, folders: list[Path]) -> Influence | None:
    """Return the influence stored for exactly this scenario in one of some folders, if any."""
    for folder in folders:
        try:
            data = json.loads((folder / file_name(scenario)).read_text(encoding="utf-8"))
            if (
                data["format"] == FORMAT
                and data["sha256"] == scenario.sha256
                and set(data["slopes"]) == set(scenario.endings)
            ):
                slopes = {e: {str(a): float(x) for a, x in part.items()} for e, part in data["slopes"].items()}
                return Influence(data["sha256"], float(data["day"]), slopes)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return None


def most_likely(last: Mapping[str, float]) -> str:
    """Return the likeliest ending of some probabilities."""
    return max((name for name in last if name != ONGOING), key=lambda name: last[name])
