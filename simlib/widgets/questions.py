"""The questions that notebooks ask, each over one analysis: what to choose, and how the answer is told and drawn.

No widget here, and no method: those are in `simlib.analysis`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.errors import Problem, ScenarioError
from simlib.quantities import show
from simlib.results import long_date, percent
from simlib.scenario.load import load_views
from simlib.scenario.model import Assumption, Forbid, Force, Scenario
from simlib.widgets.asking import Answer, Cancel, Control, Plot, Progress, Question, drawn

if TYPE_CHECKING:
    from simlib.analysis.uncertainty import Doubt

NONE = "none"
Rows = Iterable[Iterable[str]]


def told(sentences: Iterable[str], head: Sequence[str], rows: Rows, numbers: int, *plots: Plot) -> Answer:
    """Return an answer with its plots drawn one below the other."""
    png, size = drawn(*plots)
    return Answer(tuple(sentences), tuple(head), tuple(tuple(row) for row in rows), numbers, png, size)


def part(progress: Progress, first: float, last: float) -> Progress:
    """Return a progress that fills one stretch of another."""
    return lambda share: progress(first + share * (last - first))


def measure(scenario: Scenario, label: str = "What is asked") -> Control:
    """Return the choice of an ending or a question; questions first, since they have rules that settle them."""
    options = [(q.label, f"question:{q.id}") for q in scenario.questions.values()]
    options += [(e.label, f"ending:{e.id}") for e in scenario.endings.values()]
    return Control("measure", label, options[0][1], tuple(options))


def ending(scenario: Scenario, label: str, *, any_too: bool = False) -> Control:
    """Return the choice of an ending."""
    options = [(e.label, e.id) for e in scenario.endings.values()]
    options = [("any", NONE), *options] if any_too else options
    return Control("ending", label, options[0][1], tuple(options))


def number(name: str, label: str, value: int, low: int, high: int, tip: str = "") -> Control:
    """Return the choice of a whole number."""
    return Control(name, label, value, (), low, high, tip)


def draws(value: int) -> Control:
    """Return the choice of how many draws from the priors."""
    return number("draws", "Draws from the priors", value, 64, 8192, "More draws: surer, and slower in proportion")


class WhatIf(Question):
    """A move forbidden, delayed or forced, an assumption at an end of its range, a view; each alone, and together."""

    name, title = "what-if", "What if this were done, or were otherwise?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be changed."""
        s = self.scenario
        moves = tuple((f"{s.actors[m.actor].label}: {m.label}", m.id) for m in s.moves.values())
        changes = (("no move is touched", NONE), ("is forbidden", "forbid"), ("cannot happen before", "delay"),
                   ("is forced on", "force"))  # fmt: skip
        some = (("none", NONE), *((a.label, a.id) for a in s.assumptions.values() if not a.fixed))
        views = (("none", NONE), *((view.title, view.id) for view in load_views(s).values())) if s.path else ()
        return [
            measure(s),
            Control("move", "The move", moves[0][1], moves),
            Control("change", "what happens to it", "forbid", changes),
            Control("date", "date", s.by_date(min(14.0, s.horizon_days)), (), s.as_of, s.by_date(s.horizon_days)),
            Control("assumption", "An assumption", NONE, some),
            Control("end", "goes to its", "high", (("low", "low"), ("high", "high"))),
            *([Control("view", "The eyes of", NONE, views)] if len(views) > 1 else []),
            number("pairs", "Pairs of histories", 5000, 100, 1_000_000, "For the histories that flip"),
        ]

    def worlds(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the hashes of the world and of its variants."""
        from simlib.analysis.variants import variant_of

        return [self.scenario.sha256, *(variant_of(self.scenario, v).sha256 for v in self.variants(chosen).values())]

    def variants(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is compared with the baseline, by name; raises ScenarioError when nothing is changed."""
        s = self.scenario
        made: dict[str, Any] = {}
        move, date = s.moves[chosen["move"]], chosen["date"]
        if chosen["change"] == "forbid":
            made[f"Without: {move.label}"] = Forbid(move.id, None)
        elif chosen["change"] == "delay":
            made[f"Not before {long_date(date)}: {move.label}"] = Forbid(move.id, None, until=date)
        elif chosen["change"] == "force":
            made[f"On {long_date(date)}: {move.label}"] = Force(move.id, date, None)
        if chosen["assumption"] != NONE:
            a = s.assumptions[chosen["assumption"]]
            value = a.low if chosen["end"] == "low" else a.high
            made[f"{a.label}: {show(value, a.kind, a.unit)}"] = {a.id: value}
        if chosen.get("view", NONE) != NONE:
            view = load_views(s)[chosen["view"]]
            made[view.title] = view
        if not made:
            raise ScenarioError(Problem("", 0, "What if", "nothing is changed", "change a move, an assumption, a view"))
        return made | ({"All of these": list(made.values())} if len(made) > 1 else {})

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Compare, exactly; histories that flip come from replicates with the same dice."""
        from simlib.analysis.whatif import compare
        from simlib.plots.flips import flips
        from simlib.plots.waterfall import waterfall

        variants, asked = self.variants(chosen), chosen["measure"]
        result = compare(self.scenario, variants, runs=chosen["pairs"], cancel=cancel, progress=progress)
        rows = [
            (name, d.measure.label, d.measure.write(float(d.before[-1])), d.measure.write(float(d.after[-1])),
             f"{100 * float(d.change[-1]):+.1f} points")
            for name, effect in result.effects.items() for d in effect.strongest()
        ]  # fmt: skip
        head = ("variant", "what", "baseline", "variant", "change")
        last = list(result.effects)[-1]
        return told(result.sentences(), head, rows, 3,
                    Plot(partial(waterfall, result, measure=asked), 170 + 50 * len(result.effects)),
                    Plot(partial(flips, result, variant=last), 470, left=170, bottom=80))  # fmt: skip


class Drivers(Question):
    """A tornado over the ranges of the assumptions with the steepest slopes."""

    name, title = "drivers", "Which assumptions carry the answer?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        return [measure(self.scenario), number("top", "Assumptions tried", 10, 1, len(self.scenario.assumptions))]

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Solve again with each assumption at its low and at its high."""
        from simlib.analysis.drivers import tornado
        from simlib.plots.tornado import tornado as picture

        result = tornado(self.scenario, chosen["measure"], top=chosen["top"], cancel=cancel, progress=progress)
        asked = result.measures[0]
        rows = [
            (bar.assumption.label, *map(partial(written, bar.assumption), ("low", "value", "high")),
             asked.write(float(bar.at_low[0])), asked.write(float(bar.at_high[0])))
            for bar in result.ranked()
        ]  # fmt: skip
        head = ("assumption", "low", "stated", "high", "answer at low", "answer at high")
        return told(result.sentences(), head, rows, 5, Plot(partial(picture, result), 130 + 42 * min(len(rows), 10)))


class SharesOfDoubt(Question):
    """Sobol indices over the priors."""

    name, title = "shares-of-doubt", "About which assumptions is the doubt?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        return [
            measure(self.scenario), number("top", "Assumptions", 6, 1, len(self.scenario.assumptions)),
            number("designs", "Designs", 256, 64, 8192, "Twice as many: intervals narrower by a third"),
            number("runs", "Replicates each", 500, 100, 100_000),
        ]  # fmt: skip

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Estimate first-order and total indices."""
        from simlib.analysis.sobol import sobol
        from simlib.plots.shares import shares

        result = sobol(
            self.scenario, chosen["measure"], engine="montecarlo", top=chosen["top"], designs=chosen["designs"],
            runs=chosen["runs"], cancel=cancel, progress=progress,
        )  # fmt: skip
        found = result.measures[next(iter(result.measures))].shares
        rows = [(share.input.label, str(share.first), str(share.total)) for share in found]
        head = ("assumptions", "alone", "with others")
        plot = Plot(partial(shares, result), 155 + 52 * min(len(rows), 10), top=96)
        return told(result.sentences(), head, rows, 2, plot)


def _doubt(scenario: Scenario, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress, what: Any) -> Doubt:
    from simlib.analysis.uncertainty import propagate

    return propagate(
        scenario, what, engine="montecarlo", draws=chosen["draws"], runs=chosen["runs"], cancel=cancel,
        progress=progress,
    )  # fmt: skip


class HowSure(Question):
    """The priors carried through: a fan over time, the spread over the draws, doubt and chance apart."""

    name, title = "how-sure", "How sure is the answer, and is the rest doubt or chance?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        return [measure(self.scenario), draws(256), number("runs", "Replicates each", 2000, 100, 100_000)]

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Carry the priors through to the question and to every other measure beside it."""
        from simlib.plots.doubt import doubt, split

        others = [value for _, value in self.controls[0].options if value != chosen["measure"]]
        result = _doubt(self.scenario, chosen, cancel, progress, [chosen["measure"], *others])
        rows = []
        for spread in result.spreads.values():
            low, high = (spread.quantiles[q].value for q in (min(spread.quantiles), max(spread.quantiles)))
            share = "" if spread.doubt is None else percent(spread.doubt.value)
            numbers = (spread.stated, spread.mean.value, low, high)
            rows.append((spread.measure.label, *map(spread.measure.write, numbers), share))
        head = ("what", "at the stated values", "over the priors", "5% of draws below", "5% above", "doubt, of all")
        return told(result.sentences()[:2], head, rows, 5, Plot(partial(doubt, result), 340, left=75),
                    Plot(partial(split, result), 120 + 32 * len(rows)))  # fmt: skip


