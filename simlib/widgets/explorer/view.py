"""The explorer as a widget: a leading question, its answer in two graphs, and sliders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from simlib.formatting import capital, long_date
from simlib.plots.figure import picture_bundle, reduced, stacked, text_picture
from simlib.scenario.library import shipped_scenarios
from simlib.scenario.loader import load
from simlib.scenario.model import Scenario
from simlib.widgets.explorer import answer_uncertainty
from simlib.widgets.explorer.front import ShownGraphs
from simlib.widgets.explorer.pages import ComparisonPage, Page, SavingPage, words
from simlib.widgets.explorer.second_graph import Still
from simlib.widgets.explorer.session import ExplorerSession
from simlib.widgets.explorer.sliders import Slider
from simlib.widgets.explorer.state import State
from simlib.widgets.explorer.switches import SwitchesPage
from simlib.widgets.kit.components import Board, Sliders
from simlib.widgets.kit.shown_pictures import Keeper, is_live
from simlib.widgets.kit.status_line import Part

if TYPE_CHECKING:
    from simlib.evidence.belief_update import Update

VIEW_TIP = "A view holds the numbers of one school of thought, with its reasons"

SLIDERS, EVERYTHING = "Sliders", "All assumptions"
PAGES: tuple[type[Page], ...] = (SwitchesPage, ComparisonPage, SavingPage)

STILL = "This is a picture. Run this cell for the sliders."
"""The first line of the stored picture, which readers without a kernel see in place of the explorer."""

SAVING_WAIT = 10.0
"""Longest time in seconds that saving a notebook waits for the answer to the present settings."""

AS_IN_FILE = "(file)"
"""The value for no view. An empty value would not do, because a list may then show nothing."""


class Explorer(w.VBox):
    """A leading question, its answer in two graphs, and sliders for assumptions with a range.

    Args:
        scenario: The name of a shipped scenario, the path of a folder or file, or a Scenario.
        view: The id of a view of the scenario.
        changes: Values of assumptions by id, such as {"strike_rate": "2 per week"}, on top of the view.
        lead: The leading question or ending, such as "ending:open-war". Default: the headline of the scenario.
        settings: All other changes by hand, in the form that *Save and share* writes.
        as_of: The date up to which the log is taken in. Default: the start of the scenario.
        events: Events to add to the log beside the scenario, or a file of events.

    The log is the list of dated events beside the scenario. It is taken in only if `as_of` or `events` is given. It
    then changes the state in which the forecast starts, but not the assumptions. To update the assumptions too, give a
    result of `simlib.update` in place of the scenario.

    Raises:
        ScenarioError: If a scenario, view, assumption or measure is unknown, or a value cannot be read.
        ImpossibleLog: If the scenario cannot explain an event of the log.
    """

    session: ExplorerSession

    def __init__(
        self,
        scenario: str | Path | Scenario | Update = "two-islands",
        view: str | None = None,
        *,
        changes: Mapping[str, str | float] | None = None,
        lead: str = "",
        settings: Mapping[str, Any] | None = None,
        as_of: dt.date | str | None = None,
        events: Any = None,
    ) -> None:
        update = _update(scenario, as_of, events)
        world: Any = scenario if update is None else update.scenario
        self._choose = _choices(world)
        self._view = _dropdown("View", [("as in the file", AS_IN_FILE)], VIEW_TIP)
        self._undo, self._redo, self._reset = (
            w.Button(description=text, tooltip=tip, layout=w.Layout(width="auto"))
            for text, tip in (
                ("Undo", "Take back the last change"),
                ("Redo", "Repeat the change that was taken back"),
                ("Reset all", "Undo every change made by hand, and keep the view"),
            )
        )
        self._offering = False
        self.board, self.sliders = Board(), Sliders(own_reasons=True)
        self._page = w.ToggleButtons(options=[SLIDERS, EVERYTHING, *(kind.title for kind in PAGES)])
        self._page.add_class("simlib-pages")
        bar = w.HBox([self._choose, self._view, self._undo, self._redo, self._reset, self._page])
        self._body = w.VBox([self.sliders])
        self._log = w.HBox([])
        for row, name in ((self._log, "simlib-bar"), (bar, "simlib-bar"), (self._body, "simlib-body")):
            row.add_class(name)
        super().__init__([self._log, self.board, bar, self._body])
        for name in ("simlib-explorer", "simlib-onescreen"):
            self.add_class(name)
        bar.add_class("simlib-pages")
        self._keeper = Keeper(self.model_id, self.picture, lambda: self.session.wait(SAVING_WAIT))
        belief = None if update is None else update.belief
        self._open(State.of(world, view, changes=changes, lead=lead, settings=settings, belief=belief))
        if update is not None:
            self._log.children = [w.HTML(words(" ".join(update.sentences()[:2])))]
        self._listen()

    # ---------------------------------------------------------------- opening a scenario

    def _open(self, state: State) -> None:
        if hasattr(self, "session"):
            self.session.close()
        self.state, self._log.children = state, []
        self.session = ExplorerSession(state, self, **self._room())
        self._offer_views()
        self._pages = {kind.title: kind(self.session, self._do) for kind in PAGES}
        for page in self._pages.values():
            page.copy = self._copy
        graphs = self.session.graphs
        self.board.tabs, self.board.tab = graphs.tabs, graphs.tab
        self._page.value = SLIDERS
        self.session.start()
        self._offer_draft()

    def _copy(self, text: str) -> None:
        self.board.copied = {"words": text, "n": self.board.copied.get("n", 0) + 1}

    def _room(self) -> dict[str, Any]:
        width, height, ratio = self.board.room
        return {"size": (width, height), "ratio": ratio} if width else {}

    def _offer_views(self) -> None:
        """Renew the list of views, because some may have been saved since the scenario was opened."""
        views = ((view.title or view.id, view.id) for view in self.state.views.values())
        names = [("as in the file", AS_IN_FILE), *views]
        if list(self._view.options) != names:
            self._offering = True  # other options choose the first one, which the user did not do
            self._view.options = names
            self._offering = False

    def _offer_draft(self) -> None:
        draft = self.session.draft
        self.board.offer = "" if draft is None else f"{draft.saved_at.astimezone():%d %b, %H:%M}"

    def _group_data(self, title: str, sliders: list[Slider]) -> dict[str, Any]:
        return {
            "title": title,
            "sliders": [
                {
                    "id": slider.id,
                    "label": slider.assumption.short_label,
                    "whole": slider.assumption.label,
                    "texts": slider.texts,
                    **slider.about(self.state.base),
                }
                for slider in sliders
            ],
        }

    # ---------------------------------------------------------------- showing (see `ExplorerFront`)

    def show(self, shown: ShownGraphs) -> None:
        """Show an answer. One message carries all of it to the browser."""
        board = self.board
        with board.hold_sync():
            board.left, board.size, board.alt = shown.left, list(shown.size), shown.alt
            if shown.right is not None:
                board.right, board.story = shown.right, []
                board.alt_right = shown.alt_right or board.alt_right  # while a slider moves, the last text stays
            board.sentence = [dict(part) for part in shown.sentence]
            board.answers, board.lead = shown.answers, self.state.lead.name
            board.preview, board.status = shown.preview, dict(shown.status)
        self._keep_picture()

    def show_still(self, shown: Still) -> None:
        """Show a second graph that is drawn only when the sliders stop, and its sentences."""
        with self.board.hold_sync():
            self.board.right, self.board.alt_right, self.board.story = shown.png, shown.alt, shown.story
        self._keep_picture()

    def show_status(self, status: Part) -> None:
        """Show a status line."""
        self.board.status = dict(status)

    def show_order(self) -> None:
        """Put the sliders in order: the most influential first or, on *All assumptions*, by actor."""
        if self._page.value == EVERYTHING:
            data = [self._group_data(group.title, list(group.sliders)) for group in self.session.groups()]
        else:
            data = [self._group_data("", self.session.ordered())]
        with self.sliders.hold_sync():
            self.sliders.searching = self._page.value == EVERYTHING
            self.sliders.groups = data
            self.show_settings()

    def show_reach(self) -> None:
        """Show, at both ends of each slider, the answer to the leading question there."""
        self.sliders.reach = self.session.reach.texts()

    def refresh_page(self) -> None:
        """Refresh the open page, and the description of the last change."""
        self.board.last_change = self.session.last_change
        if self._page.value in self._pages:
            self._pages[self._page.value].bring_up()

    def show_settings(self) -> None:
        """Make the sliders, the view and the buttons show the present settings."""
        state, known, graphs = self.state, self.session.sliders, self.session.graphs
        values = {name: state.value(name) for name in known}
        moving = self.session.in_hand
        with self.sliders.hold_sync(tell=not moving):
            if not moving:
                self.sliders.positions = {name: slider.position(values[name]) for name, slider in known.items()}
            self.sliders.overrides = {
                name: state.value_text(name)
                for name, slider in known.items()
                if state.was_typed(name) or not slider.on_grid(values[name])
            }
            self.sliders.changed = [name for name in known if name in state.values()]
            self.sliders.notes = {name: self.session.notes[name] for name in known if name in self.session.notes}
            self.sliders.refused = dict(self.session.refused)
            self.sliders.reasons = dict(self.session.reasons)
            self.sliders.view_reasons = state.view_reasons()
            self.sliders.reach = self.session.reach.texts()
        with self.board.hold_sync():
            self.board.lead, self.board.tab = state.lead.name, graphs.tab
            self.board.choices, self.board.choice = graphs.choices, graphs.choice
        self._offer_views()
        self._view.value = state.settings.view or AS_IN_FILE
        self._undo.disabled, self._redo.disabled = not state.can_undo, not state.can_redo
        self._reset.disabled = state.untouched

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Return the live widget and, for readers without a kernel, a picture and sentences."""
        if not is_live():  # `simlib lab` adds the picture when the notebook is saved
            self.session.wait(60)
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        bundle |= self.picture()
        return bundle

    def _keep_picture(self) -> None:
        if not self.board.preview:
            self._keeper.later()

    def picture(self) -> dict[str, Any]:
        """Return a picture for a notebook: the answer in words, and below it both graphs."""
        session, board = self.session, self.board
        with session.lock:  # what is shown together is read together
            width, alt, pngs = board.size[0], board.alt, (board.left, board.right)
            heading, title = session.state.heading(), session.state.base.title
        pictures = [reduced(png, width) for png in pngs if png]
        if not pictures:
            return {}
        lines = (STILL, alt, *([f"{capital(heading)}."] if heading else []))
        whole = stacked(text_picture(width, lines), *pictures)
        return picture_bundle(whole, f"{title}. {' '.join(lines[1:])}")[0]

    # ---------------------------------------------------------------- listening

    def _listen(self) -> None:
        handlers = (
            (self.sliders, "held", lambda name: self.session.hold(name)),  # noqa: PLW0108 - of the present session
            (self.board, "room", lambda room: self.session.resize((room[0], room[1]), room[2])),
            (self._view, "value", self._choose_view),
            (self._choose, "value", lambda scenario: self._open(State(scenario))),
            (self._page, "value", self._turn),
        )
        for widget, trait, action in handlers:
            act = self._guarded(action)
            widget.observe(lambda change, act=act: act(change["new"]), trait)
        self.sliders.listen(self._guarded(self._act_on_sliders), lambda: self.session.lock)
        self.board.listen(self._guarded(self._act_on_board), lambda: self.session.lock)
        for each, name in ((self._undo, "undo"), (self._redo, "redo"), (self._reset, "reset")):
            each.on_click(lambda _, name=name: self.session.guard(lambda: self._step(name)))

    def _guarded(self, action: Callable[[Any], object]) -> Callable[[Any], None]:
        return lambda value: self.session.guard(lambda: action(value))

    def _do(self, action: Callable[..., bool], *arguments: Any) -> None:
        with self.session.lock:
            if action(*arguments):
                self.session.update()

    def _step(self, name: str) -> None:
        """Undo, redo or reset (`name`). Texts that were refused are forgotten."""
        with self.session.lock:
            self.session.refused.clear()
            if getattr(self.state, name)():
                self.session.update()
            else:
                self.show_settings()

    def _turn(self, page: str) -> None:
        if page in self._pages:
            self._body.children = [self._pages[page]]
            self._body.add_class("simlib-scrolls")
            self._pages[page].bring_up()
            return
        self._body.remove_class("simlib-scrolls")
        self._body.children = [self.sliders]
        with self.session.lock:
            self.show_order()

    def _act_on_sliders(self, action: dict[str, Any]) -> None:
        name = action["id"]
        match action["what"]:
            case "move":
                self.session.move(name, action["position"])
            case "let go":
                self.session.let_go()
            case "type":
                self._do(self.session.type_value, name, action["text"])
            case "reset":
                with self.session.lock:
                    self.session.refused.pop(name, None)
                    self._do(self.state.reset_value, name)
                    self.show_settings()
            case "reason":
                self.session.keep_reason(name, action["text"])

    def _act_on_board(self, action: dict[str, Any]) -> None:
        value: Any = action.get("value")
        match action["what"]:
            case "lead":
                self.session.lead(value)
            case "cancel":
                self.session.cancel()
            case "tab":
                self.session.turn(tab=value)
            case "choice":
                self.session.turn(choice=value)
            case "step":
                self.session.turn(step=value)
            case "undo" | "redo":
                self._step(action["what"])
            case "replay":
                self.session.replay(moving=value)
            case "restore":
                self.session.restore()
                self._offer_draft()
            case "discard":
                self.session.discard()
                self._offer_draft()
            case "settle":
                self._confirm(action)
            case "keep":
                self._keeper.now(lambda: self._confirm(action))

    def _confirm(self, action: dict[str, Any]) -> None:
        self.board.receipt = {"page": action["page"], "n": action["n"]}

    def _choose_view(self, view: str) -> None:
        view = "" if view == AS_IN_FILE else view
        if view != self.state.settings.view and not self._offering:
            self._do(self.state.choose_view, view)


