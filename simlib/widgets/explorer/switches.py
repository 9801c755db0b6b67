"""The page *Do* of the explorer: interventions, horizon, start date, and moves on or off."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import ipywidgets as w

from simlib.control import UNWATCHED, Control
from simlib.errors import Problem, ScenarioError
from simlib.formatting import in_days, long_date, percent, with_long_dates
from simlib.scenario.model import ALWAYS, Condition, Forbid, Force, Hold, Pin, Policy
from simlib.scenario.views.wording import intervention_in_words
from simlib.widgets.explorer.headline import without_effect
from simlib.widgets.explorer.pages import LABEL_STYLE, LINE_LAYOUT, Page, button, guarded, words
from simlib.widgets.explorer.typed_values import read
from simlib.widgets.kit.components import Checks

EXPLORER_HORIZON_DAYS = 3650
"""Days of the longest horizon."""

ANY = "(any)"
"""The value for no choice. An empty value would not do, because a list then shows nothing."""


class SwitchesPage(Page):
    """A page with changes so far, and fields for interventions, horizon, start date and moves."""

    title = "Do"

    def build(self) -> None:
        """Build the controls."""
        self._said = {name: w.HTML() for name in ("scope", "move", "rule", "level", "moves")}
        rows = (self._build_move(), self._build_rule(), self._build_level(), self._build_scope())
        self._fields = [field for row in rows for field in row if isinstance(field, w.DatePicker | w.Text)]
        lines = [w.HBox(row, layout=LINE_LAYOUT) for row in rows]
        self.children = [self._build_list(), *lines, self._said["moves"], self._build_moves()]
        self._listen()

    def _build_scope(self) -> list[w.Widget]:
        ladders = [(ladder.label, ladder.id) for ladder in self.state.base.ladders.values()]
        self._ladder = w.Dropdown(description="Ladder", style=LABEL_STYLE, options=ladders)
        self._ladder.layout.display = "" if ladders else "none"
        self._horizon = self._text("Horizon", "220px")
        self._start = w.DatePicker(description="Begins on", style=LABEL_STYLE, layout=w.Layout(width="230px"))
        self._began = self.state.without_values().as_of
        self._start_note = w.HTML()
        return [self._ladder, self._horizon, self._start, self._start_note, self._said["scope"]]

    @staticmethod
    def _text(label: str, width: str, value: str = "") -> w.Text:
        """Return a text field for a quantity and its unit, which reports only finished texts."""
        layout = w.Layout(width=width)
        return w.Text(description=label, value=value, continuous_update=False, style=LABEL_STYLE, layout=layout)

    def _act(self, row: str, action: Callable[[], object]) -> None:
        """Run the action of a row of fields, or show the refusal there and mark the wrong field."""
        for said in self._said.values():
            said.value = ""
        said = self._said[row]
        guarded(said, action)
        said.value = with_long_dates(said.value)
        for field in self._fields:
            wrong = f">{html.escape(field.description)}: " in said.value
            (field.add_class if wrong else field.remove_class)("simlib-wrong")

    def _build_move(self) -> list[w.Widget]:
        base, guard = self.state.base, partial(self._act, "move")
        moves = [(f"{base.actors[move.actor].label}: {move.label}", move.id) for move in base]
        self._move = w.Dropdown(description="Move", style=LABEL_STYLE, options=moves)
        self._outcome = w.Dropdown(description="Outcome", style=LABEL_STYLE)
        self._move_date = self.date("Date of the move")
        force = button("Force it", "The move is made on that date if it is possible then", self._force, guard)
        forbid = button("Forbid it from then on", "The move cannot be made from that date on", self._forbid, guard)
        return [self._move, self._outcome, self._move_date, force, forbid, self._said["move"]]

    def _build_rule(self) -> list[w.Widget]:
        variables = self.state.base.variables.values()
        states = [(v.at(level), (v.id, level)) for v in variables if not v.counter for level in v.levels]
        self._state = w.Dropdown(description="while", style=LABEL_STYLE, options=[("in any state", ANY), *states])
        self._often = self._text("How often", "220px", "every 3 days")
        tip = "While the state holds and the move is possible, the move is made this often, whatever its own rate"
        rule = button("Make it a rule from then on", tip, self._rule, partial(self._act, "rule"))
        return [self._often, self._state, rule, self._said["rule"]]

    def _build_level(self) -> list[w.Widget]:
        guard, variables = partial(self._act, "level"), self.state.base.variables.values()
        options = [(variable.label, variable.id) for variable in variables]
        self._variable = w.Dropdown(description="Variable", style=LABEL_STYLE, options=options)
        self._level = w.Dropdown(description="Level", style=LABEL_STYLE)
        self._level_date = self.date("Date of the level")
        pin = button("Set it", "The variable is set to the level on that date", self._pin, guard)
        tip = "The variable is set on that date, and no move changes it afterwards"
        hold = button("Keep it there from then on", tip, self._hold, guard)
        return [self._variable, self._level, self._level_date, pin, hold, self._said["level"]]

    def _build_list(self) -> w.Widget:
        self._list = w.VBox([])
        return self._list

    def _build_moves(self) -> w.Widget:
        base = self.state.base
        by_actor: dict[str, list[dict[str, str]]] = {}
        for move in base:
            by_actor.setdefault(base.actors[move.actor].label, []).append({"id": move.id, "label": move.label})
        self._moves = Checks(groups=[{"title": f"Moves: {actor}", "items": items} for actor, items in by_actor.items()])
        return self._moves

    def _listen(self) -> None:
        handlers: tuple[tuple[Any, str, Callable[[Any], object]], ...] = (
            (self._move, "value", self._offer_outcomes),
            (self._variable, "value", self._offer_levels),
            (self._ladder, "value", lambda name: self._set(ladder=name)),
            (self._horizon, "value", lambda text: self._set(horizon_days=self._read_horizon(text))),
            (self._start, "value", lambda day: self._set(as_of=None if day in (None, self.state.base.as_of) else day)),
        )
        for widget, trait, action in handlers:
            widget.observe(lambda change, action=action: self._act("scope", lambda: action(change["new"])), trait)
        self._moves.observe(lambda change: self._switch(change["new"]), "checked")
        self._offer_outcomes(self._move.value)
        self._offer_levels(self._variable.value)

    def _on(self) -> list[str]:
        return [move for move in self.state.base.moves if move not in self.state.settings.off]

    def _switch(self, checked: list[str]) -> None:
        """Switch the moves in `checked` on and all others off, and reset refused check boxes."""
        for move in set(self._on()) ^ set(checked):
            switch = partial(self.state.switch, move, on=move in checked)
            self._act("moves", partial(self._update, switch))
        self._moves.checked = self._on()

    def _set(self, **choices: Any) -> None:
        settings = self.state.settings
        same = self.state.ladder() if "ladder" in choices and settings.ladder is None else None
        if same is not None and choices["ladder"] == same:
            return
        self._update(lambda: self.state.choose(**choices))

    def _says_horizon(self) -> bool:
        """Whether the typed horizon equals the present one. The units may differ."""
        try:
            return self._days(self._horizon.value) == self.state.without_values().horizon_days
        except ScenarioError:
            return False

    def _read_horizon(self, text: str) -> float | None:
        """Return a typed horizon in days, or None if the chosen view or the file has this horizon."""
        days = self._days(text)
        view = self.state.views.get(self.state.settings.view)
        own = self.state.base.horizon_days if view is None or view.horizon_days is None else view.horizon_days
        return None if days == own else days

    def _days(self, text: str) -> float:
        label = self._horizon.description
        days = read(f"{text} days" if text.strip().isdecimal() else text, label, "duration").value
        if not 1 <= days <= EXPLORER_HORIZON_DAYS:
            expected = f"expected 1 to {EXPLORER_HORIZON_DAYS:,} days"
            raise ScenarioError(Problem("", 0, label, f"{text.strip()!r} does not fit", expected))
        return days

    def _offer_outcomes(self, move: str) -> None:
        outcomes = self.state.base.moves[move].outcomes
        self._outcome.options = [("by chance", ANY), *((o.label or o.id, o.id) for o in outcomes if len(outcomes) > 1)]
        self._outcome.index = 0

    def _offer_levels(self, variable: str) -> None:
        known = self.state.base.variables[variable]
        self._level.options = [(known.words(level), level) for level in known.levels]
        self._level.index = 0

    def _force(self) -> None:
        outcome = None if self._outcome.value == ANY else self._outcome.value
        self._update(lambda: self.state.intervene(Force(self._move.value, self.day(self._move_date), outcome)))

    def _forbid(self) -> None:
        self._update(lambda: self.state.intervene(Forbid(self._move.value, self.day(self._move_date))))

    def _rule(self) -> None:
        condition = ALWAYS
        if self._state.value != ANY:
            variable, level = self._state.value
            condition = Condition((((variable, (level,)),),))
        rate = read(self._often.value, self._often.description, "rate")
        rule = Policy(self._move.value, rate.value, condition, self.day(self._move_date), unit=rate.unit)
        self._update(lambda: self.state.intervene(rule))

    def _hold(self) -> None:
        self._update(lambda: self.state.intervene(self._level_set(Hold)))

    def _pin(self) -> None:
        self._update(lambda: self.state.intervene(self._level_set(Pin)))

    def _level_set(self, kind: type[Hold] | type[Pin]) -> Hold | Pin:
        return kind(self._variable.value, self._level.value, self.day(self._level_date))

    def refresh(self, control: Control = UNWATCHED) -> None:
        """Show the present settings."""
        del control
        state = self.state
        self._moves.checked = self._on()
        if not self._says_horizon():
            self._horizon.value = in_days(state.without_values().horizon_days)
        begins = state.without_values().as_of
        for date in (self._move_date, self._level_date):
            if date.value == self._began:  # an untouched date moves with the start
                date.value = begins
        self._start.value = self._began = begins
        self._start_note.value = words(state.start_in_words())
        if state.ladder() is not None:
            self._ladder.value = state.ladder()
        self._list.children = [
            w.HTML(words("Nothing is changed by hand." if state.untouched else "Changed by hand:")),
            *(self._line(what, withdraw) for what, withdraw in self._changes()),
        ]

    def _changes(self) -> Iterator[tuple[str, Callable[[], bool]]]:
        state, settings = self.state, self.state.settings
        for number, item in enumerate(settings.interventions):
            share = without_effect(state, self.session.display.shown, item)
            note = f": no effect in {percent(share)} of the histories that had not ended by then" if share else ""
            yield intervention_in_words(item, state.base) + note, partial(state.withdraw, number)
        for move in settings.off:
            yield intervention_in_words(Forbid(move), state.base), partial(state.switch, move, on=True)
        if settings.horizon_days is not None:
            yield f"Horizon of {settings.horizon_days:g} days", partial(state.choose, horizon_days=None)
        if settings.as_of is not None:
            yield f"Begins on {long_date(settings.as_of)}", partial(state.choose, as_of=None)
        for name in settings.to_dict()["values"]:
            yield f"{state.base.assumptions[name].label}: {state.value_text(name)}", partial(state.reset_value, name)

    def _line(self, text: str, withdraw: Callable[[], bool]) -> w.HBox:
        remove = button("Withdraw", "Undo this change", lambda: self._update(withdraw), self.session.guard)
        return w.HBox([remove, w.HTML(words(text))], layout=LINE_LAYOUT)