class WorthKnowing(Question):
    """What settling one assumption would be worth."""

    name, title = "worth-knowing", "What is worth finding out next?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        return [measure(self.scenario), draws(512), number("runs", "Replicates each", 500, 100, 100_000)]

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Carry the priors through, and see how far each assumption explains the answer."""
        from simlib.analysis.knowing import value_of_knowing
        from simlib.plots.worth import knowing

        result = value_of_knowing(_doubt(self.scenario, chosen, cancel, progress, chosen["measure"]))
        rows = [(x.assumption.label, x.evidence.words(), f"{x.brier.value:.4f} ± {x.brier.half:.4f}", percent(x.share))
                for x in result.worths[:12]]  # fmt: skip
        head = ("assumption", "what it rests on now", "worth (Brier)", "share of what could be gained")
        return told(result.sentences(), head, rows, 2, Plot(partial(knowing, result), 500))


class ByWhichPath(Question):
    """The likeliest orders of rungs, exactly, and the flow between rungs."""

    name, title = "by-which-path", "By which path do things come to where they end?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        ladders = tuple((ladder.label, ladder.id) for ladder in self.scenario.ladders.values())
        return [
            Control("ladder", "Over the rungs of", self.scenario.ladder or ladders[0][1], ladders),
            ending(self.scenario, "Given the ending", any_too=True), number("top", "Paths", 10, 1, 100),
        ]  # fmt: skip

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Search for the most probable classes of paths."""
        from simlib.analysis.paths import path_classes
        from simlib.plots import paths

        given = "" if chosen["ending"] == NONE else chosen["ending"]
        result = path_classes(
            self.scenario, ladder=chosen["ladder"], given=given, top=chosen["top"], cancel=cancel, progress=progress
        )
        rows = [(" → ".join(c.rungs), result.label(c.ending), percent(c.probability)) for c in result.classes]
        return told(result.sentences(), ("path", "ending", "probability"), rows, 1,
                    Plot(partial(paths.path_classes, result), 450),
                    Plot(partial(paths.sankey, result), 420, bottom=10))  # fmt: skip


