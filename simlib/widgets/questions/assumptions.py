"""Questions about assumptions: what drives the answer, how sure it is, and under which of them it is likely."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib import control
from simlib.errors import Problem, ScenarioError, TooManyStates
from simlib.formatting import long_date, percent, with_error
from simlib.quantities import show
from simlib.scenario.model import Scenario
from simlib.widgets.questions.choices import draws, ladder, measure, number, told, written
from simlib.widgets.questions.inquiry import Answer, Cancel, Control, Plot, Progress, Question

if TYPE_CHECKING:
    from simlib.analysis.uncertainty.fans import Fan
    from simlib.analysis.uncertainty.propagation import Doubt

MOST_BOUNDS = 8
"""A box of the peeling with more bounds is left out: most of them are chance, and nobody moves so many sliders."""

REPLICATES = 2000
"""Replicates of each draw where a world is too large to be solved."""

PATIENCE = 2_000_000
"""States times passes that are solved for an answer; above, draws are played: a person waits for it."""


class WhatDrivesIt(Question):
    """Each assumption at its low and at its high, for those with the steepest slopes."""

    name, title = "drivers", "Which assumptions carry the answer?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        return [measure(self.scenario), number("top", "Assumptions tried", 10, 1, len(self.scenario.assumptions))]

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Solve again with each assumption at its low and at its high."""
        from simlib.analysis.sensitivity.one_at_a_time import drivers
        from simlib.plots.tornado_bars import tornado

        watched = control.Control(progress, cancel)
        result = drivers(self.scenario, chosen["measure"], top=chosen["top"], control=watched)
        about = result.measures[0]
        rows = [
            (
                bar.assumption.label,
                *map(partial(written, bar.assumption), ("low", "value", "high")),
                about.write(float(bar.at_low[0])),
                about.write(float(bar.at_high[0])),
            )
            for bar in result.ranked()
        ]
        head = ("assumption", "low", "stated", "high", "answer at low", "answer at high")
        return told(result.sentences(), head, rows, 5, Plot(partial(tornado, result), 152 + 42 * min(len(rows), 10)))


class SharesOfDoubt(Question):
    """Sobol indices over the priors."""

    name, title = "shares-of-doubt", "About which assumptions is the doubt?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        tip = "A power of two. Twice as many: intervals narrower by a third"
        return [
            measure(self.scenario),
            number("top", "Assumptions", 6, 1, len(self.scenario.assumptions)),
            number("draws", "Draws from the priors", 256, 64, 8192, tip),
            number("runs", "Replicates each", 500, 100, 100_000),
        ]

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Estimate first-order and total indices."""
        from simlib.analysis.sensitivity.sobol_indices import sobol
        from simlib.plots.sobol_bars import shares

        result = sobol(
            self.scenario,
            chosen["measure"],
            engine="montecarlo",
            top=chosen["top"],
            draws=chosen["draws"],
            runs=chosen["runs"],
            control=control.Control(progress, cancel),
        )
        (about,) = result.measures.values()
        rows = [(share.input.label, str(share.first), str(share.total)) for share in about.shares]
        head = ("assumptions", "alone", "with others")
        plot = Plot(partial(shares, result), 155 + 52 * min(len(rows), 10), top=96)
        return told(result.sentences(), head, rows, 2, plot)


def _doubt(scenario: Scenario, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress, what: Any) -> Doubt:
    from simlib.analysis.uncertainty.propagation import propagate

    return propagate(
        scenario, what, draws=chosen["draws"], runs=chosen["runs"], patience=PATIENCE, cancel=cancel, progress=progress
    )


class HowSure(Question):
    """The priors carried through: a fan over time, the spread over the draws, doubt and chance apart."""

    name, title = "how-sure", "How sure is the answer, and is the rest doubt or chance?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        return [measure(self.scenario), draws(256), number("runs", "Replicates each", 2000, 100, 100_000)]

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Carry the priors through to the question and to every other measure beside it."""
        from simlib.plots.uncertainty_charts import doubt, split

        others = [value for _, value in self.controls[0].options if value != chosen["measure"]]
        result = _doubt(self.scenario, chosen, cancel, progress, [chosen["measure"], *others])
        rows = []
        for spread in result.spreads.values():
            low, high = (spread.quantiles[q].value for q in (min(spread.quantiles), max(spread.quantiles)))
            share = "" if spread.doubt is None else percent(spread.doubt.value)
            numbers = (spread.stated.value, spread.mean.value, low, high)
            rows.append((spread.measure.label, *map(spread.measure.write, numbers), share))
        head = ("what", "at the stated values", "over the priors", "5% of draws below", "5% above", "doubt, of all")
        return told(
            result.sentences()[:2],
            head,
            rows,
            5,
            Plot(partial(doubt, result), 362, left=75),
            Plot(partial(split, result), 142 + 32 * len(rows)),
        )


