"""Questions about the course of a crisis: paths to an ending, and signs of an ending.

A path is the order in which a history first reaches the rungs (levels) of a ladder.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.control import Control
from simlib.formatting import percent, points, quoted
from simlib.machine.measures import watched_days
from simlib.scenario.model import Scenario
from simlib.widgets.questions.choices import NONE, draws, ending, keywords, ladder, measure, number, shown_answer
from simlib.widgets.questions.question import Field, PanelQuestion
from simlib.widgets.questions.shown_answers import Drawing, ShownAnswer

if TYPE_CHECKING:
    from simlib.analysis.paths.result import Branch, Paths


def look_by(scenario: Scenario, name: str = "look_by", label: str = "Seen within (days)") -> Field:
    """Return the field for the number of days to look for signs. It begins at the default."""
    days = int(watched_days(scenario, None, scenario.horizon_days))
    return number(name, label, days, 1, int(scenario.horizon_days) - 1)


def one_sample(least: int) -> tuple[Field, Field]:
    """Return the fields for the size of a sample, at first the same in all questions on signs."""
    return draws(256), number("runs", "Histories of each draw", 500, least, 100_000)


class ByWhichPath(PanelQuestion):
    """The likeliest orders in which the rungs of a ladder are reached, with exact probabilities.

    A second picture shows the flow of histories between rungs.
    """

    name, title = "by-which-path", "By which path does the crisis reach its ending?"

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        return [
            ladder(self.scenario),
            ending(self.scenario, "Given the ending", any_too=True),
            number("top", "Paths", 10, 1, 100),
        ]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Search for the most probable orders in which rungs are reached."""
        from simlib.analysis.paths.classes import searched_paths
        from simlib.plots import path_charts as charts

        given = None if chosen["ending"] == NONE else f"ending:{chosen['ending']}"
        result = searched_paths(self.scenario, given=given, ladder=chosen["ladder"], top=chosen["top"], control=control)
        rows = [(" → ".join(c.rungs), result.label(c.ending), percent(c.probability)) for c in result.classes]
        return shown_answer(
            result.sentences(),
            ("path", "ending", charts.unit(result)),
            rows,
            1,
            Drawing(partial(charts.path_classes, result), 472),
            Drawing(partial(charts.sankey, result), 500, bottom=10, top=90),
        )


class WherePathsDiverge(PanelQuestion):
    """A tree of the orders in which histories first reach the rungs of a ladder."""

    name, title, edition = "where-paths-diverge", "Where do the paths diverge?", 2

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        return [
            ladder(self.scenario),
            ending(self.scenario, "Given the ending", any_too=True),
            Field("least", "Branches of at least (%)", 0.5, (), 0.1, 50.0),
        ]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Search for the likeliest orders of rungs, and draw the tree of their first steps."""
        from simlib.analysis.paths.classes import searched_paths
        from simlib.plots.path_charts import path_tree, unit

        given = "" if chosen["ending"] == NONE else chosen["ending"]
        result = searched_paths(self.scenario, ladder=chosen["ladder"], given=given, top=100, control=control)
        least = chosen["least"] / 100
        nodes = [b for b in result.tree if b.entered >= least]
        leaves = sum(not any(b.rungs[:-1] == a.rungs for b in nodes) for a in nodes)
        by = result.by_words
        sentences = [
            *(fork(result, node, least) for node in nodes[:5]),
            f"Shares of the histories that end in {quoted(result.label(given))} by {by}."
            if given
            else f"Shares by {by}.",
        ]
        rows = [(" → ".join(b.rungs), percent(b.entered), percent(b.share_of_parent)) for b in nodes]
        return shown_answer(
            filter(None, sentences),
            ("beginning", unit(result), "share of the beginning one rung shorter"),
            rows,
            2,
            Drawing(partial(path_tree, result, least=least), 132 + 34 * leaves, bottom=10),
        )


def fork(result: Paths, node: Branch, least: float) -> str:
    """Name a branch's next rungs that at least the share `least` of histories enters ("": none)."""
    after = sorted((b for b in result.tree if b.rungs[:-1] == node.rungs), key=lambda b: -b.entered)
    if not after or after[0].entered < least:
        return ""
    stay = 1 - sum(b.share_of_parent for b in after)
    ways = "; ".join(
        f"{percent(b.share_of_parent)} go on to {quoted(b.rungs[-1])}" for b in after if b.entered >= least
    )
    begun = ", then ".join(map(quoted, node.rungs))
    rest = f"; {percent(stay)} reach no new rung." if stay > 5e-4 else "."
    return f"Of the histories that began with {begun}, {ways}{rest}"


