"""The explorer: sliders for the assumptions of a scenario, and its forecast. A thin view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from simlib.plots.figure import picture_bundle, stacked
from simlib.scenario.library import shipped_scenarios
from simlib.scenario.model import Scenario
from simlib.widgets.explorer.pages import LINE, ComparisonPage, HistoryPage, Page, SavingPage, button, words
from simlib.widgets.explorer.session import ExplorerSession
from simlib.widgets.explorer.sliders import STEPS, Group, dials, grouped
from simlib.widgets.explorer.state import State
from simlib.widgets.explorer.switches import SwitchesPage
from simlib.widgets.kit.components import Dials, LivePicture
from simlib.widgets.kit.status_line import Part, ShownPicture

OPEN_ROWS, FIRST_ROWS = 10, 6
"""About how many sliders are unfolded at first, and how many of a group are shown until one asks for more."""


VIEW_TIP = "A view holds the numbers of one school of thought, with its reasons"

PAGES: tuple[type[Page], ...] = (SwitchesPage, HistoryPage, ComparisonPage, SavingPage)


class Explorer(w.VBox):
    """Sliders for every assumption of a scenario, and its forecast.

    `scenario` is the name of a shipped scenario, the path of a folder or file, or a Scenario. `view` is one of its
    views.
    """

    session: ExplorerSession

    def __init__(self, scenario: str | Path | Scenario = "two-islands", view: str | None = None) -> None:
        self._choose = _choices(scenario)
        self._view = _dropdown("View", [("as in the file", "")], VIEW_TIP)
        self._drivers = _dropdown("Drivers of", [])
        self._undo, self._redo, self._reset = (
            w.Button(description=text, tooltip=tip, layout=w.Layout(width="auto"))
            for text, tip in (
                ("Undo", "Take back the last change"),
                ("Redo", "Repeat the change that was taken back"),
                ("Reset all", "Set every assumption and switch to the value of the view"),
            )
        )
        self.dials, self.picture = Dials(), LivePicture()
        self.dials.layout = w.Layout(flex="1 1 350px", min_width="0")
        self.drivers = LivePicture()
        answer = w.VBox([self.picture, self._drivers, self.drivers], layout=w.Layout(flex="2 1 430px", min_width="0"))
        head = w.HBox([self._choose, self._view, self._undo, self._redo, self._reset], layout=LINE)
        body = w.HBox(
            [self.dials, answer], layout=w.Layout(flex_flow="row wrap", align_items="flex-start", grid_gap="0 18px")
        )
        self._offer = w.HBox([], layout=LINE)
        self._tab = w.Tab([])
        super().__init__([self._offer, head, body, self._tab])
        self.add_class("simlib-explorer")
        self._open(scenario, view)
        self._listen()

    # ---------------------------------------------------------------- opening a scenario

    def _open(self, scenario: str | Path | Scenario, view: str | None = None) -> None:
        state = State(scenario, view)
        if hasattr(self, "desk"):
            self.session.close()
        self.state, self._dials = state, dials(state.base)
        self.session = ExplorerSession(state, self, width=self.picture.room or 900)
        self._offer_views()
        self._drivers.options = [(ending.label, ending.id) for ending in state.base.endings.values()]
        self._pages = [kind(self.session, self._do) for kind in PAGES]
        self.session.start()
        self._tab.children = self._pages
        for k, page in enumerate(self._pages):
            self._tab.set_title(k, page.title)
        self._tab.selected_index = None
        self._offer_draft()

    def _offer_views(self) -> None:
        """Offer all views, with those saved since the scenario was opened."""
        names = [("as in the file", ""), *((view.title or view.id, view.id) for view in self.state.views.values())]
        if list(self._view.options) != names:
            self._view.options = names

    def _offer_draft(self) -> None:
        """Offer the unsaved changes of an earlier session."""
        draft = self.session.draft
        if draft is None:
            self._offer.children = []
            return
        when = f"{draft.saved_at.astimezone():%d %B, %H:%M}"

        def settle(action: Callable[[], object]) -> None:
            self._offer.children = []
            action()

        self._offer.children = [
            w.HTML(words(f"There are unsaved changes from {when}.")),
            button(
                "Restore them",
                "Continue where that session ended",
                lambda: settle(self.session.restore),
                self.session.guard,
            ),
            button("Discard them", "Delete them", lambda: settle(self.session.discard), self.session.guard),
        ]

    def _group_data(self, group: Group, *, first: int, opened: bool) -> dict[str, Any]:
        return {
            "title": group.title,
            "open": opened,
            "first": first,
            "dials": [
                {
                    "id": dial.id,
                    "label": dial.assumption.short_label,
                    "whole": dial.assumption.label,
                    "texts": dial.texts,
                    **dial.about(self.state.base),
                }
                for dial in group.dials
            ],
        }

    # ---------------------------------------------------------------- showing (see `ExplorerFront`)

    def show(self, shown: ShownPicture) -> None:
        """Show a picture with its sentence and status, in one message."""
        with self.picture.hold_sync():
            self.picture.png, self.picture.size = shown.png, list(shown.size)
            self.picture.alt, self.picture.sentence = shown.alt, [dict(part) for part in shown.sentence]
            self.picture.preview, self.picture.status = shown.preview, dict(shown.status)

    def show_drivers(self, png: bytes, size: tuple[int, int], alt: str) -> None:
        """Show the drivers of an ending."""
        with self.drivers.hold_sync():
            self.drivers.png, self.drivers.size, self.drivers.alt = png, list(size), alt

    def show_status(self, status: Part) -> None:
        """Show a line of status."""
        self.picture.status = dict(status)

    def show_order(self) -> None:
        """Group the sliders, the most influential first where that is known."""
        influence = self.session.influence
        groups = grouped(self._dials, influence.weights(self.state.base) if influence else None)
        data, room = [], OPEN_ROWS
        for group in groups:
            first = min(len(group.dials), FIRST_ROWS)
            data.append(self._group_data(group, first=first, opened=room > 0))
            room -= first
        with self.dials.hold_sync():
            self.dials.groups = data
            self.show_settings()

    def refresh_page(self) -> None:
        """Refresh the open page."""
        if self._tab.selected_index is not None and self._tab.children:
            self._tab.children[self._tab.selected_index].bring_up()

    def show_settings(self) -> None:
        """Set the sliders, the view and the buttons to the present settings."""
        state = self.state
        values = {name: state.value(name) for name in self._dials}
        with self.dials.hold_sync():
            self.dials.positions = {name: dial.position(values[name]) for name, dial in self._dials.items()}
            self.dials.overrides = {
                name: state.value_text(name) for name, dial in self._dials.items() if not dial.on_grid(values[name])
            }
            self.dials.changed = [name for name in self._dials if name in state.values()]
            self.dials.notes = {name: self.session.notes[name] for name in self._dials if name in self.session.notes}
        self._offer_views()
        self._view.value = state.settings.view
        self._drivers.value = self.session.drivers_of or self._drivers.value
        self._drivers.disabled = self.session.influence is None
        self._undo.disabled, self._redo.disabled = not state.can_undo, not state.can_redo

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Return the live widget, with its picture and its answer in words for readers without a kernel."""
        self.session.wait(60)
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        pictures = [picture.png for picture in (self.picture, self.drivers) if picture.png]
        bundle |= picture_bundle(stacked(*pictures), f"{self.state.base.title}. {self.picture.alt}")[0]
        return bundle

    # ---------------------------------------------------------------- listening

    def _listen(self) -> None:
        handlers = (
            (self.dials, "positions", self._move),
            (self.dials, "typed", lambda typed: self._do(self.state.type_value, typed["id"], typed["text"])),
            (self.dials, "request", self._answer_request),
            (self.picture, "room", self._resize),
            (self.picture, "cancels", lambda _: self.session.cancel()),
            (self._view, "value", self._choose_view),
            (self._choose, "value", self._open),
            (self._drivers, "value", self._choose_drivers),
            (self._tab, "selected_index", lambda _: self.refresh_page()),
        )
        for widget, trait, action in handlers:
            widget.observe(self._guard(action), trait)
        for each, name in ((self._undo, "undo"), (self._redo, "redo"), (self._reset, "reset")):
            each.on_click(lambda _, name=name: self.session.guard(lambda: self._do(getattr(self.state, name))))

    def _guard(self, action: Callable[[Any], object]) -> Callable[[dict[str, Any]], None]:
        return lambda change: self.session.guard(lambda: action(change["new"]))

    def _do(self, action: Callable[..., bool], *arguments: Any) -> None:
        with self.session.lock:
            if action(*arguments):
                self.session.update()

    def _move(self, positions: dict[str, int]) -> None:
        with self.session.lock:
            changed = False
            for name, position in positions.items():
                dial = self._dials.get(name)
                if dial and 0 <= position <= STEPS and position != dial.position(self.state.value(name)):
                    changed |= self.state.set_value(name, float(dial.grid[position]))
            if changed:
                self.session.update(moving=True)

    def _resize(self, room: int) -> None:
        self.session.resize(room)

    def _answer_request(self, request: dict[str, Any]) -> None:
        if request.get("what") == "reset":
            self._do(self.state.reset_value, request["id"])

    def _choose_drivers(self, ending: str) -> None:
        if ending and self.session.influence is not None and ending != self.session.drivers_of:
            self.session.choose_drivers(ending)

    def _choose_view(self, view: str) -> None:
        if view != self.state.settings.view:
            self._do(self.state.choose_view, view)


def _dropdown(label: str, options: list[Any], tip: str = "") -> w.Dropdown:
    return w.Dropdown(
        description=label,
        tooltip=tip or label,
        options=options,
        style={"description_width": "initial"},
        layout=w.Layout(width="auto", max_width="100%"),
    )


def _choices(scenario: str | Path | Scenario) -> w.Dropdown:
    """Return a choice of the shipped scenarios, and of the given one if it is none of them."""
    names: list[Any] = [(name, name) for name in shipped_scenarios()]
    if scenario not in [value for _, value in names]:
        label = scenario.id if isinstance(scenario, Scenario) else str(scenario)
        names.insert(0, (label, scenario))
    choice = _dropdown("Scenario", names)
    choice.value = scenario
    return choice