class OnTheWayTo(Question):
    """Histories drawn given an ending, and what nearly all ways to it pass."""

    name, title = "on-the-way-to", "What do the ways to one ending have in common?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        return [ending(self.scenario, "The ending"), number("count", "Histories", 30, 1, 300)]

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Close one passage after another, and draw histories given the ending."""
        from simlib.analysis.paths import passages
        from simlib.engines.conditioned import histories_given
        from simlib.plots.paths import ladder_histories

        target, label = chosen["ending"], self.scenario.endings[chosen["ending"]].label
        frame = passages(self.scenario, target, cancel=cancel, progress=part(progress, 0.0, 0.6))
        drawn_ones = histories_given(
            self.scenario, f"ending:{target}", chosen["count"], cancel=cancel, progress=part(progress, 0.6, 1.0)
        )
        some = frame.sort_values("share", ascending=False, kind="stable")
        rows = [(str(kind), str(text), percent(float(share)))
                for kind, text, share in zip(some["kind"], some["label"], some["share"], strict=True)]  # fmt: skip
        needed = [text for _, text, share in rows if share == "100%"]
        often = [f"{share} through “{text}”" for _, text, share in rows if share != "100%"][:4]
        by = long_date(self.scenario.by_date(self.scenario.horizon_days))
        sentences = [f"Every history that ends in “{label}” by {by} passes: {', '.join(f'“{t}”' for t in needed)}.",
                     f"Of all of them, {'; '.join(often)}."]  # fmt: skip
        return told(sentences, ("kind", "passage", "share of the histories to this ending"), rows, 1,
                    Plot(partial(ladder_histories, drawn_ones), 440, left=180, bottom=50))  # fmt: skip


class WhatToWatchFor(Question):
    """Public moves and levels, and what seeing them by a day says of an ending."""

    name, title = "what-to-watch-for", "What would be a sign of this ending?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        longest = int(self.scenario.horizon_days) - 1
        return [
            ending(self.scenario, "The ending"),
            number("day", "Seen within days", min(14, longest), 1, longest),
            number("times_seen", "Sightings that count as a sign", 1, 1, 50),
            draws(250), number("runs", "Histories", 20_000, 1000, 1_000_000),
        ]  # fmt: skip

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Sample histories over the priors, and look at each sign in them."""
        from simlib.analysis.indicators import indicators
        from simlib.plots.indicators import indicators as picture

        result = indicators(
            self.scenario, chosen["ending"], day=float(chosen["day"]), times_seen=chosen["times_seen"],
            draws=chosen["draws"], runs=chosen["runs"], cancel=cancel, progress=progress,
        )  # fmt: skip
        rows = [
            (r.label, percent(r.seen[0]), percent(r.if_seen[0]), percent(r.if_not_seen[0]), f"{r.ratio_seen[0]:.2g}",
             percent(r.false_alarms), percent(r.misses), f"{r.lead_days[1]:.0f}")
            for r in result.rows
        ]  # fmt: skip
        head = ("sign", "seen with", "then", "if not seen", "likelihood ratio", "false alarms", "misses",
                "days of warning (median)")  # fmt: skip
        return told(result.sentences(), head, rows, 7, Plot(partial(picture, result), 540))


