"""The editor: a text that is checked, drawn and solved as a scenario while you type."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as w

from simlib.errors import Problem, ScenarioError
from simlib.formatting import counted
from simlib.plots.boxes_and_arrows import diagram, height, in_words
from simlib.plots.figure import picture_bundle, reduced, stacked
from simlib.plots.forecast_figure import Dashboard
from simlib.results import Forecast
from simlib.scenario.model import Scenario
from simlib.widgets.editor.session import DRAFT, CheckedText, EditorSession
from simlib.widgets.explorer.pages import LINE_LAYOUT, button, guarded, words
from simlib.widgets.kit.blitting import Screen, still_figure
from simlib.widgets.kit.components import LivePicture, ProblemList, Sheet
from simlib.widgets.kit.shown_pictures import Keeper
from simlib.widgets.kit.status_line import sentence, status

FIRST_WIDTH = 620


class Editor(w.VBox):
    """An editor for the YAML file of a scenario.

    While you type, the editor checks the text and shows a diagram of the scenario and its forecast. `path` is a
    scenario folder or file, or the name of a shipped scenario. Without a path, the editor opens a template.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.sheet, self.diagram, self.picture = Sheet(), LivePicture(), LivePicture()
        self.problem_list, self._below = ProblemList(), w.VBox([])
        self.sheet.layout = w.Layout(flex="1 1 440px", min_width="0")
        self._lock = threading.RLock()
        self._last: CheckedText | None = None
        self._offer, self._report = w.HBox([], layout=LINE_LAYOUT), w.HTML()
        self._guard = partial(guarded, self._report)
        self._folder = w.Text(placeholder="folder for a new scenario", layout=w.Layout(width="260px"))
        save = [
            button("Save", "Write the text to its file, or into the folder on the right", self._save, self._guard),
            self._folder,
            button("Open in the explorer", "Show the scenario with sliders, below", self._explore, self._guard),
        ]
        beside = [w.HBox(save, layout=LINE_LAYOUT), self._report, self.problem_list, self.picture, self.diagram]
        right = w.VBox(beside, layout=w.Layout(flex="1 1 440px", min_width="0"))
        body = w.HBox(
            [self.sheet, right], layout=w.Layout(flex_flow="row wrap", align_items="flex-start", grid_gap="0 18px")
        )
        self.session = EditorSession(path, self.show)
        super().__init__([self._offer, body, self._below])
        self.add_class("simlib-explorer")
        self._keeper = Keeper(self.model_id, self.kept_picture)
        self.problem_list.observe(lambda change: setattr(self.sheet, "go", change["new"]), "chosen")
        self.sheet.text = self.session.text
        self.session.start()
        self._offer_draft()
        self.sheet.observe(lambda change: self._guard(lambda: self.session.write(change["new"])), "text")
        for picture in (self.picture, self.diagram):
            picture.observe(lambda _: self._guard(self._redraw), ["room", "ratio"])

    # ---------------------------------------------------------------- showing

    def show(self, reading: CheckedText) -> None:
        """Show the problems and warnings of a text and, if it is a valid scenario, its pictures."""
        with self._lock:
            problems = [{"line": p.line, "text": _problem_text(p), "kind": "problem"} for p in reading.problems]
            findings = [{"line": 0, "text": str(finding), "kind": "warning"} for finding in reading.findings]
            self.sheet.problems = self.problem_list.problems = problems + findings
            kind = "error" if reading.problems or reading.trouble else ""
            self.picture.status = dict(status(reading.summary(), kind))
            if reading.scenario is not None:
                self._last = reading
                self._redraw()
            self.picture.stale, self.diagram.stale = reading.forecast is None, reading.scenario is None

    def _redraw(self) -> None:
        with self._lock:
            if self._last is None or self._last.scenario is None:
                return
            self._draw_diagram(self._last.scenario)
            if self._last.forecast is not None:
                self._draw_answer(self._last.forecast)
            self._keeper.later()

    def _draw_diagram(self, scenario: Scenario) -> None:
        width = self.diagram.room or FIRST_WIDTH
        png, size = still_figure(
            lambda ax: diagram(scenario, ax), width, height(scenario, width), ratio=self.diagram.ratio
        )
        with self.diagram.hold_sync():
            self.diagram.png, self.diagram.size = png, list(size)
            self.diagram.alt = in_words(scenario)

    def _draw_answer(self, forecast: Forecast) -> None:
        board = Dashboard(forecast, self.picture.room or FIRST_WIDTH)
        board.update(forecast)
        parts = sentence(forecast)
        with self.picture.hold_sync():
            self.picture.png = Screen(board).png(ratio=self.picture.ratio)
            self.picture.size = [board.width, board.height]
            self.picture.sentence = [dict(part) for part in parts]
            self.picture.alt = "".join(part["text"] for part in parts)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Return the live widget for Jupyter, with pictures and text for readers without a kernel."""
        self.session.worker.wait(60)
        return dict(super()._repr_mimebundle_(**kwargs) or {}) | self.kept_picture()

    def kept_picture(self) -> dict[str, Any]:
        """Return the forecast and the diagram as a notebook's picture, with the forecast in words."""
        shown = [each for each in (self.picture, self.diagram) if each.png]
        if not shown:
            return {}
        pictures = stacked(*(reduced(each.png, each.size[0]) for each in shown))
        return picture_bundle(pictures, f"{self.diagram.alt} {self.picture.alt}")[0]

    # ---------------------------------------------------------------- actions

    def _save(self) -> None:
        path = self.session.save(self._folder.value.strip())
        self._folder.value = ""
        if path.name == DRAFT:
            count = counted(len(self.session.reading.problems), "problem")
            self._report.value = words(f"Saved as draft {path}, because the text has {count}. No scenario was written.")
        else:
            self._report.value = words(f"Saved as {path}")

    def _explore(self) -> None:
        from simlib.widgets.explorer.view import Explorer

        scenario = self.session.reading.scenario
        if scenario is None:
            count = counted(len(self.session.reading.problems), "problem")
            problem = Problem(
                "", 0, "", f"the text has {count}", "mend it first: only a valid scenario can be explored"
            )
            raise ScenarioError(problem)
        for earlier in self._below.children:
            earlier.session.close()
        self._below.children = (Explorer(scenario),)

    def _offer_draft(self) -> None:
        if not self.session.draft:
            return

        def settle(keep: bool) -> None:
            self._offer.children = []
            if keep:
                self.sheet.text = self.session.restore()
            else:
                self.session.discard()

        self._offer.children = [
            w.HTML(words("There is an unsaved text from an earlier session.")),
            button("Restore it", "Continue where that session ended", lambda: settle(True), self._guard),
            button("Discard it", "Delete it", lambda: settle(False), self._guard),
        ]


def _problem_text(problem: Any) -> str:
    where = f"{problem.where}: " if problem.where else ""
    return where + problem.what + (f"; {problem.expected}" if problem.expected else "")