class OnTheWayTo(PanelQuestion):
    """Histories that reach an ending, and the share of them with each rung and each move."""

    name, title, edition = "on-the-way-to", "What do the paths to one ending have in common?", 3

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        return [ending(self.scenario, "The ending"), number("count", "Histories", 30, 1, 300)]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Among histories that reach the ending, compute the share with each rung (level) and move."""
        from simlib.analysis.paths.classes import searched_paths
        from simlib.analysis.paths.medoids import TYPICAL, typical_of
        from simlib.analysis.paths.waypoint_shares import waypoints
        from simlib.engines.exact.endpoint import histories_given
        from simlib.plots.path_charts import ladder_histories

        target = f"ending:{chosen['ending']}"
        result = waypoints(self.scenario, target, engine="exact", control=control.part(0.0, 0.6))
        drawn_ones = histories_given(self.scenario, target, chosen["count"], control=control.part(0.6, 1.0))
        quiet = control.silent()
        likeliest = searched_paths(self.scenario, given=target, top=TYPICAL, control=quiet)
        return shown_answer(
            result.sentences(),
            ("kind", "rung or move", "share of the histories to this ending"),
            [(row.kind, row.label, percent(row.share)) for row in result.rows],
            1,
            Drawing(partial(ladder_histories, typical_of(drawn_ones, likeliest)), 566, 180, 110, 131),
        )


class WhatToWatchFor(PanelQuestion):
    """Public moves and levels, and how the probability of an ending changes if they are seen."""

    name, title, edition = "what-to-watch-for", "What would be a sign of this ending?", 3

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        return [
            ending(self.scenario, "The ending"),
            look_by(self.scenario),
            number("times_seen", "Sightings that count as a sign", 1, 1, 50),
            *one_sample(1),
        ]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Sample histories with assumptions drawn from the priors, and see what each sign tells."""
        from simlib.analysis.indicators.result import write_bits, write_ratio, write_share
        from simlib.analysis.indicators.watch_list import indicators
        from simlib.plots.indicator_bars import indicators as picture

        result = indicators(
            self.scenario,
            f"ending:{chosen['ending']}",
            look_by=float(chosen["look_by"]),
            engine="montecarlo",
            **keywords(chosen, control, "times_seen", "draws", "runs"),
        )
        rows = [
            (
                *(r.label, write_share(r.seen), write_share(r.if_seen), points(r.change), write_share(r.if_not_seen)),
                *(write_ratio(r), write_bits(r), write_share(r.false_alarms), write_share(r.misses)),
                known(r.lead_days[1], "{:.0f}".format),
            )
            for r in result.signs
        ]
        head = (
            "sign",
            "probability seen",
            "if seen",
            "change if seen",
            "if not seen",
            "likelihood ratio",
            "expected bits",
            "false alarms",
            "misses",
            "days of warning (median)",
        )
        return shown_answer(result.sentences(), head, rows, 9, Drawing(partial(picture, result), 616, top=131))


class WorthSeeing(PanelQuestion):
    """The expected value of watching for a public move for a number of days (EVSI)."""

    name, title, edition = "worth-seeing", "Which observation would settle most?", 3

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        return [measure(self.scenario), look_by(self.scenario, "within", "Watched for (days)"), *one_sample(100)]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Rank the observations by their expected gain in the Brier score."""
        from simlib.analysis.uncertainty.sample_information import evsi
        from simlib.plots.value_bars import evsi_bars

        how = keywords(chosen, control, "draws", "runs")
        result = evsi(self.scenario, chosen["measure"], look_by=float(chosen["within"]), **how)
        rows = [
            (
                o.label,
                percent(o.seen) if o.seen else "never",
                known(o.if_seen, percent),
                known(o.if_not, percent),
                result.gain(o) if o.seen else "–",
            )
            for o in result.observations
        ]
        head = ("observation", "probability seen", "if seen", "if not seen", "gain (Brier score)")
        return shown_answer(result.sentences(), head, rows, 4, Drawing(partial(evsi_bars, result), 522))


class SignsOfEveryEnding(PanelQuestion):
    """Public moves and levels as signs of all endings at once."""

    name, title, edition = "signs-of-every-ending", "Which move or level is a sign of which ending?", 4

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        return [look_by(self.scenario), *one_sample(1)]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Sample histories with assumptions drawn from the priors, and see what each sign tells."""
        from simlib.analysis.indicators.result import write_share
        from simlib.analysis.indicators.watch_list import indicators_of_endings
        from simlib.plots.indicator_bars import indicator_map

        how = keywords(chosen, control, "draws", "runs")
        results = indicators_of_endings(self.scenario, look_by=float(chosen["look_by"]), **how)
        until, by = results[0].look_by_words, results[0].by_words
        sentences, rows = [], []
        for result in results:
            now = write_share(result.before)
            strongest = sorted(result.signs, key=lambda row: -abs(row.change))[:2]
            changes = " and ".join(f"{write_share(r.if_seen)} if {quoted(r.label)} is {r.verb}" for r in strongest)
            sentences.append(f"{result.measure.words}: {now} before looking, {changes or 'no known sign'}.")
            about = result.measure.label, now
            rows += [
                (*about, row.label, write_share(row.seen), write_share(row.if_seen), points(row.change))
                for row in result.signs
            ]
        verbs = {row.verb for result in results for row in result.signs}
        shown = f" and the sign is {' or '.join(sorted(verbs, reverse=True))} by then" if verbs else ""
        sentences.append(f"Probabilities by {by}, if nothing has ended by {until}{shown}.")
        head = ("ending", "before looking", "sign", "probability seen", "if seen", "change if seen")
        signs = len({row.id for result in results for row in result.signs})
        plot = Drawing(partial(indicator_map, results), 220 + 36 * min(signs, 14), left=190, bottom=89, top=131)
        return shown_answer(sentences, head, rows, 2, plot)


def known(number: float, write: Callable[[float], str]) -> str:
    """Return a number as text, or a dash if the number could not be estimated (NaN)."""
    return write(number) if math.isfinite(number) else "–"