def _update(scenario: Any, as_of: dt.date | str | None, events: Any) -> Update | None:
    from simlib.evidence.belief_update import Update, update

    if isinstance(scenario, Update):
        return scenario
    if as_of is None and events is None:
        return None
    world = scenario if isinstance(scenario, Scenario) else load(scenario)
    day = dt.date.fromisoformat(as_of) if isinstance(as_of, str) else as_of
    return update(world, events, as_of=day, learn=False, draws=answer_uncertainty.UNCERTAINTY_DRAWS)


def _dropdown(label: str, options: list[Any], tip: str = "") -> w.Dropdown:
    return w.Dropdown(
        description=label,
        tooltip=tip or label,
        options=options,
        style={"description_width": "initial"},
        layout=w.Layout(width="auto", max_width="100%"),
    )


def _choices(scenario: str | Path | Scenario) -> w.Dropdown:
    """Return a drop-down list of the shipped scenarios, in which the given scenario is selected.

    If the given scenario is not shipped, it is added at the top of the list.
    """
    names: list[Any] = [(name, name) for name in shipped_scenarios()]
    if scenario not in [value for _, value in names]:
        label = f"{scenario.id}, {long_date(scenario.as_of)}" if isinstance(scenario, Scenario) else str(scenario)
        names.insert(0, (label, scenario))
    choice = _dropdown("Scenario", names)
    choice.value = scenario
    return choice
