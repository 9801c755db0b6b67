"""The question how a probability changes over two assumptions at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from simlib.control import Control
from simlib.errors import Problem, ScenarioError, SimlibError
from simlib.formatting import long_date, percent, quoted
from simlib.quantities import show
from simlib.scenario.model import Assumption, View
from simlib.scenario.scales import Z_TWO_SIDED_95, forward, inverse
from simlib.scenario.views.variation import with_interventions
from simlib.typing import Floats
from simlib.widgets.explorer.autosave import folder
from simlib.widgets.questions.choices import NONE, measure, number, shown_answer
from simlib.widgets.questions.question import Field, PlannedQuestion
from simlib.widgets.questions.shown_answers import Drawing, ShownAnswer


class Sweep(PlannedQuestion):
    """A probability on a grid of values of two assumptions, without and optionally with a plan.

    A plan is a view with interventions. Finished points of the grid are stored in files, so that a computation that was
    stopped continues from these points.
    """

    name, title = "sweep", "How does the answer change over two assumptions at once?"

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question. A field for the plan exists only if plans were given."""
        from simlib.sweep import plan_views

        self.plans = plan_views(self.scenario, self.given)
        some = tuple((a.label, a.id) for a in self.scenario.uncertain)
        options = (("no plan", NONE), *((view.title, view.id) for view in self.plans.values()))
        tip = "A view with interventions. It is compared with the scenario as it stands, with common random numbers"
        return [
            measure(self.scenario),
            Field("across", "Across", some[0][1], some),
            Field("up", "Up", some[1][1], some),
            number("levels", "Values of each", 5, 2, 12),
            number("runs", "Replicates each", 5000, 100, 1_000_000),
            *([Field("plan", "The plan", NONE, options, tip=tip)] if self.plans else []),
        ]

    def worlds(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the hash of the scenario and, with a plan, the hash of the scenario under the plan."""
        plan = self.plans.get(chosen.get("plan", NONE))
        planned = [] if plan is None else [with_interventions(self.scenario, plan.interventions).sha256]
        return [self.scenario.sha256, *planned]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Compute the grid, without and with the plan. Every finished block of points is stored."""
        from simlib import sweep

        across, up = (self.scenario.assumptions[chosen[axis]] for axis in ("across", "up"))
        if across.id == up.id:
            what, expected = "both axes are the same assumption", "expected two different assumptions"
            raise ScenarioError(Problem("", 0, self.title, what, expected))
        columns, lines = (values_between(a, chosen["levels"]) for a in (across, up))
        design = sweep.grid_design(self.scenario, {up.id: lines, across.id: columns})
        plan = self.plans.get(chosen.get("plan", NONE))
        if plan is not None:
            design = design.cross({plan.id: plan.interventions})
        home = folder() / "sweeps" / f"{design.sha256[:12]}-{chosen['runs']}"
        watch = control
        report = sweep.run(design, home, runs=chosen["runs"], block=4, control=watch)
        if report.failed:
            raise SimlibError("\n".join(report.failed))
        kind, name = chosen["measure"].split(":", 1)
        frame = sweep.read(home)
        frame = frame[(frame["kind"] == kind) & (frame["name"] == name)].sort_values("point")
        values = frame["probability"].to_numpy().reshape(len(lines), len(columns), -1)
        return self._answer(values, Axis(across, columns), Axis(up, lines), plan, chosen)

    def _answer(
        self, values: Floats, across: Axis, up: Axis, plan: View | None, chosen: Mapping[str, Any]
    ) -> ShownAnswer:
        """Return the answer for a grid of probabilities.

        `values` has the shape (values of `up`, values of `across`, 1 or 2). The last axis has one number without the
        plan and, if there is a plan, a second number with the plan.
        """
        from simlib.machine.measures import find

        label = find(self.scenario, chosen["measure"])[0].label
        by = long_date(self.scenario.by_date(self.scenario.horizon_days))
        half = Z_TWO_SIDED_95 * float(np.sqrt((values * (1 - values)).max() / chosen["runs"]))
        ranges = " and ".join(f"{quoted(axis.label)} ({axis.texts[0]} to {axis.texts[-1]})" for axis in (across, up))
        known = f"The error of a cell is at most ±{100 * half:.1f} points (95%). Differences between cells are more"
        before, pairs = values[..., 0], values[..., 0].size
        stands = "" if plan is None else "Without the plan, "
        sentences = [
            f"{stands}{quoted(label)} by {by} goes from {_ends(before)} over {pairs} pairs of values of {ranges}.",
            *([] if plan is None else [_changed(values, plan)]),
            f"{known} precise, because all cells use common random numbers.",
        ]
        rows = [
            (one, other, *_cells(values[i, j]))
            for i, other in enumerate(up.texts)
            for j, one in enumerate(across.texts)
        ]
        titles = [label] if plan is None else [f"{label}, as it stands", f"{label}: {quoted(plan.title)}"]
        unit = f"probability by {by}, {chosen['runs']:,} replicates each"
        numbers = ("probability",) if plan is None else ("as it stands", plan.title, "change")
        head = (across.label, up.label, *numbers)
        return shown_answer(sentences, head, rows, len(numbers), *_plots(values, across, up, titles, unit))


def _plots(values: Floats, across: Axis, up: Axis, titles: Sequence[str], unit: str) -> Iterator[Drawing]:
    from simlib.plots.heat_map import grid

    limits = (float(values.min()), float(values.max()))
    for i, title in enumerate(titles):
        picture = partial(
            grid,
            values[..., i],
            across=(across.label, across.texts),
            up=(up.label, up.texts),
            title=f"{title}: {_ends(values[..., i])}",
            unit=unit,
            limits=limits,
        )
        yield Drawing(picture, 506, left=110, bottom=79)


def _ends(values: Floats) -> str:
    return f"{percent(float(values.min()))} to {percent(float(values.max()))}"


def _points(change: float) -> str:
    return f"{100 * change:+.1f}"


def _cells(values: Floats) -> tuple[str, ...]:
    """Return a cell's texts: its probability or, with a plan, two probabilities and the change."""
    texts = tuple(percent(float(value)) for value in values)
    return texts if len(texts) == 1 else (*texts, f"{_points(float(values[1] - values[0]))} points")


def _changed(values: Floats, plan: View) -> str:
    """Say how a plan changes a grid, from `values[..., 0]` to `values[..., 1]`."""
    change = values[..., 1] - values[..., 0]
    low, high = (_points(float(end)) for end in (change.min(), change.max()))
    after = f"Under the plan {quoted(plan.title)} the probability goes from {_ends(values[..., 1])}"
    return f"{after}: at the same pairs of values the plan changes it by {low} to {high} points."


@dataclass(frozen=True)
class Axis:
    """An axis of the grid: an assumption, and its values on the grid in base units."""

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
    """Return `count` values across a range, evenly spaced in logit for a chance, else in log."""
    low, high = (forward(assumption.kind, end) for end in (assumption.low, assumption.high))
    return [float(inverse(assumption.kind, float(x))) for x in np.linspace(low, high, count)]
