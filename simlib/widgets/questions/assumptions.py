"""Questions about assumptions: which matter or make events likely, and how sure answers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.control import Control
from simlib.errors import DOES_NOT_FIT, Problem, ScenarioError
from simlib.formatting import percent
from simlib.quantities import show
from simlib.scenario.model import Scenario
from simlib.widgets.questions.choices import draws, keywords, ladder, measure, number, shown_answer
from simlib.widgets.questions.question import Field, PanelQuestion
from simlib.widgets.questions.shown_answers import Drawing, ShownAnswer

if TYPE_CHECKING:
    from simlib.analysis.uncertainty.fans import Fan
    from simlib.analysis.uncertainty.result import Uncertainty

MOST_BOUNDS = 8
"""Boxes from the middle of the search are offered only if they have at most this many bounds. Most further bounds come
from chance, and the panel would have too many sliders."""

REPLICATES = 2000
"""Number of replicates for each draw, if a scenario is too large to be solved exactly."""

PANEL_EXACT_WORK = 2_000_000
"""Largest product of states and passes (see `simlib.analysis.evaluator.STATES_SOLVED`) for which draws are solved
exactly. Larger work is simulated, because exact answers would take too long for a user who waits."""


class WhatDrivesIt(PanelQuestion):
    """How the answer changes if one assumption at a time goes to the ends of its range."""

    name, title, edition = "drivers", "Which assumptions matter most?", 2

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        return [measure(self.scenario), number("top", "Assumptions tried", 10, 1, len(self.scenario.assumptions))]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Solve the scenario with each influential assumption at both ends of its range."""
        from simlib.analysis.sensitivity.one_at_a_time import drivers
        from simlib.plots.tornado_bars import tornado

        result = drivers(self.scenario, chosen["measure"], top=chosen["top"], control=control)
        about = result.measures[0]
        rows = [
            (
                a.label,
                *(show(value, a.kind, a.unit) for value in (a.low, a.value, a.high)),
                about.write(float(bar.at_low[0])),
                about.write(float(bar.at_high[0])),
            )
            for bar in result.ranked()
            for a in (bar.assumption,)
        ]
        head = ("assumption", "low", "stated", "high", "answer at low", "answer at high")
        return shown_answer(
            result.sentences(), head, rows, 5, Drawing(partial(tornado, result), 152 + 42 * min(len(rows), 10))
        )


class SharesOfDoubt(PanelQuestion):
    """How much of the variance of the answer is due to each assumption (Sobol indices)."""

    name, title, edition = "shares-of-doubt", "Which assumptions cause the spread?", 4

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        tip = "A power of two. Doubling it makes the intervals narrower by a third"
        return [
            measure(self.scenario),
            number("top", "Assumptions", 6, 1, len(self.scenario.assumptions)),
            number("draws", "Draws from the priors", 256, 64, 8192, tip),
            number("runs", "Replicates each", 500, 100, 100_000),
        ]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Estimate the first-order and total Sobol indices."""
        from simlib.analysis.sensitivity.sobol_indices import sobol
        from simlib.plots.sobol_bars import shares

        how = keywords(chosen, control, "top", "draws", "runs")
        result = sobol(self.scenario, chosen["measure"], engine="montecarlo", **how)
        (about,) = result.measures.values()
        rows = [(share.input.label, str(share.first), str(share.total)) for share in about.shares]
        head = ("assumptions", "alone", "with others")
        plot = Drawing(partial(shares, result), 155 + 52 * min(len(rows), 10), top=96)
        return shown_answer(result.sentences(), head, rows, 2, plot)


def _uncertainty(
    scenario: Scenario, chosen: Mapping[str, Any], control: Control, measures: str | Sequence[str]
) -> Uncertainty:
    from simlib.analysis.uncertainty.propagation import Precision, uncertainty

    how = keywords(chosen, control, "draws", "runs")
    return uncertainty(scenario, measures, precision=Precision(patience=PANEL_EXACT_WORK), **how)


class HowSure(PanelQuestion):
    """The range of the answer over the priors, and how much of an event's variance is chance."""

    name, title, edition = "how-sure", "How sure is the answer, and how much of the uncertainty is chance?", 2

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        return [measure(self.scenario), draws(256), number("runs", "Replicates each", 2000, 100, 100_000)]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Compute the probabilities of the chosen event and of all other events at each draw."""
        from simlib.plots.uncertainty_charts import distribution, split

        others = [value for _, value in self.fields[0].options if value != chosen["measure"]]
        result = _uncertainty(self.scenario, chosen, control, [chosen["measure"], *others])
        rows = []
        for spread in result.spreads.values():
            low, high = (spread.quantiles[q].value for q in (min(spread.quantiles), max(spread.quantiles)))
            share = "" if spread.share is None else percent(spread.share.value)
            numbers = (spread.stated.value, spread.mean.value, low, high)
            rows.append((spread.measure.label, *map(spread.measure.write, numbers), share))
        head = ("what", "at the stated values", "over the priors", "5% of draws below", "5% above", "from assumptions")
        return shown_answer(
            result.sentences()[:2],
            head,
            rows,
            5,
            Drawing(partial(distribution, result), 362, left=75),
            Drawing(partial(split, result), 142 + 32 * len(rows)),
        )


class WorthKnowing(PanelQuestion):
    """The value of learning one assumption exactly (EVPPI)."""

    name, title, edition = "worth-knowing", "What is worth finding out next?", 4

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        from simlib.analysis.uncertainty.perfect_information import LEAST_DRAWS

        runs = number("runs", "Replicates each", 500, 100, 100_000)
        return [measure(self.scenario), draws(512, LEAST_DRAWS), runs]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Estimate the value of knowing each assumption from the answers at draws from the priors."""
        from simlib.analysis.uncertainty.perfect_information import evppi_from
        from simlib.plots.value_bars import evppi_bars

        result = evppi_from(_uncertainty(self.scenario, chosen, control, chosen["measure"]))
        rows = [(x.assumption.label, x.grounds.words(), x.shown) for x in result.worths[:12]]
        head = ("assumption", "sources", "share of the value of knowing all assumptions")
        return shown_answer(result.sentences(), head, rows, 1, Drawing(partial(evppi_bars, result), 522))


