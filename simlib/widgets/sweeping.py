"""A sweep over two assumptions as a question. No widget here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from simlib.errors import Problem, ScenarioError, SimlibError
from simlib.quantities import show
from simlib.results import Floats, long_date, percent
from simlib.scenario.model import Assumption
from simlib.scenario.scales import forward, inverse
from simlib.widgets.asking import Answer, Cancel, Control, Plot, Progress, Question
from simlib.widgets.choosing import measure, number, told
from simlib.widgets.drafts import folder


class Sweep(Question):
    """A grid over two assumptions, worked out point by point into files; it goes on where it stopped."""

    name, title = "sweep", "How does the answer change over two assumptions at once?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        some = tuple((a.label, a.id) for a in self.scenario.assumptions.values() if not a.fixed)
        return [
            measure(self.scenario), Control("across", "Across", some[0][1], some),
            Control("up", "Up", some[1][1], some),
            number("levels", "Values of each", 5, 2, 12), number("runs", "Replicates each", 5000, 100, 1_000_000),
        ]  # fmt: skip

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Work out the grid, keeping every finished block."""
        from simlib import sweep

        across, up = (self.scenario.assumptions[chosen[axis]] for axis in ("across", "up"))
        if across.id == up.id:
            raise ScenarioError(Problem("", 0, self.title, "both axes are the same assumption", "expected two"))
        columns, lines = (values_between(a, chosen["levels"]) for a in (across, up))
        design = sweep.grid_design(self.scenario, {up.id: lines, across.id: columns})
        home = folder() / "sweeps" / f"{design.sha256[:12]}-{chosen['runs']}"
        report = sweep.run(
            design, home, runs=chosen["runs"], block=4, cancel=cancel, progress=lambda share, _: progress(share)
        )
        if report.failed:
            raise SimlibError("\n".join(report.failed))
        kind, name = chosen["measure"].split(":", 1)
        frame = sweep.read(home)
        frame = frame[(frame["kind"] == kind) & (frame["name"] == name)].sort_values("point")
        values = frame["probability"].to_numpy().reshape(len(lines), len(columns))
        return self._told(values, Axis(across, columns), Axis(up, lines), chosen)

    def _told(self, values: Floats, across: Axis, up: Axis, chosen: Mapping[str, Any]) -> Answer:
        from simlib.analysis.measures import find
        from simlib.plots.grid import grid

        label = find(self.scenario, chosen["measure"])[0].label
        low, high = percent(float(values.min())), percent(float(values.max()))
        by = long_date(self.scenario.by_date(self.scenario.horizon_days))
        half = 1.96 * float(np.sqrt((values * (1 - values)).max() / chosen["runs"]))
        ranges = " and ".join(f"“{axis.label}” ({axis.texts[0]} to {axis.texts[-1]})" for axis in (across, up))
        known = f"Every cell is known to ±{100 * half:.1f} points (95%); differences between cells better, for all fell"
        sentences = [f"“{label}” by {by} goes from {low} to {high} over {values.size} pairs of values of {ranges}.",
                     f"{known} with the same dice."]  # fmt: skip
        rows = [(one, other, percent(float(values[i, j]))) for i, other in enumerate(up.texts)
                for j, one in enumerate(across.texts)]  # fmt: skip
        picture = partial(
            grid, values, across=(across.label, across.texts), up=(up.label, up.texts),
            title=f"{label}: {low} to {high}", unit=f"probability by {by}, {chosen['runs']:,} replicates each",
        )  # fmt: skip
        head = (across.label, up.label, "probability")
        return told(sentences, head, rows, 1, Plot(picture, 470, left=140, bottom=65))


@dataclass(frozen=True)
class Axis:
    """An assumption and the values it takes, in base units."""

    assumption: Assumption
    values: list[float]

    @property
    def label(self) -> str:
        """The label of the assumption."""
        return self.assumption.label

    @property
    def texts(self) -> list[str]:
        """The values as people read them."""
        return [show(x, self.assumption.kind, self.assumption.unit) for x in self.values]


def values_between(assumption: Assumption, count: int) -> list[float]:
    """Return values from low to high, evenly on the scale of the kind."""
    low, high = (forward(assumption.kind, end) for end in (assumption.low, assumption.high))
    return [float(inverse(assumption.kind, float(x))) for x in np.linspace(low, high, count)]