class WorthKnowing(Question):
    """What settling one assumption would be worth."""

    name, title = "worth-knowing", "What is worth finding out next?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        from simlib.analysis.uncertainty.evppi import LEAST_DRAWS

        runs = number("runs", "Replicates each", 500, 100, 100_000)
        return [measure(self.scenario), draws(512, LEAST_DRAWS), runs]

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Carry the priors through, and see how far each assumption explains the answer."""
        from simlib.analysis.uncertainty.evppi import value_of_knowing
        from simlib.plots.value_bars import knowing

        result = value_of_knowing(_doubt(self.scenario, chosen, cancel, progress, chosen["measure"]))
        rows = [
            (
                x.assumption.label,
                x.evidence.words(),
                with_error(1000 * x.brier.value, 1000 * x.brier.half),
                x.of_all if x.known else f"not known yet ({x.of_all})",
            )
            for x in result.worths[:12]
        ]
        head = (
            "assumption",
            "what it rests on now",
            "worth (thousandths of the Brier score)",
            "share of what could be gained",
        )
        return told(result.sentences(), head, rows, 2, Plot(partial(knowing, result), 522))


class UnderWhichAssumptions(Question):
    """PRIM boxes and a shallow tree over draws from the priors."""

    name, title = "under-which-assumptions", "Under which assumptions is it likely?"
    edition = 3

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        return [
            measure(self.scenario),
            number("threshold", "Likely means at least (%; 0: the upper quarter of draws)", 0, 0, 99),
            draws(500),
            number("runs", "Replicates each", 500, 100, 100_000),
        ]

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Look for boxes in the space of the assumptions."""
        from simlib.analysis.discovery.boxes import compact_data
        from simlib.analysis.discovery.scenario_discovery import discover
        from simlib.plots.box_charts import box

        result = discover(
            self.scenario,
            chosen["measure"],
            threshold=chosen["threshold"] / 100 or None,
            engine="montecarlo",
            draws=chosen["draws"],
            runs=chosen["runs"],
            control=control.Control(progress, cancel),
        )
        if result.constant:
            expected = "expected a question whose answer depends on the assumptions"
            raise ScenarioError(Problem("", 0, self.title, result.sentences()[0].rstrip("."), expected))
        if not result.boxes:
            raise ScenarioError(
                Problem(
                    "",
                    0,
                    self.title,
                    "no box was found: the draws that reach the threshold lie everywhere, or there are hardly any",
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
        head = ("box", "assumption", "at least", "at most", "likely in it", "share of the likely draws it holds")
        plot = Plot(partial(box, result), 560, left=130, bottom=75, top=90)
        return told(result.sentences(), head, rows, 4, plot, more=compact_data(result, bounds=MOST_BOUNDS))


class ChanceWithinDoubt(Question):
    """The rungs of a ladder over time, and how far the draws from the priors move their borders."""

    name, title = "chance-within-doubt", "How do chance and doubt grow over time?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        return [ladder(self.scenario), measure(self.scenario, "And over time"), draws(128)]

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Solve at each draw; by Monte Carlo where there are too many states."""
        from simlib.analysis.uncertainty.fans import ladder_fan, measure_fan
        from simlib.engines.ensemble import over_priors
        from simlib.plots.nested_fan import doubt_fan, nested_fan

        solve = partial(over_priors, self.scenario, draws=chosen["draws"], times=45, cancel=cancel, progress=progress)
        try:
            found, how = solve(), "each solved exactly"
        except TooManyStates:
            found, how = solve(engine="montecarlo", runs=REPLICATES), f"{REPLICATES:,} replicates each"
        stack, line = ladder_fan(found, chosen["ladder"]), measure_fan(found, chosen["measure"])
        sentences = [
            f"Over {len(found.forecasts)} draws from the priors, {how}:",
            *map(partial(_at_the_end, stack), range(len(stack.mean))),
            _at_the_end(line, 0),
        ]
        rows = [(f"{name} or above", *_numbers(stack, place)) for place, name in enumerate(stack.names[1:])]
        rows.append((line.title, *_numbers(line, 0)))
        head = (
            "what",
            "at the stated values",
            "over the priors",
            "5% of draws below",
            "25% below",
            "25% above",
            "5% above",
        )
        return told(
            sentences,
            head,
            rows,
            6,
            Plot(partial(nested_fan, stack), 462, left=60, right=200),
            Plot(partial(doubt_fan, line), 352, left=60, right=200),
        )


def _numbers(fan: Fan, place: int) -> list[str]:
    """Write one series of a fan on its last day: as stated, mean, and the ends of 90% and of half of the draws."""
    low, quarter, _, three, high = (float(q[place, -1]) for q in fan.quantiles)
    values = (float(fan.stated[place, -1]), float(fan.mean[place, -1]), low, quarter, three, high)
    return [percent(value) for value in values]


def _at_the_end(fan: Fan, place: int) -> str:
    _, mean, low, quarter, three, high = _numbers(fan, place)
    day = long_date(fan.as_of + dt.timedelta(days=float(fan.times[-1]) - 1))
    what = (
        f"“{fan.title}” by {day}"
        if len(fan.names) == len(fan.mean)
        else (f"“{fan.names[place + 1]}” or above on {day}")
    )
    return f"{what}: {mean}; half of the draws lie between {quarter} and {three}, nine in ten between {low} and {high}."