class UnderWhichAssumptions(PanelQuestion):
    """Boxes (ranges of assumptions) in which an event is likely, by scenario discovery (PRIM)."""

    name, title = "under-which-assumptions", "Under which assumptions is the event likely?"
    edition = 4

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        return [
            measure(self.scenario),
            number("threshold", "Likely means at least (in %; 0 means in the upper quarter of the draws)", 0, 0, 99),
            draws(500),
            number("runs", "Replicates each", 500, 100, 100_000),
        ]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Find boxes (sets of bounds on assumptions) in which the chosen event is likely."""
        from simlib.analysis.discovery.boxes import compact_data
        from simlib.analysis.discovery.scenario_discovery import discover
        from simlib.plots.box_charts import box

        threshold, how = chosen["threshold"] / 100 or None, keywords(chosen, control, "draws", "runs")
        result = discover(self.scenario, chosen["measure"], threshold=threshold, engine="montecarlo", **how)
        if result.constant:
            expected = "expected a question whose answer depends on the assumptions"
            raise ScenarioError(Problem("", 0, self.title, result.sentences()[0].rstrip("."), expected))
        if not result.boxes:
            raise ScenarioError(
                Problem(
                    "",
                    0,
                    self.title,
                    "no box was found: hardly any draws reach the threshold, or these draws lie in no single region",
                    "expected another threshold, or more draws",
                )
            )
        rows = [
            (
                f"box {n}",
                a.label,
                *("" if x is None else show(x, a.kind, a.unit) for x in (b.low, b.high)),
                percent(region.density),
                percent(region.coverage),
            )
            for n, region in enumerate(result.boxes, start=1)
            for b in region.bounds
            for a in (self.scenario.assumptions[b.assumption],)
        ]
        head = ("box", "assumption", "at least", "at most", "likely among its draws", "share of all likely draws")
        plot = Drawing(partial(box, result), 560, left=130, bottom=75, top=90)
        return shown_answer(result.sentences(), head, rows, 4, plot, more=compact_data(result, bounds=MOST_BOUNDS))


class ChanceWithinDoubt(PanelQuestion):
    """The probabilities of the rungs of a ladder over time, and their ranges over the priors."""

    name, title, edition = "chance-within-doubt", "How do chance and uncertain assumptions grow over time?", 3

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        return [ladder(self.scenario), measure(self.scenario, "Second plot: probability of"), draws(128)]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Solve the scenario exactly at each draw of the assumptions, or simulate a large scenario."""
        from simlib.analysis.uncertainty.fans import ladder_fan, measure_fan
        from simlib.engines.ensemble import over_priors
        from simlib.plots import fan_charts

        solve = partial(over_priors, self.scenario, draws=chosen["draws"], times=45, control=control)
        try:
            ensemble, how = solve(), "each solved exactly"
        except DOES_NOT_FIT:
            ensemble, how = solve(engine="montecarlo", runs=REPLICATES), f"{REPLICATES:,} simulated histories each"
        stack, line = ladder_fan(ensemble, chosen["ladder"]), measure_fan(ensemble, chosen["measure"])
        over = f"Computed over {len(ensemble.forecasts)} draws from the priors, {how}."
        sentences = [*line.sentences(), *stack.sentences(), over]
        rows = [(f"{name} or above", *_numbers(stack, place)) for place, name in enumerate(stack.series)]
        rows.append((line.label, *_numbers(line, 0)))
        head = (
            "what",
            "at the stated values",
            "over the priors",
            "5% of draws below",
            "25% below",
            "25% above",
            "5% above",
        )
        return shown_answer(
            sentences,
            head,
            rows,
            6,
            Drawing(partial(fan_charts.nested_fan, stack), 462, left=60, right=200),
            Drawing(partial(fan_charts.measure_fan, line), 352, left=60, right=200),
        )


def _numbers(fan: Fan, place: int) -> list[str]:
    stated, mean, low, quarter, _, three, high = map(percent, fan.at_end(place))
    return [stated, mean, low, quarter, three, high]
