"""The page of switches: what is possible, what is done and when, and what is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as w

from simlib.control import Cancel
from simlib.errors import Problem, ScenarioError
from simlib.results import ONGOING
from simlib.scenario.model import ALWAYS, Condition, Forbid, Force, Hold, Pin, Policy
from simlib.scenario.views.wording import intervention_in_words
from simlib.widgets.explorer.pages import LINE, WIDE, Page, button, words
from simlib.widgets.kit.components import Checks


class Switches(Page):
    """Moves on and off, what is done and when, horizon and start, ladder, endings and questions shown."""

    title = "Switches"

    def fill(self) -> None:
        """Make the controls."""
        base, guard = self.state.base, self.desk.guard
        self._shown = Checks(
            groups=[
                {
                    "title": "Show these endings",
                    "items": [*_items(base.endings), {"id": ONGOING, "label": "No ending yet"}],
                },
                {"title": "Show these questions", "items": _items(base.questions)},
            ]
        )
        by_actor: dict[str, list[dict[str, str]]] = {}
        for move in base:
            by_actor.setdefault(base.actors[move.actor].label, []).append({"id": move.id, "label": move.label})
        self._moves = Checks(groups=[{"title": f"Moves: {actor}", "items": items} for actor, items in by_actor.items()])
        self._ladder = w.Dropdown(
            description="Ladder", style=WIDE, options=[(x.label, x.id) for x in base.ladders.values()]
        )
        self._horizon = w.BoundedIntText(
            description="Horizon in days", min=1, max=3650, style=WIDE, layout=w.Layout(width="220px")
        )
        self._start = w.DatePicker(description="Begins on", style=WIDE, layout=w.Layout(width="230px"))
        self._move = w.Dropdown(
            description="Move", style=WIDE, options=[(f"{base.actors[m.actor].label}: {m.label}", m.id) for m in base]
        )
        self._outcome = w.Dropdown(description="Outcome", style=WIDE)
        self._variable = w.Dropdown(
            description="Variable", style=WIDE, options=[(v.label, v.id) for v in base.variables.values()]
        )
        self._level = w.Dropdown(description="Level", style=WIDE)
        states = [(v.at(level), (v.id, level)) for v in base.variables.values() for level in v.levels]
        self._state = w.Dropdown(description="while", style=WIDE, options=[("in any state", None), *states])
        self._days_each = w.BoundedFloatText(
            description="on average every", value=3, min=0.05, max=3650, style=WIDE, layout=w.Layout(width="200px")
        )
        self._on, self._set_on = self.date("Date of the move"), self.date("Date of the level")
        self._list, self._moved = w.VBox([]), w.HTML()
        force = button("Force it", "The move is made on that date if it is possible then", self._force, guard)
        forbid = button("Forbid it from then on", "The move cannot be made from that date on", self._forbid, guard)
        rule = button(
            "Make it a rule from then on",
            "Where it is possible it is made about so often, whatever its own rate, for as long as the state is such",
            self._rule,
            guard,
        )
        pin = button("Set it", "The variable is set to the level on that date", self._pin, guard)
        hold = button(
            "Keep it there from then on",
            "The variable is set on that date, and no move changes it any more",
            self._hold,
            guard,
        )
        self._listen()
        self.children = [
            w.HBox([self._ladder, self._horizon, self._start, self._moved], layout=LINE),
            self._shown,
            w.HBox([self._move, self._outcome, self._on, force, forbid], layout=LINE),
            w.HBox([self._days_each, w.Label("days"), self._state, rule], layout=LINE),
            w.HBox([self._variable, self._level, self._set_on, pin, hold], layout=LINE),
            self._list,
            self._moves,
        ]

    def _listen(self) -> None:
        heard: tuple[tuple[Any, str, Callable[[Any], object]], ...] = (
            (self._move, "value", self._outcomes),
            (self._variable, "value", self._levels),
            (self._ladder, "value", lambda name: self._set(ladder=name)),
            (
                self._horizon,
                "value",
                lambda days: self._set(horizon_days=None if days == self._days() else float(days)),
            ),
            (self._start, "value", lambda day: self._set(as_of=None if day in (None, self.state.base.as_of) else day)),
            (self._shown, "checked", lambda names: self._set(shown=self._shown_now(names))),
            (self._moves, "checked", lambda on: self._set(off=tuple(m for m in self.state.base.moves if m not in on))),
        )
        for widget, trait, action in heard:
            widget.observe(lambda change, action=action: self.desk.guard(lambda: action(change["new"])), trait)
        self._outcomes(self._move.value)
        self._levels(self._variable.value)

    def _set(self, **choices: Any) -> None:
        settings = self.state.settings
        same = self.state.ladder() if "ladder" in choices and settings.ladder is None else None
        if same is not None and choices["ladder"] == same:
            return
        self._update(lambda: self.state.change(settings.replace(**choices)))

    def _days(self) -> float:
        view = self.state.views.get(self.state.settings.view)
        return self.state.base.horizon_days if view is None or view.horizon_days is None else view.horizon_days

    def _shown_now(self, names: list[str]) -> tuple[str, ...] | None:
        default = set(self.state.base.endings)
        if not names:
            self.refresh()
            raise ScenarioError(Problem("", 0, "endings", "nothing would be shown", "keep at least one"))
        order = [*self.state.base.endings, ONGOING, *self.state.base.questions]
        return None if set(names) == default else tuple(name for name in order if name in names)

    def _outcomes(self, move: str) -> None:
        outcomes = self.state.base.moves[move].outcomes
        self._outcome.options = [("by chance", None), *((o.label or o.id, o.id) for o in outcomes if len(outcomes) > 1)]
        self._outcome.index = 0

    def _levels(self, variable: str) -> None:
        known = self.state.base.variables[variable]
        self._level.options = [(known.words(level), level) for level in known.levels]
        self._level.index = 0

    def _force(self) -> None:
        self._update(lambda: self.state.intervene(Force(self._move.value, self.day(self._on), self._outcome.value)))

    def _forbid(self) -> None:
        self._update(lambda: self.state.intervene(Forbid(self._move.value, self.day(self._on))))

    def _rule(self) -> None:
        condition = ALWAYS
        if self._state.value is not None:
            variable, level = self._state.value
            condition = Condition((((variable, (level,)),),))
        rule = Policy(self._move.value, 1 / self._days_each.value, condition, self.day(self._on))
        self._update(lambda: self.state.intervene(rule))

    def _hold(self) -> None:
        self._update(lambda: self.state.intervene(self._placed(Hold)))

    def _pin(self) -> None:
        self._update(lambda: self.state.intervene(self._placed(Pin)))

    def _placed(self, kind: type[Hold] | type[Pin]) -> Hold | Pin:
        return kind(self._variable.value, self._level.value, self.day(self._set_on))

    def refresh(self, *, cancel: Cancel | None = None) -> None:
        """Show the present settings."""
        del cancel
        state, settings = self.state, self.state.settings
        self._moves.checked = [move for move in state.base.moves if move not in settings.off]
        self._shown.checked = list(settings.shown) if settings.shown is not None else list(state.base.endings)
        self._horizon.value = round(state.machine().horizon_days)
        self._start.value = state.machine().as_of
        self._moved.value = words(state.start_in_words())
        if state.ladder() is not None:
            self._ladder.value = state.ladder()
        self._list.children = [self._line(k, item) for k, item in enumerate(settings.interventions)]

    def _line(self, number: int, item: Any) -> w.HBox:
        remove = button(
            "Withdraw",
            "Take this out again",
            lambda: self._update(lambda: self.state.withdraw(number)),
            self.desk.guard,
        )
        return w.HBox([remove, w.HTML(words(intervention_in_words(item, self.state.base)))], layout=LINE)


def _items(group: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"id": name, "label": item.label} for name, item in group.items()]
