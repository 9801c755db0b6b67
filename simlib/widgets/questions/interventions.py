"""Questions about variants (changed copies) of a scenario: single changes, and plans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.control import Control
from simlib.errors import Problem, ScenarioError
from simlib.formatting import long_date, percent, points, quoted
from simlib.scenario.loader import load_view, load_views
from simlib.scenario.model import ALWAYS, Assume, Condition, Forbid, Force, Hold, Intervention, Policy, Scenario, View
from simlib.scenario.views.wording import intervention_in_words
from simlib.widgets.explorer.clashes import refuse_clash
from simlib.widgets.questions.choices import NONE, measure, number, shown_answer
from simlib.widgets.questions.question import Field, PanelQuestion, PlannedQuestion
from simlib.widgets.questions.shown_answers import Drawing, ShownAnswer

if TYPE_CHECKING:
    from simlib.analysis.whatif.contrast import Difference
    from simlib.analysis.whatif.divergence import Divergence
    from simlib.analysis.whatif.result import Comparison

CHANGE_LABEL, DATE_LABEL, STATE_LABEL, VIEW_LABEL = "what happens to it", "date of the change", "only while", "A view"
"""Labels of the fields that may have a message beside them."""

CHANGE_COLUMNS = ("change", "what", "baseline", "with the change", "difference")
PLAN_HEAD = ("plan", "what", "baseline", "under the plan", "difference")


def _pairs() -> Field:
    return number("pairs", "Pairs of histories", 5000, 100, 1_000_000, "To show which histories end differently")


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


def _changes(result: Comparison) -> list[dict[str, Any]]:
    return [
        {"title": f"What {quoted(name)} changes", "head": ["change"], "rows": [[text] for text in effect.changes]}
        for name, effect in result.effects.items()
        if name != "; ".join(effect.changes)
    ]


def _parted(pair: Divergence) -> dict[str, Any]:
    before, after = pair.labels
    return {"title": f"One history: {quoted(before)} becomes {quoted(after)}", "head": pair.head, "rows": pair.rows}


class WhatIf(PanelQuestion):
    """The effects of changing a move, variable or assumption, and of a view (set of changes).

    If there are several changes, their joint effect is shown too.
    """

    edition = 4
    name, title, by_itself = "what-if", "What changes if …?", True

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question. They offer everything that may be changed."""
        s = self.scenario
        moves = tuple((f"{s.actors[m.actor].label}: {m.label}", m.id) for m in s.moves.values())
        changes = (
            ("is left as it is", NONE),
            ("is forbidden from", "forbid"),
            ("cannot happen before", "delay"),
            ("is forced on", "force"),
            ("is made by a standing rule from", "policy"),
        )
        states = (
            ("in any state", NONE),
            *((v.at(level), f"{v.id}={level}") for v in s.variables.values() if not v.counter for level in v.levels),
        )
        some = (("none", NONE), *((a.label, a.id) for a in s.uncertain))
        since = (("for the whole forecast", "start"), ("from the date above on", "date"))
        views = (("none", NONE), *((view.title, view.id) for view in load_views(s).values())) if s.path else ()
        return [
            measure(s),
            Field("move", "The move", moves[0][1], moves),
            Field("change", CHANGE_LABEL, "forbid", changes),
            Field("date", DATE_LABEL, s.as_of, (), s.as_of, s.by_date(s.horizon_days), applies=_has_date),
            Field("state", STATE_LABEL, NONE, states, applies=_may_wait),
            replace(
                number("days", "rule: on average every (days)", 3, 1, 365, "How often the move is made under the rule"),
                applies=lambda chosen: chosen["change"] == "policy",
            ),
            Field("kept", "A variable is kept at", NONE, (("none", NONE), *states[1:]), tip="From the date above on"),
            Field("assumption", "An assumption", NONE, some),
            Field("end", "goes to its", "high", (("low", "low"), ("high", "high")), applies=_has_assumption),
            Field("since", "applies", "start", since, applies=_has_assumption),
            *([Field("view", VIEW_LABEL, NONE, views)] if len(views) > 1 else []),
            _pairs(),
        ]

    def worlds(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the hashes of the scenario and of its variants."""
        return _hashes(self.scenario, self.variants(chosen))

    def variants(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return the variants by name. Raises ScenarioError if nothing is changed."""
        s = self.scenario
        variants: dict[str, Any] = {}
        for item in self._interventions(chosen):
            variants[intervention_in_words(item, s)] = item
        if chosen["assumption"] != NONE:
            a = s.assumptions[chosen["assumption"]]
            value = a.low if chosen["end"] == "low" else a.high
            since = chosen["date"] if chosen["since"] == "date" else None
            item = Assume(a.id, value, date=since, unit=a.unit)
            variants[intervention_in_words(item, s)] = item if since else {a.id: value}
        if chosen.get("view", NONE) != NONE:
            view = load_views(s)[chosen["view"]]
            _refuse_clashes(s, view, list(self._interventions(chosen)))
            variants[view.title] = view
        if not variants:
            expected = "expected a change of a move, a variable or an assumption, or a view"
            raise ScenarioError(Problem("", 0, "What if", "nothing is changed", expected))
        return variants | ({"All of these": list(variants.values())} if len(variants) > 1 else {})

    def _interventions(self, chosen: Mapping[str, Any]) -> Iterator[Intervention]:
        change, date, move, when = chosen["change"], chosen["date"], chosen["move"], ALWAYS
        start, first = self.scenario.as_of, self.scenario.moves[chosen["move"]].label
        since = None if date == start else date
        if chosen["state"] != NONE:
            variable, level = chosen["state"].split("=", 1)
            when = Condition((((variable, (level,)),),))
        match change:
            case "forbid":
                yield Forbid(move, since, when=when)
            case "delay" if since is None:
                what = f"{quoted(first)} cannot happen before the forecast begins"
                raise ScenarioError(Problem("", 0, DATE_LABEL, what, f"expected a day after {long_date(start)}"))
            case "delay":
                yield Forbid(move, None, "", date, when)
            case "policy":
                yield Policy(move, 1 / chosen["days"], when, since, unit="every day")
            case "force" if not when.always:
                what = "a move that is forced on a date cannot depend on a state"
                raise ScenarioError(Problem("", 0, STATE_LABEL, what, "expected “in any state”, or a rule"))
            case "force":
                yield Force(move, date, None)
        if chosen["kept"] != NONE:
            variable, level = chosen["kept"].split("=", 1)
            yield Hold(variable, level, date)

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Compare the scenario with its variants, and count histories that end differently."""
        from simlib.analysis.whatif.comparison import compare
        from simlib.plots.flip_matrix import flips
        from simlib.plots.waterfall_bars import effects

        measure = chosen["measure"]
        result = compare(self.scenario, self.variants(chosen), runs=chosen["pairs"], control=control)
        last = list(result.effects)[-1]
        return shown_answer(
            result.sentences(measure, changes=False),
            CHANGE_COLUMNS,
            _rows(result),
            3,
            Drawing(partial(effects, result, measure=measure), 192 + 50 * len(result.effects), top=94),
            Drawing(partial(flips, result, variant=last), 582, left=152, bottom=133, top=94),
            more=_remarks(result)
            | {"tables": _changes(result) + [_parted(pair) for pair in result.effects[last].divergences]},
        )


def _remarks(result: Comparison) -> dict[str, Any]:
    """Return {"remarks": {label: remark}} if the change had no effect in some histories, or {}."""
    shares = [share for share in next(iter(result.effects.values())).without_effect.values() if share]
    if not shares:
        return {}
    return {
        "remarks": {CHANGE_LABEL: f"No effect in {percent(shares[0])} of the histories not ended before the change."}
    }


def _has_date(chosen: Mapping[str, Any]) -> bool:
    assumed = _has_assumption(chosen) and chosen["since"] == "date"
    return bool(chosen["change"] != NONE or chosen["kept"] != NONE or assumed)


def _may_wait(chosen: Mapping[str, Any]) -> bool:
    """Whether to show the field “only while”, which does not apply to a forced move.

    If a state is already chosen, the field stays, so that the user can clear it.
    """
    return chosen["change"] in ("forbid", "delay", "policy") or (
        chosen["change"] == "force" and chosen["state"] != NONE
    )


def _has_assumption(chosen: Mapping[str, Any]) -> bool:
    return bool(chosen["assumption"] != NONE)


def _refuse_clashes(scenario: Scenario, view: View, items: Sequence[Intervention]) -> None:
    for item in items:
        try:
            refuse_clash(scenario, view.interventions, item)
        except ScenarioError as error:
            what = f"under {quoted(view.title)}, {error.problems[0].where} {error.problems[0].what}"
            raise ScenarioError(Problem("", 0, VIEW_LABEL, what, "expected another view, or another date")) from None


class Plans(PlannedQuestion):
    """Up to three plans: when they act, and their effects.

    A plan is a view (a set of interventions and values). The user chooses among the views of the scenario and the given
    `plans`, which are views or paths of files with views.
    """

    edition = 4
    name, title, by_itself = "plans", "What would each of these plans change?", True

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question. The given plans come first in each list."""
        s = self.scenario
        given = [plan if isinstance(plan, View) else load_view(s, str(plan)) for plan in self.given]
        known = [*given, *(load_views(s).values() if s.path else ())]
        self.plans = {view.id: view for view in reversed(known)}
        if not known:
            raise ScenarioError(
                Problem("", 0, self.title, "there is no plan", "expected plans, or a scenario with views")
            )
        options = (("none", NONE), *((view.title, view.id) for view in known))
        first = [*(view.id for view in (given or known)[:3]), NONE, NONE][:3]
        places = zip(("first", "second", "third"), ("The plan", "beside the plan", "and the plan"), first, strict=True)
        return [measure(s), *(Field(name, label, plan, options) for name, label, plan in places), _pairs()]

    def variants(self, chosen: Mapping[str, Any]) -> dict[str, View]:
        """Return the chosen plans by their titles. Raises ScenarioError if none is chosen."""
        names = dict.fromkeys(chosen[name] for name in ("first", "second", "third"))
        variants = {self.plans[name].title: self.plans[name] for name in names if name != NONE}
        if not variants:
            raise ScenarioError(Problem("", 0, self.title, "no plan is chosen", "expected at least one"))
        return variants

    def worlds(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the hashes of the scenario and of the scenario under each plan."""
        return _hashes(self.scenario, self.variants(chosen))

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Compare the plans, and show on a calendar when they act."""
        from simlib.analysis.whatif.comparison import compare
        from simlib.plots.plan_calendar import calendar, rows_of
        from simlib.plots.waterfall_bars import effects

        measure = chosen["measure"]
        result = compare(self.scenario, self.variants(chosen), runs=chosen["pairs"], control=control)
        acts = rows_of(result)
        plots = [Drawing(partial(effects, result, measure=measure), 192 + 50 * len(result.effects))]
        plots += [Drawing(partial(calendar, result), round(162 + 38 * acts))] if acts else []
        sentences = result.sentences(measure, histories=False, changes=False)
        return shown_answer(sentences, PLAN_HEAD, _rows(result), 3, *plots, more={"tables": _changes(result)})


def _hashes(scenario: Scenario, variants: Mapping[str, Any]) -> list[str]:
    from simlib.analysis.whatif.variants import vary

    return [scenario.sha256, *(vary(scenario, change).sha256 for change in variants.values())]