class WorthSeeing(Question):
    """What an observation within some days would be worth to a question."""

    name, title = "worth-seeing", "Which observation would settle most?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        longest = int(self.scenario.horizon_days) - 1
        return [measure(self.scenario), number("within", "Looking for days", min(14, longest), 1, longest), draws(256),
                number("runs", "Replicates each", 500, 100, 100_000)]  # fmt: skip

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Rank the observations by what they are expected to gain."""
        from simlib.analysis.seeing import value_of_seeing
        from simlib.plots.worth import seeing

        result = value_of_seeing(
            self.scenario, chosen["measure"], within_days=float(chosen["within"]), draws=chosen["draws"],
            runs=chosen["runs"], cancel=cancel, progress=progress,
        )  # fmt: skip
        rows = [(o.label, percent(o.seen), percent(o.if_seen), percent(o.if_not), f"{o.brier.value:.5f}")
                for o in result.observations]  # fmt: skip
        head = ("observation", "seen with", "then", "if not seen", "worth (Brier)")
        return told(result.sentences(), head, rows, 4, Plot(partial(seeing, result), 500))


class UnderWhichAssumptions(Question):
    """PRIM boxes and a shallow tree over draws from the priors."""

    name, title = "under-which-assumptions", "Under which assumptions is it likely?"

    def make_controls(self) -> Sequence[Control]:
        """Return what may be asked."""
        return [
            measure(self.scenario),
            number("threshold", "Likely means at least (%; 0: the upper quarter of draws)", 0, 0, 99),
            draws(500), number("runs", "Replicates each", 500, 100, 100_000),
        ]  # fmt: skip

    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> Answer:
        """Look for boxes in the space of the assumptions."""
        from simlib.analysis.discovery import discover
        from simlib.plots.boxes import box

        result = discover(
            self.scenario, chosen["measure"], threshold=chosen["threshold"] / 100 or None, draws=chosen["draws"],
            runs=chosen["runs"], cancel=cancel, progress=progress,
        )  # fmt: skip
        if not result.boxes:
            raise ScenarioError(Problem(
                "", 0, self.title, "no box was found: the draws that reach the threshold lie everywhere, or there are "
                "hardly any", "expected another threshold, or more draws",
            ))  # fmt: skip
        rows = [
            (f"box {n}", a.label, *("" if x is None else show(x, a.kind, a.unit) for x in (b.low, b.high)),
             percent(found.density), percent(found.coverage))
            for n, found in enumerate(result.boxes, start=1) for b in found.bounds
            for a in (self.scenario.assumptions[b.assumption],)
        ]  # fmt: skip
        head = ("box", "assumption", "at least", "at most", "likely in it", "share of the likely draws it holds")
        return told(result.sentences(), head, rows, 4, Plot(partial(box, result), 560, left=130, bottom=75))


def written(assumption: Assumption, which: str) -> str:
    """Write the low, value or high of an assumption with its unit."""
    return show(getattr(assumption, which), assumption.kind, assumption.unit)
