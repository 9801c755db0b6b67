"""The explorer: sliders on a scenario, and its future redrawn as they move. A thin view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from simlib.plots.figure import picture_bundle, stacked
from simlib.scenario.model import Scenario
from simlib.shipped import shipped_scenarios
from simlib.widgets.explorer.pages import LINE, ComparisonPage, HistoryPage, Page, SavingPage, button, words
from simlib.widgets.explorer.session import ExplorerSession
from simlib.widgets.explorer.sliders import STEPS, Group, dials, grouped
from simlib.widgets.explorer.state import State
from simlib.widgets.explorer.switches import SwitchesPage
from simlib.widgets.kit.components import Dials, LivePicture
from simlib.widgets.kit.status import Part, ShownPicture

OPEN_ROWS, FIRST_ROWS = 10, 6
"""About how many sliders are unfolded at first, and how many of a group are shown before one asks for more."""


PAGES: tuple[type[Page], ...] = (SwitchesPage, HistoryPage, ComparisonPage, SavingPage)


class Explorer(w.VBox):
    """Sliders for every assumption of a world, and what follows from them.

    `scenario` is the name of a shipped world, the path of a folder or file, or a Scenario; `view` one of its views.
    """

    session: ExplorerSession

    def __init__(self, scenario: str | Path | Scenario = "two-islands", view: str | None = None) -> None:
        self._choose = _choices(scenario)
        self._view = _dropdown("View", [("as in the file", "")])
        self._drivers = _dropdown("Drivers of", [])
        self._undo, self._redo, self._reset = (
            w.Button(description=text, tooltip=tip, layout=w.Layout(width="auto"))
            for text, tip in (
                ("Undo", "Take back the last change"),
                ("Redo", "Take it again"),
                ("Reset all", "Every assumption and switch as the view has it"),
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

    # ---------------------------------------------------------------- opening a world

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
        """Put the views there are into the choice, those saved a moment ago among them."""
        names = [("as in the file", ""), *((view.title or view.id, view.id) for view in self.state.views.values())]
        if list(self._view.options) != names:
            self._view.options = names

    def _offer_draft(self) -> None:
        """Offer what an earlier session left unsaved."""
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
                "Take up where the last session ended",
                lambda: settle(self.session.restore),
                self.session.guard,
            ),
            button("Discard them", "Forget them", lambda: settle(self.session.discard), self.session.guard),
        ]

    def _group_data(self, group: Group, *, first: int, opened: bool) -> dict[str, Any]:
        return {
            "title": group.title,
            "open": opened,
            "first": first,
            "dials": [
                {"id": dial.id, "label": dial.assumption.label, "texts": dial.texts, **dial.about(self.state.base)}
                for dial in group.dials
            ],
        }

    # ---------------------------------------------------------------- showing (see `desk.Front`)

    def show(self, shown: ShownPicture) -> None:
        """Show a picture and what is said about it, in one message."""
        with self.picture.hold_sync():
            self.picture.png, self.picture.size = shown.png, list(shown.size)
            self.picture.alt, self.picture.sentence = shown.alt, [dict(part) for part in shown.sentence]
            self.picture.preview, self.picture.status = shown.preview, dict(shown.status)

    def show_drivers(self, png: bytes, size: tuple[int, int], alt: str) -> None:
        """Show what an ending hangs on."""
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

    def rested(self) -> None:
        """Bring the open page up to date."""
        if self._tab.selected_index is not None and self._tab.children:
            self._tab.children[self._tab.selected_index].turn_up()

    def show_settings(self) -> None:
        """Put the sliders, the view and the buttons where the state has them."""
        state = self.state
        values = {name: state.value(name) for name in self._dials}
        with self.dials.hold_sync():
            self.dials.positions = {name: dial.position(values[name]) for name, dial in self._dials.items()}
            self.dials.overrides = {
                name: state.shows(name) for name, dial in self._dials.items() if not dial.on_grid(values[name])
            }
            self.dials.changed = [name for name in self._dials if name in state.values()]
            self.dials.notes = {name: self.session.notes[name] for name in self._dials if name in self.session.notes}
        self._offer_views()
        self._view.value = state.settings.view
        self._drivers.value = self.session.drivers_of or self._drivers.value
        self._drivers.disabled = self.session.influence is None
        self._undo.disabled, self._redo.disabled = not state.can_undo, not state.can_redo

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Return the live widget, and for readers without a kernel its picture and its answer in words."""
        self.session.wait(60)
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        pictures = [picture.png for picture in (self.picture, self.drivers) if picture.png]
        bundle |= picture_bundle(stacked(*pictures), f"{self.state.base.title}. {self.picture.alt}")[0]
        return bundle

    # ---------------------------------------------------------------- listening

    def _listen(self) -> None:
        heard = (
            (self.dials, "positions", self._moved),
            (self.dials, "typed", lambda typed: self._do(self.state.type_value, typed["id"], typed["text"])),
            (self.dials, "request", self._asked),
            (self.picture, "room", self._resized),
            (self.picture, "cancels", lambda _: self.session.cancel()),
            (self._view, "value", self._chosen_view),
            (self._choose, "value", self._open),
            (self._drivers, "value", self._explain),
            (self._tab, "selected_index", lambda _: self.rested()),
        )
        for widget, trait, action in heard:
            widget.observe(self._guarded(action), trait)
        for pressed, name in ((self._undo, "undo"), (self._redo, "redo"), (self._reset, "reset")):
            pressed.on_click(lambda _, name=name: self.session.guard(lambda: self._do(getattr(self.state, name))))

    def _guarded(self, action: Callable[[Any], object]) -> Callable[[dict[str, Any]], None]:
        return lambda change: self.session.guard(lambda: action(change["new"]))

    def _do(self, action: Callable[..., bool], *arguments: Any) -> None:
        with self.session.lock:
            if action(*arguments):
                self.session.changed()

    def _moved(self, positions: dict[str, int]) -> None:
        with self.session.lock:
            changed = False
            for name, position in positions.items():
                dial = self._dials.get(name)
                if dial and 0 <= position <= STEPS and position != dial.position(self.state.value(name)):
                    changed |= self.state.set_value(name, float(dial.grid[position]))
            if changed:
                self.session.changed(moving=True)

    def _resized(self, room: int) -> None:
        self.session.resize(room)

    def _asked(self, asked: dict[str, Any]) -> None:
        if asked.get("what") == "reset":
            self._do(self.state.reset_value, asked["id"])

    def _explain(self, ending: str) -> None:
        if ending and self.session.influence is not None and ending != self.session.drivers_of:
            self.session.explain(ending)

    def _chosen_view(self, view: str) -> None:
        if view != self.state.settings.view:
            self._do(self.state.choose_view, view)


def _dropdown(label: str, options: list[Any]) -> w.Dropdown:
    return w.Dropdown(
        description=label,
        options=options,
        style={"description_width": "initial"},
        layout=w.Layout(width="auto", max_width="100%"),
    )


def _choices(scenario: str | Path | Scenario) -> w.Dropdown:
    """Return a choice of the shipped worlds, and of the one given if it is none of them."""
    names: list[Any] = [(name, name) for name in shipped_scenarios()]
    if scenario not in [value for _, value in names]:
        label = scenario.id if isinstance(scenario, Scenario) else str(scenario)
        names.insert(0, (label, scenario))
    chosen = _dropdown("World", names)
    chosen.value = scenario
    return chosen
