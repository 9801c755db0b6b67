"""Questions about doing otherwise: one change and what it brings about, and plans of several interventions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlib.control import Control
from simlib.errors import Problem, ScenarioError
from simlib.formatting import long_date, points
from simlib.quantities import show
from simlib.scenario.loader import load_view, load_views
from simlib.scenario.model import ALWAYS, Assume, Assumption, Condition, Forbid, Force, Hold, Policy, Scenario, View
from simlib.widgets.questions.choices import NONE, measure, number, shown_answer
from simlib.widgets.questions.inquiry import Drawing, Field, PanelQuestion, ShownAnswer

if TYPE_CHECKING:
    from simlib.analysis.whatif.comparison import Comparison
    from simlib.analysis.whatif.contrast import Difference

HEAD = ("variant", "what", "baseline", "variant", "change")


def _pairs() -> Field:
    return number("pairs", "Pairs of histories", 5000, 100, 1_000_000, "For the histories that flip")


def _change(difference: Difference) -> str:
    change = float(difference.change[-1])
    if not difference.moved:
        return "unchanged"
    return f"{100 * change:+.1f} points" if abs(change) >= 0.0005 else points(change)


def _rows(result: Comparison) -> list[tuple[str, ...]]:
    return [
        (name, d.measure.label, d.measure.write(float(d.before[-1])), d.measure.write(float(d.after[-1])), _change(d))
        for name, effect in result.effects.items()
        for d in effect.strongest()
    ]


class WhatIf(PanelQuestion):
    """A move forbidden, delayed, forced or made a rule, a variable kept, an assumption at an end of its range, a view.

    Each alone, and all together.
    """

    name, title = "what-if", "What if this were done, or were otherwise?"

    def make_fields(self) -> Sequence[Field]:
        """Return what may be changed."""
        s = self.scenario
        moves = tuple((f"{s.actors[m.actor].label}: {m.label}", m.id) for m in s.moves.values())
        changes = (
            ("no move is touched", NONE),
            ("is forbidden", "forbid"),
            ("cannot happen before", "delay"),
            ("is forced on", "force"),
            ("is made soon, as a rule", "policy"),
        )
        states = (
            ("in any state", NONE),
            *((v.at(level), f"{v.id}={level}") for v in s.variables.values() for level in v.levels),
        )
        some = (("none", NONE), *((a.label, a.id) for a in s.assumptions.values() if not a.fixed))
        since = (("for the whole forecast", "start"), ("from the date above on", "date"))
        views = (("none", NONE), *((view.title, view.id) for view in load_views(s).values())) if s.path else ()
        return [
            measure(s),
            Field("move", "The move", moves[0][1], moves),
            Field("change", "what happens to it", "forbid", changes),
            Field(
                "date",
                "date of the change",
                s.by_date(min(14.0, s.horizon_days)),
                (),
                s.as_of,
                s.by_date(s.horizon_days),
            ),
            Field("state", "only while", NONE, states, tip="For what is forbidden, put off or a rule"),
            number("days", "soon: days, on average", 3, 1, 365, "How soon a rule is followed while it applies"),
            Field("kept", "A variable is kept", NONE, (("none", NONE), *states[1:]), tip="From the date above on"),
            Field("assumption", "An assumption", NONE, some),
            Field("end", "goes to its", "high", (("low", "low"), ("high", "high"))),
            Field("since", "applies", "start", since),
            *([Field("view", "The eyes of", NONE, views)] if len(views) > 1 else []),
            _pairs(),
        ]

    def worlds(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the hashes of the world and of its variants."""
        return _hashes(self.scenario, self.variants(chosen))

    def variants(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is compared with the baseline, by name; raises ScenarioError when nothing is changed."""
        s, made = self.scenario, dict(self._intervention(chosen))
        if chosen["kept"] != NONE:
            variable, level = chosen["kept"].split("=", 1)
            known = s.variables[variable]
            name = f"From {long_date(chosen['date'])}, {known.label} kept at {known.words(level)}"
            made[name] = Hold(variable, level, chosen["date"])
        if chosen["assumption"] != NONE:
            made |= self._assumed(s.assumptions[chosen["assumption"]], chosen)
        if chosen.get("view", NONE) != NONE:
            view = load_views(s)[chosen["view"]]
            made[view.title] = view
        if not made:
            raise ScenarioError(Problem("", 0, "What if", "nothing is changed", "change a move, an assumption, a view"))
        return made | ({"All of these": list(made.values())} if len(made) > 1 else {})

    def _assumed(self, a: Assumption, chosen: Mapping[str, Any]) -> dict[str, Any]:
        value = a.low if chosen["end"] == "low" else a.high
        words = f"{a.label}: {show(value, a.kind, a.unit)}"
        if chosen["since"] == "date":
            return {f"{words} from {long_date(chosen['date'])}": Assume(a.id, value, date=chosen["date"], unit=a.unit)}
        return {words: {a.id: value}}

    def _intervention(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is done to the move, by name; raises ScenarioError for a forced move that waits for a state."""
        s, change, date = self.scenario, chosen["change"], chosen["date"]
        move, when, where = s.moves[chosen["move"]], ALWAYS, ""
        if chosen["state"] != NONE:
            variable, level = chosen["state"].split("=", 1)
            when, where = Condition((((variable, (level,)),),)), f", while ‘{s.variables[variable].at(level)}’"
        match change:
            case "forbid":
                return {f"Without{where}: {move.label}": Forbid(move.id, None, when=when)}
            case "delay":
                return {f"Not before {long_date(date)}{where}: {move.label}": Forbid(move.id, None, "", date, when)}
            case "policy":
                return {f"As a rule{where}: {move.label}": Policy(move.id, 1 / chosen["days"], when)}
            case "force" if where:
                raise ScenarioError(
                    Problem(
                        "",
                        0,
                        "What if",
                        "what is forced on a date waits for no state",
                        "expected “in any state”, or a rule",
                    )
                )
            case "force":
                return {f"On {long_date(date)}: {move.label}": Force(move.id, date, None)}
        return {}

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Compare, exactly; histories that flip come from replicates with the same dice."""
        from simlib.analysis.whatif.comparison import compare
        from simlib.plots.flip_matrix import flips
        from simlib.plots.waterfall_bars import effects

        variants, asked = self.variants(chosen), chosen["measure"]
        result = compare(self.scenario, variants, runs=chosen["pairs"], control=control)
        last = list(result.effects)[-1]
        return shown_answer(
            result.sentences(asked),
            HEAD,
            _rows(result),
            3,
            Drawing(partial(effects, result, measure=asked), 192 + 50 * len(result.effects), top=94),
            Drawing(partial(flips, result, variant=last), 547, left=170, bottom=98, top=94),
        )


class Plans(PanelQuestion):
    """Up to three plans, each a view with several interventions (or beliefs): when they act, and what they do.

    `plans` are views, or paths of their files; beside them stand the views of the scenario.
    """

    name, title = "plans", "What would each of these plans bring about?"

    def __init__(
        self, scenario: Scenario | str | Path, plans: Sequence[View | str | Path] = (), **settings: Any
    ) -> None:
        self._given = plans
        self.plans: dict[str, View] = {}
        super().__init__(scenario, **settings)

    def make_fields(self) -> Sequence[Field]:
        """Return the plans to choose from: those given first."""
        s = self.scenario
        given = [plan if isinstance(plan, View) else load_view(s, str(plan)) for plan in self._given]
        known = [*given, *(load_views(s).values() if s.path else ())]
        self.plans = {view.id: view for view in reversed(known)}
        if not known:
            raise ScenarioError(Problem("", 0, self.title, "there is no plan", "expected plans, or a world with views"))
        options = (("none", NONE), *((view.title, view.id) for view in known))
        first = [*(view.id for view in (given or known)[:3]), NONE, NONE][:3]
        places = zip(("first", "second", "third"), ("The plan", "beside the plan", "and the plan"), first, strict=True)
        return [measure(s), *(Field(name, label, plan, options) for name, label, plan in places), _pairs()]

    def variants(self, chosen: Mapping[str, Any]) -> dict[str, View]:
        """Return the chosen plans by their titles; raises ScenarioError when there is none."""
        names = dict.fromkeys(chosen[name] for name in ("first", "second", "third"))
        made = {self.plans[name].title: self.plans[name] for name in names if name != NONE}
        if not made:
            raise ScenarioError(Problem("", 0, self.title, "no plan is chosen", "choose at least one"))
        return made

    def worlds(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the hashes of the world and of the world under each plan."""
        return _hashes(self.scenario, self.variants(chosen))

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Compare, exactly, and put what acts when on a calendar."""
        from simlib.analysis.whatif.comparison import compare
        from simlib.plots.plan_calendar import calendar, rows_of
        from simlib.plots.waterfall_bars import effects

        result = compare(self.scenario, self.variants(chosen), runs=chosen["pairs"], examples=0, control=control)
        acts = rows_of(result)
        plots = [Drawing(partial(effects, result, measure=chosen["measure"]), 192 + 50 * len(result.effects))]
        plots += [Drawing(partial(calendar, result), round(162 + 38 * acts))] if acts else []
        return shown_answer(result.sentences(chosen["measure"]), HEAD, _rows(result), 3, *plots)


def _hashes(scenario: Scenario, variants: Mapping[str, Any]) -> list[str]:
    from simlib.analysis.whatif.variants import variant_of

    return [scenario.sha256, *(variant_of(scenario, spec).sha256 for spec in variants.values())]
